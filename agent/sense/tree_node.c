/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tree_node.h"

#include <stddef.h>
#include <string.h>

#include "predict/window.h"
#include "setup/config.h"

/*
 * A stranger's pressure is looked at after so many seconds in which it moved, and not read while its tasks have waited less than this
 * since: it cannot have grown by more.
 */
#define PSI_SECONDS 10
#define PSI_WAIT_NS 5000000ull
#define PSI_ALL ((1u << PSI_COUNT) - 1)
#define PSI_MEMORY (1u << PSI_MEMORY_SOME | 1u << PSI_MEMORY_FULL)
#define CALM_SHARE 4	/* of what a bound on CPU pressure allows in a tick, waits of a quarter tell nothing yet */

void tree_say(struct tree *tree, struct observation *observation, enum observe_kind kind)
{
	observation->kind = kind;
	tree->setup.observe(tree->setup.context, observation);
}

void node_read_limits(struct tree *tree, struct node *node)
{
	struct observation observation = { .limits = { .slot = node->limits.slot } };

	cgroup_files_limits(&node->files, tree->root_fd, &observation.limits);
	if (!memcmp(&observation.limits, &node->limits, sizeof(node->limits)))
		return;
	node->limits = observation.limits;
	tree_say(tree, &observation, OBSERVE_LIMITS);
}

/* Its controller was off between two looks, with all that needs it: the kernel counts from 0 again. */
static bool has_begun_anew(const struct observe_memory *total, const struct observe_memory *before)
{
	bool is_less = total->refaults < before->refaults || total->swap_ins < before->swap_ins || total->swap_outs < before->swap_outs;

	for (int i = 0; i < MEMORY_EVENT_COUNT; i++)
		is_less |= total->events[i] < before->events[i];
	return is_less;
}

/* What was counted while the files could not be read, or before they began anew, is not told. */
void node_read_memory(struct tree *tree, struct node *node)
{
	struct observation observation = { .memory = { .slot = node->limits.slot } };
	struct observe_memory *memory = &observation.memory, total = { 0 };

	if (cgroup_files_memory_stat(&node->files, &total)) {
		node->has_memory = false;
		return;
	}
	memory->anon_bytes = total.anon_bytes;
	memory->file_bytes = total.file_bytes;
	memory->has_swap = total.has_swap;
	if (node->has_memory && !has_begun_anew(&total, &node->memory)) {
		memory->refaults = total.refaults - node->memory.refaults;
		memory->swap_ins = total.swap_ins - node->memory.swap_ins;
		memory->swap_outs = total.swap_outs - node->memory.swap_outs;
		for (int i = 0; i < MEMORY_EVENT_COUNT; i++)
			memory->events[i] = total.events[i] - node->memory.events[i];
	}
	node->memory = total;
	node->has_memory = true;
	tree_say(tree, &observation, OBSERVE_MEMORY);
}

/* A total that was not known before has not grown yet. */
static void psi_read(struct node *node, uint32_t wanted, struct observe_sample *sample)
{
	uint64_t us[PSI_COUNT];
	uint32_t known = cgroup_files_psi(&node->files, wanted, us);

	for (int i = 0; i < PSI_COUNT; i++) {
		if (!(known & 1u << i))
			continue;
		if (node->psi_known & 1u << i)
			sample->psi_ns[i] = (us[i] - node->psi_us[i]) * 1000;
		node->psi_us[i] = us[i];
	}
	sample->psi_known = known;
	node->psi_known = (node->psi_known & ~wanted) | known;
}

/* Of a stranger only CPU pressure is read, as the mean of its last PSI_SECONDS. */
static void stranger_psi(struct node *node, struct observe_sample *sample)
{
	bool is_due = ++node->psi_seconds % PSI_SECONDS == 0 || !node->psi_known;

	node->psi_wait_ns += sample->moved.wait_ns;
	if (is_due)
		node->psi_cpu_ns = 0;
	if (is_due && (node->psi_wait_ns >= PSI_WAIT_NS || !node->psi_known)) {
		psi_read(node, PSI_ALL, sample);
		node->psi_cpu_ns = sample->psi_ns[PSI_CPU_SOME] / node->psi_seconds;
		node->psi_seconds = 0;
		node->psi_wait_ns = 0;
	}
	sample->psi_known = node->psi_known;
	sample->psi_ns[PSI_CPU_SOME] = node->psi_cpu_ns;
}

