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

static const volatile __u32 *hist_of(const struct nerve *nerve, uint32_t cpu, uint32_t slot, uint32_t detail,
				     enum wire_delay delay)
{
	switch (delay) {
	case WIRE_DELAY_IO: return nerve_detail(nerve, cpu, detail)->io;
	case WIRE_DELAY_DEVICE: return nerve_detail(nerve, cpu, detail)->device;
	case WIRE_DELAY_RESPONSE: return nerve_detail(nerve, cpu, detail)->response;
	default: return nerve_row(nerve, cpu, slot)->hist;
	}
}

#define CHUNK 16	/* buckets that are looked at together: most of a histogram does not move */

static void chunk_sum(const struct nerve *nerve, uint32_t slot, uint32_t detail, enum wire_delay delay, uint32_t from,
		      uint32_t count, uint32_t total[CHUNK])
{
	memset(total, 0, CHUNK * sizeof(*total));
	for (uint32_t cpu = 0; cpu < nerve_cpus(nerve); cpu++) {
		const volatile __u32 *hist = hist_of(nerve, cpu, slot, detail, delay) + from;

		for (uint32_t i = 0; i < count; i++)
			total[i] += hist[i];
	}
}

static void hist_read(const struct nerve *nerve, uint32_t slot, uint32_t detail, enum wire_delay delay, uint32_t *seen,
		      struct observe_sample *ret)
{
	uint32_t total[CHUNK];

	for (uint32_t from = 0; from < WIRE_HIST_COUNT; from += CHUNK) {
		uint32_t count = WIRE_HIST_COUNT - from < CHUNK ? WIRE_HIST_COUNT - from : CHUNK;

		chunk_sum(nerve, slot, detail, delay, from, count, total);
		if (!memcmp(total, seen + from, count * sizeof(*total)))
			continue;
		for (uint32_t i = 0; i < count; i++) {
			if (total[i] == seen[from + i])
				continue;
			ret->bucket[ret->bucket_count++] = (struct observe_bucket){
				.idx = (uint16_t)(from + i), .delay = (uint16_t)delay, .count = total[i] - seen[from + i] };
			seen[from + i] = total[i];
		}
	}
}

bool rows_read(const struct nerve *nerve, uint32_t slot, uint32_t detail, struct rows_mark *mark,
	       struct observe_sample *ret)
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
		hist_read(nerve, slot, detail, WIRE_DELAY_QUEUE, mark->queue, ret);
	if (ret->moved.io_done && detail)
		hist_read(nerve, slot, detail, WIRE_DELAY_IO, mark->detail->hist[WIRE_DELAY_IO], ret);
	if (ret->moved.device_done && detail)
		hist_read(nerve, slot, detail, WIRE_DELAY_DEVICE, mark->detail->hist[WIRE_DELAY_DEVICE], ret);
	if (ret->moved.responses && detail)
		hist_read(nerve, slot, detail, WIRE_DELAY_RESPONSE, mark->detail->hist[WIRE_DELAY_RESPONSE], ret);
	return true;
}
