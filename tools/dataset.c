/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataset.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "serve/replay.h"

#define STEPS_MIN 30	/* a shorter life has nothing to teach */

/* One instance as it goes by. */
struct track {
	uint64_t cgroup_id;
	bool is_bound;
	uint32_t steps, room;
	float (*input)[FEATURE_COUNT];
	float *demand, *sli;	/* of each second; sli NaN when not measured or censored */
	int8_t *violated;	/* 1, 0, or -1: not known */
};

static int track_grow(struct track *track)
{
	uint32_t room = track->room ? track->room * 2 : 256;
	void *input = realloc(track->input, room * sizeof(*track->input));
	void *demand, *sli, *violated;

	if (input)
		track->input = input;
	demand = realloc(track->demand, room * sizeof(float));
	if (demand)
		track->demand = demand;
	sli = realloc(track->sli, room * sizeof(float));
	if (sli)
		track->sli = sli;
	violated = realloc(track->violated, room);
	if (violated)
		track->violated = violated;
	if (!input || !demand || !sli || !violated)
		return -ENOMEM;
	track->room = room;
	return 0;
}

static int track_push(struct track *track, const struct predictor_instance *instance, bool is_acted)
{
	const struct window_second *now = window_at(&instance->window, 0);
	float bound_ns = feature_bound_ns(&instance->info.slo);
	uint32_t t = track->steps;

	if (t == track->room && track_grow(track))
		return -ENOMEM;
	memcpy(track->input[t], instance->frame.value, sizeof(track->input[t]));
	track->is_bound = slo_is_bound(&instance->info.slo);
	track->demand[t] = instance->demand;
	track->sli[t] = now->sli_ns < 0 || is_acted ? NAN : feature_sli_scaled(now->sli_ns, bound_ns);
	track->violated[t] = instance->is_violated ? 1 : !track->is_bound || now->sli_ns < 0 || is_acted ? -1 : 0;
	track->steps++;
	return 0;
}

/* 1, 0, or -1 when a second that matters was not measured. */
static int violated_within(const struct track *track, uint32_t t, uint32_t horizon)
{
	bool is_known = true;

	for (uint32_t i = t + 1; i <= t + horizon; i++) {
		if (i >= track->steps)
			return -1;
		if (track->violated[i] > 0)
			return 1;
		is_known = is_known && track->violated[i] == 0;
	}
	return is_known ? 0 : -1;
}

struct labels {
	float (*demand)[FORECAST_HORIZONS], (*sli)[FORECAST_HORIZONS], (*violated)[FORECAST_HORIZONS];
	uint8_t (*mask)[FORECAST_HORIZONS];
};

static void label_one(const struct track *track, uint32_t t, uint32_t h, struct labels *labels)
{
	uint32_t then = t + forecast_horizon_s[h];
	int violated = violated_within(track, t, forecast_horizon_s[h]);

	if (then < track->steps) {
		labels->demand[t][h] = track->demand[then];
		labels->mask[t][h] |= TRAIN_KNOWS_DEMAND;
		if (!isnan(track->sli[then])) {
			labels->sli[t][h] = track->sli[then];
			labels->mask[t][h] |= TRAIN_KNOWS_SLI;
		}
	}
	if (violated >= 0) {
		labels->violated[t][h] = (float)violated;
		labels->mask[t][h] |= TRAIN_KNOWS_VIOLATED;
	}
}

