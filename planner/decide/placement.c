/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "placement.h"

#include <math.h>
#include <string.h>

#define FILL_SHARE 0.5f		/* of what is free, before it shows */

static const char *const WHY_NAMES[] = { "takes", "violated", "at risk", "full", "too fast", "busy", "no memory" };
_Static_assert(sizeof(WHY_NAMES) / sizeof(*WHY_NAMES) == PLACEMENT_WHY_COUNT, "every reason has a name");

const char *placement_why_name(enum placement_why why)
{
	return (unsigned int)why < PLACEMENT_WHY_COUNT ? WHY_NAMES[why] : "?";
}

/* Whether one more piece fits into what is free, beside `placed` CPUs that do not show yet. */
static enum placement_why room_check(float free, float placed, float piece)
{
	if (free < piece)
		return PLACEMENT_FULL;
	return placed + piece > free * FILL_SHARE ? PLACEMENT_TOO_FAST : PLACEMENT_TAKES;
}

static enum placement_why seat_check(const struct placement *placement, const struct placement_seat *seat)
{
	float memory_left = seat->memory_free - (float)seat->count * seat->piece_bytes;

	if (seat->is_violated)
		return PLACEMENT_VIOLATED;
	if (seat->risk > placement->risk_max)
		return PLACEMENT_AT_RISK;
	if (seat->pieces_max > 0 && seat->pieces + (float)seat->count + 1 > seat->pieces_max)
		return PLACEMENT_BUSY;
	if (seat->piece_bytes > 0 && fminf(memory_left, placement->host_memory_free) < seat->piece_bytes)
		return PLACEMENT_NO_MEMORY;
	return room_check(seat->free, seat->recent + (float)seat->count * placement->piece, placement->piece);
}

/* What the next piece there is worth. */
static float seat_value(const struct placement *placement, const struct placement_seat *seat)
{
	return (1 - seat->risk) * (seat->free - seat->recent - ((float)seat->count + 1) * placement->piece);
}

/* The seat that the next piece goes to, NULL when none takes it. */
static struct placement_seat *seat_best(struct placement *placement)
{
	struct placement_seat *best = 0;

	for (uint32_t i = 0; i < placement->seat_count; i++) {
		struct placement_seat *seat = &placement->seat[i];

		seat->why = seat_check(placement, seat);
		if (seat->why == PLACEMENT_TAKES && (!best || seat_value(placement, seat) > seat_value(placement, best)))
			best = seat;
	}
	return best;
}

/* The host has no room left for whoever still would: that is then the reason. */
static void seats_close(struct placement *placement, enum placement_why why)
{
	for (uint32_t i = 0; i < placement->seat_count; i++)
		if (placement->seat[i].why == PLACEMENT_TAKES)
			placement->seat[i].why = why;
}

uint32_t placement_choose(struct placement *placement, uint32_t pieces)
{
	float recent = 0;
	uint32_t placed = 0;

	for (uint32_t i = 0; i < placement->seat_count; i++) {
		placement->seat[i].count = 0;
		recent += placement->seat[i].recent;
	}
	for (;; placed++) {
		struct placement_seat *best = seat_best(placement);
		enum placement_why room = room_check(placement->host_free, recent + (float)placed * placement->piece,
						     placement->piece);

		if (room != PLACEMENT_TAKES)
			seats_close(placement, room);
		if (!best || room != PLACEMENT_TAKES || placed == pieces)
			return placed;
		best->count++;
		placement->host_memory_free -= best->piece_bytes;
	}
}

/* How much of a batch still counts. */
static float batch_share(const struct placement_batch *batch, uint64_t now_ns)
{
	if (now_ns < batch->from_ns || now_ns >= batch->until_ns)
		return 0;
	return batch->is_lasting ? 1 : (float)(batch->until_ns - now_ns) / (float)(batch->until_ns - batch->from_ns);
}

struct placement_work placement_recent(const struct placement_memory *memory, uint64_t cgroup_id, uint64_t now_ns,
				       struct placement_work used)
{
	struct placement_work sum[2] = { 0 };	/* by is_lasting */

	for (uint32_t i = 0; memory->cgroup_id == cgroup_id && i < memory->count; i++) {
		const struct placement_batch *batch = &memory->batch[i];
		float share = batch_share(batch, now_ns);

		sum[batch->is_lasting].cpus += share * batch->work.cpus;
		sum[batch->is_lasting].bytes += share * batch->work.bytes;
		sum[batch->is_lasting].pieces += share > 0 ? batch->work.pieces : 0;
	}
	/* What lasts longer than it takes to show is by then in the demand. */
	return (struct placement_work){
		.cpus = sum[0].cpus + fmaxf(sum[1].cpus - fmaxf(used.cpus - memory->cpus, 0), 0),
		.bytes = sum[0].bytes + fmaxf(sum[1].bytes - fmaxf(used.bytes - memory->bytes, 0), 0),
		.pieces = sum[0].pieces + sum[1].pieces,
	};
}

static void batches_forget(struct placement_memory *memory, uint64_t now_ns)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < memory->count; i++)
		if (batch_share(&memory->batch[i], now_ns) > 0)
			memory->batch[kept++] = memory->batch[i];
	memory->count = kept;
}

void placement_note(struct placement_memory *memory, uint64_t cgroup_id, uint64_t now_ns, struct placement_work used,
		    struct placement_work work, uint64_t duration_ns)
{
	struct placement_batch batch = { now_ns, now_ns + (duration_ns ? duration_ns : PLACEMENT_SHOWS_NS), work, duration_ns > 0 };

	if (memory->cgroup_id != cgroup_id)
		memset(memory, 0, sizeof(*memory));
	memory->cgroup_id = cgroup_id;
	batches_forget(memory, now_ns);
	if (!memory->count) {
		memory->cpus = used.cpus;
		memory->bytes = used.bytes;
	}
	if (memory->count == PLACEMENT_BATCHES) {
		/* Where there is no room for one more they end together, with the later of the two. */
		struct placement_batch *last = &memory->batch[PLACEMENT_BATCHES - 1];

		batch.work.cpus += last->work.cpus;
		batch.work.bytes += last->work.bytes;
		batch.work.pieces += last->work.pieces;
		batch.until_ns = last->until_ns > batch.until_ns ? last->until_ns : batch.until_ns;
		memory->count--;
	}
	memory->batch[memory->count++] = batch;
}
