/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rows.h"

#include <stddef.h>
#include <string.h>

#include "predict/hist.h"

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

/* What the octaves of the row gained. */
static void octaves_add(const struct nerve *nerve, uint32_t slot, uint32_t seen[WIRE_OCTAVES], uint32_t moved[WIRE_HIST_COUNT])
{
	for (uint32_t octave = 0; octave < WIRE_OCTAVES; octave++) {
		uint32_t total = 0;

		for (uint32_t cpu = 0; cpu < nerve_cpus(nerve); cpu++)
			total += nerve_waits(nerve, cpu, slot, octave);
		if (total != seen[octave])
			hist_spread(octave, total - seen[octave], moved);
		seen[octave] = total;
	}
}

#define CHUNK 16	/* buckets that are looked at together: most of a histogram does not move */

static void chunk_sum(const struct nerve *nerve, uint32_t detail, enum wire_delay delay, uint32_t from, uint32_t count,
		      uint32_t total[CHUNK])
{
	memset(total, 0, CHUNK * sizeof(*total));
	for (uint32_t cpu = 0; cpu < nerve_cpus(nerve); cpu++) {
		const volatile __u32 *hist = &nerve_detail(nerve, cpu, detail)->hist[delay][from];

		for (uint32_t i = 0; i < count; i++)
			total[i] += hist[i];
	}
}

/* What the histogram gained. */
static void hist_add_moved(const struct nerve *nerve, uint32_t detail, enum wire_delay delay, uint32_t *seen, uint32_t *moved)
{
	uint32_t total[CHUNK];

	for (uint32_t from = 0; from < WIRE_HIST_COUNT; from += CHUNK) {
		uint32_t count = WIRE_HIST_COUNT - from < CHUNK ? WIRE_HIST_COUNT - from : CHUNK;

		chunk_sum(nerve, detail, delay, from, count, total);
		if (!memcmp(total, seen + from, count * sizeof(*total)))
			continue;
		for (uint32_t i = 0; i < count; i++) {
			moved[from + i] += total[i] - seen[from + i];
			seen[from + i] = total[i];
		}
	}
}

static void delay_read(const struct nerve *nerve, uint32_t slot, uint32_t detail, enum wire_delay delay, struct rows_mark *mark,
		       struct observe_sample *ret)
{
	uint32_t moved[WIRE_HIST_COUNT] = { 0 };

	if (delay == WIRE_DELAY_QUEUE)
		octaves_add(nerve, slot, mark->octave, moved);
	if (detail)
		hist_add_moved(nerve, detail, delay, mark->detail->hist[delay], moved);
	for (uint32_t i = 0; i < WIRE_HIST_COUNT; i++)
		if (moved[i])
			ret->bucket[ret->bucket_count++] =
				(struct observe_bucket){ .idx = (uint16_t)i, .delay = (uint16_t)delay, .count = moved[i] };
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
		delay_read(nerve, slot, detail, WIRE_DELAY_QUEUE, mark, ret);
	if (ret->moved.io_done && detail)
		delay_read(nerve, slot, detail, WIRE_DELAY_IO, mark, ret);
	if (ret->moved.device_done && detail)
		delay_read(nerve, slot, detail, WIRE_DELAY_DEVICE, mark, ret);
	if (ret->moved.responses && detail)
		delay_read(nerve, slot, detail, WIRE_DELAY_RESPONSE, mark, ret);
	return true;
}
