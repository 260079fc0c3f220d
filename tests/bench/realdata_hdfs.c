/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sessions of log events: is this one an anomaly, and how early is it known? Each event is one step; its input is the kind that
 * the event path (predict/template.c) gives its line, its label whether the session went wrong. Files come in families by the
 * word before their first '_'; those with "train" in the name train, the others test. Equal sessions count once.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "predict/template.h"
#include "realdata_sessions.h"

#define KINDS_MAX 61		/* inputs but three */
#define INPUT_POSITION KINDS_MAX
#define INPUT_STRANGE (KINDS_MAX + 1)
#define INPUT_END (KINDS_MAX + 2)	/* nothing more came: that can be wrong as well */
#define EVENTS_MAX 512
#define RISK_BAD 0
#define VALIDATION_EVERY 5
#define WEIGHT_MAX 8.0f		/* of what was seen often */

struct hdfs {
	struct sessions part[2];	/* train, test */
	char *line[KINDS_MAX + 1];	/* of each event id, from templates.tsv; NULL: no text is known */
	struct templates *templates;
	uint32_t kind[TEMPLATES_MAX];	/* of a template: input + 1, in order of appearance; 0: not seen in training */
	uint32_t kinds;
};

/* id, tab, count, tab, text; a family without a file of texts is told apart by its ids alone. */
static void texts_load(struct hdfs *hdfs, const char *folder, const char *family)
{
	char path[4096], *line = NULL;
	size_t room = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/hdfs_logs/templates.tsv", folder);
	file = strcmp(family, "hdfs100k") ? NULL : fopen(path, "r");
	while (file && getline(&line, &room, file) > 0) {
		unsigned long id = strtoul(line, NULL, 10);
		char *text = strrchr(line, '\t');

		line[strcspn(line, "\r\n")] = '\0';
		if (text && id <= KINDS_MAX)
			hdfs->line[id] = strdup(text + 1);
	}
	free(line);
	if (file)
		fclose(file);
}

/* The line as it may have stood in the log: its variables filled with numbers that do not repeat. */
static size_t line_of(const struct hdfs *hdfs, unsigned long id, uint32_t variable, char *to, size_t bytes)
{
	const char *text = id <= KINDS_MAX ? hdfs->line[id] : NULL;
	size_t used = 0;

	if (!text)
		return (size_t)snprintf(to, bytes, "kind %c%c", (char)('a' + id / 26 % 26), (char)('a' + id % 26));
	while (*text && used + 16 < bytes) {
		if (!strncmp(text, "<*>", 3)) {
			used += (size_t)snprintf(to + used, bytes - used, "blk_%u", variable++ * 2654435761u);
			text += 3;
		} else {
			to[used++] = *text++;
		}
	}
	return used;
}

/* The inputs of a session's events, zeroed before; returns how many. learning: kinds that are new get an input. */
static uint32_t session_frames(struct hdfs *hdfs, const struct session *session, bool learning,
			       float (*frames)[FEATURE_COUNT])
{
	uint32_t t = 0;
	char *at = session->text, line[512];

	memset(frames, 0, EVENTS_MAX * sizeof(*frames));
	while (*at && t < EVENTS_MAX - 1) {
		unsigned long id = strtoul(at, &at, 10);
		uint32_t template = template_take(hdfs->templates, line, line_of(hdfs, id, t, line, sizeof(line)), t + 1);

		at += strspn(at, " ");
		if (learning && !hdfs->kind[template] && hdfs->kinds < KINDS_MAX)
			hdfs->kind[template] = ++hdfs->kinds;
		frames[t][hdfs->kind[template] ? hdfs->kind[template] - 1 : INPUT_STRANGE] = 1;
		frames[t][INPUT_POSITION] = log1pf((float)t) / 4;
		t++;
	}
	frames[t][INPUT_END] = 1;
	return t + 1;
}

