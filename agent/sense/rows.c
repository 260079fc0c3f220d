/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rows.h"

#include <stddef.h>
#include <string.h>

#include "predict/hist.h"

#define COUNTERS (sizeof(struct wire_counters) / sizeof(__u64))
#define CACHE_LINE 64

static void counters_sum(const struct nerve *nerve, uint32_t slot, __u64 total[COUNTERS])
{
	memset(total, 0, COUNTERS * sizeof(*total));
	for (uint32_t cpu = 0; cpu < nerve_cpus(nerve); cpu++) {
		const volatile __u64 *now = (const volatile __u64 *)&nerve_row(nerve, cpu, slot)->now;

		for (size_t i = 0; i < COUNTERS; i++)
			total[i] += now[i];
	}
}

static void bucket_push(struct observe_sample *sample, enum wire_delay delay, uint32_t idx, uint32_t count)
{
	if (count)
		sample->bucket[sample->bucket_count++] =
			(struct observe_bucket){ .idx = (uint16_t)idx, .delay = (uint16_t)delay, .count = count };
}

/* What an octave of the rows gained, and where: in moved, for it is not all that there is of queue waits, or in the sample. */
static void octave_take(uint32_t octave, uint32_t gained, uint32_t *moved, struct observe_sample *sample)
{
	uint32_t count[HIST_SUB_COUNT], first = hist_spread(octave, gained, count);

	for (uint32_t sub = 0; sub < HIST_SUB_COUNT; sub++)
		if (!moved)
			bucket_push(sample, WIRE_DELAY_QUEUE, first + sub, count[sub]);
		else if (count[sub])
			moved[first + sub] += count[sub];
}

static void octaves_take(const struct nerve *nerve, uint32_t slot, uint32_t seen[WIRE_OCTAVES], uint32_t *moved,
			 struct observe_sample *sample)
{
	uint32_t total[WIRE_OCTAVES];

	nerve_waits(nerve, slot, total);
	for (uint32_t octave = 0; octave < WIRE_OCTAVES; octave++)
		if (total[octave] != seen[octave])
			octave_take(octave, total[octave] - seen[octave], moved, sample);
	memcpy(seen, total, sizeof(total));
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

static void detail_read(const struct nerve *nerve, uint32_t slot, uint32_t detail, enum wire_delay delay, struct rows_mark *mark,
			struct observe_sample *ret)
{
	uint32_t moved[WIRE_HIST_COUNT] = { 0 };

	if (delay == WIRE_DELAY_QUEUE)
		octaves_take(nerve, slot, mark->octave, moved, ret);
	hist_add_moved(nerve, detail, delay, mark->detail->hist[delay], moved);
	for (uint32_t i = 0; i < WIRE_HIST_COUNT; i++)
		bucket_push(ret, delay, i, moved[i]);
}

void rows_expect(const struct nerve *nerve, uint32_t slot)
{
	for (uint32_t cpu = 0; cpu < nerve_cpus(nerve); cpu++) {
		const char *row = (const char *)nerve_row(nerve, cpu, slot);

		for (size_t at = 0; at < sizeof(struct wire_row); at += CACHE_LINE)
			__builtin_prefetch(row + at);
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
	if (!detail) {
		if (ret->moved.switches)
			octaves_take(nerve, slot, mark->octave, NULL, ret);
		return true;
	}
	if (ret->moved.switches)
		detail_read(nerve, slot, detail, WIRE_DELAY_QUEUE, mark, ret);
	if (ret->moved.io_done)
		detail_read(nerve, slot, detail, WIRE_DELAY_IO, mark, ret);
	if (ret->moved.device_done)
		detail_read(nerve, slot, detail, WIRE_DELAY_DEVICE, mark, ret);
	if (ret->moved.responses)
		detail_read(nerve, slot, detail, WIRE_DELAY_RESPONSE, mark, ret);
	return true;
}
