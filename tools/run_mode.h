/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RUN/mode: the mode that forestall-act is started in next. */
#ifndef FORESTALL_RUN_MODE_H
#define FORESTALL_RUN_MODE_H

#include "act/protocol.h"

/* An enum mode; MODE_OBSERVE when nobody chose one. -EBADMSG when the file names none, or -errno. */
int run_mode_load(const char *run_dir);

/* Makes the directory when it is not there. 0 or -errno (-EPERM: it is not root's alone to write). */
int run_mode_save(const char *run_dir, enum mode mode);

#endif
