/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The history as training data: which recordings there are, which of them count, and what each is for. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "challenge.h"
#include "learn/segment.h"

#define FRAME_BYTES (FEATURE_COUNT * sizeof(float) + sizeof(struct train_truth))

static int is_recording(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && dot != entry->d_name && !strcmp(dot, SEGMENT_SUFFIX);
}

/* When it began says its name, when it ended its last write. False: not one of ours. */
static bool times_find(const char *dir, const char *name, struct challenge_stretch *ret)
{
	const char *dash = strchr(name, '-');
	char path[PATH_MAX];
	struct stat stat;

	snprintf(path, sizeof(path), "%.3000s/%.200s", dir, name);
	if (!dash || lstat(path, &stat) || !S_ISREG(stat.st_mode))
		return false;
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	ret->from_s = strtoull(dash + 1, NULL, 10);
	ret->to_s = (uint64_t)stat.st_mtime > ret->from_s ? (uint64_t)stat.st_mtime : ret->from_s;
	return true;
}

/* True when it has something to teach. */
static bool stretch_load(const char *dir, struct challenge_stretch *stretch, struct challenge_history *history)
{
	char path[PATH_MAX], error[256];

	snprintf(path, sizeof(path), "%.3000s/%s", dir, stretch->name);
	stretch->data.is_annotated_only = true;
	if (dataset_add(&stretch->data, path, error)) {
		dataset_free(&stretch->data);
		history->damaged++;
		return false;
	}
	if (!stretch->data.sequence_count) {
		dataset_free(&stretch->data);
		return false;
	}
	history->frames += stretch->data.frames;
	return true;
}

/* The youngest first, as long as there is room; then turned round. */
static void stretches_load(const char *dir, struct dirent **entry, int count, const struct store_windows *windows,
			   uint64_t bytes_max, struct challenge_history *history)
{
	for (int i = count - 1; i >= 0; i--) {
		struct challenge_stretch *stretch = &history->at[history->count];

		memset(stretch, 0, sizeof(*stretch));
		if (!times_find(dir, entry[i]->d_name, stretch))
			continue;
		if (history->frames * FRAME_BYTES >= bytes_max)
			history->too_old++;
		else if (store_windows_hold(windows, stretch->from_s, stretch->to_s))
			history->excluded++;
		else if (stretch_load(dir, stretch, history))
			history->count++;
	}
	for (uint32_t i = 0; i < history->count / 2; i++) {
		struct challenge_stretch swap = history->at[i];

		history->at[i] = history->at[history->count - 1 - i];
		history->at[history->count - 1 - i] = swap;
	}
}

static void parts_assign(struct challenge_history *history)
{
	uint32_t held_out = (history->count + 3) / 4, rest = history->count - held_out;

	for (uint32_t i = 0; i < history->count; i++)
		history->at[i].part = i >= rest ? CHALLENGE_HELD_OUT : i % 5 == 2 ? CHALLENGE_VALIDATION : CHALLENGE_TRAIN;
}

int challenge_history_load(const char *dir, const struct store_windows *windows, uint64_t bytes_max,
			   struct challenge_history *ret, char message[STORE_MESSAGE_MAX])
{
	struct dirent **entry = NULL;
	int count = scandir(dir, &entry, is_recording, alphasort), r = count < 0 ? -errno : 0;

	memset(ret, 0, sizeof(*ret));
	if (r)
		snprintf(message, STORE_MESSAGE_MAX, "%.300s: %s; set [learn] history_mb in forestall.conf", dir, strerror(-r));
	ret->at = calloc((size_t)(count > 0 ? count : 1), sizeof(*ret->at));
	if (!r && ret->at)
		stretches_load(dir, entry, count, windows, bytes_max, ret);
	for (int i = 0; i < count; i++)
		free(entry[i]);
	free(entry);
	if (!r && ret->count < CHALLENGE_STRETCHES_MIN) {
		snprintf(message, STORE_MESSAGE_MAX, "%.300s: %u recordings to learn from, %u excluded, %u damaged; at least %d are needed",
			 dir, ret->count, ret->excluded, ret->damaged, CHALLENGE_STRETCHES_MIN);
		r = -ENODATA;
	}
	if (!r)
		parts_assign(ret);
	return r;
}

void challenge_history_free(struct challenge_history *history)
{
	for (uint32_t i = 0; i < history->count; i++)
		dataset_free(&history->at[i].data);
	free(history->at);
	memset(history, 0, sizeof(*history));
}

int challenge_set(const struct challenge_history *history, enum challenge_part part, struct train_set *ret)
{
	struct train_sequence *sequences;
	size_t count = 0, at = 0;

	for (uint32_t i = 0; i < history->count; i++)
		count += history->at[i].part == part ? history->at[i].data.sequence_count : 0;
	sequences = calloc(count ? count : 1, sizeof(*sequences));
	if (!sequences)
		return -ENOMEM;
	for (uint32_t i = 0; i < history->count; i++) {
		const struct dataset *data = &history->at[i].data;

		if (history->at[i].part != part)
			continue;
		memcpy(sequences + at, data->sequence, data->sequence_count * sizeof(*sequences));
		at += data->sequence_count;
	}
	*ret = (struct train_set){ .sequences = sequences, .count = count };
	return 0;
}
