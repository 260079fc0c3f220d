/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "outlook.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "profilefile.h"

#define QUANTILE_HIGH 2	/* .9 */
#define TELL_AHEAD_S 60
#define TELL_PROFILE_S 60	/* so often */
#define DAYS_MIN 1		/* that a profile has seen of a time before anything is held ready by it */
#define PARTS 8		/* of a second's work, one per tick */

/* Whose the profile of the same index is. */
struct outlook_place {
	char path[PROFILE_PATH_MAX];	/* "": nobody's */
	uint32_t slot;			/* it had last */
	uint32_t saved;			/* number of the quarter that was open when it was saved */
	uint64_t used;			/* count of seconds when it was seen last */
	uint32_t told;			/* resources of which the mind holds something announced, and then those of the profile, bit each */
};

struct outlook {
	struct outlook_setup setup;
	struct outlook_place place[OUTLOOK_MAX];
	struct announcer *announcer;
	struct profile *profile;	/* [OUTLOOK_MAX] */
	struct trajectory *trajectory;	/* [OUTLOOK_MAX] */
	struct explain_past *past;	/* [OUTLOOK_MAX] */
	const struct lstm_weights *weights;	/* that the states in past are of */
	uint16_t *of_slot;		/* [slots_max] place + 1, when that still has the slot's path */
	struct profile_writer *writer;	/* NULL: nothing is kept */
	uint64_t seconds;
	uint32_t part;
	int dir_fd;
	int told;			/* the error that was told last */
};

struct profile_clock outlook_clock(int64_t unix_s)
{
	time_t time = (time_t)unix_s;
	struct tm local;

	localtime_r(&time, &local);
	return (struct profile_clock){ .unix_s = unix_s, .offset_s = (int32_t)local.tm_gmtoff };
}

static void tell(struct outlook *outlook, int error)
{
	if (error != outlook->told)
		fprintf(stderr, "forestalld: profiles in %s/profile: %s; they are kept in memory until it works again\n",
			outlook->setup.state_dir, strerror(-error));
	outlook->told = error;
}

struct outlook *outlook_new(const struct outlook_setup *setup)
{
	struct outlook *outlook = calloc(1, sizeof(*outlook));

	if (!outlook)
		return NULL;
	outlook->setup = *setup;
	outlook->profile = calloc(OUTLOOK_MAX, sizeof(*outlook->profile));
	outlook->trajectory = calloc(OUTLOOK_MAX, sizeof(*outlook->trajectory));
	outlook->past = calloc(OUTLOOK_MAX, sizeof(*outlook->past));
	outlook->of_slot = calloc(setup->predictor->config.slots_max, sizeof(*outlook->of_slot));
	outlook->announcer = announcer_new(setup->config_dir);
	outlook->dir_fd = profile_dir_open(setup->state_dir);
	if (outlook->dir_fd < 0)
		tell(outlook, outlook->dir_fd);
	else
		outlook->writer = profile_writer_new(outlook->dir_fd);
	if (outlook->announcer && outlook->profile && outlook->trajectory && outlook->past && outlook->of_slot && (outlook->dir_fd < 0 || outlook->writer))
		return outlook;
	outlook_free(outlook);
	return NULL;
}

static bool is_due(const struct outlook *outlook, uint32_t i)
{
	return outlook->place[i].path[0] && outlook->profile[i].open != outlook->place[i].saved && outlook->profile[i].first;
}

static void rest_save(struct outlook *outlook)
{
	struct profile_record *record = malloc(sizeof(*record));

	for (uint32_t i = 0; record && i < OUTLOOK_MAX; i++) {
		int r;

		if (!is_due(outlook, i))
			continue;
		profile_format(&outlook->profile[i], outlook->place[i].path, record);
		r = profile_save(outlook->dir_fd, record);
		if (r)
			tell(outlook, r);
	}
	free(record);
}

