/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rows.h"

#include <stddef.h>
#include <string.h>

#define COUNTERS (sizeof(struct wire_counters) / sizeof(__u64))

static void counters_sum(const struct nerve *nerve, uint32_t slot, __u64 total[COUNTERS])
{
	memset(total, 0, COUNTERS * sizeof(*total));
	for (uint32_t cpu = 0; cpu < nerve_cpus(nerve); cpu++) {
		const volatile __u64 *now = (const volatile __u64 *)&nerve_row(nerve, cpu, slot)->now;

		for (size_t i = 0; i < COUNTERS; i++)
			total[i] += now[i];
	}
}

static void hist_read(const struct nerve *nerve, uint32_t slot, struct rows_mark *mark, struct observe_sample *ret)
{
	for (uint32_t bucket = 0; bucket < WIRE_HIST_COUNT; bucket++) {
		uint32_t total = 0;

		for (uint32_t cpu = 0; cpu < nerve_cpus(nerve); cpu++)
			total += nerve_row(nerve, cpu, slot)->hist[bucket];
		if (total == mark->hist[bucket])
			continue;
		ret->bucket[ret->bucket_count++] =
			(struct observe_bucket){ .idx = (uint16_t)bucket, .count = total - mark->hist[bucket] };
		mark->hist[bucket] = total;
	}
}

bool rows_read(const struct nerve *nerve, uint32_t slot, struct rows_mark *mark, struct observe_sample *ret)
{
	__u64 total[COUNTERS], *seen = (__u64 *)&mark->counters, *moved = (__u64 *)&ret->moved;

	counters_sum(nerve, slot, total);
	if (!memcmp(total, seen, sizeof(total)))
		return false;
	memset(ret, 0, offsetof(struct observe_sample, bucket));
	ret->slot = slot;
	for (size_t i = 0; i < COUNTERS; i++) {
		moved[i] = total[i] - seen[i];
		seen[i] = total[i];
	}
	if (ret->moved.switches)
		hist_read(nerve, slot, mark, ret);
	return true;
}
