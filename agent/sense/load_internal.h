/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of load.h share: load.c opens and attaches, load_map.c sizes and maps, load_flush.c keeps the clocks, load_pin.c
 * pins.
 */
#ifndef FORESTALL_LOAD_INTERNAL_H
#define FORESTALL_LOAD_INTERNAL_H

#include "load.h"

#include <bpf/libbpf.h>

#include "forestall.skel.h"

#define PROGRAMS_MAX 48

struct flush_clock {
	struct bpf_link *link;	/* NULL where the CPU is offline */
	uint32_t count;		/* flushes of the CPU at the last look */
};

struct flush {
	struct flush_clock *clock;	/* [cpus]; NULL before the start and after the stop */
	uint32_t hz;
	int online_fd;
	char online[256];	/* as at the last look, cut */
};

struct nerve {
	struct forestall_bpf *skel;
	struct ring_buffer *ring;
	struct wire_row *rows;		/* mapped, cpu * slots_max + slot */
	struct wire_detail *details[NERVE_DETAILS_MAX / WIRE_DETAIL_BLOCK];	/* mapped; NULL: not made yet */
	const struct wire_loss *losses;	/* mapped, by cpu */
	size_t rows_bytes, block_bytes, losses_bytes;
	struct flush flush;
	struct bpf_link *link[PROGRAMS_MAX];	/* of the others, in the order of the object, NULL where not attached */
	struct signal_answers signals;
	uint32_t cpus, slots_max;
	nerve_record_fn on_record;
	void *context;
	char pin_dir[128];		/* "" when not pinned */
};

/* Loads with sizes by the number of CPUs and instances, and without what this kernel cannot have. 0 or -errno. */
int maps_load(struct nerve *nerve, const struct nerve_config *config);

/* After the load. 0 or -errno; maps_unmap in either case. */
int maps_mmap(struct nerve *nerve);
void maps_unmap(struct nerve *nerve);

/* Starts the clocks of all CPUs that are online. 0 or -errno; flush_stop in either case. */
int flush_start(struct nerve *nerve, uint32_t hz);
void flush_stop(struct nerve *nerve);

/* The names of everything that this object could have pinned, and nothing else. */
void pins_remove(const struct bpf_object *object, const char *dir);

/* Pins are for people; a host without bpffs works without them. */
int pins_make(struct nerve *nerve, const char *dir);

#endif
