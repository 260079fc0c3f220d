/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A run recorded from its middle on, read back, replayed and damaged. */
#include <errno.h>
#include <unistd.h>
#include <zlib.h>

#include "unit.h"
#include "decide/balance.h"
#include "decide/policy.h"
#include "predict/hist.h"
#include "older_recording.h"
#include "serve/recording.h"
#include "serve/replay.h"

#define TICK_NS 100000000ull
#define KNEE 123e6f
#define SLOTS 8

/* What a live daemon is: a mind, and a recording that is told everything first. */
struct live {
	char path[32];
	struct mind *mind;
	struct recording *recording;
	struct plan plan;
	uint64_t now_ns, seed;
};

static void tell(struct live *live, const struct observation *observation)
{
	if (live->recording)
		recording_observe(live->recording, observation);
	predictor_observe(live->mind->predictor, observation);
}

static void instance_tell(struct live *live, uint32_t slot, const char *annotation)
{
	struct observation observation = { .kind = OBSERVE_INSTANCE, .instance = { .slot = slot, .cgroup_id = 70 + slot } };
	struct slo_error error;

	assert_int_equal(slo_parse(annotation, &observation.instance.slo, &error), 0);
	observation.instance.slo.source = SLO_FROM_CONFIG;
	snprintf(observation.instance.path, OBSERVE_PATH_MAX, "/a/%u", slot);
	tell(live, &observation);
	observation = (struct observation){ .kind = OBSERVE_LIMITS,
					    .limits = { .slot = slot, .weight = 100, .device = 254u << 20, .has = ~0u,
							LIMITS_NONE } };
	tell(live, &observation);
}

/* A unit that is gone before the recording begins, and comes back while it runs. */
static void restarted_tell(struct live *live, uint32_t slot, bool is_gone)
{
	struct observation observation = { .kind = is_gone ? OBSERVE_GONE : OBSERVE_INSTANCE };

	if (is_gone) {
		observation.gone = (struct observe_gone){ .slot = slot, .cgroup_id = 170 + slot };
	} else {
		observation.instance = (struct observe_instance){ .slot = slot, .cgroup_id = 170 + slot, .path = "/restarted" };
		slo_init(&observation.instance.slo);
		observation.instance.slo.bound[SLI_RUNQ_P99] = 1000000;
		observation.instance.slo.source = SLO_FROM_CONFIG;
	}
	tell(live, &observation);
}

/* Whom nobody annotated; somebody asks for it while the recording runs. */
static void stranger_tell(struct live *live, uint32_t slot, bool is_asked)
{
	struct observation observation = { .kind = is_asked ? OBSERVE_ASKED : OBSERVE_INSTANCE };

	if (is_asked) {
		observation.asked = (struct observe_asked){ .slot = slot, .cgroup_id = 270 + slot };
	} else {
		observation.instance = (struct observe_instance){ .slot = slot, .cgroup_id = 270 + slot, .path = "/stranger" };
		slo_init(&observation.instance.slo);
	}
	tell(live, &observation);
}

static uint64_t draw(struct live *live, uint64_t below)
{
	live->seed = live->seed * 6364136223846793005ull + 1442695040888963407ull;
	return (live->seed >> 33) % below;
}

static void sample_tell(struct live *live, uint32_t slot, uint32_t buckets)
{
	static struct observation observation;
	struct observe_sample *sample = &observation.sample;
	__u64 *counter = (__u64 *)&sample->moved;

	memset(&observation, 0, sizeof(observation));
	observation.kind = OBSERVE_SAMPLE;
	sample->slot = slot;
	for (size_t i = 0; i < sizeof(sample->moved) / sizeof(*counter); i++)
		counter[i] = draw(live, 20000000);
	sample->psi_known = (1u << PSI_COUNT) - 1;
	for (int i = 0; i < PSI_COUNT; i++)
		sample->psi_ns[i] = draw(live, TICK_NS);
	sample->has_memory = 1;
	sample->memory_bytes = draw(live, 100000000);
	sample->bucket_count = buckets;
	for (uint32_t i = 0; i < buckets; i++)
		sample->bucket[i] = (struct observe_bucket){ (uint16_t)(i % WIRE_HIST_COUNT),
							     (uint16_t)(i / WIRE_HIST_COUNT), 1 + (uint32_t)draw(live, 9) };
	tell(live, &observation);
}

