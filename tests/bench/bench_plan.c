/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench_plan MODEL CORPUS: what would be planned on recordings in which nothing was done, with the model's forecasts and with a
 * forecaster that says "the future is like now". Of each harm that begins (two seconds without, then delays over the bound) it counts
 * whether somebody gave already, and of the time in which somebody was limited how much had no harm within two seconds, by what the
 * recording was meant to be: harmful, or a look-alike. Nothing of what is planned is done, so what stands without a danger is left out,
 * and how long harm goes on says nothing. How many more are met with the forecast has a 95 % interval by bootstrap over recordings. The
 * last line is JSON. What the pace of limits does is plan_pace.c's.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decide/mind.h"
#include "plan_pace.h"
#include "sense/modelfile.h"
#include "serve/replay.h"
#include "tools/corpus_run.h"

#define TALES_MAX 16
#define TICKS_MAX 4096
#define APART 20	/* ticks: harm that is farther apart are two */
#define TICKS_PER_S 10.0
#define RECORDINGS_MAX 4096
#define DRAWS 1000

enum arm { ARM_NOW, ARM_MODEL, ARM_COUNT };
enum { BAD = 1, WEIGHTED = 2, LIMITED = 4 };

/* One instance with a bound, by tick. */
struct tale {
	uint32_t slot;
	uint8_t flag[RESOURCE_COUNT][TICKS_MAX];
};

struct figures {
	uint32_t harms, met, met_by_limit;
	uint32_t limited, idle;		/* ticks */
};

/* Of one recording and resource: how many harms, and how many more of them are met with the forecast. */
struct gain {
	uint32_t harms;
	int met;
};

static struct gain gains[RESOURCE_COUNT][RECORDINGS_MAX];
static uint32_t recordings;
static struct tale tales[TALES_MAX];
static uint32_t tale_count, ticks;
static struct figures figures[2][RESOURCE_COUNT][ARM_COUNT];	/* look-alikes, harmful */

static struct tale *tale_find(uint32_t slot)
{
	for (uint32_t i = 0; i < tale_count; i++)
		if (tales[i].slot == slot)
			return &tales[i];
	if (tale_count == TALES_MAX)
		return NULL;
	memset(&tales[tale_count], 0, sizeof(tales[0]));
	tales[tale_count].slot = slot;
	return &tales[tale_count++];
}

static uint8_t planned(const struct plan *plan, uint32_t slot, int resource)
{
	uint8_t found = 0;

	for (uint32_t i = 0; i < plan->count; i++) {
		const struct plan_action *action = &plan->action[i];

		if (action->for_slot == slot && action->slot != slot && (int)action->resource == resource)
			found |= action->knob == KNOB_CPU_WEIGHT || action->knob == KNOB_IO_WEIGHT ? WEIGHTED : LIMITED;
	}
	return found;
}

static void tick_take(const struct replay *replay)
{
	const struct mind *mind = replay->mind;
	uint32_t count;
	const uint32_t *annotated = predictor_annotated(mind->predictor, &count);

	for (uint32_t i = 0; i < count && ticks < TICKS_MAX; i++) {
		const struct plan_view *view = &mind->view[annotated[i]];
		struct tale *tale = view->is_bound ? tale_find(annotated[i]) : NULL;

		for (int r = 0; tale && r < RESOURCE_COUNT; r++)
			tale->flag[r][ticks] = (uint8_t)(planned(&replay->plan, annotated[i], r) |
							 (view->need[r].bad >= mind->policy.bad_act ? BAD : 0));
	}
	ticks += ticks < TICKS_MAX;
}

static bool is_bad_within(const uint8_t *flag, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to && i < ticks; i++)
		if (flag[i] & BAD)
			return true;
	return false;
}

static void tale_measure(const uint8_t *flag, struct figures *ret)
{
	for (uint32_t i = APART; i < ticks; i++) {
		if (flag[i] & LIMITED) {
			ret->limited++;
			ret->idle += !is_bad_within(flag, i - APART, i + APART);
		}
		if (!(flag[i] & BAD) || is_bad_within(flag, i - APART, i))
			continue;
		ret->harms++;
		ret->met += flag[i - 1] & (WEIGHTED | LIMITED) ? 1 : 0;
		ret->met_by_limit += flag[i - 1] & LIMITED ? 1 : 0;
	}
}

static int recording_run(const char *path, const struct model *model, enum arm arm)
{
	char error[REPLAY_ERROR_MAX];
	struct corpus_run run;
	struct replay *replay;
	int kind = REPLAY_END, r = replay_open(path, true, &replay, error);

	if (r < 0) {
		fprintf(stderr, "%s: %s\n", path, error);
		return r;
	}
	if (!corpus_run_parse(replay->setup.label, &run)) {
		fprintf(stderr, "%s: its label is not one of the corpus; record it with `make corpus`\n", path);
		r = -1;
	}
	replay->mind->policy.posture = 0;
	replay->mind->predictor->config.forecaster = arm == ARM_MODEL ? FORECAST_LSTM : FORECAST_PERSISTENCE;
	predictor_model(replay->mind->predictor, &model->weights);
	tale_count = ticks = 0;
	while (!r && (kind = replay_next(replay)) > REPLAY_END)
		if (kind == REPLAY_TICK)
			tick_take(replay);
	if (kind < 0)
		fprintf(stderr, "%s: damaged; record it again with `make corpus`\n", path);
	for (uint32_t i = 0; !r && kind == REPLAY_END && i < tale_count; i++)
		for (int resource = 0; resource < RESOURCE_COUNT; resource++) {
			struct figures *of = &figures[run.is_harmful][resource][arm], before = *of;
			struct gain *gain = &gains[resource][recordings];

			tale_measure(tales[i].flag[resource], of);
			gain->harms += arm == ARM_MODEL ? of->harms - before.harms : 0;
			gain->met += (int)(of->met - before.met) * (arm == ARM_MODEL ? 1 : -1);
		}
	replay_close(replay);
	return r < 0 ? r : kind;
}

