/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The operator's files: DIR/forestall.conf and DIR/instances.d/NAME.conf (see docs/SLO.md). What is not there keeps its
 * default; what is there must be right: an unknown section or key, a bad value, a bad glob or anything given twice is
 * an error that names the line.
 */
#ifndef FORESTALL_CONFIG_H
#define FORESTALL_CONFIG_H

#include <limits.h>
#include <stdint.h>

#include "decide/canary.h"
#include "decide/plan.h"
#include "predict/forecast.h"
#include "predict/slo.h"

#define CONFIG_DIR_DEFAULT "/etc/forestall"
#define CONFIG_PROBLEM_MAX 512
#define CONFIG_GLOB_MAX 192

/* An annotation for every cgroup whose path matches. */
struct config_rule {
	char glob[CONFIG_GLOB_MAX];	/* fnmatch(3) over the path below the cgroup root; '*' does not match '/' */
	struct slo slo;			/* source = SLO_FROM_CONFIG */
};

/* A log file of the first cgroup whose path matches. */
#define CONFIG_LOGS_MAX 32

struct config_log {
	char glob[CONFIG_GLOB_MAX];
	char path[PATH_MAX];
};

/* What is kept to learn from, and how it is learned from it. */
struct config_learn {
	uint32_t history_mb;	/* of the mind's own past that are kept; 0: none */
	uint32_t models_max;	/* kept of those trained here */
	uint32_t shadow_min;	/* after a promotion nothing is done for so long, only decided */
	uint32_t every_h;	/* a challenger learns so often; 0: not by the clock */
	uint32_t drift;		/* yes: and when the champion gets worse */
	uint32_t promote;	/* yes: one that is better becomes the champion by itself */
	uint32_t cpu_s;		/* a challenger's bounds: CPU time in all, address space, time until it is killed, share of a CPU */
	uint32_t memory_mb;
	uint32_t deadline_min;
	float cpu_share;
};

struct config {
	uint32_t tick_ms;
	uint32_t instances_max;
	uint32_t forecaster;		/* enum forecast_source */
	char model[PATH_MAX];		/* "": the shipped one */
	struct plan_policy policy;
	struct canary_order canary;	/* policy POLICY_COUNT: none is begun */
	struct config_learn learn;
	struct config_rule *rule;	/* in the order of reading: file names sorted, then lines */
	uint32_t rule_count;
	struct config_log *log;		/* in the order of reading */
	uint32_t log_count;
};

/* The defaults, no rule. */
void config_init(struct config *config);

/*
 * Reads both below `dir` over the defaults. 0, or -EINVAL, -ENOMEM or another -errno with one line
 * "FILE:LINE: reason; remedy" in problem; *ret is then as after config_init().
 */
int config_load(const char *dir, struct config *ret, char problem[CONFIG_PROBLEM_MAX]);

/*
 * The same over one text in memory: what the fuzzer and tests feed. `name` stands for the file in problems,
 * is_instances tells the two kinds of file apart. *config keeps what was read before the problem.
 */
int config_parse(struct config *config, const char *name, bool is_instances, const char *text,
		 char problem[CONFIG_PROBLEM_MAX]);

/* Frees the rules; may be called twice. */
void config_done(struct config *config);

/* The rule for this path, the last one read of all that match; NULL when none does. */
const struct config_rule *config_find(const struct config *config, const char *path);

#endif
