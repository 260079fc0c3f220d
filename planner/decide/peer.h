/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Policies that others have published, with their own limits and constants, to compare with. Pure.
 *
 * senpai	memory.high from what it holds: a hundredth tighter every 6 s in which it stalled less than 10 ms on memory, wider
 *		at once by up to all of it where it stalled more (senpai.py of github.com/facebookincubator/senpai).
 * vpa		cpu.max at the 90th percentile of its use and memory.high at its peak, each and 15 %, from a histogram whose samples
 *		halve in 24 hours (recommender of the Kubernetes vertical pod autoscaler; there a recommendation waits for a restart).
 * captain	cpu.max by the share of ticks in which it was throttled: wider in proportion to what is over three times the target, else
 *		down to its peak of 50 ticks and a margin, taken back at once when that was wrong (Autothrottle, NSDI 2024). The target is the
 *		paper's lowest above zero for who has a bound, its highest for others.
 *
 * None of them knows of anybody but the instance itself. All of them limit those that would have to give to an instance with a bound
 * and a higher tier; vpa and captain also move the cpu.max that an instance with a bound has of its own, within what is annotated.
 */
#ifndef FORESTALL_PEER_H
#define FORESTALL_PEER_H

#include "plan.h"

#define PEER_BUCKETS 128	/* 5 % wider each: up to 100 CPUs */
#define PEER_THROTTLES 10	/* ticks */
#define PEER_USES 50

/* What is remembered of one instance. All zero: nothing yet. */
struct peer {
	uint64_t cgroup_id;		/* another one starts anew */
	bool is_managed;		/* it had a cpu.max of its own, or has to give */
	float limit, before;		/* CPUs or bytes now and before the last step of captain; 0: not begun */
	float memory_limit;
	float stalled_us;		/* senpai: since its last step */
	uint32_t grace;			/* senpai: seconds until it may tighten */
	float margin;			/* captain */
	bool is_down;			/* captain: the last step was one down */
	uint32_t ticks;
	uint64_t oncpu_ns, throttled_ns;	/* totals at the tick before */
	float use[PEER_USES];		/* CPUs, ring */
	bool throttled[PEER_THROTTLES];	/* ring */
	float weight[PEER_BUCKETS];	/* vpa: of seconds with so much use, all divided by what a new one counts */
};

/* Fills *plan. Only for policies with limits of their own; host->peer is there. */
void peer_plan(const struct plan_policy *policy, const struct plan_host *host, struct plan_view *const views[], uint32_t count,
	       uint64_t elapsed_ns, struct plan *plan);

#endif
