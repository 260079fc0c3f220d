/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slots: small numbers for cgroup ids, given out and taken back. A slot taken back rests for a while before it is given
 * out again, so that the last switch of a dying task is not counted for a stranger.
 */
#ifndef FORESTALL_SLOTS_H
#define FORESTALL_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#define SLOT_REST_NS 2000000000ull

struct slots;

/* Slots 1..max - 1. NULL when out of memory. */
struct slots *slots_new(uint32_t max);
void slots_free(struct slots *slots);

/* The slot of an id, 0 when it has none. */
uint32_t slots_find(const struct slots *slots, uint64_t id);

/* A slot for a new id (not 0, not known), 0 when none is free. */
uint32_t slots_take(struct slots *slots, uint64_t id, uint64_t now_ns);

/* Whether slots_take() would give one now. */
bool slots_has(const struct slots *slots, uint64_t now_ns);

/* Takes a slot back; unknown ids are ignored. */
void slots_give(struct slots *slots, uint64_t id, uint64_t now_ns);

/* Id of a slot, 0 when free. */
uint64_t slots_id(const struct slots *slots, uint32_t slot);

/* Some slots, in no order; memory for all of them is the owner's. */
struct slot_list {
	uint32_t *slot;
	uint32_t count;
};

void slot_list_add(struct slot_list *list, uint32_t slot);
void slot_list_remove(struct slot_list *list, uint32_t slot);

/* Slots by when they were last added: in this second, or in one of those before. Walked in their order, which is that of what lies by slot. */
#define SLOT_RECENT_SECONDS 3

struct slot_recent {
	uint64_t *word[SLOT_RECENT_SECONDS];	/* a bit per slot */
	uint32_t words;
};

/* 0 or -ENOMEM; what was begun is freed either way by slot_recent_free(). */
int slot_recent_init(struct slot_recent *recent, uint32_t max);
void slot_recent_free(struct slot_recent *recent);
void slot_recent_add(struct slot_recent *recent, uint32_t slot);
void slot_recent_remove(struct slot_recent *recent, uint32_t slot);

/* The lowest of them from `slot` on; 0: none. */
uint32_t slot_recent_from(const struct slot_recent *recent, uint32_t slot);

/* A second is over: those that were not added in the last SLOT_RECENT_SECONDS are none of them any more. */
void slot_recent_second(struct slot_recent *recent);

#endif