void outlook_free(struct outlook *outlook)
{
	if (!outlook)
		return;
	profile_writer_free(outlook->writer);
	if (outlook->writer)
		rest_save(outlook);
	if (outlook->dir_fd >= 0)
		close(outlook->dir_fd);
	announcer_free(outlook->announcer);
	free(outlook->profile);
	free(outlook->trajectory);
	free(outlook->past);
	free(outlook->of_slot);
	free(outlook);
}

static bool is_alive(const struct outlook *outlook, uint32_t i)
{
	const struct predictor_instance *instance = &outlook->setup.predictor->instance[outlook->place[i].slot];

	return instance->is_live && predictor_is_annotated(instance) && !strcmp(instance->info.path, outlook->place[i].path);
}

/* The place of this path, else a free one, else that of who went longest ago; OUTLOOK_MAX: all are alive. */
static uint32_t place_find(const struct outlook *outlook, const char *path)
{
	uint32_t best = OUTLOOK_MAX;

	for (uint32_t i = 0; i < OUTLOOK_MAX; i++)
		if (!strcmp(outlook->place[i].path, path))
			return i;
	for (uint32_t i = 0; i < OUTLOOK_MAX; i++) {
		if (outlook->place[i].path[0] && is_alive(outlook, i))
			continue;
		if (best == OUTLOOK_MAX || outlook->place[i].used < outlook->place[best].used)
			best = i;
	}
	return best;
}

/* What was learned of it before, from disk. */
static void place_fill(struct outlook *outlook, uint32_t i, const char *path)
{
	struct profile_record *record = malloc(sizeof(*record));
	char problem[PROFILE_PROBLEM_MAX];
	int r = record && outlook->dir_fd >= 0 ? profile_load(outlook->dir_fd, path, record, problem) : 0;

	outlook->place[i] = (struct outlook_place){ 0 };
	memset(&outlook->trajectory[i], 0, sizeof(outlook->trajectory[i]));
	memset(&outlook->past[i], 0, sizeof(outlook->past[i]));
	snprintf(outlook->place[i].path, sizeof(outlook->place[i].path), "%s", path);
	if (r == 1) {
		outlook->profile[i] = record->profile;
		outlook->place[i].saved = record->profile.open;
	} else {
		profile_reset(&outlook->profile[i]);
	}
	if (r < 0)
		fprintf(stderr, "forestalld: %s/%s\n", outlook->setup.state_dir, problem);
	free(record);
}

/* The place of an instance, made when it has none; OUTLOOK_MAX: there is no room. */
static uint32_t place_of(struct outlook *outlook, const struct predictor_instance *instance)
{
	uint32_t slot = instance->info.slot, i = outlook->of_slot[slot] - 1u;

	if (i < OUTLOOK_MAX && !strcmp(outlook->place[i].path, instance->info.path))
		return i;
	i = place_find(outlook, instance->info.path);
	if (i == OUTLOOK_MAX)
		return i;
	if (strcmp(outlook->place[i].path, instance->info.path)) {
		/* Who had the place loses what was learned since it was saved: a quarter of an hour at most. */
		place_fill(outlook, i, instance->info.path);
	}
	outlook->place[i].slot = slot;
	outlook->of_slot[slot] = (uint16_t)(i + 1);
	return i;
}

static int ascending(const void *a, const void *b)
{
	return (*(const float *)a > *(const float *)b) - (*(const float *)a < *(const float *)b);
}

/* What it needed in the last half minute, for who has no profile yet. False: it was not measured. */
static bool recent_need(const struct predictor_instance *instance, enum resource r, struct profile_need *ret)
{
	const struct window_second *second;
	float demand[WINDOW_SECONDS];
	uint32_t count = 0;

	for (uint32_t age = 0; age < WINDOW_SECONDS && (second = window_at(&instance->window, age)); age++) {
		demand[count] = feature_demand(second, &instance->limits, r);
		count += demand[count] >= 0;
	}
	if (!count)
		return false;
	qsort(demand, count, sizeof(*demand), ascending);
	for (int q = 0; q < FORECAST_QUANTILES; q++)
		ret->quantile[q] = demand[(uint32_t)(forecast_quantile[q] * (float)(count - 1) + 0.5f)];
	ret->days = 0;
	return true;
}

