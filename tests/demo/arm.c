/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "arm.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS_MAX 12
#define LIMIT_FIELDS 11
#define MIB 1048576.0
#define MB 1e6

const char *const arm_names[ARM_COUNT] = {"observe", "reactive", "forestall"};

typedef int (*line_handler)(struct arm *arm, char *fields[], unsigned int count);

double arm_time_s(const struct arm *arm, uint64_t time_ns)
{
	return ((double)time_ns - (double)arm->epoch_ns) / 1e9;
}

unsigned int arm_group(const struct arm *arm, const char *name)
{
	const char *slash = strrchr(name, '/');

	name = slash ? slash + 1 : name;
	for (unsigned int i = 0; i < arm->phase_count; i++)
		if (!strcmp(name, arm->phases[i].name))
			return i;
	return strcmp(name, "server") ? GROUPS_MAX : arm->phase_count;
}

static int phase_line(struct arm *arm, char *fields[])
{
	struct phase *phase = &arm->phases[arm->phase_count];

	if (arm->phase_count == PHASES_MAX)
		return -E2BIG;
	snprintf(phase->name, sizeof(phase->name), "%s", fields[1]);
	phase->from_s = strtod(fields[2], NULL) / 1000;
	phase->to_s = strtod(fields[3], NULL) / 1000;
	arm->phase_count++;
	return 0;
}

/* Segments that touch are one occurrence: a ramp and the plateau after it. */
static int segment_line(struct arm *arm, char *fields[])
{
	unsigned int idx = arm_group(arm, fields[1]);
	double start_s = strtod(fields[2], NULL) / 1000, end_s = start_s + strtod(fields[3], NULL) / 1000;
	struct phase *phase;

	if (idx >= arm->phase_count)
		return -EINVAL;
	phase = &arm->phases[idx];
	if (phase->count && phase->occurrences[phase->count - 1].end_s >= start_s) {
		phase->occurrences[phase->count - 1].end_s = end_s;
		return 0;
	}
	if (phase->count == OCCURRENCES_MAX)
		return -E2BIG;
	phase->occurrences[phase->count++] = (struct occurrence){start_s, end_s};
	return 0;
}

/* "mem_some<2% resp_p99<10ms ...": name, bound and unit of the first. */
static int slo_line(struct arm *arm, const char *text)
{
	snprintf(arm->slo, sizeof(arm->slo), "%s", text);
	return sscanf(text, "%31[a-z0-9_]<%lf%7[a-z%]", arm->sli_name, &arm->sli_bound, arm->sli_unit) == 3 ? 0 : -EINVAL;
}

static int meta_line(struct arm *arm, char *fields[], unsigned int count)
{
	const char *key = fields[0];

	if (!strcmp(key, "phase") && count == 4)
		return phase_line(arm, fields);
	if (!strcmp(key, "segment") && count == 6)
		return segment_line(arm, fields);
	if (count != 2)
		return -EINVAL;
	if (!strcmp(key, "epoch_ns"))
		arm->epoch_ns = strtoull(fields[1], NULL, 10);
	else if (!strcmp(key, "seed"))
		arm->seed = strtoull(fields[1], NULL, 10);
	else if (!strcmp(key, "bound_us"))
		arm->bound_us = strtoull(fields[1], NULL, 10);
	else if (!strcmp(key, "seconds"))
		arm->seconds = (unsigned int)strtoul(fields[1], NULL, 10);
	else if (!strcmp(key, "slo"))
		return slo_line(arm, fields[1]);
	else if (!strcmp(key, "family"))
		return (arm->family = family_find(fields[1])) ? 0 : -EINVAL;
	else if (!strcmp(key, "scenario"))
		snprintf(arm->scenario, sizeof(arm->scenario), "%s", fields[1]);
	return 0;
}

static int client_line(struct arm *arm, char *fields[], unsigned int count)
{
	struct client_bin *bin = &arm->bins[arm->bin_count];

	if (arm->bin_count == BINS_MAX)
		return -E2BIG;
	if (count < 6)
		return -EINVAL;
	bin->bad_count += strtoull(fields[5], NULL, 10);
	arm->bin_count++;
	return count > 6 ? hist_parse(&bin->hist, fields[6]) : 0;
}