static int is_recording(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > 4 && !strcmp(entry->d_name + length - 4, ".rec");
}

static void pair_print(const char *what, double now, double model) { printf("  %s %4.0f %4.0f", what, now, model); }

static void table_print(void)
{
	printf("planned without and with the forecast; harms, of these somebody gave before, by a limit; s limited, of these for nothing\n");
	for (int harmful = 1; harmful >= 0; harmful--)
		for (int r = 0; r < RESOURCE_COUNT; r++) {
			const struct figures *f = figures[harmful][r];

			printf("%-10s %-6s", harmful ? "harmful" : "look-alike", resource_name((enum resource)r));
			pair_print("harms", f[ARM_NOW].harms, f[ARM_MODEL].harms);
			pair_print("met", f[ARM_NOW].met, f[ARM_MODEL].met);
			pair_print("by limit", f[ARM_NOW].met_by_limit, f[ARM_MODEL].met_by_limit);
			pair_print("limited", f[ARM_NOW].limited / TICKS_PER_S, f[ARM_MODEL].limited / TICKS_PER_S);
			pair_print("for nothing", f[ARM_NOW].idle / TICKS_PER_S, f[ARM_MODEL].idle / TICKS_PER_S);
			putchar('\n');
		}
}

static int number_compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

/* What share of harms more is met: of these recordings, and the ends of the interval; false: there are none. */
static bool gain_measure(int resource, double ret[3])
{
	static double drawn[DRAWS];
	unsigned int seed = 1;

	for (int draw = -1; draw < DRAWS; draw++) {
		double harms = 0, met = 0;

		for (uint32_t i = 0; i < recordings; i++) {
			const struct gain *gain = &gains[resource][draw < 0 ? i : (uint32_t)rand_r(&seed) % recordings];

			harms += gain->harms;
			met += gain->met;
		}
		if (draw < 0 && harms <= 0)
			return false;
		*(draw < 0 ? &ret[0] : &drawn[draw]) = harms > 0 ? met / harms : 0;
	}
	qsort(drawn, DRAWS, sizeof(drawn[0]), number_compare);
	ret[1] = drawn[DRAWS / 40];
	ret[2] = drawn[DRAWS - DRAWS / 40 - 1];
	return true;
}

static void gains_print(void)
{
	double gain[3];

	printf("met more with the forecast, of all harms:");
	for (int r = 0; r < RESOURCE_COUNT; r++)
		if (gain_measure(r, gain))
			printf("  %s %+.2f [%+.2f..%+.2f]", resource_name((enum resource)r), gain[0], gain[1], gain[2]);
	putchar('\n');
}

static void json_print(void)
{
	printf("{\"bench\":\"plan\"");
	for (int r = 0; r < RESOURCE_COUNT; r++) {
		const struct figures *hurt = figures[1][r], *alike = figures[0][r];
		double gain[3] = { 0 };

		gain_measure(r, gain);
		printf(",\"%s\":{\"gain\":[%.3f,%.3f,%.3f],\"harms\":%u,\"met\":[%u,%u],\"by_limit\":[%u,%u],\"idle_s\":[%.1f,%.1f],\"alike_idle_s\":[%.1f,%.1f]}",
		       resource_name((enum resource)r), gain[0], gain[1], gain[2], hurt[ARM_MODEL].harms, hurt[ARM_NOW].met, hurt[ARM_MODEL].met,
		       hurt[ARM_NOW].met_by_limit, hurt[ARM_MODEL].met_by_limit, hurt[ARM_NOW].idle / TICKS_PER_S,
		       hurt[ARM_MODEL].idle / TICKS_PER_S, alike[ARM_NOW].idle / TICKS_PER_S, alike[ARM_MODEL].idle / TICKS_PER_S);
	}
	pace_json();
	printf("}\n");
}

int main(int argc, char **argv)
{
	char message[MODEL_MESSAGE_MAX], path[4096];
	struct model *model = calloc(1, sizeof(*model));
	struct dirent **entry;
	int count;

	if (argc != 3 || !model) {
		fprintf(stderr, "usage: bench_plan MODEL CORPUS\n       make bench-plan\n");
		return 2;
	}
	count = scandir(argv[2], &entry, is_recording, alphasort);
	if (count <= 0 || count > RECORDINGS_MAX) {
		fprintf(stderr, "%s: no recordings there, or over %d; make them with `make corpus`\n", argv[2], RECORDINGS_MAX);
		return 2;
	}
	if (model_load(argv[1], model, message, sizeof(message)) < 0) {
		fprintf(stderr, "%s\n", message);
		return 1;
	}
	for (; (int)recordings < count; recordings++) {
		snprintf(path, sizeof(path), "%s/%s", argv[2], entry[recordings]->d_name);
		for (int arm = 0; arm < ARM_COUNT; arm++)
			if (recording_run(path, model, (enum arm)arm))
				return 1;
		if (pace_take(path))
			return 1;
	}
	printf("%u recordings\n", recordings);
	table_print();
	gains_print();
	pace_print();
	json_print();
	return 0;
}
