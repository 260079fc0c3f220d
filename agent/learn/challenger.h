/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The challenger as a process: `forestall model train --challenger` at idle priority, which the loop starts, paces and looks at, and never
 * waits for. Its bounds do not depend on its good will: CPU seconds and address space by rlimit; its share of a CPU by SIGSTOP and SIGCONT from
 * the tick; an end by SIGKILL at its deadline. While somebody is in danger it stands still. No cgroup of its own is made for it: the mind writes
 * nothing to cgroupfs, and SCHED_IDLE alone would give it the mind's whole weight beside other cgroups.
 */
#ifndef FORESTALL_CHALLENGER_H
#define FORESTALL_CHALLENGER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CHALLENGER_WORD_MAX 256

struct challenger_bounds {
	uint64_t cpu_s;		/* of CPU time in all */
	uint64_t memory_bytes;	/* of address space */
	uint64_t deadline_ns;	/* from its start */
	float cpu_share;	/* of one CPU */
};

struct challenger {
	pid_t pid;		/* 0: none runs */
	int out_fd;		/* what it says */
	struct challenger_bounds bounds;
	uint64_t started_ns, paced_ns, cpu_ns;
	int64_t credit_ns;	/* CPU time that it may use now */
	bool is_stopped, is_late;
	char said[CHALLENGER_WORD_MAX];
	uint32_t said_bytes;
};

/* Starts argv[0], a path. 0 or -errno. */
int challenger_start(struct challenger *challenger, char *const argv[], const struct challenger_bounds *bounds, uint64_t now_ns);

/* To be called at each tick: lets it run or stand still. */
void challenger_pace(struct challenger *challenger, uint64_t now_ns, bool is_busy);

/*
 * True when it has ended: *ret_status is what wait(2) says, is_late that it was killed at its deadline, said[] the one line that it wrote.
 */
bool challenger_poll(struct challenger *challenger, uint64_t now_ns, int *ret_status);

/* Kills and reaps it. */
void challenger_stop(struct challenger *challenger);

#endif
