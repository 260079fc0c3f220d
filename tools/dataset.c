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
#define SECOND_NS_MAX 1500000000ull	/* what is longer is a gap */

/* One instance as it goes by. */
struct track {
	uint64_t cgroup_id;
	bool is_bound;
	uint32_t steps, room;
	float (*input)[FEATURE_COUNT];
	struct train_truth *truth;
};

static int track_grow(struct track *track)
{
	uint32_t room = track->room ? track->room * 2 : 256;
	void *input = realloc(track->input, room * sizeof(*track->input)), *truth;

	if (input)
		track->input = input;
	truth = realloc(track->truth, room * sizeof(*track->truth));
	if (truth)
		track->truth = truth;
	if (!input || !truth)
		return -ENOMEM;
	track->room = room;
	return 0;
}

struct train_label dataset_label(const struct predictor_instance *instance, bool is_acted)
{
	const struct window_second *now = window_at(&instance->window, 0);
	const struct slo *slo = &instance->info.slo;
	enum sli leading = slo_leading_learned(slo);
	struct train_label ret = { .violated = (uint16_t)(instance->violated & ((1u << SLI_LEARNED_COUNT) - 1)) };

	for (int r = 0; r < RESOURCE_COUNT; r++) {
		ret.demand[r] = fmaxf(instance->demand[r], 0);
		ret.known |= instance->demand[r] >= 0 ? TRAIN_KNOWS_DEMAND(r) : 0;
	}
	if (now->sli[leading] >= 0) {
		ret.sli = feature_sli_scaled(now->sli[leading], feature_bound(slo, leading));
		ret.known |= is_acted ? 0 : TRAIN_KNOWS_SLI;
	}
	for (int s = 0; s < SLI_LEARNED_COUNT; s++)
		if (instance->violated >> s & 1 || (slo->bound[s] && now->sli[s] >= 0 && !is_acted))
			ret.known |= TRAIN_KNOWS_VIOLATED(s);
	ret.known |= TRAIN_KNOWS_VIOLATED(OUTPUT_RISK_FAILURE) | (is_acted ? TRAIN_ACTED : 0);
	ret.violated |= (uint16_t)(instance->happenings.failing.is_now << OUTPUT_RISK_FAILURE);
	return ret;
}

static int track_push(struct track *track, const struct predictor_instance *instance, bool is_acted)
{
	uint32_t t = track->steps;

	if (t == track->room && track_grow(track))
		return -ENOMEM;
	memcpy(track->input[t], instance->foresight->frame.value, sizeof(track->input[t]));
	memset(&track->truth[t], 0, sizeof(track->truth[t]));
	track->truth[t].now = dataset_label(instance, is_acted);
	track->is_bound = slo_is_bound(&instance->info.slo);
	track->steps++;
	return 0;
}

static void count_labels(struct dataset *dataset, const struct train_label *label)
{
	for (int s = 0; s < OUTPUT_RISKS; s++) {
		dataset->known[s] += label->known & TRAIN_KNOWS_VIOLATED(s) ? 1 : 0;
		dataset->violated[s] += label->violated >> s & 1;
	}
}

/* Turns a finished track into a sequence; the track's rows become the sequence's. */
static int track_finish(struct dataset *dataset, struct track *track)
{
	struct train_sequence *grown;
	uint32_t n = track->steps;

	if (n < STEPS_MIN)
		return 0;
	grown = realloc(dataset->sequence, (dataset->sequence_count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	dataset->sequence = grown;
	train_truth_fill(track->truth, n);
	for (uint32_t t = 0; t < n; t++)
		count_labels(dataset, &track->truth[t].then[DATASET_HORIZON]);
	grown[dataset->sequence_count++] = (struct train_sequence){
		.steps = n, .weight = track->is_bound ? 1.0f : DATASET_WEIGHT_UNBOUND,
		.input = track->input, .truth = track->truth,
	};
	track->input = NULL;
	track->truth = NULL;
	dataset->frames += n;
	return 0;
}

static void track_clear(struct track *track)
{
	free(track->input);
	free(track->truth);
	memset(track, 0, sizeof(*track));
}

static int second_take(struct dataset *dataset, const struct predictor *p, struct track *tracks, bool is_acted)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < p->live_count; i++) {
		const struct predictor_instance *instance = &p->instance[p->live[i]];
		struct track *track = &tracks[p->live[i]];

		if (dataset->is_annotated_only && !predictor_is_annotated(instance))
			continue;
		if (track->cgroup_id != instance->info.cgroup_id) {
			r = track_finish(dataset, track);
			track_clear(track);
			track->cgroup_id = instance->info.cgroup_id;
		}
		if (!r && instance->foresight->has_frame)
			r = track_push(track, instance, is_acted);
	}
	return r;
}

/* Nothing goes on after this: the end of the recording, or a gap in it. */
static int tracks_finish(struct dataset *dataset, struct track *tracks, uint32_t count)
{
	int r = 0;

	for (uint32_t slot = 0; slot < count; slot++) {
		if (!r)
			r = track_finish(dataset, &tracks[slot]);
		track_clear(&tracks[slot]);
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

static int source_add(struct dataset *dataset, const char *path, const char *label, size_t sequence_first, uint32_t seconds)
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
	source->is_corpus = corpus_run_parse(label, &source->run);
	source->sequence_first = sequence_first;
	source->sequence_count = dataset->sequence_count - sequence_first;
	return 0;
}

int dataset_add(struct dataset *dataset, const char *path, char error[256])
{
	struct track *tracks;
	struct replay *replay;
	size_t first = dataset->sequence_count;
	uint64_t last_ns = 0;
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
		/* A clock that went back is as far away as one that jumped. */
		if (last_ns && replay->time_ns - last_ns > SECOND_NS_MAX)
			r = tracks_finish(dataset, tracks, replay->setup.config.slots_max);
		last_ns = replay->time_ns;
		r = r ? r : second_take(dataset, replay->mind->predictor, tracks,
				predictor_is_censored(replay->mind->predictor, replay->time_ns));
	}
	if (!r && kind < 0)
		r = kind;
	if (tracks) {
		int finished = tracks_finish(dataset, tracks, replay->setup.config.slots_max);

		r = r ? r : finished;
	}
	if (!r)
		r = source_add(dataset, path, replay->setup.label, first, seconds);
	if (r)
		snprintf(error, 256, "recording %s: %s", path, strerror(-r));
	free(tracks);
	replay_close(replay);
	return r;
}

int dataset_part(const char *path, size_t idx, enum corpus_part *ret, char error[256])
{
	static const enum corpus_part by_turn[] = { CORPUS_PART_TRAIN, CORPUS_PART_TRAIN, CORPUS_PART_UNSEEN_SHAPE,
						    CORPUS_PART_TRAIN, CORPUS_PART_VALIDATION };
	struct corpus_run run;
	struct replay *replay;
	int r = replay_open(path, true, &replay, error);

	if (r)
		return r;
	*ret = corpus_run_parse(replay->setup.label, &run) ? run.part : by_turn[idx % 5];
	replay_close(replay);
	return 0;
}

void dataset_free(struct dataset *dataset)
{
	for (size_t i = 0; i < dataset->sequence_count; i++) {
		free((void *)dataset->sequence[i].input);
		free((void *)dataset->sequence[i].truth);
	}
	free(dataset->sequence);
	free(dataset->source);
	memset(dataset, 0, sizeof(*dataset));
}
