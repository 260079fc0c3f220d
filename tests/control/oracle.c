/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The oracle arm of `make bench-control`: forestalld linked with a predictor that knows the future, because it reads the plan of
 * the loads from the file that FORESTALL_ORACLE names (meta.csv of tests/demo/README.md). All else is forestall's: reflex, posture,
 * limits, knobs. It knows when, not how much: from two seconds before a load begins until it ends, every bound is said to be violated for
 * certain and the load's instance to want all there is; else nothing is said to come. Made by wrapping predictor_tick, so no program
 * that is installed can do this.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "predict/predictor.h"

#define LOADS_MAX 256
#define EARLY_NS 2000000000ull
#define NS_PER_MS 1000000ull

struct load {
	char name[32];
	uint64_t from_ns, to_ns;
};

static struct {
	uint64_t epoch_ns;	/* 0: the file does not tell it yet */
	enum resource resource;
	bool is_own;		/* the load is the server's own */
	uint32_t count;
	struct load load[LOADS_MAX];
} future;

bool __real_predictor_tick(struct predictor *p, uint64_t now_ns);
bool __wrap_predictor_tick(struct predictor *p, uint64_t now_ns);

static void line_take(char *line)
{
	struct load *load = &future.load[future.count];
	uint64_t start_ms, length_ms;
	char word[32];

	if (sscanf(line, "segment,%31[^,],%" SCNu64 ",%" SCNu64, load->name, &start_ms, &length_ms) == 3) {
		load->from_ns = start_ms * NS_PER_MS;
		load->to_ns = (start_ms + length_ms) * NS_PER_MS;
		future.count += future.count < LOADS_MAX - 1;
	} else if (sscanf(line, "family,%31s", word) == 1) {
		future.is_own = !strcmp(word, "quota");
		for (int r = 0; r < RESOURCE_COUNT; r++)
			if (!strcmp(word, resource_name((enum resource)r)))
				future.resource = (enum resource)r;
	} else {
		sscanf(line, "epoch_ns,%" SCNu64, &future.epoch_ns);
	}
}

static void future_read(void)
{
	const char *path = getenv("FORESTALL_ORACLE");
	FILE *file = path ? fopen(path, "re") : NULL;
	char line[512];

	future.count = 0;
	while (file && fgets(line, sizeof(line), file))
		line_take(line);
	if (file)
		fclose(file);
}

static bool is_coming(const char *name, uint64_t now_ns)
{
	uint64_t since_ns = now_ns - future.epoch_ns;

	for (uint32_t i = 0; now_ns >= future.epoch_ns && i < future.count; i++)
		if ((!name || !strcmp(name, future.load[i].name)) && since_ns + EARLY_NS >= future.load[i].from_ns &&
		    since_ns < future.load[i].to_ns)
			return true;
	return false;
}

static void tell(struct predictor_instance *instance, uint64_t now_ns)
{
	const char *slash = strrchr(instance->info.path, '/');
	bool is_bound = slo_is_bound(&instance->info.slo);
	bool is_wanting = is_bound ? future.is_own && is_coming(NULL, now_ns) : slash && is_coming(slash + 1, now_ns);
	struct forecast *forecast = &instance->foresight->forecast;

	for (int i = 0; i < EXPECT_SPANS; i++) {
		instance->expect[future.resource].demand[i] = is_wanting;
		instance->expect[future.resource].confidence[i] = is_wanting;
	}
	if (!is_bound)
		return;
	for (int sli = 0; sli < SLI_COUNT; sli++)
		for (int h = 0; h < FORECAST_HORIZONS; h++)
			forecast->risk[sli][h] = instance->info.slo.bound[sli] && is_coming(NULL, now_ns);
	forecast->scarcest = future.resource;
	forecast->source = FORECAST_LSTM;
	forecast->quality = 1;
	instance->foresight->has_frame = true;
}

bool __wrap_predictor_tick(struct predictor *p, uint64_t now_ns)
{
	bool is_second = __real_predictor_tick(p, now_ns);
	uint32_t count;
	const uint32_t *annotated = predictor_annotated(p, &count);

	if (is_second && !future.epoch_ns)
		future_read();
	for (uint32_t i = 0; future.epoch_ns && i < count; i++)
		tell(&p->instance[annotated[i]], now_ns);
	return is_second;
}
