/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RUN and RUN/act.lock. Whoever holds the flock may write the journal and the knobs; its pid and start time stand in
 * the file, so that the holder can be found, told apart from a later process of the same pid, and ended.
 */
#ifndef FORESTALL_ACT_LOCK_H
#define FORESTALL_ACT_LOCK_H

#include <sys/types.h>

/*
 * Opens RUN, making it when it is not there. -EPERM when it is not ours alone to write. The caller closes it.
 */
int run_dir_open(const char *run_dir);

/*
 * Takes the lock, waiting up to timeout_ms for another to let go. Returns a descriptor that holds it until closed,
 * -EWOULDBLOCK when somebody else has it, or -errno.
 */
int lock_take(int run_fd, int timeout_ms);

/*
 * Finds the forestall-act that holds the lock and checks that it is still the one that wrote the file.
 * Returns a pidfd which the caller closes, -ESRCH when the file names no living forestall-act, or -errno.
 */
int lock_holder_open(int run_fd, pid_t *ret_pid);

/* Ends the holder, also a stopped one, and waits for its end. -ETIMEDOUT when the kernel does not let it end. */
int lock_holder_kill(int pid_fd, int timeout_ms);

#endif
