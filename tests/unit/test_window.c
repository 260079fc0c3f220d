/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include "predict/hist.h"
#include "predict/window.h"

static struct window_rare *rare_new(void)
{
	static struct window_rare rare;

	memset(&rare, 0, sizeof(rare));
	return &rare;
}

static void every_value_falls_between_the_floors_of_its_bucket(void **state)
{
	(void)state;
	for (uint64_t ns = 1; ns < (1ull << 36); ns += ns / 7 + 1) {
		uint32_t bucket = hist_bucket(ns);

		assert_true(bucket < WIRE_HIST_COUNT);
		assert_true(hist_bucket_floor(bucket) <= ns);
		if (bucket + 1 < WIRE_HIST_COUNT)
			assert_true(ns < hist_bucket_floor(bucket + 1));
	}
}

static void quantile_is_within_one_sub_bucket(void **state)
{
	struct hist hist;

	(void)state;
	hist_reset(&hist);
	for (uint64_t us = 1; us <= 10000; us++)
		hist_add(&hist, hist_bucket(us * 1000), 1);
	for (double q = 0.1; q < 1; q += 0.1) {
		double truth = q * 1e7, said = (double)hist_quantile(&hist, q);

		assert_true(said > truth / 1.125 && said < truth * 1.125);
	}
	hist_reset(&hist);
	assert_int_equal(hist_quantile(&hist, 0.99), 0);
}

static void what_is_spread_stays_in_its_octave_and_whole(void **state)
{
	(void)state;
	for (uint32_t octave = 0; octave < WIRE_OCTAVES; octave++)
		for (uint32_t count = 1; count < 20; count++) {
			uint64_t low_ns = octave ? 512ull << octave : 0, high_ns = octave < WIRE_OCTAVES - 1 ? (1024ull << octave) - 1 : low_ns;
			uint32_t spread[HIST_SUB_COUNT], first = hist_spread(octave, count, spread);
			uint32_t to[WIRE_HIST_COUNT + HIST_SUB_COUNT] = { 0 }, sum = 0, most = 0, least = UINT32_MAX;

			memcpy(&to[first], spread, sizeof(spread));
			for (uint32_t i = hist_bucket(low_ns); i <= hist_bucket(high_ns); i++) {
				sum += to[i];
				most = to[i] > most ? to[i] : most;
				least = to[i] < least ? to[i] : least;
			}
			assert_int_equal(sum, count);
			assert_true(most - least <= 1);
			if (count == 1)
				assert_int_equal(to[(hist_bucket(low_ns) + hist_bucket(high_ns)) / 2], 1);
		}
}

#define TICK_NS 100000000ull

static struct observe_sample sample_of(enum wire_delay delay, uint64_t ns, uint32_t count, uint64_t good, uint64_t bad)
{
	struct observe_sample sample = { .slot = 1 };

	sample.moved.verdict[delay] = (struct wire_verdict){ good, bad };
	sample.bucket_count = count ? 1 : 0;
	sample.bucket[0] = (struct observe_bucket){ (uint16_t)hist_bucket(ns), (uint16_t)delay, count };
	return sample;
}

static struct slo slo_of(const char *text)
{
	struct slo_error error;
	struct slo slo;

	if (slo_parse(text, &slo, &error))
		fail_msg("'%s': %s", text, error.reason);
	return slo;
}

static void second_says_what_moved_in_it(void **state)
{
	static struct window window;
	struct observe_sample sample = { .slot = 1, .has_memory = 1, .memory_bytes = 64 << 20 };
	struct slo slo = slo_of("runq_p99<5ms");
	const struct window_second *second;

	(void)state;
	window_reset(&window, rare_new());
	window_remember(&window);
	sample.moved = (struct wire_counters){
		.oncpu_ns = 1000000000, .wait_ns = 500000000, .switches = 200, .execs = 4, .major_faults = 6,
		.reclaim_ns = 20000000, .io_done = 10, .io_read_bytes = 3000, .io_write_bytes = 1000, .rx_bytes = 800,
		.tx_bytes = 600, .rtt_ns = 9000000, .rtt_samples = 3,
	};
	window_push(&window, &sample);
	window_memory(&window, &(struct observe_memory){ .refaults = 50 });
	window_second(&window, &slo, 2 * NS_PER_SECOND);
	second = window_at(&window, 0);
	assert_non_null(second);
	assert_float_equal(second->cpu, 0.5, 1e-6);
	assert_float_equal(second->wait, 0.25, 1e-6);
	assert_float_equal(second->switches, 100, 1e-4);
	assert_float_equal(second->execs, 2, 1e-6);
	assert_float_equal(second->major_faults, 3, 1e-6);
	assert_float_equal(second->reclaim, 0.01, 1e-6);
	assert_float_equal(second->refaults, 25, 1e-4);
	assert_float_equal(second->memory, 67108864, 1);
	assert_float_equal(second->io_bytes, 2000, 1e-3);
	assert_float_equal(second->io_done, 5, 1e-6);
	assert_float_equal(second->rx_bytes, 400, 1e-4);
	assert_float_equal(second->tx_bytes, 300, 1e-4);
	assert_float_equal(second->rtt_ns, 3e6, 1);
	assert_null(window_at(&window, 1));
}

