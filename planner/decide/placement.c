/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "placement.h"

#define FILL_SHARE 0.5f		/* of what is free, before it shows */

static const char *const WHY_NAMES[] = { "takes", "violated", "at risk", "full", "too fast" };
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
	if (seat->is_violated)
		return PLACEMENT_VIOLATED;
	if (seat->risk > placement->risk_max)
		return PLACEMENT_AT_RISK;
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
	}
}

float placement_recent(const struct placement_memory *memory, uint64_t cgroup_id, uint64_t now_ns)
{
	if (memory->cgroup_id != cgroup_id || now_ns < memory->time_ns || now_ns - memory->time_ns >= PLACEMENT_SHOWS_NS)
		return 0;
	return memory->cpus * (1 - (float)(now_ns - memory->time_ns) / (float)PLACEMENT_SHOWS_NS);
}

void placement_note(struct placement_memory *memory, uint64_t cgroup_id, uint64_t now_ns, float cpus)
{
	memory->cpus = placement_recent(memory, cgroup_id, now_ns) + cpus;
	memory->cgroup_id = cgroup_id;
	memory->time_ns = now_ns;
}
