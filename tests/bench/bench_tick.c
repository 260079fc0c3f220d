/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * N synthetic instances through one second of the pure path: ten ticks of samples, windows, frames, LSTM, forecasts and
 * plans; no kernel, no writes. Every instance is active, one in ten is annotated, or all are, or all are and have limits of their own.
 * Medians of interleaved rounds; last line JSON. Weights are random: the work does not depend on them.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "decide/mind.h"
#include "predict/explain.h"
#include "predict/trajectory.h"

#define ROUNDS 15
#define TICKS 10
static const struct shape {
	uint32_t count, annotated_every;
	bool is_limited;	/* the annotated have a cpu.max and a memory.max */
} shapes[] = { { 100, 10, false }, { 1000, 10, false }, { 10000, 10, false }, { 100, 1, false }, { 1000, 1, false }, { 100, 1, true }, { 1000, 1, true }, { 10000, 1, true } };
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static uint64_t state = 88172645463325252ull;

static uint32_t draw(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % below;
}

static void weights_draw(struct lstm_weights *weights)
{
	memset(weights, 0, sizeof(*weights));
	weights->config = (struct lstm_config){ FEATURE_COUNT, LSTM_HIDDEN_DEFAULT, OUTPUT_COUNT, OUTPUT_DIRECT };
	for (uint32_t i = 0; i < FEATURE_COUNT; i++) {
		weights->input_scale[i] = 1.0f / 64;
		weights->input_zero[i] = 128;
	}
	for (uint32_t row = 0; row < LSTM_GATES * LSTM_HIDDEN_DEFAULT; row++) {
		weights->gate_scale[row] = 1.0f / 256;
		for (uint32_t column = 0; column < FEATURE_COUNT + LSTM_HIDDEN_DEFAULT; column++)
			weights->gate[lstm_gate_index(&weights->config, row, column)] =
				(int8_t)((int)draw(2 * LSTM_WEIGHT_MAX + 1) - LSTM_WEIGHT_MAX);
	}
	for (uint32_t row = 0; row < OUTPUT_DIRECT; row++)
		weights->direct_scale[row] = 1.0f / 256;
	for (uint32_t row = 0; row < OUTPUT_COUNT; row++) {
		weights->head_scale[row] = 1.0f / 256;
		for (uint32_t column = 0; column < LSTM_HIDDEN_DEFAULT; column++)
			weights->head[lstm_head_index(&weights->config, row, column)] =
				(int8_t)((int)draw(2 * LSTM_WEIGHT_MAX + 1) - LSTM_WEIGHT_MAX);
	}
	if (lstm_weights_derive(weights))
		abort();
}

static void limits_set(struct mind *mind, uint32_t slot)
{
	struct observation observation = { .kind = OBSERVE_LIMITS };
	struct observe_limits *limits = &observation.limits;

	*limits = (struct observe_limits){ .slot = slot, .memory_low = 0, .memory_high = LIMIT_NONE, .memory_max = 200000000, .weight = 100,
					   .quota_us = 50000, .period_us = 100000, .io_bps = LIMIT_NONE, .io_iops = LIMIT_NONE };
	predictor_observe(mind->predictor, &observation);
}

static struct mind *mind_make(const struct shape *shape, const struct lstm_weights *weights)
{
	struct predictor_config config = { .slots_max = shape->count + 1, .host_cpus = 64, .second_ns = 1000000000ull,
					   .tick_ns = 100000000ull, .forecaster = FORECAST_LSTM, .weights = weights, .isa = lstm_isa_best() };
	struct plan_policy policy;
	struct mind *mind;

	plan_policy_init(&policy);
	mind = mind_new(&config, &policy);
	for (uint32_t slot = 1; mind && slot <= shape->count; slot++) {
		struct observation observation = { .kind = OBSERVE_INSTANCE };

		slo_init(&observation.instance.slo);
		observation.instance.slot = slot;
		observation.instance.cgroup_id = slot;
		snprintf(observation.instance.path, sizeof(observation.instance.path), "/bench/%u", slot);
		if (slot % shape->annotated_every == 0) {
			bool is_giver = slot / shape->annotated_every % 2;

			observation.instance.slo.source = SLO_FROM_TRUSTED_XATTR;
			observation.instance.slo.bound[SLI_RUNQ_P99] = is_giver ? 0 : 5000000;
			observation.instance.slo.tier = is_giver ? TIER_BEST_EFFORT : TIER_CRITICAL;
		}
		predictor_observe(mind->predictor, &observation);
		if (shape->is_limited && slot % shape->annotated_every == 0)
			limits_set(mind, slot);
	}
	return mind;
}

static void sample_draw(struct observation *observation, uint32_t slot)
{
	struct observe_sample *sample = &observation->sample;

	observation->kind = OBSERVE_SAMPLE;
	memset(sample, 0, offsetof(struct observe_sample, bucket));
	sample->slot = slot;
	sample->moved.oncpu_ns = draw(5000000);
	sample->moved.wait_ns = draw(1000000);
	sample->moved.switches = 20;
	sample->moved.io_done = draw(4);
	sample->moved.io_read_bytes = draw(65536);
	sample->moved.tx_bytes = draw(65536);
	sample->memory_bytes = draw(100000000);
	sample->has_memory = 1;
	sample->psi_known = (1u << PSI_COUNT) - 1;
	sample->moved.verdict[WIRE_DELAY_QUEUE].good = 19;
	sample->moved.verdict[WIRE_DELAY_QUEUE].bad = 1;
	sample->bucket_count = 6;
	for (uint32_t i = 0; i < 6; i++)
		sample->bucket[i] = (struct observe_bucket){ .idx = (uint16_t)(10 + 8 * i + draw(8)), .count = 4 };
}

