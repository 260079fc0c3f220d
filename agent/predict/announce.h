/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Event response: what the demand of an instance did in the seconds after earlier events of the same kind is
 * expected again when such an event is seen. Pure.
 *
 * Kinds are told apart by the hash of the program's name. Per kind and age the mean and spread of the demand that
 * followed are kept (Welford 1962), so an event that load does not follow earns no confidence.
 */
#ifndef FORESTALL_ANNOUNCE_H
#define FORESTALL_ANNOUNCE_H

#include <stdint.h>

#define ANNOUNCE_KINDS 6
#define ANNOUNCE_AGES 16
#define ANNOUNCE_PENDING 6

struct announce_kind {
	uint32_t name_hash;		/* 0: free */
	uint32_t count;			/* events of this kind */
	uint64_t used_ns;		/* for replacing the oldest */
	float base;			/* mean demand before the event */
	uint32_t followed[ANNOUNCE_AGES];	/* events that were followed to this age */
	float mean[ANNOUNCE_AGES];	/* demand at age 1.. */
	float spread[ANNOUNCE_AGES];	/* sum of squared deviations */
};

struct announce_event {
	uint32_t kind_idx;
	uint32_t age_s;			/* seconds closed since; > ANNOUNCE_AGES: free */
	uint32_t name_hash;
	uint32_t pad;
};

struct announce {
	struct announce_kind kind[ANNOUNCE_KINDS];
	struct announce_event pending[ANNOUNCE_PENDING];
	float demand;			/* of the last closed second */
};

void announce_reset(struct announce *announce);

/* After an absence: what was learned stays, nothing is pending. */
void announce_resume(struct announce *announce);

/* An event of this kind now; name_hash != 0. A kind already pending for less than two seconds is one storm. */
void announce_event(struct announce *announce, uint32_t name_hash, uint64_t now_ns);

/* Closes a second with its demand. */
void announce_second(struct announce *announce, float demand);

/*
 * Peak demand expected `from`..`to` seconds ahead because of pending events; *ret_confidence 0..1 of that peak.
 * 0 with confidence 0 when nothing is pending or known.
 */
float announce_expect(const struct announce *announce, uint32_t from, uint32_t to, float *ret_confidence);

#endif