static void three_delays_are_kept_apart(void **state)
{
	static const enum sli slis[WIRE_DELAY_COUNT] = { SLI_RUNQ_P99, SLI_IO_P99, SLI_RESP_P99 };
	struct slo slo = slo_of("runq_p99<1ms io_p99<1ms resp_p99<1ms");

	(void)state;
	for (int delay = 0; delay < WIRE_DELAY_COUNT; delay++) {
		static struct window window;
		struct observe_sample sample = sample_of((enum wire_delay)delay, 3000000, 100, 75, 25);
		const struct window_second *second;

		window_reset(&window, rare_new());
		window_remember(&window);
		window_push(&window, &sample);
		window_second(&window, &slo, NS_PER_SECOND);
		second = window_at(&window, 0);
		for (int i = 0; i < WIRE_DELAY_COUNT; i++) {
			if (i != delay) {
				assert_true(second->sli[slis[i]] < 0);
				assert_true(window.judged.bad[slis[i]] < 0);
				continue;
			}
			assert_true(second->sli[slis[i]] > 2.6e6f && second->sli[slis[i]] < 3.4e6f);
			assert_float_equal(window.judged.bad[slis[i]], 0.25, 1e-6);
		}
		assert_true((second->p50_ns > 0) == (delay == WIRE_DELAY_QUEUE));
	}
}

static void pressure_is_a_share_of_the_second_and_over_its_bound_or_not(void **state)
{
	static struct window window;
	struct observe_sample sample = { .psi_known = 1u << PSI_CPU_SOME | 1u << PSI_MEMORY_FULL | 1u << PSI_IO_SOME,
					 .psi_ns = { [PSI_CPU_SOME] = 100000000, [PSI_MEMORY_FULL] = 20000000 } };
	struct slo slo = slo_of("cpu_some<20% mem_full<1%");
	const struct window_second *second;

	(void)state;
	window_reset(&window, rare_new());
	window_remember(&window);
	window_push(&window, &sample);
	window_second(&window, &slo, NS_PER_SECOND);
	second = window_at(&window, 0);
	assert_float_equal(second->psi[PSI_CPU_SOME], 0.1, 1e-6);
	assert_float_equal(second->psi[PSI_IO_SOME], 0, 0);
	assert_true(second->psi[PSI_MEMORY_SOME] < 0);
	assert_true(second->psi[PSI_IO_FULL] < 0);
	assert_float_equal(second->sli[SLI_CPU_SOME], 0.1, 1e-6);
	assert_float_equal(second->sli[SLI_MEM_FULL], 0.02, 1e-6);
	assert_true(second->sli[SLI_MEM_SOME] < 0);
	assert_float_equal(window.judged.bad[SLI_CPU_SOME], 0, 0);
	assert_float_equal(window.judged.bad[SLI_MEM_FULL], 1, 0);
	assert_true(window.judged.bad[SLI_MEM_SOME] < 0);
	/* The file is read a little after the second's end. */
	sample.psi_ns[PSI_CPU_SOME] = 1100000000;
	window_push(&window, &sample);
	window_second(&window, &slo, NS_PER_SECOND);
	assert_float_equal(window_at(&window, 0)->sli[SLI_CPU_SOME], 1, 0);
}

static void segments_sent_again_are_a_share_of_those_sent(void **state)
{
	static struct window window;
	struct observe_sample sample = { .moved = { .tx_segments = 100, .retransmits = 3 } };
	struct slo slo = slo_of("retrans<2%");

	(void)state;
	window_reset(&window, rare_new());
	window_remember(&window);
	window_push(&window, &sample);
	assert_float_equal(window_bad(&window, &slo, SLI_RETRANS, TICK_NS), 1, 0);
	window_second(&window, &slo, NS_PER_SECOND);
	assert_float_equal(window_at(&window, 0)->sli[SLI_RETRANS], 0.03, 1e-6);
	assert_float_equal(window.judged.bad[SLI_RETRANS], 1, 0);
	sample.moved = (struct wire_counters){ .tx_segments = HIST_P99_SAMPLES_MIN - 1, .retransmits = 3 };
	window_push(&window, &sample);
	window_second(&window, &slo, NS_PER_SECOND);
	assert_true(window_at(&window, 0)->sli[SLI_RETRANS] < 0);
}

