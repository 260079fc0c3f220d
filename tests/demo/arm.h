/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything one arm of the demo left behind, with times in seconds since the
 * run's epoch. The files are described in tests/demo/README.md.
 */
#ifndef DEMO_ARM_H
#define DEMO_ARM_H

#include <stdbool.h>
#include <stdint.h>

#include "../load/hist.h"
#include "family.h"

#define PHASES_MAX 8
#define GROUPS_MAX (PHASES_MAX + 1) /* an antagonist per phase, and the server */
#define OCCURRENCES_MAX 32
#define BINS_MAX 4096 /* of 100 ms */
#define BINS_PER_S 10
#define LIMITS_MAX 8192
#define FORECASTS_MAX 512
#define ACTIONS_MAX 8192
#define HORIZONS 6
#define QUANTILES 4
#define NAME_MAX_BYTES 32

enum arm_id { ARM_OBSERVE, ARM_REACTIVE, ARM_FORESTALL, ARM_COUNT };

extern const char *const arm_names[ARM_COUNT];

struct occurrence {
	double start_s, end_s;
};

struct phase {
	char name[NAME_MAX_BYTES];
	double from_s, to_s;
	unsigned int count;
	struct occurrence occurrences[OCCURRENCES_MAX];
};

/* What the client saw of the requests due in these 100 ms. */
struct client_bin {
	struct hist hist;
	uint64_t bad_count;
};

struct burn_bin {
	double units, demand;
};

/* What the witness read. NAN: no such limit. */
struct limit {
	double time_s, weight, quota_cpus;
	double cap;	/* memory.high in MiB, or io.max in MB/s */
	double usage;	/* CPU seconds, MiB held now, MB read and written, or MB sent, all but MiB since the start */
};

struct forecast {
	double time_s, sli_now, demand_now; /* in the unit of the bound, and as the family shows it; NAN: not measured */
	double risk[HORIZONS], demand[HORIZONS][QUANTILES], sli[HORIZONS][QUANTILES];
};

struct action {
	double time_s;
	unsigned int group_idx;
	char knob[NAME_MAX_BYTES], reason[NAME_MAX_BYTES], value[NAME_MAX_BYTES];
};

/* Limits and forecasts of one cgroup; group i < phase_count is the antagonist of phase i, the next is the server. */
struct group {
	unsigned int limit_count, forecast_count, burn_count;
	struct limit limits[LIMITS_MAX];
	struct forecast forecasts[FORECASTS_MAX];
	struct burn_bin burn[BINS_MAX];
};

struct arm {
	uint64_t epoch_ns, seed, bound_us;
	unsigned int seconds, phase_count, bin_count, action_count;
	const struct family *family;
	char scenario[NAME_MAX_BYTES]; /* the family, or a variant of it */
	char slo[256]; /* that forestall was given; the first SLI leads */
	double sli_bound;
	char sli_name[NAME_MAX_BYTES], sli_unit[8]; /* "ms" or "%" */
	bool has_decisions;
	char sources[4 * NAME_MAX_BYTES]; /* which forecasters spoke */
	struct phase phases[PHASES_MAX];
	struct client_bin bins[BINS_MAX];
	struct group groups[GROUPS_MAX];
	struct action actions[ACTIONS_MAX];
};

/*
 * Loads meta.csv, client.csv, client-api.csv where a second server has one,
 * burn-PHASE.csv and limits.csv of a directory into a zeroed arm. Returns 0 or -errno with the name of the file in *ret_file:
 * -EINVAL for a malformed one, -E2BIG when it is longer than the limits above.
 */
int arm_load(const char *dir, struct arm *arm, const char **ret_file);

/*
 * Adds decisions.jsonl; a missing file is no error and leaves has_decisions
 * false. Call it after arm_load(). Returns 0 or -errno.
 */
int arm_load_decisions(const char *dir, struct arm *arm);

/* The group with this name or with a path that ends in it; GROUPS_MAX when unknown. */
unsigned int arm_group(const struct arm *arm, const char *name);

double arm_time_s(const struct arm *arm, uint64_t time_ns);

#endif
