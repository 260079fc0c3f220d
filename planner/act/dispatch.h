/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a message makes the hands do. Knows nothing of sockets. */
#ifndef FORESTALL_ACT_DISPATCH_H
#define FORESTALL_ACT_DISPATCH_H

#include <stddef.h>

#include "apply.h"

struct dispatch {
	struct apply apply;
	int run_fd;		/* RUN, not owned */
	bool is_mode_changed;	/* end with EXIT_MODE_CHANGED once the answer is sent */
};

/*
 * Does what the `size` bytes at `message` ask for. They come from outside: anything may stand in them, also less
 * than a message. Always fills *ret; returns how many of its bytes are to be sent.
 */
size_t dispatch_message(struct dispatch *dispatch, const struct message *message, size_t size, struct now now,
			struct result *ret);

/* Reads RUN/mode. MODE_OBSERVE when there is none; -EBADMSG when it does not hold a mode, or -errno. */
int mode_load(int run_fd);

#endif