static double round_us(struct mind *mind, uint32_t count, uint64_t *now_ns)
{
	static struct observation observation;
	static struct plan plan;
	struct timespec from, to;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int tick = 0; tick < TICKS; tick++) {
		for (uint32_t slot = 1; slot <= count; slot++) {
			sample_draw(&observation, slot);
			predictor_observe(mind->predictor, &observation);
		}
		*now_ns += 100000000ull;
		mind_tick(mind, *now_ns, &plan);
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	return ((double)(to.tv_sec - from.tv_sec) * 1e6 + (double)(to.tv_nsec - from.tv_nsec) / 1e3) / count;
}

static int ascending(const void *a, const void *b)
{
	return *(const double *)a < *(const double *)b ? -1 : *(const double *)a > *(const double *)b;
}

/* What is made for one instance on demand, and once a second for each annotated: microseconds, medians. */
struct aside {
	double explain, path, learn;
};

static double since_us(const struct timespec *from)
{
	struct timespec to;

	clock_gettime(CLOCK_MONOTONIC, &to);
	return (double)(to.tv_sec - from->tv_sec) * 1e6 + (double)(to.tv_nsec - from->tv_nsec) / 1e3;
}

static struct aside aside_measure(const struct lstm_weights *weights, const struct predictor_instance *instance)
{
	static struct explain_past past;
	static struct trajectory trajectory;
	static double us[3][ROUNDS];
	struct forecast forecast = instance->foresight->forecast;
	struct explanation explanation;

	for (int round = 0; round < 4 * ROUNDS; round++) {
		float came[TRAJECTORY_ROWS] = { 1, 1e8f, 1e5f, 1e5f, 1 }, path[TRAJECTORY_ROWS][FORECAST_HORIZONS];
		struct trajectory_draw draw_path;
		struct timespec from;

		clock_gettime(CLOCK_MONOTONIC, &from);
		forecast.time_ns += 1000000000ull;
		trajectory_push(&trajectory, &forecast, came);
		explain_push(&past, &instance->foresight->frame, &instance->foresight->lstm, forecast.time_ns);
		us[2][round % ROUNDS] = since_us(&from);
		clock_gettime(CLOCK_MONOTONIC, &from);
		explain_risk(&past, weights, lstm_isa_best(), SLI_RUNQ_P99, 1, &explanation);
		us[0][round % ROUNDS] = since_us(&from);
		clock_gettime(CLOCK_MONOTONIC, &from);
		trajectory_begin(&trajectory, &forecast, 1, &draw_path);
		trajectory_next(&draw_path, path);
		us[1][round % ROUNDS] = since_us(&from);
	}
	for (int i = 0; i < 3; i++)
		qsort(us[i], ROUNDS, sizeof(us[i][0]), ascending);
	return (struct aside){ us[0][ROUNDS / 2], us[1][ROUNDS / 2], us[2][ROUNDS / 2] };
}

#define LIST(name, format, value)                                                             \
	do {                                                                                  \
		for (size_t i = 0; i < SHAPES; i++)                                           \
			printf("%s" format, i ? "," : ",\"" name "\":[", value);             \
		printf("]");                                                                  \
	} while (0)

int main(void)
{
	static struct lstm_weights weights;
	static double us[SHAPES][ROUNDS];
	struct mind *mind[SHAPES];
	uint64_t now_ns[SHAPES];
	struct aside aside;

	weights_draw(&weights);
	for (size_t i = 0; i < SHAPES; i++) {
		now_ns[i] = 1000000000ull;
		mind[i] = mind_make(&shapes[i], &weights);
		if (!mind[i])
			return 1;
		round_us(mind[i], shapes[i].count, &now_ns[i]);
	}
	for (int round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < SHAPES; i++)
			us[i][round] = round_us(mind[i], shapes[i].count, &now_ns[i]);
	printf("one second (10 ticks, 1 forecast) per instance, isa %s, median of %d\n", lstm_isa_name(lstm_isa_best()), ROUNDS);
	for (size_t i = 0; i < SHAPES; i++) {
		qsort(us[i], ROUNDS, sizeof(us[i][0]), ascending);
		printf("%6u instances, %u annotated%s: %.3f us (min %.3f, max %.3f)\n", shapes[i].count, shapes[i].count / shapes[i].annotated_every,
		       shapes[i].is_limited ? ", with limits of their own" : "", us[i][ROUNDS / 2], us[i][0], us[i][ROUNDS - 1]);
	}
	aside = aside_measure(&weights, &mind[0]->predictor->instance[20]);
	printf("per annotated instance: %.1f us to explain a risk, %.1f us for a joint path, %.2f us a second to learn for both\n",
	       aside.explain, aside.path, aside.learn);
	printf("{\"bench\":\"tick\"");
	LIST("n", "%u", shapes[i].count);
	LIST("annotated", "%u", shapes[i].count / shapes[i].annotated_every);
	LIST("limited", "%d", shapes[i].is_limited);
	LIST("us_per_instance", "%.3f", us[i][ROUNDS / 2]);
	printf(",\"explain_us\":%.1f,\"path_us\":%.1f}\n", aside.explain, aside.path);
	for (size_t i = 0; i < SHAPES; i++)
		mind_free(mind[i]);
	return 0;
}
