/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <math.h>

#include "predict/trajectory.h"

#define PATHS 10000
#define SLI RESOURCE_COUNT

static struct trajectory trajectory;
static struct forecast forecast;
static float path[PATHS][TRAJECTORY_ROWS][FORECAST_HORIZONS];
static uint32_t seed = 1;

static float noise(void)
{
	float sum = 0;

	for (int i = 0; i < 12; i++) {
		seed = seed * 1664525u + 1013904223u;
		sum += (float)(seed >> 8) / (1 << 24);
	}
	return sum - 6;
}

/* Each row around 100 with spread 10, the .99 farther out than normal. */
static void forecast_make(uint64_t time_ns)
{
	static const float q[FORECAST_QUANTILES] = { 87.2f, 100, 112.8f, 140 };

	forecast = (struct forecast){ .time_ns = time_ns };
	for (int h = 0; h < FORECAST_HORIZONS; h++) {
		for (int r = 0; r < RESOURCE_COUNT; r++)
			memcpy(forecast.demand[r][h], q, sizeof(q));
		memcpy(forecast.sli[h], q, sizeof(q));
	}
}

/* An hour in which errors last (a first-order process) and IO goes with the CPU. */
static void history(float lasts, float io_with_cpu)
{
	float off[TRAJECTORY_ROWS] = { 0 };

	memset(&trajectory, 0, sizeof(trajectory));
	for (uint32_t t = 1; t <= 3600; t++) {
		float came[TRAJECTORY_ROWS], fresh[TRAJECTORY_ROWS];

		for (int row = 0; row < TRAJECTORY_ROWS; row++)
			fresh[row] = noise();
		fresh[RESOURCE_IO] = io_with_cpu * fresh[RESOURCE_CPU] + sqrtf(1 - io_with_cpu * io_with_cpu) * fresh[RESOURCE_IO];
		for (int row = 0; row < TRAJECTORY_ROWS; row++) {
			off[row] = lasts * off[row] + sqrtf(1 - lasts * lasts) * fresh[row];
			came[row] = row == RESOURCE_NET ? -1 : 100 + 10 * off[row];
		}
		forecast_make(t * NS_PER_SECOND);
		trajectory_push(&trajectory, &forecast, came);
	}
}

static void paths_draw(uint64_t with)
{
	struct trajectory_draw draw;

	trajectory_begin(&trajectory, &forecast, with, &draw);
	for (int i = 0; i < PATHS; i++)
		trajectory_next(&draw, path[i]);
}

static float correlation(int row_a, int h_a, int row_b, int h_b)
{
	double a = 0, b = 0, aa = 0, bb = 0, ab = 0;

	for (int i = 0; i < PATHS; i++) {
		double x = path[i][row_a][h_a], y = path[i][row_b][h_b];

		a += x;
		b += y;
		aa += x * x;
		bb += y * y;
		ab += x * y;
	}
	return (float)((ab - a * b / PATHS) / sqrt((aa - a * a / PATHS) * (bb - b * b / PATHS)));
}

static void marginals_of_many_paths_are_the_quantiles(void **state)
{
	(void)state;
	history(0.95f, 0.8f);
	paths_draw(7);
	for (int row = 0; row < TRAJECTORY_ROWS; row++)
		for (int h = 0; h < FORECAST_HORIZONS; h++)
			for (int q = 0; q < FORECAST_QUANTILES; q++) {
				float wanted = row < SLI ? forecast.demand[row][h][q] : forecast.sli[h][q];
				uint32_t below = 0;

				for (int i = 0; i < PATHS; i++)
					below += path[i][row][h] <= wanted;
				/* Four standard deviations of a share of 10,000. */
				assert_true(fabs((double)below / PATHS - (double)forecast_quantile[q]) <
					    4 * sqrt((double)forecast_quantile[q] * (1 - (double)forecast_quantile[q]) / PATHS) + 1e-3);
			}
}

static void what_went_together_goes_together(void **state)
{
	(void)state;
	history(0.95f, 0.9f);
	paths_draw(1);
	assert_true(correlation(RESOURCE_CPU, 0, RESOURCE_IO, 0) > 0.7f);
	assert_true(fabsf(correlation(RESOURCE_CPU, 0, RESOURCE_MEMORY, 0)) < 0.4f);
	/* Errors last: 1 and 2 s ahead are nearly one, 1 and 60 s are not. */
	assert_true(correlation(RESOURCE_CPU, 0, RESOURCE_CPU, 1) > 0.8f);
	assert_true(correlation(RESOURCE_CPU, 0, RESOURCE_CPU, 5) < 0.4f);
	history(0, -0.9f);
	paths_draw(1);
	assert_true(correlation(RESOURCE_CPU, 2, RESOURCE_IO, 2) < -0.7f);
	assert_true(fabsf(correlation(RESOURCE_CPU, 0, RESOURCE_CPU, 1)) < 0.25f);
}

static void without_history_paths_wander_and_resources_are_strangers(void **state)
{
	(void)state;
	memset(&trajectory, 0, sizeof(trajectory));
	forecast_make(NS_PER_SECOND);
	paths_draw(3);
	assert_true(fabsf(correlation(RESOURCE_CPU, 0, RESOURCE_CPU, 1) - sqrtf(0.5f)) < 0.08f);
	assert_true(fabsf(correlation(RESOURCE_CPU, 0, SLI, 0)) < 0.05f);
}

static void a_seed_gives_the_same_paths(void **state)
{
	static float before[PATHS][TRAJECTORY_ROWS][FORECAST_HORIZONS];

	(void)state;
	history(0.9f, 0.5f);
	paths_draw(5);
	memcpy(before, path, sizeof(path));
	paths_draw(5);
	assert_memory_equal(before, path, sizeof(path));
	paths_draw(6);
	assert_memory_not_equal(before, path, sizeof(path));
}

static void seconds_that_are_missing_teach_nothing_wrong(void **state)
{
	static struct trajectory before;
	float came[TRAJECTORY_ROWS] = { 1, 1, 1, 1, 1 };

	(void)state;
	history(0.9f, 0.5f);
	before = trajectory;
	/* Ten seconds later: what came then is the outcome of none of the forecasts that a row of seconds would point to. */
	forecast_make(3610 * NS_PER_SECOND);
	trajectory_push(&trajectory, &forecast, came);
	assert_memory_equal(before.across, trajectory.across, sizeof(before.across));
	assert_memory_equal(before.along, trajectory.along, sizeof(before.along));
}

static void a_forecast_without_width_has_paths_without_width(void **state)
{
	(void)state;
	history(0.9f, 0.5f);
	for (int h = 0; h < FORECAST_HORIZONS; h++)
		for (int q = 0; q < FORECAST_QUANTILES; q++)
			forecast.demand[RESOURCE_MEMORY][h][q] = 5;
	paths_draw(2);
	for (int i = 0; i < PATHS; i++)
		assert_float_equal(path[i][RESOURCE_MEMORY][3], 5, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(marginals_of_many_paths_are_the_quantiles),
		cmocka_unit_test(what_went_together_goes_together),
		cmocka_unit_test(without_history_paths_wander_and_resources_are_strangers),
		cmocka_unit_test(a_seed_gives_the_same_paths),
		cmocka_unit_test(seconds_that_are_missing_teach_nothing_wrong),
		cmocka_unit_test(a_forecast_without_width_has_paths_without_width),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