static int learn(const struct bench *bench, struct hdfs *hdfs, struct learner *learner)
{
	struct train_options options;
	struct lesson lesson[2] = { 0 };
	float (*frames)[FEATURE_COUNT] = must_alloc(EVENTS_MAX, sizeof(*frames));

	for (size_t i = 0; i < hdfs->part[0].count; i++) {
		const struct session *session = &hdfs->part[0].at[i];
		uint32_t steps = session_frames(hdfs, session, true, frames);
		struct train_truth *truth = must_alloc(steps, sizeof(*truth));
		float (*kept)[FEATURE_COUNT] = must_alloc(steps, sizeof(*kept));

		memcpy(kept, frames, steps * sizeof(*kept));
		for (uint32_t t = 0; t < steps; t++)
			truth_set_risk(&truth[t], RISK_BAD, session->bad);
		lesson_add(&lesson[i % VALIDATION_EVERY == 0], kept, truth, 0, steps,
			   fminf(sqrtf(session->count), WEIGHT_MAX));
	}
	free(frames);
	train_options_init(&options);
	options.seed = bench->seed;
	options.epochs = bench->epochs ? bench->epochs : 30;
	options.lanes = 16;
	options.risk_weight = FORECAST_HORIZONS;
	return learner_train(learner, 1, &options, &lesson[0], &lesson[1]);
}

struct verdict {
	uint32_t hits, misses, false_alarms;
	float *first_event;	/* of each hit, from 1 */
};

static bool seen_in_training(const struct hdfs *hdfs, const struct session *session)
{
	for (size_t i = 0; i < hdfs->part[0].count; i++)
		if (!strcmp(hdfs->part[0].at[i].text, session->text))
			return true;
	return false;
}

/* The event, from 1, at which a session's risk first exceeds the threshold; 0: none. ret_most: its highest. */
static uint32_t first_alarm(struct hdfs *hdfs, const struct learner *learner, enum arithmetic arithmetic,
			    const struct session *session, float threshold, float *ret_most)
{
	float (*frames)[FEATURE_COUNT] = must_alloc(EVENTS_MAX, sizeof(*frames));
	uint32_t steps = session_frames(hdfs, session, false, frames), found = 0;
	float (*outputs)[OUTPUT_COUNT] = learner_run(learner, arithmetic, frames, steps);

	*ret_most = -INFINITY;
	for (uint32_t t = 0; t < steps; t++) {
		float risk = outputs[t][risk_output(RISK_BAD)];

		*ret_most = fmaxf(*ret_most, risk);
		if (!found && risk > threshold)
			found = t + 1;
	}
	free(frames);
	free(outputs);
	return found;
}

/* The threshold with the highest F1 on the different sessions of the training part. */
static float threshold_learn(struct hdfs *hdfs, const struct learner *learner)
{
	size_t count = hdfs->part[0].count;
	struct scored *scored = must_alloc(count, sizeof(*scored));
	double best = -1, hits = 0, positives;
	float threshold = 0;

	for (size_t i = 0; i < count; i++) {
		first_alarm(hdfs, learner, ARITHMETIC_INT8, &hdfs->part[0].at[i], INFINITY, &scored[i].score);
		scored[i].positive = hdfs->part[0].at[i].bad;
	}
	positives = share_positive(scored, count) * (double)count;
	average_precision(scored, count);	/* sorts them, highest first */
	for (size_t i = 0; i + 1 < count; i++) {
		hits += scored[i].positive;
		if (scored[i].score > scored[i + 1].score && 2 * hits / ((double)(i + 1) + positives) > best) {
			best = 2 * hits / ((double)(i + 1) + positives);
			threshold = (scored[i].score + scored[i + 1].score) / 2;
		}
	}
	free(scored);
	return threshold;
}

