/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ladders: by which knobs a resource is taken from a giver, cheapest first. Pure.
 *
 * cpu: cpu.weight where it acts (the giver competes with the protected or an ancestor of it in one directory; it conserves
 *	work: measured, weight 1 brings the tail back to calm and keeps 98 % of the giver's throughput), cpuset.cpus where
 *	the host has CPUs to confine givers to, cpu.max (costs far more and helps less).
 * memory: memory.high at what is left, so that growth stops before the host has to reclaim from everybody; without
 *	swap never below what is charged (a limit that cannot be met by reclaim stops the giver dead). Then memory.reclaim.
 * io: io.weight where it does something, then io.max of its disk in both directions, requests and bytes.
 * net: egress bandwidth.
 */
#ifndef FORESTALL_RUNG_H
#define FORESTALL_RUNG_H

#include "plan.h"

/* What is decided of one giver, to be turned into actions. */
struct rung_wish {
	const struct plan_policy *policy;
	const struct plan_host *host;
	const struct plan_view *giver, *victim;
	enum resource resource;
	enum plan_reason reason;
	float price;		/* see share.h */
	bool is_let_on;		/* see still.h */
};

/* Nothing that costs work may be taken: by the policy, or because a forecast that has not earned it is all that there is (plan_hold). */
bool rung_is_weight_only(const struct rung_wish *wish);

/* Rungs of its ladder. */
uint32_t rung_count(enum resource resource);

/* The cpu.weight or io.weight of a giver. */
uint64_t rung_weight(const struct plan_policy *policy, enum knob knob);

/* Adds the first rung that applies and as many more as the victim's level says. */
void rung_push(const struct rung_wish *wish, struct plan *plan);

/* Adds what protects the victim itself: memory.low at what it holds. */
void rung_protect(const struct rung_wish *wish, struct plan *plan);

/* Adds one action, or replaces the one for the same knob of the same instance; in a full plan what is served first stays (decide/pace.h). */
void rung_add(struct plan *plan, const struct plan_action *action);

/* Whether weights divide between them: the giver's directory holds the victim too. */
bool rung_competes(const char *giver, const char *victim);

/* True when `path` is the directory `below` or an ancestor of it. */
bool rung_is_above(const char *path, const char *below);

#endif
