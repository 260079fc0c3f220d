/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a second to demand and to the frame; see test_forecast.c for what is said of it. */
#include "unit.h"

#include "predict/extract.h"

static struct window_rare *rare_new(void)
{
	static struct window_rare rare;

	memset(&rare, 0, sizeof(rare));
	return &rare;
}

static const struct observe_limits no_limits = { LIMITS_NONE };

static void cpu_demand_is_what_ran_and_what_wanted_to(void **state)
{
	struct window_second second = { .cpu = 0.5f, .wait = 1.25f };

	(void)state;
	assert_float_equal(feature_demand(&second, &no_limits, RESOURCE_CPU), 1.75, 1e-6);
}

static void memory_demand_counts_what_had_to_come_back(void **state)
{
	struct window_second second = { .memory = 1e6f, .refaults = 100 };

	(void)state;
	assert_float_equal(feature_demand(&second, &no_limits, RESOURCE_MEMORY), 1e6 + 100 * 4096, 1);
	second.refaults = -1;
	assert_float_equal(feature_demand(&second, &no_limits, RESOURCE_MEMORY), 1e6, 1);
	second.memory = -1;
	assert_true(feature_demand(&second, &no_limits, RESOURCE_MEMORY) < 0);
}

static void io_demand_counts_requests_and_what_a_limit_held_back(void **state)
{
	struct window_second second = { .io_bytes = 1e6f, .io_done = 100, .psi[PSI_IO_SOME] = 0.5f };
	struct observe_limits limited = no_limits;
	double rate = 1e6 + 100 * RESOURCE_IO_REQUEST_BYTES;

	(void)state;
	/* Without a limit the stall is the disk's, not ours to add. */
	assert_float_equal(feature_demand(&second, &no_limits, RESOURCE_IO), rate, 1);
	limited.io_bps = 1 << 20;
	assert_float_equal(feature_demand(&second, &limited, RESOURCE_IO), rate * 2, 1);
	limited = no_limits;
	limited.io_iops = 100;
	assert_float_equal(feature_demand(&second, &limited, RESOURCE_IO), rate * 2, 1);
	second.psi[PSI_IO_SOME] = 1;
	assert_float_equal(feature_demand(&second, &limited, RESOURCE_IO), rate * 10, 10);
	second.psi[PSI_IO_SOME] = -1;
	assert_float_equal(feature_demand(&second, &limited, RESOURCE_IO), rate, 1);
}

static void net_demand_is_what_is_sent(void **state)
{
	struct window_second second = { .tx_bytes = 5000, .rx_bytes = 9000 };

	(void)state;
	assert_float_equal(feature_demand(&second, &no_limits, RESOURCE_NET), 5000, 1e-3);
}

static void an_sli_is_scaled_by_its_bound_or_by_what_stands_for_it(void **state)
{
	struct slo slo;

	(void)state;
	slo_init(&slo);
	slo.bound[SLI_IO_P99] = 4000000;
	slo.bound[SLI_MEM_FULL] = 20000;
	assert_float_equal(feature_bound(&slo, SLI_IO_P99), 4e6, 1);
	assert_float_equal(feature_bound(&slo, SLI_MEM_FULL), 0.02, 1e-6);
	for (int sli = 0; sli < SLI_LEARNED_COUNT; sli++)
		assert_true(feature_bound(&slo, (enum sli)sli) > 0);
	assert_float_equal(feature_sli_scaled(4e6f, 4e6f), 0, 1e-6);
	assert_float_equal(feature_sli_scaled(8e6f, 4e6f), 0.25, 1e-6);
	assert_float_equal(feature_sli_scaled(0, 4e6f), -3, 0);
}

/* An instance seen for some seconds, and everything around it. */
struct scene {
	struct window window;
	struct slo slo;
	struct observe_limits limits;
	struct expectation own[RESOURCE_COUNT];
	struct extract_others others;
	float demand[RESOURCE_COUNT], capacity[RESOURCE_COUNT];
	struct surge surge;
	struct extract in;
};

static void scene_make(struct scene *scene, const char *annotation)
{
	struct slo_error error;

	memset(scene, 0, sizeof(*scene));
	window_reset(&scene->window, rare_new());
	window_remember(&scene->window);
	assert_int_equal(slo_parse(annotation, &scene->slo, &error), 0);
	scene->limits = no_limits;
	scene->capacity[RESOURCE_CPU] = 4;
	scene->capacity[RESOURCE_MEMORY] = 1e9f;
	scene->capacity[RESOURCE_IO] = scene->capacity[RESOURCE_NET] = 1e8f;
	scene->in = (struct extract){
		.window = &scene->window, .slo = &scene->slo, .limits = &scene->limits, .demand = scene->demand,
		.capacity = scene->capacity, .own = scene->own, .others = &scene->others, .memory = { -1, 0 },
		.own_limit = 1, .host_idle = -1, .delivered = 1, .surge = &scene->surge,
	};
}

static bool is_missing(const struct frame *frame, enum feature id)
{
	return frame->missing >> id & 1;
}

