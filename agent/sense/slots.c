/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Open addressing over 4 * max cells; a cell holds a slot, 0 is empty. Deletion shifts back (Knuth 6.4 R). */
struct slots {
	uint32_t max, cells;
	uint32_t *cell;		/* [cells] */
	uint64_t *id;		/* [max] by slot */
	uint64_t *given_ns;	/* [max] when it was taken back; 0: never used */
	uint32_t *free_ring;	/* [max] free slots, oldest first */
	uint32_t free_head, free_count;
};

struct slots *slots_new(uint32_t max)
{
	struct slots *slots = calloc(1, sizeof(*slots));

	if (!slots)
		return NULL;
	slots->max = max;
	for (slots->cells = 16; slots->cells < 4 * max; slots->cells *= 2)
		;
	slots->cell = calloc(slots->cells, sizeof(*slots->cell));
	slots->id = calloc(max, sizeof(*slots->id));
	slots->given_ns = calloc(max, sizeof(*slots->given_ns));
	slots->free_ring = calloc(max, sizeof(*slots->free_ring));
	if (!slots->cell || !slots->id || !slots->given_ns || !slots->free_ring) {
		slots_free(slots);
		return NULL;
	}
	for (uint32_t slot = 1; slot < max; slot++)
		slots->free_ring[slots->free_count++] = slot;
	return slots;
}

void slots_free(struct slots *slots)
{
	if (!slots)
		return;
	free(slots->cell);
	free(slots->id);
	free(slots->given_ns);
	free(slots->free_ring);
	free(slots);
}

static uint32_t cell_of(const struct slots *slots, uint64_t id)
{
	return (uint32_t)((id * 0x9e3779b97f4a7c15ull) >> 32) & (slots->cells - 1);
}

static uint32_t cell_find(const struct slots *slots, uint64_t id)
{
	uint32_t at = cell_of(slots, id);

	while (slots->cell[at] && slots->id[slots->cell[at]] != id)
		at = (at + 1) & (slots->cells - 1);
	return at;
}

uint32_t slots_find(const struct slots *slots, uint64_t id)
{
	return slots->cell[cell_find(slots, id)];
}

bool slots_has(const struct slots *slots, uint64_t now_ns)
{
	uint64_t given_ns = slots->given_ns[slots->free_ring[slots->free_head]];

	return slots->free_count && (!given_ns || now_ns - given_ns >= SLOT_REST_NS);
}

uint32_t slots_take(struct slots *slots, uint64_t id, uint64_t now_ns)
{
	uint32_t slot;

	if (!slots_has(slots, now_ns))
		return 0;
	slot = slots->free_ring[slots->free_head];
	slots->free_head = (slots->free_head + 1) % slots->max;
	slots->free_count--;
	slots->id[slot] = id;
	slots->cell[cell_find(slots, id)] = slot;
	return slot;
}

void slots_give(struct slots *slots, uint64_t id, uint64_t now_ns)
{
	uint32_t hole = cell_find(slots, id), at = hole, slot = slots->cell[hole];

	if (!slot)
		return;
	slots->cell[hole] = 0;
	for (at = (at + 1) & (slots->cells - 1); slots->cell[at]; at = (at + 1) & (slots->cells - 1)) {
		uint32_t home = cell_of(slots, slots->id[slots->cell[at]]);

		if (((at - home) & (slots->cells - 1)) < ((at - hole) & (slots->cells - 1)))
			continue;
		slots->cell[hole] = slots->cell[at];
		slots->cell[at] = 0;
		hole = at;
	}
	slots->id[slot] = 0;
	slots->given_ns[slot] = now_ns;
	slots->free_ring[(slots->free_head + slots->free_count) % slots->max] = slot;
	slots->free_count++;
}

uint64_t slots_id(const struct slots *slots, uint32_t slot) { return slots->id[slot]; }

void slot_list_add(struct slot_list *list, uint32_t slot) { list->slot[list->count++] = slot; }

void slot_list_remove(struct slot_list *list, uint32_t slot)
{
	for (uint32_t i = 0; i < list->count; i++)
		if (list->slot[i] == slot) {
			list->slot[i] = list->slot[--list->count];
			return;
		}
}

int slot_recent_init(struct slot_recent *recent, uint32_t max)
{
	recent->words = max / 64 + 1;
	for (int i = 0; i < SLOT_RECENT_SECONDS; i++) {
		recent->word[i] = calloc(recent->words, sizeof(*recent->word[i]));
		if (!recent->word[i])
			return -ENOMEM;
	}
	return 0;
}

void slot_recent_free(struct slot_recent *recent)
{
	for (int i = 0; i < SLOT_RECENT_SECONDS; i++)
		free(recent->word[i]);
}

void slot_recent_add(struct slot_recent *recent, uint32_t slot) { recent->word[0][slot / 64] |= 1ull << slot % 64; }

void slot_recent_remove(struct slot_recent *recent, uint32_t slot)
{
	for (int i = 0; i < SLOT_RECENT_SECONDS; i++)
		recent->word[i][slot / 64] &= ~(1ull << slot % 64);
}

uint32_t slot_recent_from(const struct slot_recent *recent, uint32_t slot)
{
	uint64_t mask = ~0ull << slot % 64;

	for (uint32_t at = slot / 64; at < recent->words; at++, mask = ~0ull) {
		uint64_t word = 0;

		for (int i = 0; i < SLOT_RECENT_SECONDS; i++)
			word |= recent->word[i][at];
		if (word & mask)
			return at * 64 + (uint32_t)__builtin_ctzll(word & mask);
	}
	return 0;
}

void slot_recent_second(struct slot_recent *recent)
{
	uint64_t *oldest = recent->word[SLOT_RECENT_SECONDS - 1];

	memmove(&recent->word[1], &recent->word[0], (SLOT_RECENT_SECONDS - 1) * sizeof(recent->word[0]));
	memset(oldest, 0, recent->words * sizeof(*oldest));
	recent->word[0] = oldest;
}