/* The witness writes 0 for no limit. */
static double limit_or_nan(const char *text)
{
	double value = strtod(text, NULL);

	return value > 0 ? value : NAN;
}

static int limit_line(struct arm *arm, char *fields[], unsigned int count)
{
	unsigned int idx = count == LIMIT_FIELDS ? arm_group(arm, fields[1]) : GROUPS_MAX;
	bool is_memory = !strcmp(arm->family->name, "memory"), is_io = !strcmp(arm->family->name, "io");
	struct group *group;

	if (idx == GROUPS_MAX)
		return -EINVAL;
	group = &arm->groups[idx];
	if (group->limit_count == LIMITS_MAX)
		return -E2BIG;
	group->limits[group->limit_count++] = (struct limit){
		.time_s = arm_time_s(arm, strtoull(fields[0], NULL, 10)),
		.weight = strtod(fields[2], NULL),
		.quota_cpus = limit_or_nan(fields[3]) / strtod(fields[4], NULL),
		.cap = is_memory ? limit_or_nan(fields[6]) / MIB : limit_or_nan(fields[9]) / MB,
		.usage = is_memory ? strtod(fields[8], NULL) / MIB
				   : is_io ? strtod(fields[10], NULL) / MB : strtod(fields[5], NULL) / 1e6,
	};
	return 0;
}

static unsigned int split(char *line, char *fields[])
{
	unsigned int count = 0;

	line[strcspn(line, "\n")] = '\0';
	for (char *field; count < FIELDS_MAX && (field = strsep(&line, ","));)
		fields[count++] = field;
	return count;
}

static int read_lines(FILE *file, struct arm *arm, bool has_header, line_handler handle)
{
	char *line = NULL, *fields[FIELDS_MAX];
	size_t size = 0;
	int r = 0;

	for (bool first = has_header; !r && getline(&line, &size, file) > 0; first = false)
		if (!first)
			r = handle(arm, fields, split(line, fields));
	free(line);
	return r;
}

static int read_file(const char *dir, const char *name, struct arm *arm, bool has_header, line_handler handle)
{
	char path[4096];
	FILE *file;
	int r;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	r = read_lines(file, arm, has_header, handle);
	fclose(file);
	return r;
}

/* Apart from the others, because the file's name says which group it is of. */
static int read_burn(const char *dir, const char *phase, struct group *group)
{
	char path[4096], *line = NULL, *fields[FIELDS_MAX];
	size_t size = 0;
	FILE *file;
	int r = 0;

	snprintf(path, sizeof(path), "%s/burn-%s.csv", dir, phase);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (!r && getline(&line, &size, file) > 0) {
		unsigned int count = split(line, fields);

		if (*fields[0] < '0' || *fields[0] > '9')
			continue;
		r = count != 3 ? -EINVAL : group->burn_count == BINS_MAX ? -E2BIG : 0;
		if (!r)
			group->burn[group->burn_count++] =
				(struct burn_bin){strtod(fields[1], NULL), strtod(fields[2], NULL)};
	}
	free(line);
	fclose(file);
	return r;
}

int arm_load(const char *dir, struct arm *arm, const char **ret_file)
{
	int r = read_file(dir, *ret_file = "meta.csv", arm, false, meta_line);

	if (!r && (!arm->epoch_ns || !arm->bound_us || !arm->phase_count || !arm->family || !*arm->sli_name))
		r = -EINVAL;
	if (!r)
		r = read_file(dir, *ret_file = "client.csv", arm, true, client_line);
	if (!r) {
		/* The bins of a second server's client are of the same times, and add up. */
		unsigned int bin_count = arm->bin_count;

		arm->bin_count = 0;
		r = read_file(dir, *ret_file = "client-api.csv", arm, true, client_line);
		r = r == -ENOENT ? 0 : r;
		arm->bin_count = bin_count;
	}
	if (!r)
		r = read_file(dir, *ret_file = "limits.csv", arm, true, limit_line);
	for (unsigned int i = 0; !r && i < arm->phase_count; i++)
		r = read_burn(dir, *ret_file = arm->phases[i].name, &arm->groups[i]);
	return r;
}