/* The next beginning among events, or now when all have begun. */
static int64_t beginning(const struct event *const *events, uint32_t count, int64_t now_s)
{
	int64_t at = INT64_MAX;

	for (uint32_t i = 0; i < count; i++)
		if (events[i]->start_s > now_s && events[i]->start_s < at)
			at = events[i]->start_s;
	return at == INT64_MAX ? now_s : at;
}

/* From when until when the events that cover a second go on together. */
static void span_of(const struct event *const *events, uint32_t count, int64_t at_s, int64_t *ret_from_s, int64_t *ret_until_s)
{
	*ret_from_s = INT64_MIN;
	*ret_until_s = INT64_MAX;
	for (uint32_t i = 0; i < count; i++) {
		if (events[i]->start_s > at_s || events[i]->end_s <= at_s)
			continue;
		*ret_from_s = events[i]->start_s > *ret_from_s ? events[i]->start_s : *ret_from_s;
		*ret_until_s = events[i]->end_s < *ret_until_s ? events[i]->end_s : *ret_until_s;
	}
}

/* A second of the calendar on the monotonic clock; 0 where that lies before it began. */
static uint64_t monotonic(int64_t unix_s, uint64_t now_ns, struct profile_clock now)
{
	int64_t ns = (int64_t)now_ns + (unix_s - now.unix_s) * 1000000000ll - now.ns;

	return ns > 0 ? (uint64_t)ns : 0;
}

static void tell_observation(struct outlook *outlook, uint32_t i, struct observe_announced announced)
{
	struct observation observation = { .kind = OBSERVE_ANNOUNCED };
	uint32_t bit = 1u << announced.resource;

	if (announced.demand <= 0 && !(outlook->place[i].told & bit))
		return;
	outlook->place[i].told = announced.demand > 0 ? outlook->place[i].told | bit : outlook->place[i].told & ~bit;
	observation.announced = announced;
	outlook->setup.observe(outlook->setup.context, &observation);
}

/* What is announced of one resource within the next minute, or goes on; demand 0 where nothing is. False: what was told before stays. */
static bool announced_make(const struct outlook *outlook, const struct predictor_instance *instance, enum resource r, uint64_t now_ns,
			   struct profile_clock now, struct observe_announced *ret)
{
	const struct event *events[ANNOUNCER_AT_ONCE];
	uint32_t count = announcer_find(outlook->announcer, instance->info.path, r, now.unix_s, now.unix_s + TELL_AHEAD_S, events);
	int64_t at = beginning(events, count, now.unix_s), from_s, until_s;
	float factor = event_factor(events, count, at, at + 1);
	const struct profile *profile = outlook_profile(outlook, instance->info.slot);
	struct profile_need need;

	*ret = (struct observe_announced){ .slot = instance->info.slot, .resource = r };
	if (factor <= 1)
		return true;
	if (profile && profile_need(profile, r, outlook_clock(at), &need))
		ret->demand = factor * need.quantile[QUANTILE_HIGH];
	else if (at == now.unix_s)
		return false;	/* what is measured now already has it in it */
	else if (recent_need(instance, r, &need))
		ret->demand = factor * need.quantile[QUANTILE_HIGH];
	span_of(events, count, at, &from_s, &until_s);
	ret->from_ns = monotonic(from_s, now_ns, now);
	ret->until_ns = monotonic(until_s, now_ns, now);
	return true;
}

static void announced_tell(struct outlook *outlook, uint32_t i, const struct predictor_instance *instance, uint64_t now_ns,
			   struct profile_clock now)
{
	bool has = announcer_has(outlook->announcer, now.unix_s, now.unix_s + TELL_AHEAD_S);
	struct observe_announced announced;

	for (int r = 0; r < RESOURCE_COUNT && (has || outlook->place[i].told & ((1u << RESOURCE_COUNT) - 1)); r++)
		if (announced_make(outlook, instance, (enum resource)r, now_ns, now, &announced))
			tell_observation(outlook, i, announced);
}

