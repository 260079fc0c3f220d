/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The maps of the kernel side: how big they are, which this kernel can have, and what user space reads and writes in them. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "load_internal.h"

#define ACCOUNTS_FEWEST 1024u
#define TASKS_FEWEST 4096u	/* accounts of tasks, where they lie in a table */
#define TASKS_MOST 65536u

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

/* As many accounts as there can be tasks, within reason: each takes 128 bytes or so. */
static uint32_t tasks_max(void)
{
	FILE *file = fopen("/proc/sys/kernel/pid_max", "re");
	unsigned count = TASKS_MOST;

	if (!file)
		return count;
	if (fscanf(file, "%u", &count) != 1 || count > TASKS_MOST)
		count = TASKS_MOST;
	fclose(file);
	return count < TASKS_FEWEST ? TASKS_FEWEST : count;
}

/* One of storage and table is made, the other does not exist. */
static int storage_choose(struct nerve *nerve)
{
	const struct forestall_bpf *skel = nerve->skel;
	bool tasks = nerve->signals.able[ABLE_TASK_STORAGE], sockets = nerve->signals.able[ABLE_SOCKET_STORAGE];
	int r = 0;

	skel->rodata->has_task_storage = tasks;
	skel->rodata->has_socket_storage = sockets;
	r = r ?: bpf_map__set_autocreate(skel->maps.tasks, tasks);
	r = r ?: bpf_map__set_autocreate(skel->maps.task_table, !tasks);
	r = r ?: bpf_map__set_autocreate(skel->maps.sockets, sockets);
	r = r ?: bpf_map__set_autocreate(skel->maps.socket_table, !sockets);
	r = r ?: bpf_map__set_autocreate(skel->maps.victims,
					 signal_needs(NERVE_OOM, &nerve->signals, "on_oom_number"));
	return r ?: bpf_map__set_max_entries(skel->maps.task_table, tasks_max());
}

/* Places for accounts of tasks: few of those who come find theirs taken while there are four for each instance. */
static uint32_t accounts_max(uint32_t slots)
{
	uint32_t count = ACCOUNTS_FEWEST;

	while (count < 4 * slots && count < TASKS_MOST)
		count *= 2;
	return count;
}

/* A block of histograms, without any type: its descriptor or -errno. */
static int block_create(const struct nerve *nerve)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "details_block", sizeof(__u32), sizeof(struct wire_detail),
				nerve->cpus * WIRE_DETAIL_BLOCK, &opts);

	return fd < 0 ? -errno : fd;
}

static int maps_size(struct nerve *nerve, const struct nerve_config *config, int block_fd)
{
	struct forestall_bpf *skel = nerve->skel;
	uint64_t rows = (uint64_t)nerve->cpus * config->slots_max;
	uint32_t accounts = accounts_max(config->slots_max);
	int r = 0;

	if (rows > UINT32_MAX)
		return -E2BIG;
	r = r ?: bpf_map__set_max_entries(skel->maps.rows, (uint32_t)rows);
	r = r ?: bpf_map__set_max_entries(skel->maps.details, NERVE_DETAILS_MAX / WIRE_DETAIL_BLOCK);
	r = r ?: bpf_map__set_inner_map_fd(skel->maps.details, block_fd);
	r = r ?: bpf_map__set_max_entries(skel->maps.slots, config->slots_max);
	r = r ?: bpf_map__set_max_entries(skel->maps.bounds, config->slots_max);
	r = r ?: bpf_map__set_max_entries(skel->maps.losses, nerve->cpus);
	r = r ?: bpf_map__set_max_entries(skel->maps.lanes, nerve->cpus);
	r = r ?: bpf_map__set_max_entries(skel->maps.bios, nerve->cpus <= 4 ? 4096 : 1024 * nerve->cpus);
	r = r ?: bpf_map__set_max_entries(skel->maps.events, config->ring_bytes);
	r = r ?: bpf_map__set_max_entries(skel->maps.accounts, accounts);
	r = r ?: storage_choose(nerve);
	skel->rodata->has_retransmit_error = nerve->signals.tells_failed_retransmits;
	skel->rodata->accounts_mask = accounts - 1;
	skel->rodata->slots_max = config->slots_max;
	skel->rodata->window_ns = config->window_ns;
	skel->rodata->wake_bytes = config->ring_bytes / 4;
	skel->rodata->loaded_ns = clock_ns(CLOCK_MONOTONIC);
	return r;
}

int maps_load(struct nerve *nerve, const struct nerve_config *config)
{
	/* It stands for all blocks when the programs are verified; the kernel looks at it and keeps none. */
	int block_fd = block_create(nerve), r = block_fd < 0 ? block_fd : maps_size(nerve, config, block_fd);

	r = r ?: forestall_bpf__load(nerve->skel);
	if (block_fd >= 0)
		close(block_fd);
	return r;
}

