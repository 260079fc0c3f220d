/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Recordings to lives: the shipping predictor runs over them with the model, and says what it would have said. */
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "forecast.h"
#include "serve/replay.h"
#include "tools/dataset.h"

#define STEPS_MIN 30

static void *grown(void *rows, size_t room, size_t bytes)
{
	rows = realloc(rows, room * bytes);
	if (!rows)
		abort();
	return rows;
}

static void life_push(struct life *life, const struct predictor *p, const struct predictor_instance *instance, bool is_acted)
{
	const struct forecast *forecast = &instance->foresight->forecast;
	struct spoken *spoken;

	if (life->steps == life->room) {
		life->room = life->room ? 2 * life->room : 128;
		life->input = grown(life->input, life->room, sizeof(*life->input));
		life->truth = grown(life->truth, life->room, sizeof(*life->truth));
		life->spoken = grown(life->spoken, life->room, sizeof(*life->spoken));
	}
	memcpy(life->input[life->steps], instance->foresight->frame.value, sizeof(*life->input));
	memset(&life->truth[life->steps], 0, sizeof(*life->truth));
	life->truth[life->steps].now = dataset_label(instance, is_acted);
	spoken = &life->spoken[life->steps++];
	for (uint32_t h = 0; h < FORECAST_HORIZONS; h++) {
		for (int s = 0; s < SLI_LEARNED_COUNT; s++)
			spoken->risk[s][h] = forecast->risk[s][h];
		for (int r = 0; r < RESOURCE_COUNT; r++)
			for (int q = 0; q < FORECAST_QUANTILES; q++)
				spoken->demand[r][h][q] = forecast->demand[r][h][q] / p->host.capacity[r];
	}
	for (int s = 0; s < SLI_LEARNED_COUNT; s++)
		life->bound |= instance->info.slo.bound[s] ? 1u << s : 0;
}

static void life_free(struct life *life)
{
	free(life->input);
	free(life->truth);
	free(life->spoken);
	free(life->score);
	free(life->said);
	memset(life, 0, sizeof(*life));
}

static bool is_scored(const struct corpus *corpus, enum corpus_part part)
{
	if (corpus->is_validation)
		return part == CORPUS_PART_VALIDATION;
	return part == CORPUS_PART_UNSEEN_SHAPE || part == CORPUS_PART_UNSEEN_FAMILY;
}

static void life_finish(struct corpus *corpus, struct life *life, const struct corpus_run *run)
{
	if (life->steps < STEPS_MIN) {
		life_free(life);
		return;
	}
	train_truth_fill(life->truth, life->steps);
	life->run = *run;
	life->is_scored = is_scored(corpus, run->part);
	life->is_shown = corpus->is_validation ? run->part == CORPUS_PART_TRAIN : !life->is_scored;
	life->score = must_alloc(life->steps, sizeof(*life->score));
	life->said = must_alloc(life->steps, sizeof(*life->said));
	corpus->life = grown(corpus->life, corpus->count + 1, sizeof(*corpus->life));
	corpus->life[corpus->count++] = *life;
	memset(life, 0, sizeof(*life));
}

static void second_take(struct replay *replay, struct life *lives)
{
	struct predictor *p = replay->mind->predictor;
	bool is_acted = predictor_is_censored(p, replay->time_ns);
	uint32_t count;
	const uint32_t *annotated = predictor_annotated(p, &count);

	for (uint32_t i = 0; i < count; i++) {
		const struct predictor_instance *instance = &p->instance[annotated[i]];

		if (slo_is_bound(&instance->info.slo) && instance->foresight->has_frame)
			life_push(&lives[annotated[i]], p, instance, is_acted);
	}
}

static int recording_load(struct corpus *corpus, const char *path, const struct model *model)
{
	char error[256];
	struct corpus_run run;
	struct replay *replay;
	struct life *lives;
	int kind = REPLAY_END;

	if (replay_open(path, true, &replay, error)) {
		fprintf(stderr, "%s\n", error);
		return -1;
	}
	if (!corpus_run_parse(replay->setup.label, &run)) {
		printf("%s: left out, its label is not the corpus's: %s\n", path, replay->setup.label);
		replay_close(replay);
		return 0;
	}
	lives = must_alloc(replay->setup.config.slots_max, sizeof(*lives));
	replay->mind->predictor->config.forecaster = FORECAST_LSTM;
	replay->mind->predictor->config.isa = lstm_isa_best();
	predictor_model(replay->mind->predictor, &model->weights);
	while ((kind = replay_next(replay)) > REPLAY_END)
		if (kind == REPLAY_TICK && replay->is_second)
			second_take(replay, lives);
	for (uint32_t slot = 0; slot < replay->setup.config.slots_max; slot++)
		life_finish(corpus, &lives[slot], &run);
	corpus->recordings++;
	corpus->scored += is_scored(corpus, run.part);
	free(lives);
	replay_close(replay);
	if (kind < 0)
		fprintf(stderr, "%s: damaged; record it again with `make corpus`\n", path);
	return kind < 0 ? -1 : 0;
}

static int is_recording(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > 4 && !strcmp(entry->d_name + length - 4, ".rec");
}

int corpus_load(const char *folder, const struct model *model, bool is_validation, struct corpus *ret)
{
	struct dirent **names;
	int count = scandir(folder, &names, is_recording, alphasort), r = 0;

	memset(ret, 0, sizeof(*ret));
	ret->is_validation = is_validation;
	for (int i = 0; i < count; i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		if (!r)
			r = recording_load(ret, path, model);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	if (!r && !ret->scored) {
		fprintf(stderr, "%s: %u recordings of the corpus, none of them to be scored; record them with `make corpus`\n", folder,
			ret->recordings);
		r = -1;
	}
	return r;
}

void corpus_free(struct corpus *corpus)
{
	for (size_t i = 0; i < corpus->count; i++)
		life_free(&corpus->life[i]);
	free(corpus->life);
}