static void host_tell(struct live *live)
{
	struct observation memory = { .kind = OBSERVE_MEMORY, .memory = { .slot = 1, .refaults = draw(live, 900) } };
	struct observation host = { .kind = OBSERVE_HOST, .host = { .time_ns = live->now_ns, .busy_ns = draw(live, 1000000000), .elapsed_ns = 1000000000, .cpus = 2 } };
	struct observation event = { .kind = OBSERVE_EVENT, .event = { 2, 12345, live->now_ns } };
	struct observation words = { .kind = OBSERVE_PROFILE,
				     .profile = { 1, RESOURCE_MEMORY, live->now_ns + 400 * NS_PER_SECOND,
						  { 2e6f, 4e7f, 4e7f }, { 4e6f, 6e7f, 6e7f }, { 9e6f, 9e7f, 9e7f }, 0 } };

	tell(live, &words);
	tell(live, &memory);
	tell(live, &host);
	tell(live, &event);
}

static void tick(struct live *live)
{
	struct observation end = { .kind = OBSERVE_TICK, .time_ns = live->now_ns += TICK_NS };
	struct observation free_memory = { .kind = OBSERVE_HOST_MEMORY,
					   .host_memory = { 200000000, draw(live, 200000000), 1000 } };
	bool is_second;

	for (uint32_t slot = 1; slot <= 3; slot++)
		sample_tell(live, slot, slot == 3 ? OBSERVE_BUCKETS_MAX : slot);
	tell(live, &free_memory);
	if (live->now_ns / TICK_NS % 10 == 0)
		host_tell(live);
	if (live->recording)
		recording_observe(live->recording, &end);
	is_second = mind_tick(live->mind, live->now_ns, &live->plan);
	if (!live->recording)
		return;
	if (is_second)
		recording_forecasts(live->recording, live->mind);
	recording_plan(live->recording, &live->plan);
}

/* As the daemon does. */
static void order_obey(struct live *live, enum canary_order_kind kind)
{
	struct canary_order order = { .kind = kind, .policy = POLICY_REACTIVE, .share = 0.5f, .block_ns = 10 * TICK_NS,
				      .max_ns = 1000 * TICK_NS };

	assert_int_equal(canary_order(&live->mind->canary, &live->mind->policy, &order, live->mind->tick_ns), 0);
	recording_order(live->recording, &order);
}

static void setting_obey(struct live *live, enum canary_order_kind kind)
{
	struct cohort_order order = { .kind = kind, .knob = KNOB_CPU_WEIGHT, .value = 77, .share = 0.5f, .block_ns = 10 * TICK_NS,
				      .max_ns = 1000 * TICK_NS, .glob = "/a/*" };

	assert_int_equal(cohort_order(&live->mind->cohort, &live->mind->policy, &order, live->mind->tick_ns), 0);
	recording_cohort(live->recording, &order);
}

/* 3 s unseen, then 6 s recorded. A policy and a setting are on canary from before, until they are taken back, and again. */
static int live_make(void **state)
{
	struct predictor_config config = { .slots_max = SLOTS, .host_cpus = 2, .second_ns = 10 * TICK_NS, .tick_ns = TICK_NS,
					   .forecaster = FORECAST_STATISTICAL };
	struct live *live = calloc(1, sizeof(*live));
	struct plan_policy policy;
	int fd;

	strcpy(live->path, "/tmp/test_recording.XXXXXX");
	fd = mkstemp(live->path);
	if (fd < 0)
		return -1;
	close(fd);
	plan_policy_init(&policy);
	live->mind = mind_new(&config, &policy);
	live->seed = 1;
	instance_tell(live, 1, "runq_p99<1ms mem_some<1% io_p99<1ms tier=critical memory=1M..80M concurrency=2");
	instance_tell(live, 2, "tier=best-effort kind=batch duration=5s");
	instance_tell(live, 3, "resp_p99<1ms retrans<1% tier=best-effort");
	restarted_tell(live, 5, false);
	stranger_tell(live, 7, false);
	for (int i = 0; i < 30; i++) {
		sample_tell(live, 5, 3);
		tick(live);
		if (i == 10)
			order_obey(live, CANARY_ORDER_START);
		if (i == 12)
			setting_obey(live, CANARY_ORDER_START);
	}
	restarted_tell(live, 5, true);
	live->mind->knee[RESOURCE_IO] = (struct knee){ .rate = KNEE, .is_found = true };
	if (recording_create(live->path, live->mind, NULL, 0, "test", &live->recording))
		return -1;
	for (int i = 0; i < 60; i++) {
		if (i == 20)
			restarted_tell(live, 6, false);
		if (i == 25)
			order_obey(live, CANARY_ORDER_BACK);
		if (i == 26)
			setting_obey(live, CANARY_ORDER_BACK);
		if (i == 30)
			setting_obey(live, CANARY_ORDER_START);
		if (i == 32)
			order_obey(live, CANARY_ORDER_START);
		if (i == 40)
			stranger_tell(live, 7, true);
		tick(live);
	}
	*state = live;
	return recording_close(live->recording);
}