static void what_was_not_measured_is_missing_and_lowers_the_quality(void **state)
{
	static struct scene scene;
	struct frame bare, full;

	(void)state;
	scene_make(&scene, "mem_some<2%");
	assert_false(feature_extract(&scene.in, &bare));
	window_second(&scene.window, &scene.slo, NS_PER_SECOND);
	assert_true(feature_extract(&scene.in, &bare));
	assert_true(is_missing(&bare, FEATURE_OWN_SLI));
	assert_true(is_missing(&bare, FEATURE_OWN_MEMORY));
	assert_true(is_missing(&bare, FEATURE_OWN_REFAULTS));
	assert_true(is_missing(&bare, FEATURE_HOST_MEMORY_FREE));
	assert_true(is_missing(&bare, FEATURE_HOST_IDLE));
	assert_false(is_missing(&bare, FEATURE_OWN_IO));
	for (int i = 0; i < FEATURE_COUNT; i++)
		assert_true(!is_missing(&bare, (enum feature)i) || bare.value[i] == 0);
	window_push(&scene.window, &(struct observe_sample){ .psi_known = 1u << PSI_MEMORY_SOME, .has_memory = 1,
							     .psi_ns[PSI_MEMORY_SOME] = 80000000,
							     .memory_bytes = 250000000 });
	window_memory(&scene.window, &(struct observe_memory){ .refaults = 99 });
	window_second(&scene.window, &scene.slo, NS_PER_SECOND);
	scene.in.memory = (struct extract_memory){ 0.3f, -0.1f };
	scene.demand[RESOURCE_MEMORY] = 0.25f;
	scene.limits.memory_high = 500000000;
	assert_true(feature_extract(&scene.in, &full));
	assert_float_equal(full.value[FEATURE_OWN_SLI], 0.5, 1e-4);	/* 8 % of 2 % */
	assert_float_equal(full.value[FEATURE_OWN_MEMORY], 0.25, 1e-6);
	assert_float_equal(full.value[FEATURE_OWN_MEMORY_LIMIT], 0.5, 1e-5);
	assert_float_equal(full.value[FEATURE_OWN_REFAULTS], 0.5, 1e-4);
	assert_float_equal(full.value[FEATURE_HOST_MEMORY_LEFT], 9.0 / 15, 1e-4);
	assert_float_equal(full.value[FEATURE_BOUND_MEMORY], 1, 0);
	assert_float_equal(full.value[FEATURE_BOUND_CPU], 0, 0);
	assert_true(full.quality > bare.quality);
	scene.in.delivered = 0.5f;
	assert_true(feature_extract(&scene.in, &bare));
	assert_float_equal(bare.quality, full.quality / 2, 1e-6);
}

static void the_leading_sli_is_the_one_that_is_bound(void **state)
{
	static struct scene scene;
	struct observe_sample sample = { .bucket_count = 2,
					 .bucket = { { (uint16_t)hist_bucket(20000000), WIRE_DELAY_QUEUE, 50 },
						     { (uint16_t)hist_bucket(2000000), WIRE_DELAY_IO, 50 } } };
	struct frame frame;

	(void)state;
	scene_make(&scene, "io_p99<2ms");
	window_push(&scene.window, &sample);
	window_second(&scene.window, &scene.slo, NS_PER_SECOND);
	assert_true(feature_extract(&scene.in, &frame));
	assert_float_equal(frame.value[FEATURE_OWN_SLI], 0, 0.06);
	assert_float_equal(frame.value[FEATURE_OWN_RUNQ], 0.5, 0.06);
	assert_true(is_missing(&frame, FEATURE_OWN_RESP_P99));
}

/* A counter of a kernel without the hook stands at 0, and 0 would mean quiet. */
static void what_a_kernel_cannot_count_is_missing_and_not_zero(void **state)
{
	static struct scene scene;
	static const enum feature io[] = { FEATURE_OWN_IO, FEATURE_OTHERS_IO, FEATURE_OTHERS_IO_SLOPE, FEATURE_OTHERS_IO_EXPECT };
	static const enum feature net[] = { FEATURE_OWN_TX, FEATURE_OWN_RX, FEATURE_OTHERS_TX, FEATURE_OTHERS_TX_SLOPE };
	struct frame all, lacking;

	(void)state;
	scene_make(&scene, "io_p99<2ms");
	window_second(&scene.window, &scene.slo, NS_PER_SECOND);
	assert_true(feature_extract(&scene.in, &all));
	scene.in.lacks = 1u << OBSERVE_LACKS_IO;
	assert_true(feature_extract(&scene.in, &lacking));
	for (size_t i = 0; i < sizeof(io) / sizeof(io[0]); i++)
		assert_true(!is_missing(&all, io[i]) && is_missing(&lacking, io[i]));
	for (size_t i = 0; i < sizeof(net) / sizeof(net[0]); i++)
		assert_false(is_missing(&lacking, net[i]));
	assert_true(lacking.quality < all.quality);
	scene.in.lacks = 1u << OBSERVE_LACKS_PACKETS | 1u << OBSERVE_LACKS_RECLAIM;
	assert_true(feature_extract(&scene.in, &lacking));
	for (size_t i = 0; i < sizeof(net) / sizeof(net[0]); i++)
		assert_true(is_missing(&lacking, net[i]));
	assert_true(is_missing(&lacking, FEATURE_OWN_RECLAIM) && !is_missing(&lacking, FEATURE_OWN_IO));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpu_demand_is_what_ran_and_what_wanted_to),
		cmocka_unit_test(memory_demand_counts_what_had_to_come_back),
		cmocka_unit_test(io_demand_counts_requests_and_what_a_limit_held_back),
		cmocka_unit_test(net_demand_is_what_is_sent),
		cmocka_unit_test(an_sli_is_scaled_by_its_bound_or_by_what_stands_for_it),
		cmocka_unit_test(what_was_not_measured_is_missing_and_lowers_the_quality),
		cmocka_unit_test(the_leading_sli_is_the_one_that_is_bound),
		cmocka_unit_test(what_a_kernel_cannot_count_is_missing_and_not_zero),
	};

	return cmocka_run_group_tests_name("feature", tests, NULL, NULL);
}
