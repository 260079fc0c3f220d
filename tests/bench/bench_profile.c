/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The resource profile on series that nobody here wrote, in the order of time: each hour it is asked for the quarter of an hour that
 * lies 1, 6 and 24 hours ahead, and so are "as now" and "as yesterday at that time", both with the quantiles of the errors
 * that they have made so far at this distance. Losses are shares of the series' own mean, so that all count alike; the first WARM_DAYS
 * of a series are not scored.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "predict/profile.h"
#include "realdata.h"

#define STEP_S 300
#define WARM_DAYS 3
#define ORIGIN_SLOTS 4
#define QUARTERS_MAX 6000
#define AHEADS 3

enum speaker_kind { PROFILE, NOW, YESTERDAY, KINDS };

static const uint32_t ahead_slots[AHEADS] = { 4, 24, 96 };
static const char *const kind_names[KINDS] = { "profile", "as now", "as yesterday" };

struct errors {
	float *sorted;
	uint32_t count;
};

struct tally {
	double pinball[FORECAST_QUANTILES], below[FORECAST_QUANTILES], absolute, count;
};

struct group {
	const char *name;
	uint32_t series, won[AHEADS][KINDS];
	struct tally tally[AHEADS][KINDS];
};

/* One series, a mean per quarter of an hour; NaN where nothing was measured. */
struct quarters {
	int64_t start;
	uint32_t count;
	float *sum, *seen;
};

static float quarter(const struct quarters *q, uint32_t i) { return q->seen[i] > 0 ? q->sum[i] / q->seen[i] : NAN; }

static void errors_add(struct errors *errors, float error)
{
	uint32_t low = 0, high = errors->count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (errors->sorted[middle] < error)
			low = middle + 1;
		else
			high = middle;
	}
	memmove(errors->sorted + low + 1, errors->sorted + low, (errors->count - low) * sizeof(float));
	errors->sorted[low] = error;
	errors->count++;
}

static void errors_around(const struct errors *errors, float value, float ret[FORECAST_QUANTILES])
{
	for (int q = 0; q < FORECAST_QUANTILES; q++) {
		float at = forecast_quantile[q] * (float)(errors->count ? errors->count - 1 : 0);
		uint32_t i = (uint32_t)at, next = i + 1 < errors->count ? i + 1 : i;
		float error = errors->count ? errors->sorted[i] + (errors->sorted[next] - errors->sorted[i]) * (at - (float)i) : 0;

		/* The point itself is the median that is judged by its absolute error. */
		ret[q] = fmaxf(q == 1 ? value : value + error, 0);
	}
}

static void score(struct tally *tally, const float quantile[FORECAST_QUANTILES], float came, float mean)
{
	for (int q = 0; q < FORECAST_QUANTILES; q++) {
		tally->pinball[q] += pinball(quantile[q], forecast_quantile[q], came) / mean;
		tally->below[q] += came <= quantile[q];
	}
	tally->absolute += fabsf(came - quantile[1]) / mean;
	tally->count++;
}

static double loss(const struct tally *tally)
{
	double sum = 0;

	for (int q = 0; q < FORECAST_QUANTILES; q++)
		sum += tally->pinball[q] / FORECAST_QUANTILES;
	return sum / fmax(tally->count, 1);
}

static void tally_add(struct tally *to, const struct tally *from)
{
	if (from->count <= 0)
		return;
	for (int q = 0; q < FORECAST_QUANTILES; q++) {
		to->pinball[q] += from->pinball[q] / from->count;
		to->below[q] += from->below[q] / from->count;
	}
	to->absolute += from->absolute / from->count;
	to->count++;
}

static struct profile_clock clock_of(const struct quarters *q, uint32_t i)
{
	return (struct profile_clock){ .unix_s = (q->start + i) * PROFILE_SLOT_S };
}

/* All three say what they think of i + ahead at the beginning of quarter i, knowing those before it. */
static void origin(const struct quarters *q, const struct profile *profile, enum resource r, uint32_t i, float mean,
		   struct errors errors[AHEADS][2], struct tally tally[AHEADS][KINDS])
{
	for (int a = 0; a < AHEADS; a++) {
		uint32_t to = i - 1 + ahead_slots[a];
		float point[2] = { quarter(q, i - 1), quarter(q, i - 1 + ahead_slots[a] - PROFILE_DAY_SLOTS) }, say[KINDS][FORECAST_QUANTILES];
		struct profile_need need;

		if (to >= q->count || isnan(quarter(q, to)) || isnan(point[0]) || isnan(point[1]) ||
		    !profile_need(profile, r, clock_of(q, to), &need))
			continue;
		memcpy(say[PROFILE], need.quantile, sizeof(need.quantile));
		errors_around(&errors[a][0], point[0], say[NOW]);
		errors_around(&errors[a][1], point[1], say[YESTERDAY]);
		for (int k = 0; k < KINDS; k++)
			score(&tally[a][k], say[k], quarter(q, to), mean);
	}
}

