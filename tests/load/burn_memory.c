/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory: a job whose working set follows the plan. It takes more page by page, walks through what it has, and gives pages
 * back when it needs fewer. Under memory.high the kernel makes it sleep where it takes a page: it then grows slower, which
 * is all that happens to it. A unit is a MiB held for a slice.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "burn.h"

#define PAGE_BYTES 4096ull
#define UNIT_PAGES 256
#define WALK_SLICES 512 /* all pages are visited once in so many slices */
#define CHUNK_PAGES 64 /* taken between two looks at the clock */

struct memory {
	char *base;
	uint64_t page_count, held, walked;
};

static int memory_open(struct burn_thread *thread)
{
	const struct burn *burn = thread->burn;
	struct memory *memory = calloc(1, sizeof(*memory));

	if (!memory)
		return -ENOMEM;
	thread->state = memory;
	memory->page_count = burn->bytes / burn->thread_count / PAGE_BYTES;
	memory->base = mmap(NULL, memory->page_count * PAGE_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory->base == MAP_FAILED)
		return -errno;
	/* Huge pages would come in one step of 2 MiB, and be split and freed late. */
	return madvise(memory->base, memory->page_count * PAGE_BYTES, MADV_NOHUGEPAGE) < 0 && errno != EINVAL ? -errno : 0;
}

static void memory_give_back(struct memory *memory, uint64_t wanted)
{
	if (memory->held <= wanted)
		return;
	madvise(memory->base + wanted * PAGE_BYTES, (memory->held - wanted) * PAGE_BYTES, MADV_DONTNEED);
	memory->held = wanted;
}

static void memory_take(struct memory *memory, uint64_t wanted, uint64_t slice_end_ns)
{
	while (memory->held < wanted && burn_now_ns() < slice_end_ns)
		for (unsigned int i = 0; i < CHUNK_PAGES && memory->held < wanted; i++)
			memory->base[memory->held++ * PAGE_BYTES] = 1;
}

static void memory_walk(struct memory *memory)
{
	for (uint64_t i = memory->held / WALK_SLICES + 1; i-- > 0 && memory->held; memory->walked++)
		memory->base[memory->walked % memory->held * PAGE_BYTES]++;
}

static void memory_slice(struct burn_thread *thread, uint64_t slice_end_ns, double duty)
{
	struct memory *memory = thread->state;
	uint64_t wanted = (uint64_t)(duty * (double)memory->page_count);

	memory_give_back(memory, wanted);
	memory_take(memory, wanted, slice_end_ns);
	memory_walk(memory);
	burn_count(thread->burn, burn_now_ns(), memory->held / UNIT_PAGES);
}

const struct burn_kind burn_memory = {"memory", true, false, memory_open, memory_slice};
