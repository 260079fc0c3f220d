/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who has histograms: small numbers given out to the annotated and taken back, with what was last read there. */
#ifndef FORESTALL_DETAILS_H
#define FORESTALL_DETAILS_H

#include "rows.h"

struct details {
	uint32_t free[NERVE_DETAILS_MAX];	/* given back, oldest first */
	uint32_t head, count;
	uint32_t fresh;		/* from this one on none was ever given out, nor has memory */
	struct rows_detail *mark;	/* [NERVE_DETAILS_MAX] */
};

/* 0 or -ENOMEM. */
int details_init(struct details *details);
void details_done(struct details *details);

/* 0 when none is left, else an index whose histograms and mark are empty. */
uint32_t details_take(struct details *details, struct nerve *nerve);

/* 0 is ignored. */
void details_give(struct details *details, uint32_t detail);

#endif