/* What came at i - 1 was said ahead quarters before. */
static void errors_learn(const struct quarters *q, uint32_t i, struct errors errors[AHEADS][2])
{
	for (int a = 0; a < AHEADS; a++) {
		float came = quarter(q, i - 1);
		float now = i - 1 >= ahead_slots[a] ? quarter(q, i - 1 - ahead_slots[a]) : NAN;
		float day = i - 1 >= PROFILE_DAY_SLOTS ? quarter(q, i - 1 - PROFILE_DAY_SLOTS) : NAN;

		if (!isnan(came - now))
			errors_add(&errors[a][0], came - now);
		if (!isnan(came - day))
			errors_add(&errors[a][1], came - day);
	}
}

static float mean_of(const struct quarters *q)
{
	double sum = 0, count = 0;

	for (uint32_t i = 0; i < q->count; i++)
		if (q->seen[i] > 0) {
			sum += quarter(q, i);
			count++;
		}
	return (float)(sum / fmax(count, 1));
}

static void series_run(struct group *group, const struct quarters *q, enum resource r)
{
	struct profile *profile = must_alloc(1, sizeof(*profile));
	struct errors errors[AHEADS][2] = { 0 };
	struct tally tally[AHEADS][KINDS] = { 0 };
	float mean = mean_of(q);

	for (int a = 0; a < AHEADS; a++)
		for (int k = 0; k < 2; k++)
			errors[a][k].sorted = must_alloc(q->count + 1, sizeof(float));
	profile_reset(profile);
	for (uint32_t i = 0; i < q->count && mean > 0; i++) {
		float demand[RESOURCE_COUNT] = { -1, -1, -1, -1 };

		/* Opens quarter i, so that the one before is closed when the question comes. */
		profile_push(profile, clock_of(q, i), demand, 0);
		if (i)
			errors_learn(q, i, errors);
		if (i >= WARM_DAYS * PROFILE_DAY_SLOTS && i % ORIGIN_SLOTS == 0)
			origin(q, profile, r, i, mean, errors, tally);
		demand[r] = isnan(quarter(q, i)) ? -1 : quarter(q, i);
		profile_push(profile, clock_of(q, i), demand, PROFILE_SLOT_S);
	}
	group->series += tally[0][0].count > 0;
	for (int a = 0; a < AHEADS; a++)
		for (int k = 0; k < KINDS; k++) {
			group->won[a][k] += loss(&tally[a][PROFILE]) < loss(&tally[a][k]);
			tally_add(&group->tally[a][k], &tally[a][k]);
			if (k < 2)
				free(errors[a][k].sorted);
		}
	free(profile);
}

static void quarters_add(struct quarters *q, int64_t unix_s, float value)
{
	int64_t at = unix_s / PROFILE_SLOT_S;

	if (!q->count)
		q->start = at;
	if (at < q->start || at - q->start >= QUARTERS_MAX)
		return;
	q->count = q->count > at - q->start + 1 ? q->count : (uint32_t)(at - q->start + 1);
	q->sum[at - q->start] += value;
	q->seen[at - q->start]++;
}

static void quarters_reset(struct quarters *q)
{
	if (!q->sum) {
		q->sum = must_alloc(QUARTERS_MAX, sizeof(float));
		q->seen = must_alloc(QUARTERS_MAX, sizeof(float));
	}
	memset(q->sum, 0, QUARTERS_MAX * sizeof(float));
	memset(q->seen, 0, QUARTERS_MAX * sizeof(float));
	q->count = 0;
}

/* In the units of enum resource, or nearly. */
static void machines_flush(struct group groups[RESOURCE_COUNT], struct quarters q[RESOURCE_COUNT])
{
	for (int r = 0; r < RESOURCE_COUNT; r++) {
		if (q[r].count)
			series_run(&groups[r], &q[r], (enum resource)r);
		quarters_reset(&q[r]);
	}
}

