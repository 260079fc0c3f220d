/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "app.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "predict/hist.h"
#include "ring.h"

#define HISTS_MAX 65	/* the first is nobody's */
#define GAUGE_NS 60000000000ull
#define SILENT_NS 300000000000ull

static const char *const kind_names[] = { "gauge", "counter", "timer" };
_Static_assert(sizeof(kind_names) / sizeof(kind_names[0]) == APP_KIND_COUNT, "a name per kind");

const char *app_kind_name(enum app_kind kind) { return kind_names[kind]; }

/* What an annotation binds. */
struct wish {
	char name[SLO_APP_MAX][APPLINE_NAME_MAX];
	uint64_t bound_micro[SLO_APP_MAX];
};

struct app {
	struct app_setup setup;
	struct app_metric metric[APP_METRICS_MAX];
	struct hist hist[HISTS_MAX];
	bool is_hist_used[HISTS_MAX];
	struct wish **wish;		/* [slots_max]; NULL: nothing is bound */
	uint16_t *lines;		/* [slots_max], of this tick */
	struct app_counts counts;
	uint64_t second_ns;
	uint32_t top;			/* no metric from here on is in use */
};

struct app *app_new(const struct app_setup *setup)
{
	struct app *app = calloc(1, sizeof(*app));

	if (!app)
		return NULL;
	app->setup = *setup;
	app->wish = calloc(setup->slots_max, sizeof(*app->wish));
	app->lines = calloc(setup->slots_max, sizeof(*app->lines));
	if (app->wish && app->lines)
		return app;
	app_free(app);
	return NULL;
}

void app_free(struct app *app)
{
	if (!app)
		return;
	for (uint32_t slot = 0; app->wish && slot < app->setup.slots_max; slot++)
		free(app->wish[slot]);
	free(app->wish);
	free(app->lines);
	free(app);
}

static void metric_drop(struct app *app, struct app_metric *metric)
{
	app->is_hist_used[metric->hist] = false;
	memset(metric, 0, sizeof(*metric));
}

static int bound_idx(const struct app *app, uint32_t slot, const char *name)
{
	for (int i = 0; app->wish[slot] && i < SLO_APP_MAX; i++)
		if (app->wish[slot]->bound_micro[i] && !strcmp(app->wish[slot]->name[i], name))
			return i;
	return -1;
}

static void take_instance(struct app *app, const struct observe_instance *info)
{
	struct wish **wish = &app->wish[info->slot];

	free(*wish);
	*wish = info->slo.app[0][0] || info->slo.app[1][0] ? calloc(1, sizeof(**wish)) : NULL;
	for (int i = 0; *wish && i < SLO_APP_MAX; i++) {
		/* "app." belongs to the annotation. */
		if (info->slo.app[i][0])
			memcpy((*wish)->name[i], info->slo.app[i] + SLO_APP_NAME_MAX - APPLINE_NAME_MAX, APPLINE_NAME_MAX);
		(*wish)->bound_micro[i] = info->slo.bound[SLI_APP + i];
	}
	for (uint32_t i = 0; i < app->top; i++)
		if (app->metric[i].slot == info->slot)
			app->metric[i].idx = bound_idx(app, info->slot, app->metric[i].name);
}

void app_observe(struct app *app, const struct observation *observation)
{
	uint32_t slot = observation->gone.slot;

	if (observation->kind == OBSERVE_INSTANCE)
		take_instance(app, &observation->instance);
	if (observation->kind != OBSERVE_GONE || slot >= app->setup.slots_max)
		return;
	free(app->wish[slot]);
	app->wish[slot] = NULL;
	for (uint32_t i = 0; i < app->top; i++)
		if (app->metric[i].slot == slot)
			metric_drop(app, &app->metric[i]);
}

/* A new name of an instance; NULL: there is no room. What is bound finds room as long as the host has some. */
static struct app_metric *metric_add(struct app *app, uint32_t slot, const char *name, uint32_t hash)
{
	struct app_metric *free_metric = NULL;
	int idx = bound_idx(app, slot, name);
	uint32_t own = 0;

