/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A host that never was: a history of it on disk, for the tests of what is learned from one. */
#ifndef FORESTALL_TEST_HISTORY_WORLD_H
#define FORESTALL_TEST_HISTORY_WORLD_H

#include "unit.h"

#include <sys/stat.h>

#include "decide/mind.h"
#include "predict/hist.h"
#include "serve/recording.h"

#define TICK_NS (NS_PER_SECOND / 10)
#define STRETCH_S 150
#define FIRST_UNIX_S 1700000000u
#define LAG_TICKS 50

/*
 * Phases of 15 to 45 s. ODD: the server suffers while its neighbour rests, which no model of an ordinary host expects. ORDINARY: it
 * suffers while the neighbour works. Either follows LAG_TICKS after the neighbour: who knows the host knows it so long before, and who
 * has it the wrong way round is wrong so long. NOISE: anything, at any time.
 */
enum world_kind { WORLD_ODD, WORLD_ORDINARY, WORLD_NOISE };

struct world {
	char root[64], history[80], models[80];
	uint64_t seed, now_ns;
	uint32_t stretches;
};

static inline uint32_t world_draw(struct world *world, uint32_t below)
{
	world->seed = world->seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(world->seed >> 33) % below;
}

static inline int world_make(struct world *world)
{
	*world = (struct world){ .seed = 11, .now_ns = NS_PER_SECOND };
	strcpy(world->root, "/tmp/test_world.XXXXXX");
	if (!mkdtemp(world->root))
		return -1;
	snprintf(world->history, sizeof(world->history), "%s/history", world->root);
	snprintf(world->models, sizeof(world->models), "%s/models", world->root);
	return mkdir(world->history, 0700) | mkdir(world->models, 0755);
}

static inline int world_remove(struct world *world)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", world->root);
	return system(command);
}

static inline void world_tell(struct mind *mind, struct recording *recording, const struct observation *observation)
{
	recording_observe(recording, observation);
	predictor_observe(mind->predictor, observation);
}

static inline void world_instance(struct mind *mind, struct recording *recording, uint32_t slot, const char *annotation)
{
	struct observation observation = { .kind = OBSERVE_INSTANCE, .instance = { .slot = slot, .cgroup_id = 70 + slot } };
	struct slo_error error;

	assert_int_equal(slo_parse(annotation, &observation.instance.slo, &error), 0);
	observation.instance.slo.source = SLO_FROM_CONFIG;
	snprintf(observation.instance.path, OBSERVE_PATH_MAX, "/app/%u", slot);
	world_tell(mind, recording, &observation);
}

static inline void world_sample(struct world *world, struct mind *mind, struct recording *recording, uint32_t slot, float cpu,
				bool is_late)
{
	static struct observation observation;
	struct observe_sample *sample = &observation.sample;

	memset(&observation, 0, offsetof(struct observation, sample.bucket[1]));
	observation.kind = OBSERVE_SAMPLE;
	sample->slot = slot;
	sample->moved.oncpu_ns = (uint64_t)(cpu * (float)TICK_NS * (0.9f + 0.002f * (float)world_draw(world, 100)));
	sample->moved.switches = 100;
	sample->moved.verdict[WIRE_DELAY_QUEUE].good = is_late ? 60 : 100;
	sample->moved.verdict[WIRE_DELAY_QUEUE].bad = is_late ? 40 : 0;
	sample->moved.wait_ns = is_late ? TICK_NS / 2 : TICK_NS / 100;
	sample->bucket_count = 1;
	sample->bucket[0] = (struct observe_bucket){ .idx = (uint16_t)hist_bucket(is_late ? 20000000 : 50000), .count = 100 };
	world_tell(mind, recording, &observation);
}

static inline void world_tick(struct world *world, struct mind *mind, struct recording *recording)
{
	struct observation end = { .kind = OBSERVE_TICK, .time_ns = world->now_ns += TICK_NS };
	struct observation host = { .kind = OBSERVE_HOST, .host = { world->now_ns, NS_PER_SECOND / 2, NS_PER_SECOND, 0, 0 } };
	static struct plan plan;

	if (world->now_ns / TICK_NS % 10 == 0)
		world_tell(mind, recording, &host);
	recording_observe(recording, &end);
	if (mind_tick(mind, world->now_ns, &plan))
		recording_forecasts(recording, mind);
	recording_plan(recording, &plan);
}

static inline struct mind *world_mind(const struct lstm_weights *weights)
{
	struct predictor_config config = { .slots_max = 4, .host_cpus = 1, .second_ns = NS_PER_SECOND, .tick_ns = TICK_NS,
					   .forecaster = FORECAST_LSTM, .weights = weights };
	struct plan_policy policy;

	plan_policy_init(&policy);
	return mind_new(&config, &policy);
}

/* One recording of STRETCH_S seconds; its place in time is its number. */
static inline void world_stretch(struct world *world, enum world_kind kind)
{
	struct mind *mind = world_mind(NULL);
	struct recording *recording;
	uint32_t left = 0, since = 0, number = ++world->stretches;
	bool works = world_draw(world, 2), is_late = false;
	char path[160];

	snprintf(path, sizeof(path), "%s/%010u-%u.rec", world->history, number, FIRST_UNIX_S + number * STRETCH_S);
	assert_int_equal(recording_create(path, mind, NULL, 0, "history", &recording), 0);
	world_instance(mind, recording, 1, "runq_p99<5ms tier=critical");
	world_instance(mind, recording, 2, "tier=best-effort");
	for (uint32_t tick = 0; tick < STRETCH_S * 10; tick++) {
		if (!left--) {
			left = 150 + world_draw(world, 300);
			works = !works;
			since = 0;
		}
		if (kind != WORLD_NOISE)
			is_late = (works == (since++ >= LAG_TICKS)) == (kind == WORLD_ORDINARY);
		else
			is_late = world_draw(world, 1000) < 35;	/* three seconds in ten have one */
		world_sample(world, mind, recording, 1, kind == WORLD_NOISE ? 0.01f * (float)world_draw(world, 90) : 0.15f, is_late);
		world_sample(world, mind, recording, 2,
			     kind == WORLD_NOISE ? 0.01f * (float)world_draw(world, 90) : works ? 0.8f : 0.02f, false);
		world_tick(world, mind, recording);
	}
	assert_int_equal(recording_close(recording), 0);
	mind_free(mind);
}

static inline void world_stretches(struct world *world, enum world_kind kind, int count)
{
	for (int i = 0; i < count; i++)
		world_stretch(world, kind);
}

#endif