static int live_free(void **state)
{
	struct live *live = *state;

	unlink(live->path);
	mind_free(live->mind);
	free(live);
	return 0;
}

/* Runs it to its end; what replay_next() said last. */
static int replayed(const char *path, bool is_retold, struct replay *ret)
{
	char error[REPLAY_ERROR_MAX];
	struct replay *replay;
	int r = replay_open(path, is_retold, &replay, error);

	if (r)
		return r;
	while ((r = replay_next(replay)) > REPLAY_END)
		;
	*ret = *replay;
	replay_close(replay);
	return r;
}

static void a_run_comes_out_bit_for_bit(void **state)
{
	const struct live *live = *state;
	struct replay replay;

	assert_int_equal(replayed(live->path, false, &replay), REPLAY_END);
	assert_int_equal(replay.ticks, 60);
	assert_int_equal(replay.forecasts, 3 * 6 + 4 + 2);
	assert_true(replay.plans > 0);
	assert_int_equal(replay.differing, 0);
	assert_true(live->mind->view[1].phase[RESOURCE_MEMORY].amount > 1e6f && live->mind->view[2].run_ns);
	assert_memory_equal(&replay.plan, &live->plan,
			    offsetof(struct plan, action) + live->plan.count * sizeof(live->plan.action[0]));
}

static void what_was_seen_is_retold_to_a_fresh_mind(void **state)
{
	const struct live *live = *state;
	struct replay replay;

	assert_int_equal(replayed(live->path, true, &replay), REPLAY_END);
	assert_int_equal(replay.ticks, 60);
	assert_int_equal(replay.differing, 0);
}

static void what_an_older_build_saw_is_retold(void **state)
{
	const struct live *live = *state;
	char older[sizeof(live->path) + 8], error[REPLAY_ERROR_MAX];
	struct replay replay, *open;

	snprintf(older, sizeof(older), "%s.older", live->path);
	make_older(live->path, older);
	assert_int_equal(replayed(older, false, &replay), -EPROTO);
	assert_int_equal(replay_open(older, true, &open, error), 0);
	while (replay_next(open) > REPLAY_END)
		;
	assert_int_equal(open->ticks, 60);
	/* One that was there before and one that came: by their whole names, with no word of their work. */
	for (int i = 1; i <= 6; i += 5) {
		struct observe_instance wanted = live->mind->predictor->instance[i].info;

		wanted.slo.concurrency = 0;
		assert_memory_equal(&open->mind->predictor->instance[i].info, &wanted, sizeof(wanted));
	}
	replay_close(open);
	unlink(older);
}

static void samples_are_cut_after_their_last_bucket(void **state)
{
	const struct live *live = *state;
	struct recording *recording;
	const void *payload;
	size_t bytes, seen[OBSERVE_KIND_COUNT] = { 0 };
	uint32_t kind;

	assert_int_equal(recording_open(live->path, RECORDING_VERSION, &recording), 0);
	while (recording_next(recording, &kind, &payload, &bytes) == 1) {
		const struct observe_sample *sample = payload;

		if (kind < OBSERVE_KIND_COUNT)
			seen[kind]++;
		if (kind != OBSERVE_SAMPLE)
			continue;
		assert_int_equal(sample->bucket_count, sample->slot == 3 ? OBSERVE_BUCKETS_MAX : sample->slot);
		assert_int_equal(bytes, offsetof(struct observe_sample, bucket) +
						sample->bucket_count * sizeof(struct observe_bucket));
	}
	recording_close(recording);
	assert_int_equal(seen[OBSERVE_SAMPLE], 3 * 60);
	assert_int_equal(seen[OBSERVE_HOST_MEMORY], 60);
	assert_int_equal(seen[OBSERVE_MEMORY], 6);
	assert_int_equal(seen[OBSERVE_HOST], 6);
	assert_int_equal(seen[OBSERVE_EVENT], 6);
	assert_int_equal(seen[OBSERVE_TICK], 60);
	assert_int_equal(seen[OBSERVE_ASKED], 1);
}