static void judge(struct hdfs *hdfs, const struct learner *learner, enum arithmetic arithmetic, float threshold,
		  bool strangers_only, struct verdict *verdict)
{
	verdict->first_event = must_alloc(hdfs->part[1].count, sizeof(float));
	for (size_t i = 0; i < hdfs->part[1].count; i++) {
		const struct session *session = &hdfs->part[1].at[i];
		uint32_t alarm;
		float most;

		if (strangers_only && seen_in_training(hdfs, session))
			continue;
		alarm = first_alarm(hdfs, learner, arithmetic, session, threshold, &most);
		verdict->false_alarms += alarm && !session->bad;
		verdict->misses += !alarm && session->bad;
		if (alarm && session->bad)
			verdict->first_event[verdict->hits++] = (float)alarm;
	}
}

static double f1_of(const struct verdict *verdict)
{
	double twice = 2.0 * verdict->hits;

	return twice > 0 ? twice / (twice + verdict->misses + verdict->false_alarms) : 0;
}

static void print_verdict(const char *family, const char *what, struct verdict *verdict)
{
	printf("hdfs, %-9s %-24s  F1 %.3f (%u found, %u missed, %u false), first alarm at event %.0f in the median\n", family, what,
	       f1_of(verdict), verdict->hits, verdict->misses, verdict->false_alarms,
	       (double)quantile_of(verdict->first_event, verdict->hits, 0.5));
}

static void score(const struct bench *bench, struct hdfs *hdfs, const struct learner *learner, const char *family, const char *comma)
{
	float threshold = threshold_learn(hdfs, learner);
	struct verdict verdict[3] = { 0 };

	judge(hdfs, learner, ARITHMETIC_INT8, threshold, false, &verdict[0]);
	judge(hdfs, learner, ARITHMETIC_FLOAT, threshold, false, &verdict[1]);
	judge(hdfs, learner, ARITHMETIC_INT8, threshold, true, &verdict[2]);
	printf("hdfs, %-9s %zu different sessions train, %zu test, %u kinds of event\n", family, hdfs->part[0].count,
	       hdfs->part[1].count, hdfs->kinds);
	print_verdict(family, "int8", &verdict[0]);
	print_verdict(family, "float", &verdict[1]);
	print_verdict(family, "int8, not in training", &verdict[2]);
	fprintf(bench->json, "%s\"%s\":{\"f1\":%.4f,\"f1_float\":%.4f,\"f1_not_in_training\":%.4f,\"first_alarm_event\":%.0f}", comma, family,
		f1_of(&verdict[0]), f1_of(&verdict[1]), f1_of(&verdict[2]),
		(double)quantile_of(verdict[0].first_event, verdict[0].hits, 0.5));
	for (int i = 0; i < 3; i++)
		free(verdict[i].first_event);
}

/* 0; 1: one of the folders lacks it; -1. */
static int family_run(const struct bench *bench, const char *family, const char *comma)
{
	struct hdfs *hdfs = must_alloc(1, sizeof(*hdfs));
	struct learner *learner = must_alloc(1, sizeof(*learner));
	int r = sessions_load(&hdfs->part[0], bench->train, family, true);

	if (!r)
		r = sessions_load(&hdfs->part[1], bench->test, family, false);
	hdfs->templates = must_alloc(1, sizeof(*hdfs->templates));
	texts_load(hdfs, bench->train, family);
	if (!r)
		r = learn(bench, hdfs, learner);
	if (!r)
		score(bench, hdfs, learner, family, comma);
	for (int i = 0; i < 2; i++)
		sessions_free(&hdfs->part[i]);
	free(hdfs->templates);
	free(learner);
	free(hdfs);
	return r;
}

int hdfs_run(const struct bench *bench)
{
	static const char *const families[] = { "hdfs100k", "logdeep" };
	int found = 0, r = 0;

	fputs("\"hdfs\":{", bench->json);
	for (size_t i = 0; r >= 0 && i < sizeof(families) / sizeof(families[0]); i++) {
		r = family_run(bench, families[i], found ? "," : "");
		found += r == 0;
	}
	fputs("}", bench->json);
	return r < 0 ? r : found == 0;
}
