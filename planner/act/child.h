/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A write that may keep the kernel busy for seconds (memory.reclaim, a memory.high below what is used), made by a
 * process of its own, so that it can be given up: the hands' loop waits for no kernel.
 *
 * The child ends with the hands (PR_SET_PDEATHSIG). It shares their lock on RUN/act.lock, which is thereby free only
 * when the child is dead too: nobody undoes a write that may still be going on. It has nothing else of theirs: a socket
 * that stayed open in it would look like living hands.
 */
#ifndef FORESTALL_ACT_CHILD_H
#define FORESTALL_ACT_CHILD_H

#include <stddef.h>
#include <stdint.h>

struct child {
	int pid_fd;		/* -1: there is none */
	uint64_t deadline_ns;	/* CLOCK_MONOTONIC: killed when it writes longer than this; kept by the caller */
};

/* The descriptor of the lock, which children are to keep. */
void child_share(int lock_fd);

/* Starts writing `text` to the descriptor, which stays the caller's. 0 or -errno; *ret has no child then. */
int child_start(int fd, const char *text, size_t length, struct child *ret);

/* 1 when it ended, with 0 or -errno of the write in *ret_error (-EINTR: it was killed); 0 while it writes. */
int child_poll(struct child *child, int *ret_error);

/*
 * Waits up to timeout_ms for the end, then kills it. 0 when it is gone, reaped, with *ret_error as above; -EBUSY when
 * the kernel does not let it end. Without a child 0, and *ret_error too.
 */
int child_end(struct child *child, int timeout_ms, int *ret_error);

#endif