/* Writes the recording again with one byte changed: `at` bytes into the first block of that kind, or into the head. */
static void damage(const struct live *live, uint32_t kind, size_t at, uint8_t byte)
{
	static char raw[4 << 20];
	gzFile file = gzopen(live->path, "rb");
	size_t size = (size_t)gzread(file, raw, sizeof(raw)), block = strcspn(raw, "\n") + 1;
	uint32_t head[2];

	gzclose(file);
	for (memcpy(head, raw + block, sizeof(head)); kind && head[0] != kind; memcpy(head, raw + block, sizeof(head)))
		block += sizeof(head) + head[1];
	raw[(kind ? block + sizeof(head) : 0) + at] = (char)byte;
	file = gzopen(live->path, "wb");
	assert_int_equal(gzwrite(file, raw, (unsigned)size), size);
	gzclose(file);
}

static void what_hurt_before_is_remembered(void **state)
{
	const struct live *live = *state;
	char error[REPLAY_ERROR_MAX];
	struct replay *replay;

	assert_int_equal(replay_open(live->path, false, &replay, error), 0);
	assert_true(replay->mind->knee[RESOURCE_IO].is_found);
	assert_float_equal(replay->mind->knee[RESOURCE_IO].rate, KNEE, 0);
	replay_close(replay);
}

static void an_unknown_policy_is_damage(void **state)
{
	const struct live *live = *state;
	struct replay replay;

	damage(live, RECORDING_SETUP, offsetof(struct recording_setup, policy.policy) + 3, 1);
	assert_int_equal(replayed(live->path, false, &replay), -EPROTO);
}

static void another_version_is_refused_by_name(void **state)
{
	const struct live *live = *state;
	char error[REPLAY_ERROR_MAX] = "";
	struct replay *replay;

	damage(live, 0, strlen("forestall-recording "), '1');
	assert_int_equal(replay_open(live->path, true, &replay, error), -EPROTO);
	assert_non_null(strstr(error, "another build"));
	damage(live, 0, 0, 'x');
	assert_int_equal(replay_open(live->path, false, &replay, error), -EINVAL);
	assert_non_null(strstr(error, "not a forestall recording"));
}

static void another_layout_is_replayed_by_its_build_alone(void **state)
{
	const struct live *live = *state;
	struct replay replay;

	damage(live, RECORDING_SETUP, offsetof(struct recording_setup, made_bytes), 1);
	assert_int_equal(replayed(live->path, false, &replay), -EPROTO);
	assert_int_equal(replayed(live->path, true, &replay), REPLAY_END);
}

static void a_changed_byte_shows(void **state)
{
	const struct live *live = *state;
	struct replay replay;

	damage(live, OBSERVE_SAMPLE, offsetof(struct observe_sample, moved.oncpu_ns) + 2, 0xee);
	assert_int_equal(replayed(live->path, false, &replay), REPLAY_END);
	assert_true(replay.differing > 0);
}

static void a_bucket_that_is_none_is_damage(void **state)
{
	const struct live *live = *state;
	struct replay replay;

	damage(live, OBSERVE_SAMPLE, offsetof(struct observe_sample, bucket[0].delay), WIRE_DELAY_ALL);
	assert_int_equal(replayed(live->path, false, &replay), -EINVAL);
	damage(live, OBSERVE_SAMPLE, offsetof(struct observe_sample, bucket[0].delay), 0);
	damage(live, OBSERVE_SAMPLE, offsetof(struct observe_sample, bucket_count) + 2, 1);
	assert_int_equal(replayed(live->path, false, &replay), -EINVAL);
}

