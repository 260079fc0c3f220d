/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refault.h"

enum refault_verdict refault_judge(const struct refault_table *table, uint64_t cgroup_id, struct refault_count now,
				   uint64_t now_ns, uint64_t *ret_back)
{
	for (uint32_t i = 0; i < RECLAIM_GROUPS_MAX; i++) {
		const struct refault_count *then = &table->entry[i].count;
		uint64_t age_ns = now_ns - table->entry[i].step_ns, back;

		if (table->entry[i].cgroup_id != cgroup_id || table->entry[i].step_ns == 0)
			continue;
		if (age_ns >= RECLAIM_REST_NS)
			return REFAULT_GO;
		if (age_ns < RECLAIM_PAUSE_NS)
			return REFAULT_EARLY;
		back = now.refaults - then->refaults;
		if (back <= REFAULT_FREE_PAGES + (now.steals - then->steals) / REFAULT_SHARE)
			return REFAULT_GO;
		*ret_back = back;
		return REFAULT_BACK;
	}
	return REFAULT_GO;
}

void refault_note(struct refault_table *table, uint64_t cgroup_id, struct refault_count begun, uint64_t now_ns)
{
	uint32_t chosen = 0;

	for (uint32_t i = 0; i < RECLAIM_GROUPS_MAX; i++) {
		if (table->entry[i].cgroup_id == cgroup_id) {
			chosen = i;
			break;
		}
		if (table->entry[i].step_ns < table->entry[chosen].step_ns)
			chosen = i;
	}
	table->entry[chosen].cgroup_id = cgroup_id;
	table->entry[chosen].step_ns = now_ns;
	table->entry[chosen].count = begun;
}