static void few_samples_are_missing_not_zero(void **state)
{
	static struct window window;
	struct observe_sample sample = sample_of(WIRE_DELAY_QUEUE, 1000, HIST_P99_SAMPLES_MIN - 1, 0, 0);
	struct slo slo = slo_of("runq_p99<5ms");
	const struct window_second *second;

	(void)state;
	window_reset(&window, rare_new());
	window_remember(&window);
	window_push(&window, &sample);
	window_second(&window, &slo, NS_PER_SECOND);
	second = window_at(&window, 0);
	for (int sli = 0; sli < SLI_COUNT; sli++) {
		assert_true(second->sli[sli] < 0);
		assert_true(window.judged.bad[sli] < 0);
		assert_true(window.judged.worst_bad[sli] < 0);
	}
	for (int psi = 0; psi < PSI_COUNT; psi++)
		assert_true(second->psi[psi] < 0);
	assert_true(second->p50_ns < 0);
	assert_true(second->memory < 0);
	assert_true(second->refaults < 0);
	assert_true(second->rtt_ns < 0);
}

static void second_does_not_leak_into_the_next(void **state)
{
	static struct window window;
	struct observe_sample sample = sample_of(WIRE_DELAY_QUEUE, 40000, 50, 20, 30);
	struct slo slo = slo_of("runq_p99<5ms mem_some<1%");
	const struct window_second *second;

	(void)state;
	window_reset(&window, rare_new());
	window_remember(&window);
	sample.moved.oncpu_ns = 700000000;
	sample.psi_known = 1u << PSI_MEMORY_SOME;
	sample.psi_ns[PSI_MEMORY_SOME] = 50000000;
	sample.has_memory = 1;
	sample.memory_bytes = 4096;
	window_push(&window, &sample);
	window_memory(&window, &(struct observe_memory){ .refaults = 9 });
	window_tick(&window, &slo, TICK_NS);
	window_second(&window, &slo, NS_PER_SECOND);
	assert_float_equal(window.judged.worst_bad[SLI_RUNQ_P99], 0.6, 1e-6);
	window_second(&window, &slo, NS_PER_SECOND);
	second = window_at(&window, 0);
	assert_true(second->cpu == 0);
	assert_true(second->sli[SLI_RUNQ_P99] < 0);
	assert_true(window.judged.worst_bad[SLI_RUNQ_P99] < 0);
	assert_true(second->psi[PSI_MEMORY_SOME] < 0);
	assert_true(second->refaults < 0);
	/* What is charged stays charged while nobody says otherwise. */
	assert_float_equal(second->memory, 4096, 0);
	assert_true(window_at(&window, 1)->cpu > 0.69f);
}

static void a_reflex_forgets_ticks_that_are_over(void **state)
{
	static struct window window;
	struct observe_sample bad = sample_of(WIRE_DELAY_IO, 1, 0, 0, 30), good = sample_of(WIRE_DELAY_IO, 1, 0, 30, 0);
	struct observe_sample few = sample_of(WIRE_DELAY_IO, 1, 0, WINDOW_REFLEX_SAMPLES - WINDOW_BAD_MIN, WINDOW_BAD_MIN - 1);
	struct observe_sample late = sample_of(WIRE_DELAY_IO, 1, 0, 0, 1);
	struct slo slo = slo_of("io_p99<5ms");

	(void)state;
	window_reset(&window, rare_new());
	window_remember(&window);
	assert_true(window_bad(&window, &slo, SLI_IO_P99, TICK_NS) < 0);
	window_push(&window, &bad);
	assert_float_equal(window_bad(&window, &slo, SLI_IO_P99, TICK_NS), 1, 0);
	assert_true(window_bad(&window, &slo, SLI_RESP_P99, TICK_NS) < 0);
	window_tick(&window, &slo, TICK_NS);
	window_push(&window, &good);
	assert_float_equal(window_bad(&window, &slo, SLI_IO_P99, TICK_NS), 0.5, 1e-6);
	window_tick(&window, &slo, TICK_NS);
	assert_float_equal(window_bad(&window, &slo, SLI_IO_P99, TICK_NS), 0, 0);
	window_tick(&window, &slo, TICK_NS);
	assert_true(window_bad(&window, &slo, SLI_IO_P99, TICK_NS) < 0);
	window_push(&window, &few);
	assert_true(window_bad(&window, &slo, SLI_IO_P99, TICK_NS) < 0);
	/* Who answers seldom and late is heard. */
	window_tick(&window, &slo, TICK_NS);
	window_tick(&window, &slo, TICK_NS);
	for (int i = 0; i < WINDOW_BAD_MIN; i++) {
		assert_true(window_bad(&window, &slo, SLI_IO_P99, TICK_NS) < 0);
		window_push(&window, &late);
	}
	assert_float_equal(window_bad(&window, &slo, SLI_IO_P99, TICK_NS), 1, 0);
}

