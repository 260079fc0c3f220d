/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FORESTALL_ACT_TC_PROCESS_H
#define FORESTALL_ACT_TC_PROCESS_H

#include <sys/types.h>

/* The first process in a cgroup or, if there is none, in one below it. `dir_fd` may be O_PATH. -ESRCH: none. */
pid_t process_first(int dir_fd);

#endif
