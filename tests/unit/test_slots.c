/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Slots over a long life: 100,000 cgroups come and go through few of them. */
#include "unit.h"

#include "sense/kept.h"
#include "sense/slots.h"

#define MAX 64
#define LIVES 100000

struct life {
	uint64_t id, given_ns;
};

static uint64_t state_of(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return *seed >> 33;
}

static void no_id_is_confused_over_100000_lives(void **state)
{
	struct slots *slots = slots_new(MAX);
	struct life life[MAX] = { 0 };
	uint64_t now_ns = SLOT_REST_NS, next_id = 1, seed = 1;
	uint32_t taken = 0, refused = 0;

	(void)state;
	while (taken < LIVES) {
		uint32_t slot = 1 + (uint32_t)(state_of(&seed) % (MAX - 1)), got;

		now_ns += SLOT_REST_NS / 40;
		if (life[slot].id) {
			slots_give(slots, life[slot].id, now_ns);
			assert_int_equal(slots_find(slots, life[slot].id), 0);
			life[slot] = (struct life){ 0, now_ns };
		}
		got = slots_take(slots, next_id * 4096 + 1, now_ns);
		if (!got) {
			refused++;
			continue;
		}
		taken++;
		/* It was free, and has rested. */
		assert_int_equal(life[got].id, 0);
		assert_true(!life[got].given_ns || now_ns - life[got].given_ns >= SLOT_REST_NS);
		life[got].id = next_id++ * 4096 + 1;
		for (uint32_t other = 1; other < MAX; other++)
			assert_true(!life[other].id || slots_find(slots, life[other].id) == other);
	}
	assert_true(refused > 0);
	slots_free(slots);
}

static void what_is_kept_is_taken_once_and_by_its_path(void **state)
{
	struct kept *kept = kept_new();
	struct slo slo, got;
	char path[32];

	(void)state;
	slo_init(&slo);
	for (uint32_t i = 0; i < KEPT_MAX + 10; i++) {
		slo.bound[SLI_RUNQ_P99] = 1000 + i;
		snprintf(path, sizeof(path), "/%u", i);
		kept_put(kept, path, &slo);
	}
	slo.bound[SLI_RUNQ_P99] = 7;
	kept_put(kept, "/20", &slo);
	assert_false(kept_take(kept, "/9", &got));
	assert_true(kept_take(kept, "/10", &got));
	assert_int_equal(got.bound[SLI_RUNQ_P99], 1010);
	assert_false(kept_take(kept, "/10", &got));
	assert_true(kept_take(kept, "/20", &got));
	assert_int_equal(got.bound[SLI_RUNQ_P99], 7);
	assert_false(kept_take(kept, "/20", &got));
	kept_free(kept);
}

/* Against a list of when each was added. */
static void the_recent_are_those_of_the_last_seconds_in_order(void **state)
{
	enum { COUNT = 1000 };
	struct slot_recent recent = { 0 };
	int added[COUNT] = { 0 };

	(void)state;
	assert_int_equal(slot_recent_init(&recent, COUNT), 0);
	srand(7);
	for (int second = 1; second <= 200; second++) {
		uint32_t at = 1;

		for (int i = rand() % 300; i-- > 0;) {
			uint32_t slot = 1 + (uint32_t)rand() % (COUNT - 1);

			added[slot] = second;
			slot_recent_add(&recent, slot);
			if (rand() % 4)
				continue;
			slot = 1 + (uint32_t)rand() % (COUNT - 1);
			added[slot] = 0;
			slot_recent_remove(&recent, slot);
		}
		for (uint32_t slot = 1; slot < COUNT; slot++) {
			if (!added[slot] || second - added[slot] >= SLOT_RECENT_SECONDS)
				continue;
			assert_int_equal(slot_recent_from(&recent, at), slot);
			at = slot + 1;
		}
		assert_int_equal(slot_recent_from(&recent, at), 0);
		slot_recent_second(&recent);
	}
	slot_recent_free(&recent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_id_is_confused_over_100000_lives),
		cmocka_unit_test(what_is_kept_is_taken_once_and_by_its_path),
		cmocka_unit_test(the_recent_are_those_of_the_last_seconds_in_order),
	};

	return cmocka_run_group_tests_name("slots", tests, NULL, NULL);
}