static void pressure_is_judged_by_the_time_of_the_ticks(void **state)
{
	static struct window window;
	struct observe_sample stalled = { .psi_known = 1u << PSI_MEMORY_SOME, .psi_ns = { [PSI_MEMORY_SOME] = 3000000 } };
	struct observe_sample calm = { .psi_known = 1u << PSI_MEMORY_SOME };
	struct slo slo = slo_of("mem_some<2%"), unbound = slo_of("tier=critical");

	(void)state;
	window_reset(&window, rare_new());
	window_remember(&window);
	/* 3 ms of one tick of 100 ms are 3 %; of two they are 1.5 %. */
	window_push(&window, &stalled);
	assert_float_equal(window_bad(&window, &slo, SLI_MEM_SOME, TICK_NS), 1, 0);
	assert_true(window_bad(&window, &unbound, SLI_MEM_SOME, TICK_NS) < 0);
	window_tick(&window, &slo, TICK_NS);
	window_push(&window, &calm);
	assert_float_equal(window_bad(&window, &slo, SLI_MEM_SOME, TICK_NS), 0, 0);
	window_push(&window, &stalled);
	assert_float_equal(window_bad(&window, &slo, SLI_MEM_SOME, TICK_NS), 1, 0);
	window_tick(&window, &slo, TICK_NS);
	window_tick(&window, &slo, TICK_NS);
	assert_true(window_bad(&window, &slo, SLI_MEM_SOME, TICK_NS) < 0);
}

static void an_application_is_judged_by_what_it_says(void **state)
{
	struct slo slo = slo_of("app.ms<20 app.depth<5");
	static struct window window;
	struct observe_app timer = { .idx = 0, .kind = APP_TIMER, .good = 15, .bad = 5, .value = -1 };
	struct observe_app gauge = { .idx = 1, .kind = APP_GAUGE, .value = 8 };

	(void)state;
	window_reset(&window, rare_new());
	window_remember(&window);
	assert_float_equal(window_bad(&window, &slo, SLI_APP, TICK_NS), -1, 0);
	window_app(&window, &timer);
	window_app(&window, &gauge);
	assert_float_equal(window_bad(&window, &slo, SLI_APP, TICK_NS), 0.25, 1e-6);
	assert_float_equal(window_bad(&window, &slo, SLI_APP + 1, TICK_NS), 1, 0);
	window_tick(&window, &slo, TICK_NS);
	gauge.value = 4;
	window_app(&window, &gauge);
	assert_float_equal(window_bad(&window, &slo, SLI_APP + 1, TICK_NS), 0, 0);
	timer = (struct observe_app){ .idx = 0, .kind = APP_TIMER, .value = 21 };
	window_app(&window, &timer);
	window_second(&window, &slo, NS_PER_SECOND);
	assert_float_equal(window_at(&window, 0)->sli[SLI_APP], 21, 0);
	assert_float_equal(window.judged.bad[SLI_APP], 0.25, 1e-6);
	assert_float_equal(window_at(&window, 0)->sli[SLI_APP + 1], 4, 0);
	assert_float_equal(window.judged.worst_bad[SLI_APP + 1], 1, 0);
	window_second(&window, &slo, NS_PER_SECOND);
	assert_float_equal(window_at(&window, 0)->sli[SLI_APP], -1, 0);
	gauge.idx = SLO_APP_MAX;
	window_app(&window, &gauge);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_falls_between_the_floors_of_its_bucket),
		cmocka_unit_test(quantile_is_within_one_sub_bucket),
		cmocka_unit_test(what_is_spread_stays_in_its_octave_and_whole),
		cmocka_unit_test(second_says_what_moved_in_it),
		cmocka_unit_test(three_delays_are_kept_apart),
		cmocka_unit_test(pressure_is_a_share_of_the_second_and_over_its_bound_or_not),
		cmocka_unit_test(segments_sent_again_are_a_share_of_those_sent),
		cmocka_unit_test(few_samples_are_missing_not_zero),
		cmocka_unit_test(second_does_not_leak_into_the_next),
		cmocka_unit_test(a_reflex_forgets_ticks_that_are_over),
		cmocka_unit_test(pressure_is_judged_by_the_time_of_the_ticks),
		cmocka_unit_test(an_application_is_judged_by_what_it_says),
	};

	return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