static int machines_read(FILE *file, struct group groups[RESOURCE_COUNT])
{
	struct quarters q[RESOURCE_COUNT] = { 0 };
	char line[512];
	long last = -1;

	machines_flush(groups, q);
	while (fgets(line, sizeof(line), file)) {
		float mhz, cap, memory, reads, writes, sent;
		long machine;
		double ts;

		if (sscanf(line, "%ld,%lf,%*f,%f,%f,%*f,%*f,%f,%f,%f,%*f,%f", &machine, &ts, &cap, &mhz, &memory, &reads, &writes,
			   &sent) != 8)
			continue;
		if (machine != last)
			machines_flush(groups, q);
		last = machine;
		quarters_add(&q[RESOURCE_CPU], (int64_t)ts, mhz / 2000);
		quarters_add(&q[RESOURCE_MEMORY], (int64_t)ts, memory * 1024);
		quarters_add(&q[RESOURCE_IO], (int64_t)ts, (reads + writes) * 1024);
		quarters_add(&q[RESOURCE_NET], (int64_t)ts, sent * 1024);
	}
	machines_flush(groups, q);
	for (int r = 0; r < RESOURCE_COUNT; r++) {
		free(q[r].sum);
		free(q[r].seen);
	}
	return last < 0;
}

static int cloud_read(FILE *file, struct group *group)
{
	struct quarters q = { 0 };
	char line[512], name[256], last[256] = "";

	quarters_reset(&q);
	while (fgets(line, sizeof(line), file)) {
		struct tm at = { 0 };
		float value;

		if (sscanf(line, "%255[^,],%d-%d-%d %d:%d:%*d,%f", name, &at.tm_year, &at.tm_mon, &at.tm_mday, &at.tm_hour, &at.tm_min,
			   &value) != 7)
			continue;
		at.tm_year -= 1900;
		at.tm_mon--;
		if (strcmp(name, last) && q.count) {
			series_run(group, &q, RESOURCE_CPU);
			quarters_reset(&q);
		}
		snprintf(last, sizeof(last), "%s", name);
		quarters_add(&q, timegm(&at), value);
	}
	if (q.count)
		series_run(group, &q, RESOURCE_CPU);
	free(q.sum);
	free(q.seen);
	return !last[0];
}

static void group_print(const struct group *group)
{
	for (int a = 0; a < AHEADS && group->series; a++)
		for (int k = 0; k < KINDS; k++) {
			const struct tally *t = &group->tally[a][k];
			double n = fmax(t->count, 1);

			printf("%-10s %4u h  %-13s %7.4f %7.4f %8.4f %7.4f %7.4f    %4.2f  %4.2f  %4.2f  %4.2f", k || a ? "" : group->name,
			       ahead_slots[a] / 4, kind_names[k], t->absolute / n, t->pinball[0] / n, t->pinball[1] / n, t->pinball[2] / n,
			       t->pinball[3] / n, t->below[0] / n, t->below[1] / n, t->below[2] / n, t->below[3] / n);
			if (k)
				printf("   better than it in %u of %u", group->won[a][k], group->series);
			putchar('\n');
		}
}

static void group_json(const struct group *group, bool is_first)
{
	printf("%s\"%s\":{", is_first ? "" : ",", group->name);
	for (int k = 0; k < KINDS; k++)
		printf("%s\"%s\":[%.4f,%.4f,%.4f]", k ? "," : "", kind_names[k], loss(&group->tally[0][k]), loss(&group->tally[1][k]),
		       loss(&group->tally[2][k]));
	putchar('}');
}

/* 0; 1: the folder has none of these; -1 with a line on stderr. */
static int file_run(const char *folder, const char *file, struct group *groups, bool is_cloud)
{
	char path[4096];
	int child, r;
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	in = access(path, R_OK) ? NULL : text_open(path, &child);
	if (!in) {
		printf("%s: not there, left out\n", path);
		return 1;
	}
	r = is_cloud ? cloud_read(in, groups) : machines_read(in, groups);
	return text_close(in, child) || r ? -1 : 0;
}

int main(int argc, char **argv)
{
	static struct group groups[] = { { .name = "vm cpu" }, { .name = "vm memory" }, { .name = "vm disk" }, { .name = "vm net" },
					 { .name = "nab_cloud" } };
	int machines, cloud;

	if (argc != 2) {
		fprintf(stderr, "usage: make bench-profile DATA=DIR, a folder with bitbrains/ and nab_cloud/\n");
		return 2;
	}
	machines = file_run(argv[1], "bitbrains/rnd_2013-08_a.csv.xz", groups, false);
	cloud = file_run(argv[1], "nab_cloud/nab_cloud_a.csv.xz", groups + RESOURCE_COUNT, true);
	if (machines < 0 || cloud < 0)
		return 1;
	if (machines && cloud) {
		printf("# skip: no data\n");
		return 77;
	}
	printf("series     ahead  by                MAE  pinball .1    .5      .9     .99  below .1   .5    .9   .99\n");
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		group_print(&groups[i]);
	printf("{\"bench\":\"profile\",\"ahead_h\":[1,6,24],\"pinball\":{");
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		group_json(&groups[i], !i);
	printf("}}\n");
	return 0;
}
