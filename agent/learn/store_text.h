/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The texts of the store: read and written. Inside of store.c. */
#ifndef FORESTALL_STORE_TEXT_H
#define FORESTALL_STORE_TEXT_H

#include "store.h"

enum store_text { STORE_TEXT_CHAMPIONS, STORE_TEXT_WINDOWS, STORE_TEXT_POLICY };

/* Into a struct store_champions, store_windows or store_policy that is empty. A file that is not there is empty. 0 or -errno, and the line in message. */
int store_text_load(const char *path, enum store_text which, void *into, char message[STORE_MESSAGE_MAX]);

/* 0 or -errno; the file is as it was then. */
int store_text_save(const char *path, enum store_text which, const void *from);

#endif
