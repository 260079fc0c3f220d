/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <math.h>

#include "predict/response.h"

static uint64_t seed = 88172645463325252ull;

static float drawn(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (float)(seed >> 40) / (float)(1u << 24);
}

/*
 * Processor sharing: a request of exponential length is slowed down by 1/(1 - load), so its chance to take longer than the bound is
 * exp(-slack * (1 - load)), where slack is the bound in mean service times.
 */
static float queue_bad(float slack, float load) { return load >= 1 ? 1 : expf(-slack * (1 - load)); }

/* Of 100 requests in a second. */
static void queue_second(struct response *response, float slack, float load)
{
	uint32_t late = 0;

	for (int i = 0; i < 100; i++)
		late += drawn() < queue_bad(slack, load);
	response_push(response, load, (float)late / 100);
}

static float worst_error(const struct response *response, float slack)
{
	struct response_curve curve = response_fit(response);
	float worst = 0;

	for (float load = 0.25f; load < 0.95f; load += 0.01f)
		worst = fmaxf(worst, fabsf(response_bad(&curve, load) - queue_bad(slack, load)));
	return worst;
}

static void queue_run(struct response *response, float slack, int seconds)
{
	for (int i = 0; i < seconds; i++)
		queue_second(response, slack, 0.2f + 0.9f * drawn());
}

static void the_curve_of_a_queue_is_found(void **state)
{
	struct response response = { 0 };

	(void)state;
	queue_run(&response, 8, 600);
	assert_true(worst_error(&response, 8) < 0.06f);
	assert_true(response.error < 0.06f);
	assert_true(response_trust(&response) > 0.7f);
}

static void another_workload_is_followed(void **state)
{
	struct response response = { 0 };
	float surprised;

	(void)state;
	queue_run(&response, 8, 1200);
	queue_run(&response, 2, 15);
	surprised = response.error;
	assert_true(surprised > 0.1f);
	queue_run(&response, 2, 285);
	assert_true(worst_error(&response, 2) < 0.08f);
	assert_true(response.error < surprised / 2);
	queue_run(&response, 8, 300);
	assert_true(worst_error(&response, 8) < 0.08f);
}

static void noise_is_not_trusted(void **state)
{
	struct response response = { 0 };

	(void)state;
	for (int i = 0; i < 300; i++)
		response_push(&response, drawn(), drawn() < 0.5f ? 0 : 1);
	assert_true(response_trust(&response) == 0);
}

static void the_curve_never_falls_and_is_flat_outside(void **state)
{
	struct response response = { 0 };
	struct response_curve curve;
	float before = 0;

	(void)state;
	curve = response_fit(&response);
	assert_true(response_bad(&curve, 0.5f) < 0 && response_pressure(&curve, 0.5f) < 0);
	for (int i = 0; i < 500; i++)
		response_push(&response, 5 * drawn(), drawn());
	curve = response_fit(&response);
	for (float pressure = 0; pressure < 20; pressure += 0.01f) {
		assert_true(response_bad(&curve, pressure) >= before - 1e-6f);
		before = response_bad(&curve, pressure);
	}
	assert_true(response_bad(&curve, 0) == curve.at[0].bad && response_bad(&curve, 99) == curve.at[curve.count - 1].bad);
}

static void the_pressure_that_is_still_good_is_the_inverse(void **state)
{
	struct response response = { 0 };
	struct response_curve curve;

	(void)state;
	queue_run(&response, 8, 600);
	curve = response_fit(&response);
	for (float bad = 0.05f; bad < 0.9f; bad += 0.05f)
		assert_true(fabsf(response_bad(&curve, response_pressure(&curve, bad)) - bad) < 1e-4f);
}

static void every_sli_and_resource_has_its_place(void **state)
{
	uint32_t seen[RESPONSE_COUNT] = { 0 };

	(void)state;
	for (int sli = 0; sli < SLI_COUNT; sli++)
		for (int r = 0; r < RESOURCE_COUNT; r++) {
			uint32_t at = response_index((enum sli)sli, (enum resource)r);
			bool is_blamed = sli_resource((enum sli)sli) == RESOURCE_COUNT || sli_resource((enum sli)sli) == (enum resource)r;

			assert_true(is_blamed ? at < RESPONSE_COUNT : at == RESPONSE_COUNT);
			if (is_blamed)
				assert_int_equal(seen[at]++, 0);
		}
	for (uint32_t at = 0; at < RESPONSE_COUNT; at++)
		assert_int_equal(seen[at], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_curve_of_a_queue_is_found),
		cmocka_unit_test(another_workload_is_followed),
		cmocka_unit_test(noise_is_not_trusted),
		cmocka_unit_test(the_curve_never_falls_and_is_flat_outside),
		cmocka_unit_test(the_pressure_that_is_still_good_is_the_inverse),
		cmocka_unit_test(every_sli_and_resource_has_its_place),
	};

	return cmocka_run_group_tests_name("response_curve", tests, NULL, NULL);
}
