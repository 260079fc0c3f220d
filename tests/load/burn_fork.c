/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Forks: a thread makes children that end at once, until it has had its duty of the slice. A unit is a child. */
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "burn.h"

static int fork_open(struct burn_thread *thread)
{
	(void)thread;
	return 0;
}

static void fork_slice(struct burn_thread *thread, uint64_t slice_end_ns, double duty)
{
	uint64_t used_ns = (uint64_t)(duty * (double)SLICE_NS);

	/* The slice of a thread with nothing to do may be as long as the pause. */
	while (used_ns && burn_now_ns() < slice_end_ns - SLICE_NS + used_ns) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		if (pid < 0 || waitpid(pid, NULL, 0) < 0)
			return;
		burn_count(thread->burn, burn_now_ns(), 1);
	}
}

const struct burn_kind burn_fork = {"fork", false, false, fork_open, fork_slice};
