/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "lease.h"

struct hold *lease_find(struct lease_table *table, uint64_t cgroup_id, enum knob knob, uint32_t device)
{
	for (uint32_t i = 0; i < table->count; i++)
		if (table->hold[i].cgroup_id == cgroup_id && table->hold[i].knob == knob &&
		    table->hold[i].device == device)
			return &table->hold[i];
	return NULL;
}

struct hold *lease_find_seq(struct lease_table *table, uint64_t seq)
{
	for (uint32_t i = 0; i < table->count; i++)
		if (table->hold[i].seq == seq)
			return &table->hold[i];
	return NULL;
}

struct hold *lease_find_watch(struct lease_table *table, int watch)
{
	for (uint32_t i = 0; i < table->count; i++)
		if (table->hold[i].watch == watch)
			return &table->hold[i];
	return NULL;
}

struct hold *lease_add(struct lease_table *table)
{
	struct hold *hold;

	if (table->count == HOLDS_MAX)
		return NULL;
	hold = &table->hold[table->count++];
	memset(hold, 0, sizeof(*hold));
	hold->watch = -1;
	hold->child.pid_fd = -1;
	return hold;
}

void lease_remove(struct lease_table *table, struct hold *hold)
{
	struct hold *last = &table->hold[--table->count];

	if (hold != last)
		*hold = *last;
}

struct hold *lease_expired(struct lease_table *table, uint64_t now_ns)
{
	struct hold *latest = NULL;

	for (uint32_t i = 0; i < table->count; i++)
		if (table->hold[i].expiry_ns <= now_ns && (!latest || table->hold[i].seq > latest->seq))
			latest = &table->hold[i];
	return latest;
}

struct hold *lease_latest(struct lease_table *table)
{
	return lease_expired(table, UINT64_MAX);
}

struct hold *lease_after(struct lease_table *table, uint64_t seq)
{
	struct hold *next = NULL;

	for (uint32_t i = 0; i < table->count; i++)
		if (table->hold[i].seq > seq && (!next || table->hold[i].seq < next->seq))
			next = &table->hold[i];
	return next;
}

struct hold *lease_before(struct lease_table *table, uint64_t seq)
{
	struct hold *previous = NULL;

	for (uint32_t i = 0; i < table->count; i++)
		if (table->hold[i].seq < seq && (!previous || table->hold[i].seq > previous->seq))
			previous = &table->hold[i];
	return previous;
}

uint64_t lease_next_expiry_ns(const struct lease_table *table)
{
	uint64_t next_ns = UINT64_MAX;

	for (uint32_t i = 0; i < table->count; i++)
		if (table->hold[i].expiry_ns < next_ns)
			next_ns = table->hold[i].expiry_ns;
	return next_ns;
}

void hands_off_add(struct hands_off *table, const struct hold *hold, uint64_t until_ns)
{
	uint32_t first = 0;

	for (uint32_t i = 0; i < HANDS_OFF_MAX; i++) {
		if (table->entry[i].cgroup_id == hold->cgroup_id && table->entry[i].knob == hold->knob &&
		    table->entry[i].device == hold->device) {
			first = i;
			break;
		}
		if (table->entry[i].until_ns < table->entry[first].until_ns)
			first = i;
	}
	table->entry[first].cgroup_id = hold->cgroup_id;
	table->entry[first].knob = hold->knob;
	table->entry[first].device = hold->device;
	table->entry[first].until_ns = until_ns;
}

bool hands_off_holds(const struct hands_off *table, uint64_t cgroup_id, enum knob knob, uint32_t device,
		     uint64_t now_ns)
{
	for (uint32_t i = 0; i < HANDS_OFF_MAX; i++)
		if (table->entry[i].cgroup_id == cgroup_id && table->entry[i].knob == knob &&
		    table->entry[i].device == device && table->entry[i].until_ns > now_ns)
			return true;
	return false;
}

bool rate_take(struct rate *rate, uint64_t now_ns)
{
	if (rate->second != now_ns / NS_PER_S) {
		rate->second = now_ns / NS_PER_S;
		rate->used = 0;
	}
	if (rate->used >= WRITES_PER_S_MAX)
		return false;
	rate->used++;
	return true;
}
