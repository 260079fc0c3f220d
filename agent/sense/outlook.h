/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of the hours to come: a resource profile for each annotated instance, by path, so that it outlives units that restart,
 * and this process. Bounded: of more than OUTLOOK_MAX the one that went longest ago makes place; while all are alive, who comes
 * later has none.
 */
#ifndef FORESTALL_OUTLOOK_H
#define FORESTALL_OUTLOOK_H

#include "predict/predictor.h"
#include "predict/profile.h"

#define OUTLOOK_MAX 256

struct outlook;

struct outlook_setup {
	const char *state_dir;		/* /var/lib/forestall */
	struct predictor *predictor;	/* whose demand is learned */
};

/* NULL when out of memory. Where the state directory cannot be used, that is said on stderr, and nothing outlives the process. */
struct outlook *outlook_new(const struct outlook_setup *setup);

/* Saves what is not yet saved. */
void outlook_free(struct outlook *outlook);

/* Each tick, at this time of the clock on the wall: a share of the instances, so that a second sees them all once. */
void outlook_tick(struct outlook *outlook, struct profile_clock now, bool is_second);

/* NULL: this instance has none. */
const struct profile *outlook_profile(const struct outlook *outlook, uint32_t slot);

/* The moment with what the clock on the wall is ahead of UTC then. */
struct profile_clock outlook_clock(int64_t unix_s);

#endif
