/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/pkt_sched.h>
#include <stdio.h>
#include <string.h>

#include "bounds.h"
#include "tc_plan.h"

#define PACKET_BYTES 1514u
#define TICK_NS 64u
#define BURST_MS 10u
#define ALL_BURST_MS 2u
#define QUANTUM_MAX 60000u
#define CODEL_TARGET_US 5000u		/* the defaults of net/sched/sch_fq_codel.c */
#define CODEL_INTERVAL_US 100000u

static bool is_kind(const struct tc_qdisc *qdisc, const char *kind)
{
	return strcmp(qdisc->kind, kind) == 0;
}

static const struct tc_qdisc *root_find(const struct tc_qdisc *qdiscs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (qdiscs[i].parent == TC_H_ROOT)
			return &qdiscs[i];
	return NULL;
}

bool tc_root_is_ours(const struct tc_qdisc *qdiscs, size_t count)
{
	const struct tc_qdisc *root = root_find(qdiscs, count);

	return root && root->handle == TC_ROOT && is_kind(root, "htb");
}

bool tc_has_clsact(const struct tc_qdisc *qdiscs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_kind(&qdiscs[i], "clsact"))
			return true;
	return false;
}

/* The leaves of mq are its children by the handle, which is 0 for the kernel's own mq. */
static bool is_leaf(const struct tc_qdisc *qdisc, const struct tc_qdisc *root)
{
	return qdisc != root && TC_H_MAJ(qdisc->parent) == TC_H_MAJ(root->handle);
}

static bool is_paced(const struct tc_qdisc *qdiscs, size_t count, const struct tc_qdisc *root)
{
	size_t leaves = 0;

	if (!is_kind(root, "mq"))
		return is_kind(root, "fq");
	for (size_t i = 0; i < count; i++)
		if (is_leaf(&qdiscs[i], root)) {
			leaves++;
			if (!is_kind(&qdiscs[i], "fq"))
				return false;
		}
	return leaves > 0;
}

/* Returns the qdisc that somebody made, or NULL. */
static const struct tc_qdisc *configured_find(const struct tc_qdisc *qdiscs, size_t count, const struct tc_qdisc *root)
{
	if (root->handle != 0)
		return root;
	for (size_t i = 0; i < count; i++)
		if (is_leaf(&qdiscs[i], root) && qdiscs[i].handle != 0)
			return &qdiscs[i];
	return NULL;
}

/* Returns a default qdisc that the kernel would not make again, or NULL. */
static const struct tc_qdisc *outdated_find(const struct tc_qdisc *qdiscs, size_t count, const struct tc_qdisc *root,
					    const char *default_kind)
{
	if (is_kind(root, "noqueue"))
		return NULL;
	if (!is_kind(root, "mq"))
		return is_kind(root, default_kind) ? NULL : root;
	for (size_t i = 0; i < count; i++)
		if (is_leaf(&qdiscs[i], root) && !is_kind(&qdiscs[i], default_kind))
			return &qdiscs[i];
	return NULL;
}

enum tc_method tc_method_choose(const char *device, const struct tc_qdisc *qdiscs, size_t count,
				const char *default_kind, char ret_text[ACT_TEXT_MAX])
{
	const struct tc_qdisc *root = root_find(qdiscs, count), *odd;

	for (size_t i = 0; i < count; i++)
		if (is_kind(&qdiscs[i], "ingress")) {
			snprintf(ret_text, ACT_TEXT_MAX, "%s has qdisc ingress: make it clsact instead", device);
			return TC_REFUSED;
		}
	if (!root || is_kind(root, "noop")) {
		snprintf(ret_text, ACT_TEXT_MAX, "%s has no root qdisc: set it up", device);
		return TC_REFUSED;
	}
	if (is_paced(qdiscs, count, root))
		return TC_EDT;
	if (tc_root_is_ours(qdiscs, count))
		return TC_HTB;
	odd = configured_find(qdiscs, count, root);
	if (odd) {
		snprintf(ret_text, ACT_TEXT_MAX, "%s: qdisc %s %x: is configured: use fq, or tc qdisc del dev %s root",
			 device, odd->kind, odd->handle >> 16, device);
		return TC_REFUSED;
	}
	odd = outdated_find(qdiscs, count, root, default_kind);
	if (odd) {
		snprintf(ret_text, ACT_TEXT_MAX, "%s: qdisc %s would not come back: net.core.default_qdisc is %s",
			 device, odd->kind, default_kind);
		return TC_REFUSED;
	}
	return TC_HTB;
}

static uint64_t packet_ns(uint64_t rate)
{
	return PACKET_BYTES * NS_PER_S / (rate ? rate : 1);
}

uint32_t tc_buffer_ticks(uint64_t rate, uint32_t burst_ms)
{
	uint64_t ticks = (burst_ms * NS_PER_MS + 2 * packet_ns(rate)) / TICK_NS;

	return ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks;
}

uint32_t tc_quantum(uint64_t rate)
{
	uint64_t bytes = rate / 100;

	if (bytes < PACKET_BYTES)
		return PACKET_BYTES;
	return bytes > QUANTUM_MAX ? QUANTUM_MAX : (uint32_t)bytes;
}

struct tc_class tc_class_rest(void)
{
	return (struct tc_class){ .id = TC_CLASS_REST, .parent = TC_ROOT, .rate = TC_RATE_REST, .ceil = TC_RATE_REST, .burst_ms = BURST_MS };
}

struct tc_class tc_class_all(uint64_t total)
{
	return (struct tc_class){ .id = TC_CLASS_ALL, .parent = TC_ROOT, .rate = total, .ceil = total, .burst_ms = ALL_BURST_MS };
}

struct tc_class tc_class_behind(uint32_t classid, uint64_t rate)
{
	return (struct tc_class){ .id = classid, .parent = TC_CLASS_ALL, .rate = rate < NET_BYTES_MIN ? rate : NET_BYTES_MIN,
				  .ceil = rate, .priority = 1, .burst_ms = BURST_MS };
}

struct tc_class tc_class_first(uint32_t classid)
{
	return (struct tc_class){ .id = classid, .parent = TC_CLASS_ALL, .rate = TC_RATE_REST, .ceil = TC_RATE_REST, .burst_ms = BURST_MS };
}

uint32_t tc_codel_target_us(uint64_t rate)
{
	uint64_t us = packet_ns(rate) * 3 / 2 / 1000;

	if (us < CODEL_TARGET_US)
		return CODEL_TARGET_US;
	return us > 2000000 ? 2000000 : (uint32_t)us;
}

uint32_t tc_codel_interval_us(uint64_t rate)
{
	return tc_codel_target_us(rate) * (CODEL_INTERVAL_US / CODEL_TARGET_US);
}