/* Of the quarter of an hour that goes on and those after it. False: the profile does not know them all. */
static bool quarters_make(const struct outlook *outlook, int64_t now_s, struct observe_profile *ret)
{
	for (int i = 0; i < OBSERVE_QUARTERS; i++) {
		int64_t at_s = i ? (now_s / PROFILE_SLOT_S + i) * PROFILE_SLOT_S : now_s;
		struct profile_need need;
		float factor;

		if (!outlook_need(outlook, ret->slot, (enum resource)ret->resource, outlook_clock(at_s), &need, &factor) || need.days < DAYS_MIN)
			return false;
		ret->usual[i] = need.quantile[1];
		ret->high[i] = need.quantile[2];
		ret->highest[i] = need.quantile[3];
	}
	return true;
}

/* For those of whom it is said how little and how much they may have. */
static void profile_tell(struct outlook *outlook, uint32_t i, const struct predictor_instance *instance, uint64_t now_ns, struct profile_clock now)
{
	for (uint32_t r = 0; r < RESOURCE_COUNT; r++) {
		const struct slo_range *range = &instance->info.slo.range[r];
		struct observation observation = { .kind = OBSERVE_PROFILE, .profile = { .slot = instance->info.slot, .resource = r } };
		uint32_t bit = 1u << (RESOURCE_COUNT + r);
		bool is_known = range->min && range->max && quarters_make(outlook, now.unix_s, &observation.profile);

		if (!is_known && !(outlook->place[i].told & bit))
			continue;
		outlook->place[i].told = is_known ? outlook->place[i].told | bit : outlook->place[i].told & ~bit;
		if (!is_known)
			observation.profile = (struct observe_profile){ .slot = instance->info.slot, .resource = r };
		observation.profile.turns_ns = monotonic((now.unix_s / PROFILE_SLOT_S + 1) * PROFILE_SLOT_S, now_ns, now);
		outlook->setup.observe(outlook->setup.context, &observation);
	}
}

/* What was announced is not what is usual. */
static bool is_unusual(const struct outlook *outlook, const char *path, enum resource r, int64_t now_s)
{
	const struct event *events[ANNOUNCER_AT_ONCE];

	return announcer_has(outlook->announcer, now_s, now_s + 1) &&
	       announcer_find(outlook->announcer, path, r, now_s, now_s + 1, events);
}

/* What came in the last second and what is forecast now, for joint paths; what the model was shown, for explanations. */
static void forecast_keep(struct outlook *outlook, uint32_t i, const struct predictor_instance *instance)
{
	const struct predictor *p = outlook->setup.predictor;
	const struct foresight *foresight = instance->foresight;
	const struct window_second *now = window_at(&instance->window, 0);
	enum sli leading = (enum sli)foresight->forecast.sli_id;
	float came[TRAJECTORY_ROWS];

	if (!foresight->has_frame || !now)
		return;
	for (int r = 0; r < RESOURCE_COUNT; r++)
		came[r] = instance->demand[r] * p->host.capacity[r];
	came[RESOURCE_COUNT] = now->sli[leading] * (sli_unit(leading) == SLI_UNIT_NS ? 1e-6f : 1);
	trajectory_push(&outlook->trajectory[i], &foresight->forecast, came);
	if (p->config.weights && p->config.forecaster == FORECAST_LSTM && foresight->warm_s)
		explain_push(&outlook->past[i], &foresight->frame, &foresight->lstm, foresight->forecast.time_ns);
}

/* States of another model mean nothing to this one. */
static void weights_follow(struct outlook *outlook)
{
	if (outlook->weights == outlook->setup.predictor->config.weights)
		return;
	outlook->weights = outlook->setup.predictor->config.weights;
	for (uint32_t i = 0; i < OUTLOOK_MAX; i++)
		outlook->past[i].time_ns = 0;
}

