/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How egress is limited on one device: by which method, with which numbers, under which names. Pure.
 *
 * What is ours is known by these names alone, so that a limit can be undone by a process that knows nothing else. The
 * handle of the filter also says whether the clsact qdisc below it is ours or was there before.
 */
#ifndef FORESTALL_ACT_TC_PLAN_H
#define FORESTALL_ACT_TC_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol.h"

#define TC_MAJOR 0x464fu			/* "FO": root qdisc 464f:, preference of the filter 17999 */
#define TC_ROOT (TC_MAJOR << 16)
#define TC_CLASS_REST (TC_ROOT | 1)		/* what has no limit */
#define TC_CLASS_LOWEST (TC_ROOT | 2)
#define TC_CLASS_ALL (TC_ROOT | 0xffffu)	/* above all but the rest: what they may send together */
#define TC_FILTER_NAME "forestall"
#define TC_FILTER_ON_THEIRS 1u			/* the filter's handle: clsact was there before */
#define TC_FILTER_ON_OURS 2u			/* clsact came with the filter, and goes with it */
#define TC_RATE_REST (UINT64_C(1) << 37)	/* bytes/s, more than any device: 1.1 Tbit/s */
#define TC_KIND_MAX 16

struct tc_qdisc {
	char kind[TC_KIND_MAX];
	uint32_t handle, parent;	/* as in struct tcmsg */
};

enum tc_method {
	TC_REFUSED,	/* somebody configured this device: never touched */
	TC_HTB,		/* the kernel's own default, or HTB of ours already: a class each, chosen by skb->priority */
	TC_EDT,		/* fq: departure times */
};

/* One class of HTB, in bytes/s: `rate` it has at any time, up to `ceil` it borrows from its parent, lower priorities first. */
struct tc_class {
	uint32_t id, parent;
	uint64_t rate, ceil;
	uint32_t priority;
	uint32_t burst_ms;	/* so much of the rate may leave at once, and two packets */
};

struct tc_class tc_class_rest(void);
struct tc_class tc_class_all(uint64_t total);
/* Of a cgroup that may send so much, of what those before it leave; */
struct tc_class tc_class_behind(uint32_t classid, uint64_t rate);
/* of one that they wait for, and that waits for nobody. */
struct tc_class tc_class_first(uint32_t classid);

/*
 * Chooses by the qdiscs of one device. `default_kind` is what the kernel would make by itself (sysctl
 * net.core.default_qdisc): a default that it would not make again cannot be given back, and is refused too.
 * Writes *ret_text, with a remedy, when refused.
 */
enum tc_method tc_method_choose(const char *device, const struct tc_qdisc *qdiscs, size_t count,
				const char *default_kind, char ret_text[ACT_TEXT_MAX]);

/* The root qdisc is HTB of ours. */
bool tc_root_is_ours(const struct tc_qdisc *qdiscs, size_t count);
bool tc_has_clsact(const struct tc_qdisc *qdiscs, size_t count);

/*
 * HTB's bucket in the kernel's ticks of 64 ns (PSCHED_SHIFT, include/net/pkt_sched.h): so many ms at the rate, and two packets, so that
 * neither a late timer nor one large packet loses rate. Of a limit 10 ms, one tick of the slowest clock (HZ=100); of the total
 * 2, since what leaves at once waits in the narrowest queue on its way, where the kernel does not see who is first.
 */
uint32_t tc_buffer_ticks(uint64_t rate, uint32_t burst_ms);

/* Bytes a class may send in its turn when the device itself is the limit. */
uint32_t tc_quantum(uint64_t rate);

/* fq_codel must allow at least the time of one and a half packets (draft-ietf-aqm-codel), or it drops all there is. */
uint32_t tc_codel_target_us(uint64_t rate);
uint32_t tc_codel_interval_us(uint64_t rate);

#endif
