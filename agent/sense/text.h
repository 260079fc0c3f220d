/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small file of the kernel's, read at once and not kept open. */
#ifndef FORESTALL_TEXT_H
#define FORESTALL_TEXT_H

#include <stddef.h>

/* `name` below dir_fd, or AT_FDCWD, into `text`, at most size - 1 bytes, always terminated. 0 or -errno. */
int text_read(int dir_fd, const char *name, char *text, size_t size);

#endif
