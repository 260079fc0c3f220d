/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What applications say of themselves: names, values, and those of them that are an SLI of their instance.
 *
 * Everything is bounded: APP_METRICS_MAX names on the host, APP_NAMES_MAX of an instance beside those that its annotation
 * binds, APP_LINES_MAX lines of an instance per tick; what is more is counted and not taken. A timer is told of as the
 * 99th percentile of a second with at least 20 values, its buckets an eighth of an octave wide from 0.001 to 17179; a counter
 * as its rate per second; a gauge as its last value, for a minute. A name that is silent for five minutes is forgotten.
 */
#ifndef FORESTALL_APP_H
#define FORESTALL_APP_H

#include "appline.h"

#define APP_METRICS_MAX 512
#define APP_NAMES_MAX 16
#define APP_LINES_MAX 512
#define APP_PROBLEM_MAX 256

struct app;

struct app_setup {
	uint32_t slots_max;
	observe_fn observe;
	void *context;
};

struct app_counts {
	uint64_t lines;		/* taken */
	uint64_t bad;		/* that could not be read */
	uint64_t nameless;	/* of names that there was no room for */
	uint64_t dropped;	/* beyond what an instance may say in a tick */
	uint64_t strangers;	/* packets of processes that were gone, or of no instance */
	char problem[APP_PROBLEM_MAX];	/* the last bad line: whose, what, why; "" without any */
};

struct app_metric {
	uint32_t slot;		/* 0: free */
	uint32_t hash;
	char name[APPLINE_NAME_MAX];
	enum app_kind kind;
	int idx;		/* of slo.app; -1: not bound */
	float value;		/* of the last second; < 0: none */
	uint64_t told_ns;
	double gauge, total, sum;
	bool has_total, is_moved;
	uint32_t good, bad;
	uint32_t hist;		/* of the open second: its number; 0: none */
};

/* NULL when out of memory. */
struct app *app_new(const struct app_setup *setup);
void app_free(struct app *app);

/* Hears of instances: who may say something, and what of it is bound. */
void app_observe(struct app *app, const struct observation *observation);

/* Some lines of one packet, or of a stream up to the last whole one, of an instance. */
void app_text(struct app *app, uint32_t slot, const char *path, const char *text, size_t bytes, uint64_t now_ns);
void app_stranger(struct app *app);

void app_tick(struct app *app, uint64_t now_ns, bool is_second);

const struct app_counts *app_counts(const struct app *app);

/* APP_METRICS_MAX of them. */
const struct app_metric *app_metrics(const struct app *app);

const char *app_kind_name(enum app_kind kind);

#endif
