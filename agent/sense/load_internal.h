/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of load.h share: load.c opens and attaches, load_map.c sizes and maps, load_pin.c pins. */
#ifndef FORESTALL_LOAD_INTERNAL_H
#define FORESTALL_LOAD_INTERNAL_H

#include "load.h"

#include <bpf/libbpf.h>

#include "forestall.skel.h"

#define PROGRAMS_MAX 48

struct nerve {
	struct forestall_bpf *skel;
	struct ring_buffer *ring;
	struct wire_row *rows;		/* mapped, cpu * slots_max + slot */
	struct wire_detail *details;	/* mapped, cpu * NERVE_DETAILS_MAX + detail */
	const struct wire_loss *losses;	/* mapped, by cpu */
	size_t rows_bytes, details_bytes, losses_bytes;
	struct bpf_link **flush;	/* [cpus], NULL where a CPU is offline */
	struct bpf_link *link[PROGRAMS_MAX];	/* of the others, in the order of the object, NULL where not attached */
	struct signal_answers signals;
	uint32_t cpus, slots_max;
	nerve_record_fn on_record;
	void *context;
	char pin_dir[128];		/* "" when not pinned */
};

/* Before the load: sizes by the number of CPUs and instances, and leaves out what this kernel cannot have. 0 or -errno. */
int maps_size(struct nerve *nerve, const struct nerve_config *config);

/* After the load. 0 or -errno; maps_unmap in either case. */
int maps_mmap(struct nerve *nerve);
void maps_unmap(struct nerve *nerve);

/* The names of everything that this object could have pinned, and nothing else. */
void pins_remove(const struct bpf_object *object, const char *dir);

/* Pins are for people; a host without bpffs works without them. */
int pins_make(struct nerve *nerve, const char *dir);

#endif
