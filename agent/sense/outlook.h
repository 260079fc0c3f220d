/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of the hours to come: what was announced, and a resource profile for each annotated instance, by path, so that it outlives units that restart,
 * and this process. Bounded: of more than OUTLOOK_MAX the one that went longest ago makes place; while all are alive, who comes
 * later has none. What was announced is told to the mind from a minute before it begins, at its factor times the profile's upper quantile, or
 * where there is no profile, times what the last half minute needed; it is not learned as usual while it lasts.
 */
#ifndef FORESTALL_OUTLOOK_H
#define FORESTALL_OUTLOOK_H

#include "announcer.h"
#include "predict/explain.h"
#include "predict/predictor.h"
#include "predict/profile.h"
#include "predict/trajectory.h"

#define OUTLOOK_MAX 256

struct outlook;

struct outlook_setup {
	const char *state_dir;		/* /var/lib/forestall */
	const char *config_dir;		/* /etc/forestall */
	struct predictor *predictor;	/* whose demand is learned */
	observe_fn observe;		/* who is told of announced load */
	void *context;
};

/* NULL when out of memory. Where the state directory cannot be used, that is said on stderr, and nothing outlives the process. */
struct outlook *outlook_new(const struct outlook_setup *setup);

/* Saves what is not yet saved. */
void outlook_free(struct outlook *outlook);

/* Each tick, at this time of the monotonic clock and of the one on the wall: a share of the instances, so that a second sees them all once. */
void outlook_tick(struct outlook *outlook, uint64_t now_ns, struct profile_clock now, bool is_second);

/* NULL: this instance has none. */
const struct profile *outlook_profile(const struct outlook *outlook, uint32_t slot);

/*
 * The profile's word on a time, or where it has none and something is announced, the last half minute's, each times what is announced for the
 * quarter of an hour from then; *ret_factor is that. False: nothing can be said.
 */
bool outlook_need(const struct outlook *outlook, uint32_t slot, enum resource resource, struct profile_clock at, struct profile_need *ret,
		  float *ret_factor);

const struct announcer *outlook_announcer(const struct outlook *outlook);

/* What its joint paths and its explanations are made from, since this process began. NULL: it has none. */
const struct trajectory *outlook_trajectory(const struct outlook *outlook, uint32_t slot);
const struct explain_past *outlook_past(const struct outlook *outlook, uint32_t slot);

/* The moment with what the clock on the wall is ahead of UTC then. */
struct profile_clock outlook_clock(int64_t unix_s);

#endif