/* Nothing that is reclaimed: neither by its tasks nor soon, for its own limit. */
static bool is_memory_calm(const struct tree *tree, const struct node *node, const struct observe_sample *sample)
{
	uint64_t limit = node->limits.memory_high < node->limits.memory_max ? node->limits.memory_high : node->limits.memory_max;

	return nerve_has(tree->setup.nerve, NERVE_RECLAIM) && !node->is_pressed && !sample->moved.reclaims &&
	       !sample->moved.major_faults && sample->memory_bytes < limit - limit / 4;
}

/* Its tasks waited for so little since its CPU pressure was read that this cannot be near its bound. */
static bool is_cpu_calm(const struct tree *tree, const struct node *node)
{
	uint64_t tick_us = tree->setup.config->tick_ms * 1000ull;

	return node->psi_wait_ns < node->slo->bound[SLI_CPU_SOME] * tick_us / 1000 / CALM_SHARE;
}

/*
 * The bounded pressures that may have moved since they were read: each read is a sum over all CPUs of the kernel's. Of a leaf, CPU pressure is no
 * more than its tasks waited, and pressure of memory mostly comes with reclaim or faults of its own; where it does not (it waits for pages that
 * others' reclaim took from a file that it reads) it is seen by the read that is due once a second, with which all comes that was left out.
 */
static uint32_t pressures_moved(const struct tree *tree, struct node *node, const struct observe_sample *sample)
{
	uint32_t bound = node->slo ? window_pressures(node->slo) : 0, calm = 0;

	node->psi_wait_ns += sample->moved.wait_ns;
	if (!bound || !node->is_leaf)
		return bound;
	if (is_cpu_calm(tree, node))
		calm |= 1u << PSI_CPU_SOME;
	if (is_memory_calm(tree, node, sample))
		calm |= PSI_MEMORY;
	return bound & ~calm;
}

static void fast_psi(const struct tree *tree, struct node *node, bool is_due, struct observe_sample *sample)
{
	uint32_t wanted = pressures_moved(tree, node, sample), known = node->psi_known;

	if (is_due)
		wanted = PSI_ALL;
	psi_read(node, wanted, sample);
	if (sample->psi_known & PSI_MEMORY)
		node->is_pressed = sample->psi_ns[PSI_MEMORY_SOME] || sample->psi_ns[PSI_MEMORY_FULL];
	if (wanted & 1u << PSI_CPU_SOME)
		node->psi_wait_ns = 0;
	if (node->slo)
		sample->psi_known |= known & window_pressures(node->slo) & ~wanted;
}

void node_read_fast(struct tree *tree, struct node *node, bool is_due)
{
	struct observation observation;
	struct observe_sample *sample = &observation.sample;
	bool has_moved = rows_read(tree->setup.nerve, node->limits.slot, node->detail, &node->mark, sample);

	if (!has_moved)
		memset(sample, 0, offsetof(struct observe_sample, bucket));
	sample->slot = node->limits.slot;
	sample->has_memory = !cgroup_files_memory(&node->files, &sample->memory_bytes);
	if (is_due)
		node->is_leaf = cgroup_files_leaf(&node->files);
	fast_psi(tree, node, is_due, sample);
	if (has_moved || sample->psi_known || sample->has_memory)
		tree_say(tree, &observation, OBSERVE_SAMPLE);
}

void node_read_stranger(struct tree *tree, struct node *node)
{
	struct observation observation;

	if (!rows_read(tree->setup.nerve, node->limits.slot, node->detail, &node->mark, &observation.sample))
		return;
	stranger_psi(node, &observation.sample);
	tree_say(tree, &observation, OBSERVE_SAMPLE);
}
