/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A packet socket for each annotated instance, RUN_DIR/app/NAME.dgram, NAME as systemd-escape --path makes it of the cgroup's path:
 * the kernel holds few packets per socket, so on the shared one who floods it keeps all others out. It is there as long as
 * the annotation is. One whose name is too long for a socket's address has none and uses the shared one.
 */
#ifndef FORESTALL_APP_OWN_H
#define FORESTALL_APP_OWN_H

#include "predict/observe.h"

#define APP_OWN_MAX 256		/* annotated instances beyond use the shared socket, as do those for which no descriptor is left */

struct app_own;

/* 0 or -errno. What a predecessor left in the directory is removed. */
int app_own_open(const char *run_dir, struct app_own **ret);
void app_own_close(struct app_own *own);

/* Hears of instances that come, are annotated, and go. */
void app_own_observe(struct app_own *own, const struct observation *observation);

/* Those where packets wait: *ret_fd and *ret_slot of each. Returns how many. */
uint32_t app_own_ready(struct app_own *own, int ret_fd[APP_OWN_MAX], uint32_t ret_slot[APP_OWN_MAX]);

#endif