	for (uint32_t i = 0; i < APP_METRICS_MAX; i++) {
		if (!app->metric[i].slot && !free_metric)
			free_metric = &app->metric[i];
		own += app->metric[i].slot == slot && app->metric[i].idx < 0;
	}
	if (!free_metric || (idx < 0 && own >= APP_NAMES_MAX))
		return NULL;
	*free_metric = (struct app_metric){ .slot = slot, .hash = hash, .idx = idx, .kind = APP_KIND_COUNT, .value = -1 };
	memcpy(free_metric->name, name, APPLINE_NAME_MAX);
	if (free_metric - app->metric >= app->top)
		app->top = (uint32_t)(free_metric - app->metric) + 1;
	return free_metric;
}

static struct app_metric *metric_find(struct app *app, uint32_t slot, const char *name)
{
	uint32_t hash = ring_name_hash(name, APPLINE_NAME_MAX) ^ slot * 2654435761u;

	for (uint32_t i = 0; i < app->top; i++)
		if (app->metric[i].hash == hash && app->metric[i].slot == slot && !strcmp(app->metric[i].name, name))
			return &app->metric[i];
	return metric_add(app, slot, name, hash);
}

/* A histogram for a timer; one that is bound takes it from one that is not. */
static void hist_take(struct app *app, struct app_metric *metric)
{
	uint32_t hist = 1;

	while (hist < HISTS_MAX && app->is_hist_used[hist])
		hist++;
	for (uint32_t i = 0; hist == HISTS_MAX && metric->idx >= 0 && i < app->top; i++)
		if (app->metric[i].hist && app->metric[i].idx < 0) {
			hist = app->metric[i].hist;
			app->metric[i].hist = 0;
		}
	if (hist == HISTS_MAX)
		return;
	app->is_hist_used[hist] = true;
	metric->hist = hist;
	hist_reset(&app->hist[hist]);
}

static void timer_take(struct app *app, struct app_metric *metric, const struct appline *line)
{
	double micro = fmax(line->value, 0) * 1e6;
	uint32_t count = (uint32_t)(line->weight + 0.5);

	if (!metric->hist)
		hist_take(app, metric);
	if (metric->hist)
		hist_add(&app->hist[metric->hist], hist_bucket((uint64_t)fmin(micro, 1e18)), count);
	if (metric->idx < 0)
		return;
	if (micro <= (double)app->wish[metric->slot]->bound_micro[metric->idx])
		metric->good += count;
	else
		metric->bad += count;
}

/* A total that became smaller started again from 0. */
static void counter_take(struct app_metric *metric, const struct appline *line)
{
	if (!line->is_total) {
		metric->sum += fmax(line->value, 0) * line->weight;
		return;
	}
	if (metric->has_total)
		metric->sum += line->value >= metric->total ? line->value - metric->total : line->value;
	metric->total = line->value;
	metric->has_total = true;
}

static void line_take(struct app *app, uint32_t slot, const struct appline *line, uint64_t now_ns)
{
	struct app_metric *metric = metric_find(app, slot, line->name);

	if (!metric) {
		app->counts.nameless++;
		return;
	}
	if (metric->kind != line->kind) {
		app->is_hist_used[metric->hist] = false;
		metric->hist = 0;
		metric->has_total = false;
		metric->gauge = metric->sum = 0;
		metric->kind = line->kind;
	}
	metric->told_ns = now_ns;
	app->counts.lines++;
	if (line->kind == APP_TIMER)
		timer_take(app, metric, line);
	else if (line->kind == APP_COUNTER)
		counter_take(metric, line);
	else
		metric->gauge = line->is_delta ? metric->gauge + line->value : line->value;
	metric->is_moved = true;
}