/* Numbers of the memory that would be used as an index. */
static void a_memory_that_points_elsewhere_is_damage(void **state)
{
	const struct live *live = *state;
	struct replay replay;

	damage(live, RECORDING_MIND, offsetof(struct recording_mind, ledger.decision[3].resource) + 1, 1);
	assert_int_equal(replayed(live->path, false, &replay), -EINVAL);
	damage(live, RECORDING_MIND, offsetof(struct recording_mind, ledger.decision[3].resource) + 1, 0);
	damage(live, RECORDING_MEMORY, offsetof(struct recording_memory, view.balance.step), BALANCE_STEPS + 1);
	assert_int_equal(replayed(live->path, false, &replay), -EINVAL);
	damage(live, RECORDING_MEMORY, offsetof(struct recording_memory, view.balance.step), 0);
	damage(live, RECORDING_MEMORY, offsetof(struct recording_memory, instance.info.slot) + 2, 1);
	assert_int_equal(replayed(live->path, false, &replay), -EINVAL);
	damage(live, RECORDING_MEMORY, offsetof(struct recording_memory, instance.info.slot) + 2, 0);
	damage(live, RECORDING_MEMORY, offsetof(struct recording_memory, instance.info.slo.tier) + 1, 1);
	assert_int_equal(replayed(live->path, false, &replay), -EINVAL);
	assert_int_equal(replayed(live->path, true, &replay), -EINVAL);
}

static void a_canary_that_never_was_is_damage(void **state)
{
	const struct live *live = *state;
	struct replay replay;

	damage(live, RECORDING_MIND, offsetof(struct recording_mind, canary.candidate) + 1, 1);
	assert_int_equal(replayed(live->path, false, &replay), -EINVAL);
	damage(live, RECORDING_MIND, offsetof(struct recording_mind, canary.candidate) + 1, 0);
	assert_int_equal(replayed(live->path, false, &replay), REPLAY_END);
	damage(live, RECORDING_MIND, offsetof(struct recording_mind, cohort.member[0].slot) + 2, 1);
	assert_int_equal(replayed(live->path, false, &replay), -EINVAL);
	damage(live, RECORDING_MIND, offsetof(struct recording_mind, cohort.member[0].slot) + 2, 0);
	damage(live, RECORDING_MIND, offsetof(struct recording_mind, canary.round_blocks), 1);
	assert_int_equal(replayed(live->path, false, &replay), -EINVAL);
}

/* Who rules is in each plan, and so is the setting that is tried; the lots are drawn again. */
static void what_is_on_canary_is_in_the_plans(void **state)
{
	const struct live *live = *state;
	uint32_t ruled[POLICY_COUNT] = { 0 }, kind, set = 0;
	struct recording *recording;
	const void *payload;
	size_t bytes;

	assert_int_equal(recording_open(live->path, RECORDING_VERSION, &recording), 0);
	while (recording_next(recording, &kind, &payload, &bytes) == 1)
		if (kind == RECORDING_PLAN) {
			const struct plan *plan = payload;

			ruled[plan->policy]++;
			for (uint32_t i = 0; i < plan->count; i++)
				set += plan->action[i].reason == REASON_CANARY && plan->action[i].value == 77;
		}
	recording_close(recording);
	assert_true(set > 5);
	assert_true(ruled[POLICY_FORESTALL] > 5 && ruled[POLICY_REACTIVE] > 5);
}

static void a_horizon_that_is_none_is_damage(void **state)
{
	const struct live *live = *state;
	struct replay replay;

	damage(live, RECORDING_SETUP, offsetof(struct recording_setup, policy.act_horizon), FORECAST_HORIZONS);
	assert_int_equal(replayed(live->path, false, &replay), -EPROTO);
}

#define LIVE(test) cmocka_unit_test_setup_teardown(test, live_make, live_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIVE(a_run_comes_out_bit_for_bit),
		LIVE(what_was_seen_is_retold_to_a_fresh_mind),
		LIVE(what_an_older_build_saw_is_retold),
		LIVE(samples_are_cut_after_their_last_bucket),
		LIVE(what_hurt_before_is_remembered),
		LIVE(an_unknown_policy_is_damage),
		LIVE(a_memory_that_points_elsewhere_is_damage),
		LIVE(a_canary_that_never_was_is_damage),
		LIVE(what_is_on_canary_is_in_the_plans),
		LIVE(a_horizon_that_is_none_is_damage),
		LIVE(another_version_is_refused_by_name),
		LIVE(another_layout_is_replayed_by_its_build_alone),
		LIVE(a_changed_byte_shows),
		LIVE(a_bucket_that_is_none_is_damage),
	};

	return cmocka_run_group_tests_name("recording", tests, NULL, NULL);
}
