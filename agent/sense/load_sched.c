/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel side tells of scheduling beside counters: gauges, and who ran while others waited. */
#include <bpf/bpf.h>
#include <string.h>
#include <time.h>

#include "load_internal.h"

uint32_t nerve_runnable(const struct nerve *nerve, uint32_t slot)
{
	uint32_t count = 0;

	for (uint32_t cpu = 0; cpu < nerve->cpus; cpu++) {
		const volatile struct wire_row *row = nerve_row(nerve, cpu, slot);

		if (row->flush == nerve_row(nerve, cpu, WIRE_SLOT_OTHER)->flush)
			count += row->runnable;
	}
	return count;
}

uint32_t nerve_starved(const struct nerve *nerve, uint32_t slot)
{
	uint32_t count = 0;

	for (uint32_t cpu = 0; cpu < nerve->cpus; cpu++) {
		const volatile struct wire_row *row = nerve_row(nerve, cpu, slot);

		if (row->flush == nerve_row(nerve, cpu, WIRE_SLOT_OTHER)->flush)
			count += row->starved;
	}
	return count;
}

static uint64_t minute_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return ((uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec) / WIRE_BLAME_HALF_NS;
}

/* Puts it where it belongs, most first; what then is one too many falls off. Returns the new count. */
static uint32_t runner_put(struct nerve_runner *runners, uint32_t count, uint32_t max, struct nerve_runner runner)
{
	uint32_t at = count;

	while (at > 0 && runners[at - 1].ns < runner.ns)
		at--;
	if (at == max)
		return count;
	count += count < max;
	memmove(&runners[at + 1], &runners[at], (count - at - 1) * sizeof(*runners));
	runners[at] = runner;
	return count;
}

uint32_t nerve_runners(const struct nerve *nerve, uint64_t cgroup_id, struct nerve_runner *ret, uint32_t max, uint64_t *ret_total_ns)
{
	int fd = bpf_map__fd(nerve->skel->maps.blames);
	struct wire_blame_key key, *before = NULL;
	uint64_t minute = minute_now();
	uint32_t count = 0;

	*ret_total_ns = 0;
	/* A key that goes meanwhile starts the walk anew: so many steps and no more. */
	for (uint32_t i = 0; i < 2 * bpf_map__max_entries(nerve->skel->maps.blames); i++) {
		struct wire_blame blame;

		if (bpf_map_get_next_key(fd, before, &key))
			break;
		before = &key;
		if (key.waiter != cgroup_id || bpf_map_lookup_elem(fd, &key, &blame) || minute - blame.minute >= 64)
			continue;
		blame.ns >>= minute - blame.minute;
		*ret_total_ns += blame.ns;
		if (blame.ns)
			count = runner_put(ret, count, max, (struct nerve_runner){ key.runner, blame.ns });
	}
	return count;
}