/* Turns a finished track into a sequence; the track's frames become the sequence's. */
static int track_finish(struct dataset *dataset, struct track *track)
{
	struct train_sequence *grown, *sequence;
	struct labels labels;
	uint32_t n = track->steps;

	if (n < STEPS_MIN)
		return 0;
	grown = realloc(dataset->sequence, (dataset->sequence_count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	dataset->sequence = grown;
	labels.demand = calloc(n, sizeof(*labels.demand));
	labels.sli = calloc(n, sizeof(*labels.sli));
	labels.violated = calloc(n, sizeof(*labels.violated));
	labels.mask = calloc(n, sizeof(*labels.mask));
	if (!labels.demand || !labels.sli || !labels.violated || !labels.mask)
		return -ENOMEM;
	for (uint32_t t = 0; t < n; t++)
		for (uint32_t h = 0; h < FORECAST_HORIZONS; h++)
			label_one(track, t, h, &labels);
	for (uint32_t t = 0; track->is_bound && t < n; t++) {
		dataset->known += labels.mask[t][1] & TRAIN_KNOWS_VIOLATED ? 1 : 0;
		dataset->violated += labels.violated[t][1] > 0 ? 1 : 0;
	}
	sequence = &dataset->sequence[dataset->sequence_count++];
	*sequence = (struct train_sequence){
		.steps = n, .weight = track->is_bound ? 1.0f : DATASET_WEIGHT_UNBOUND,
		.input = track->input, .demand = labels.demand, .sli = labels.sli, .violated = labels.violated,
		.mask = labels.mask,
	};
	track->input = NULL;
	dataset->frames += n;
	return 0;
}

static void track_clear(struct track *track)
{
	free(track->input);
	free(track->demand);
	free(track->sli);
	free(track->violated);
	memset(track, 0, sizeof(*track));
}

static int second_take(struct dataset *dataset, const struct predictor *p, struct track *tracks, bool is_acted)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < p->live_count; i++) {
		const struct predictor_instance *instance = &p->instance[p->live[i]];
		struct track *track = &tracks[p->live[i]];

		if (track->cgroup_id != instance->info.cgroup_id) {
			r = track_finish(dataset, track);
			track_clear(track);
			track->cgroup_id = instance->info.cgroup_id;
		}
		if (!r && instance->has_frame)
			r = track_push(track, instance, is_acted);
	}
	return r;
}

static uint32_t file_crc32(const char *path)
{
	unsigned char bytes[65536];
	uLong crc = crc32(0, NULL, 0);
	FILE *file = fopen(path, "re");
	size_t n;

	while (file && (n = fread(bytes, 1, sizeof(bytes), file)) > 0)
		crc = crc32(crc, bytes, (uInt)n);
	if (file)
		fclose(file);
	return (uint32_t)crc;
}

static int source_add(struct dataset *dataset, const char *path, const char *label, uint32_t seconds, bool is_held_out)
{
	struct dataset_source *grown = realloc(dataset->source, (dataset->source_count + 1) * sizeof(*grown)), *source;
	const char *slash = strrchr(path, '/');

	if (!grown)
		return -ENOMEM;
	dataset->source = grown;
	source = &grown[dataset->source_count++];
	memset(source, 0, sizeof(*source));
	snprintf(source->file, sizeof(source->file), "%s", slash ? slash + 1 : path);
	snprintf(source->label, sizeof(source->label), "%s", label);
	source->crc32 = file_crc32(path);
	source->seconds = seconds;
	source->is_held_out = is_held_out;
	return 0;
}

int dataset_add(struct dataset *dataset, const char *path, bool is_held_out, char error[256])
{
	struct track *tracks;
	struct replay *replay;
	uint32_t seconds = 0;
	int r = replay_open(path, true, &replay, error), kind = REPLAY_END;

	if (r)
		return r;
	tracks = calloc(replay->setup.config.slots_max, sizeof(*tracks));
	if (!tracks)
		r = -ENOMEM;
	while (!r && (kind = replay_next(replay)) > REPLAY_END) {
		if (kind != REPLAY_TICK || !replay->is_second)
			continue;
		seconds++;
		r = second_take(dataset, replay->mind->predictor, tracks,
				predictor_is_censored(replay->mind->predictor, replay->time_ns));
	}
	if (!r && kind < 0)
		r = kind;
	for (uint32_t slot = 0; tracks && slot < replay->setup.config.slots_max; slot++) {
		if (!r)
			r = track_finish(dataset, &tracks[slot]);
		track_clear(&tracks[slot]);
	}
	if (!r)
		r = source_add(dataset, path, replay->setup.label, seconds, is_held_out);
	if (r)
		snprintf(error, 256, "recording %s: %s", path, strerror(-r));
	free(tracks);
	replay_close(replay);
	return r;
}

void dataset_free(struct dataset *dataset)
{
	for (size_t i = 0; i < dataset->sequence_count; i++) {
		free((void *)dataset->sequence[i].input);
		free((void *)dataset->sequence[i].demand);
		free((void *)dataset->sequence[i].sli);
		free((void *)dataset->sequence[i].violated);
		free((void *)dataset->sequence[i].mask);
	}
	free(dataset->sequence);
	free(dataset->source);
	memset(dataset, 0, sizeof(*dataset));
}