static void instance_second(struct outlook *outlook, const struct predictor_instance *instance, uint64_t now_ns, struct profile_clock now)
{
	const struct predictor *p = outlook->setup.predictor;
	uint32_t i = place_of(outlook, instance);
	float demand[RESOURCE_COUNT];

	if (i == OUTLOOK_MAX)
		return;
	outlook->place[i].used = outlook->seconds;
	for (int r = 0; r < RESOURCE_COUNT; r++)
		demand[r] = instance->foresight->has_frame && !is_unusual(outlook, instance->info.path, (enum resource)r, now.unix_s) ?
				    instance->demand[r] * p->host.capacity[r] : -1;
	profile_push(&outlook->profile[i], now, demand, 1);
	forecast_keep(outlook, i, instance);
	announced_tell(outlook, i, instance, now_ns, now);
	if ((outlook->seconds + i) % TELL_PROFILE_S == 0)
		profile_tell(outlook, i, instance, now_ns, now);
}

/* One at a time, whichever has closed a quarter since it was saved. */
static void save_some(struct outlook *outlook)
{
	int error = profile_writer_error(outlook->writer);

	if (error)
		tell(outlook, error);
	for (uint32_t i = 0; i < OUTLOOK_MAX; i++) {
		if (!is_due(outlook, i))
			continue;
		if (profile_writer_take(outlook->writer, &outlook->profile[i], outlook->place[i].path))
			outlook->place[i].saved = outlook->profile[i].open;
		return;
	}
}

void outlook_tick(struct outlook *outlook, uint64_t now_ns, struct profile_clock now, bool is_second)
{
	uint32_t count;
	const uint32_t *slot = predictor_annotated(outlook->setup.predictor, &count);

	if (is_second) {
		outlook->seconds++;
		outlook->part = 0;
		announcer_second(outlook->announcer);
		weights_follow(outlook);
	}
	for (uint32_t i = outlook->part; i < count && outlook->part < PARTS; i += PARTS)
		instance_second(outlook, &outlook->setup.predictor->instance[slot[i]], now_ns, now);
	outlook->part++;
	if (outlook->writer)
		save_some(outlook);
}

/* The place of an instance; OUTLOOK_MAX: it has none. */
static uint32_t place_known(const struct outlook *outlook, uint32_t slot)
{
	uint32_t i = outlook->of_slot[slot] - 1u;

	return i < OUTLOOK_MAX && !strcmp(outlook->place[i].path, outlook->setup.predictor->instance[slot].info.path) ? i : OUTLOOK_MAX;
}

const struct profile *outlook_profile(const struct outlook *outlook, uint32_t slot)
{
	uint32_t i = place_known(outlook, slot);

	return i < OUTLOOK_MAX ? &outlook->profile[i] : NULL;
}

const struct trajectory *outlook_trajectory(const struct outlook *outlook, uint32_t slot)
{
	uint32_t i = place_known(outlook, slot);

	return i < OUTLOOK_MAX ? &outlook->trajectory[i] : NULL;
}

const struct explain_past *outlook_past(const struct outlook *outlook, uint32_t slot)
{
	uint32_t i = place_known(outlook, slot);

	return i < OUTLOOK_MAX ? &outlook->past[i] : NULL;
}

const struct announcer *outlook_announcer(const struct outlook *outlook) { return outlook->announcer; }

bool outlook_need(const struct outlook *outlook, uint32_t slot, enum resource r, struct profile_clock at, struct profile_need *ret,
		  float *ret_factor)
{
	const struct predictor_instance *instance = &outlook->setup.predictor->instance[slot];
	const struct profile *profile = outlook_profile(outlook, slot);
	const struct event *events[ANNOUNCER_AT_ONCE];
	uint32_t count = announcer_find(outlook->announcer, instance->info.path, r, at.unix_s, at.unix_s + PROFILE_SLOT_S, events);

	*ret_factor = event_factor(events, count, at.unix_s, at.unix_s + PROFILE_SLOT_S);
	if ((!profile || !profile_need(profile, r, at, ret)) && (!count || !recent_need(instance, r, ret)))
		return false;
	for (int q = 0; q < FORECAST_QUANTILES; q++)
		ret->quantile[q] *= *ret_factor;
	return true;
}