/* The line ends up on terminals. */
static void problem_tell(struct app *app, const char *path, const char *line, size_t bytes, const char *why)
{
	char shown[48];
	size_t n = bytes < sizeof(shown) - 1 ? bytes : sizeof(shown) - 1;

	for (size_t i = 0; i < n; i++)
		shown[i] = line[i] >= ' ' && line[i] <= '~' ? line[i] : '?';
	shown[n] = '\0';
	snprintf(app->counts.problem, sizeof(app->counts.problem), "%.128s: '%s' %s", path, shown, why);
	app->counts.bad++;
}

void app_text(struct app *app, uint32_t slot, const char *path, const char *text, size_t bytes, uint64_t now_ns)
{
	struct appline_types types = { .count = 0 };

	while (bytes) {
		const char *end = memchr(text, '\n', bytes), *why;
		size_t line_bytes = end ? (size_t)(end - text) : bytes;
		struct appline line;
		int r;

		if (app->lines[slot] >= APP_LINES_MAX) {
			app->counts.dropped++;
		} else {
			app->lines[slot]++;
			r = appline_parse(text, line_bytes, &types, &line, &why);
			if (r > 0)
				line_take(app, slot, &line, now_ns);
			else if (r < 0)
				problem_tell(app, path, text, line_bytes, why);
		}
		bytes -= line_bytes + (end != NULL);
		text += line_bytes + (end != NULL);
	}
}

void app_stranger(struct app *app)
{
	app->counts.strangers++;
}

static void tell(struct app *app, struct app_metric *metric, float value)
{
	struct observation observation = {
		.kind = OBSERVE_APP,
		.app = { .slot = metric->slot, .idx = (uint32_t)metric->idx, .kind = metric->kind, .good = metric->good,
			 .bad = metric->bad, .value = value },
	};

	metric->good = metric->bad = 0;
	metric->is_moved = false;
	app->setup.observe(app->setup.context, &observation);
}

/* Closes the second of one name: what it is worth, < 0: nothing. */
static float second_value(struct app *app, struct app_metric *metric, uint64_t now_ns)
{
	double elapsed_s = (double)(now_ns - app->second_ns) / 1e9, sum = metric->sum;
	struct hist *hist = &app->hist[metric->hist];
	float value = -1;

	metric->sum = 0;
	if (metric->kind == APP_COUNTER)
		return app->second_ns ? (float)(sum / elapsed_s) : -1;
	if (metric->kind == APP_GAUGE)
		return now_ns - metric->told_ns < GAUGE_NS ? fmaxf((float)metric->gauge, 0) : -1;
	if (metric->hist && hist->total >= HIST_P99_SAMPLES_MIN)
		value = (float)(hist_quantile(hist, 0.99) / 1e6);
	if (metric->hist)
		hist_reset(hist);
	return value;
}

static void metric_tick(struct app *app, struct app_metric *metric, uint64_t now_ns, bool is_second)
{
	bool is_told = metric->idx >= 0 && metric->is_moved && metric->kind != APP_COUNTER;
	float now = metric->kind == APP_GAUGE ? fmaxf((float)metric->gauge, 0) : -1;

	if (is_second)
		now = metric->value = second_value(app, metric, now_ns);
	if (is_told || (is_second && metric->idx >= 0 && now >= 0))
		tell(app, metric, now);
	if (now_ns - metric->told_ns >= SILENT_NS)
		metric_drop(app, metric);
}

void app_tick(struct app *app, uint64_t now_ns, bool is_second)
{
	for (uint32_t i = 0; i < app->top; i++)
		if (app->metric[i].slot)
			metric_tick(app, &app->metric[i], now_ns, is_second);
	while (app->top && !app->metric[app->top - 1].slot)
		app->top--;
	if (is_second)
		app->second_ns = now_ns;
	memset(app->lines, 0, app->setup.slots_max * sizeof(*app->lines));
}

const struct app_counts *app_counts(const struct app *app) { return &app->counts; }
const struct app_metric *app_metrics(const struct app *app) { return app->metric; }