static void *map_mmap(int fd, size_t bytes, int protection)
{
	void *at = mmap(NULL, bytes, protection, MAP_SHARED, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

static size_t pages(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) & ~(page - 1);
}

int maps_mmap(struct nerve *nerve)
{
	nerve->rows_bytes = pages(sizeof(struct wire_row) * nerve->cpus * nerve->slots_max);
	nerve->block_bytes = pages(sizeof(struct wire_detail) * nerve->cpus * WIRE_DETAIL_BLOCK);
	nerve->losses_bytes = pages(sizeof(struct wire_loss) * nerve->cpus);
	nerve->rows = map_mmap(bpf_map__fd(nerve->skel->maps.rows), nerve->rows_bytes, PROT_READ | PROT_WRITE);
	nerve->losses = map_mmap(bpf_map__fd(nerve->skel->maps.losses), nerve->losses_bytes, PROT_READ);
	return nerve->rows && nerve->losses ? 0 : -errno;
}

void maps_unmap(struct nerve *nerve)
{
	if (nerve->rows)
		munmap(nerve->rows, nerve->rows_bytes);
	for (uint32_t block = 0; block < NERVE_DETAILS_MAX / WIRE_DETAIL_BLOCK; block++)
		if (nerve->details[block])
			munmap(nerve->details[block], nerve->block_bytes);
	if (nerve->losses)
		munmap((void *)nerve->losses, nerve->losses_bytes);
}

const volatile struct wire_row *nerve_row(const struct nerve *nerve, uint32_t cpu, uint32_t slot)
{
	return &nerve->rows[(size_t)cpu * nerve->slots_max + slot];
}

void nerve_waits(const struct nerve *nerve, uint32_t slot, uint32_t ret_count[WIRE_OCTAVES])
{
	memset(ret_count, 0, WIRE_OCTAVES * sizeof(*ret_count));
	for (uint32_t cpu = 0; cpu < nerve->cpus; cpu++) {
		const volatile struct wire_row *row = nerve_row(nerve, cpu, slot);

		for (uint32_t octave = 0; octave < WIRE_OCTAVES_SHORT; octave++)
			ret_count[octave] += row->waits[octave];
		for (uint32_t octave = WIRE_OCTAVES_SHORT; octave < WIRE_OCTAVES; octave++)
			ret_count[octave] += row->long_waits[octave - WIRE_OCTAVES_SHORT];
	}
}

const volatile struct wire_detail *nerve_detail(const struct nerve *nerve, uint32_t cpu, uint32_t detail)
{
	return &nerve->details[detail / WIRE_DETAIL_BLOCK][(size_t)cpu * WIRE_DETAIL_BLOCK + detail % WIRE_DETAIL_BLOCK];
}

int nerve_slot_set(struct nerve *nerve, uint32_t slot, const struct wire_bound *bound)
{
	bool is_bound = bound->detail;

	for (int delay = 0; delay < WIRE_DELAY_COUNT; delay++)
		is_bound = is_bound || bound->delay_ns_max[delay];
	if (bpf_map_update_elem(bpf_map__fd(nerve->skel->maps.bounds), &slot, bound, BPF_ANY) ||
	    bpf_map_update_elem(bpf_map__fd(nerve->skel->maps.slots), &bound->cgroup_id, &slot, BPF_ANY))
		return -errno;
	for (uint32_t cpu = 0; cpu < nerve->cpus; cpu++)
		nerve->rows[(size_t)cpu * nerve->slots_max + slot].is_bound = is_bound;
	return 0;
}

int nerve_slot_clear(struct nerve *nerve, uint64_t cgroup_id, uint32_t slot)
{
	struct wire_bound bound = { 0 };

	bpf_map_update_elem(bpf_map__fd(nerve->skel->maps.bounds), &slot, &bound, BPF_ANY);
	return bpf_map_delete_elem(bpf_map__fd(nerve->skel->maps.slots), &cgroup_id) ? -errno : 0;
}

void nerve_row_reset(struct nerve *nerve, uint32_t slot)
{
	for (uint32_t cpu = 0; cpu < nerve->cpus; cpu++)
		memset(&nerve->rows[(size_t)cpu * nerve->slots_max + slot], 0, sizeof(struct wire_row));
}

/* The kernel holds it as long as `details` does. */
static int block_make(struct nerve *nerve, uint32_t block)
{
	int fd = block_create(nerve), r;
	void *at = fd < 0 ? NULL : map_mmap(fd, nerve->block_bytes, PROT_READ | PROT_WRITE);

	r = at && !bpf_map_update_elem(bpf_map__fd(nerve->skel->maps.details), &block, &fd, BPF_ANY) ? 0 : -errno;
	if (!r)
		nerve->details[block] = at;
	else if (at)
		munmap(at, nerve->block_bytes);
	if (fd >= 0)
		close(fd);
	return r;
}

int nerve_detail_reset(struct nerve *nerve, uint32_t detail)
{
	int r = nerve->details[detail / WIRE_DETAIL_BLOCK] ? 0 : block_make(nerve, detail / WIRE_DETAIL_BLOCK);

	for (uint32_t cpu = 0; !r && cpu < nerve->cpus; cpu++)
		memset((void *)nerve_detail(nerve, cpu, detail), 0, sizeof(struct wire_detail));
	return r;
}

void nerve_losses(const struct nerve *nerve, struct wire_loss *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (uint32_t cpu = 0; cpu < nerve->cpus; cpu++) {
		const volatile struct wire_loss *loss = &nerve->losses[cpu];

		for (int kind = 0; kind < WIRE_KIND_COUNT; kind++) {
			ret->produced[kind] += loss->produced[kind];
			ret->dropped[kind] += loss->dropped[kind];
		}
		ret->switches += loss->switches;
		ret->switches_unseen += loss->switches_unseen;
		ret->io_unseen += loss->io_unseen;
	}
}
