/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MONDAY (3 * PROFILE_DAY_SLOTS)	/* 1970-01-01 was a Thursday */
#define NEAR_MAX 2		/* quarters off by the clock that still speak */
#define AROUND_MAX (4 * 7 * (2 * NEAR_MAX + 1) + 8)
#define SAME_KIND 0.5f		/* weight of another day of the same kind, beside 1 of the same day of the week */
#define OTHER_KIND 0.1f
#define AGE_SLOTS 1344.0f	/* two weeks: e times less weight */
#define POOL_WEIGHT 0.3f	/* of all hours, beside the square of the days that speak */
#define POOL_SAMPLES 672
#define FORGET 0.998f		/* per quarter */
#define RIDGE 0.5f
#define WIDTH_STEP 0.04f
#define WIDTH_MIN 0.02f
#define WIDTH_MAX 20.0f
#define FEW_DAYS 2.0f		/* the spread is so many times wider per day that was seen */
#define SPREAD_MIN 0.005f
#define TOP_OCTAVES 0.5f	/* beyond the most that was seen */
#define KNOWN_SHARE 0.5f	/* of a quarter that must have been measured */
#define OPEN_S 300.0f		/* after so long the open quarter tells the level better than the one before */
#define BEHIND_S 3600
#define CODE_PER_OCTAVE 1024	/* .07 % */
#define CODE_OCTAVES 14		/* below 1 */

/* In quarters: 15 min, 30 min, 1, 2, 4, 6, 12 and 24 h. */
static const float span_slots[PROFILE_SPANS] = { 1, 2, 4, 8, 16, 24, 48, 96 };

/* 16 bits of logarithm: 0 is not measured, 1 nothing. */
static uint16_t encode(float x)
{
	float code = x > 0 ? (log2f(x) + CODE_OCTAVES) * CODE_PER_OCTAVE : 1;

	return (uint16_t)fminf(fmaxf(code, 1), UINT16_MAX);
}

static float decode(uint16_t code)
{
	return code <= 1 ? 0 : exp2f(((float)code + 0.5f) / CODE_PER_OCTAVE - CODE_OCTAVES);
}

static float between(float low, float high, float share) { return low + (high - low) * share; }

static float bend(float x, float scale) { return log2f(1 + x / scale); }
static float unbend(float y, float scale) { return fmaxf(exp2f(y) - 1, 0) * scale; }

static uint32_t slot_number(struct profile_clock at)
{
	return at.unix_s <= 0 ? 0 : (uint32_t)(at.unix_s / PROFILE_SLOT_S);
}

static uint32_t slot_week(uint32_t number, int32_t offset_s)
{
	return (uint32_t)((int64_t)number + MONDAY + PROFILE_WEEK_SLOTS + offset_s / PROFILE_SLOT_S) % PROFILE_WEEK_SLOTS;
}

void profile_reset(struct profile *profile)
{
	memset(profile, 0, sizeof(*profile));
	for (int r = 0; r < RESOURCE_COUNT; r++) {
		struct profile_level *level = &profile->level[r];

		for (int i = 0; i < PROFILE_DAY_SLOTS; i++)
			level->off[i] = level->off_day[i] = NAN;
		for (int s = 0; s < PROFILE_SPANS; s++)
			for (int q = 0; q < FORECAST_QUANTILES; q++)
				level->width[s][q] = 1;
	}
}

/* --- season -----------------------------------------------------------------------------------------------------------------*/

struct sample {
	float y, weight;
};

struct season {
	float y[FORECAST_QUANTILES];
	float days;
};

static int sample_compare(const void *a, const void *b)
{
	float left = ((const struct sample *)a)->y, right = ((const struct sample *)b)->y;

	return (left > right) - (left < right);
}

/* Quantiles of weighted samples, interpolated between the middles of their weights. Sorts; count > 0. */
static void samples_quantiles(struct sample *sample, uint32_t count, float ret[FORECAST_QUANTILES])
{
	float sum = 0, below = 0, middle = 0;
	uint32_t i = 0;

	qsort(sample, count, sizeof(*sample), sample_compare);
	for (uint32_t k = 0; k < count; k++)
		sum += sample[k].weight;
	for (int q = 0; q < FORECAST_QUANTILES; q++) {
		float wanted = forecast_quantile[q] * sum, before = middle;

		while (i < count && (middle = below + sample[i].weight / 2) < wanted) {
			before = middle;
			below += sample[i++].weight;
		}
		if (i == 0 || i == count)
			ret[q] = sample[i ? count - 1 : 0].y;
		else
			ret[q] = sample[i - 1].y + (sample[i].y - sample[i - 1].y) *
							   (middle > before ? (wanted - before) / (middle - before) : 1);
		middle = before;
	}
}

static bool is_weekend(uint32_t day) { return day >= 5; }

static float day_weight(uint32_t a, uint32_t b)
{
	return a == b ? 1 : is_weekend(a) == is_weekend(b) ? SAME_KIND : OTHER_KIND;
}

/* Quarters between two times of day, the shorter way round. */
static uint32_t clock_apart(uint32_t a, uint32_t b)
{
	uint32_t apart = (a + PROFILE_DAY_SLOTS - b) % PROFILE_DAY_SLOTS;

	return apart > PROFILE_DAY_SLOTS / 2 ? PROFILE_DAY_SLOTS - apart : apart;
}

/* Closed quarters near that time of day, each with its weight; *ret_days is their sum, a whole day of the same kind counting 1. */
static uint32_t samples_gather(const struct profile *profile, enum resource r, uint32_t week, uint32_t before,
			       struct sample sample[AROUND_MAX], float *ret_days)
{
	static const float near[NEAR_MAX + 1] = { 1, 0.6f, 0.3f };
	const float day = near[0] + 2 * near[1] + 2 * near[2];
	uint32_t count = 0;

	*ret_days = 0;
	for (uint32_t i = 0; i < PROFILE_SLOTS && count < AROUND_MAX; i++) {
		const struct profile_slot *slot = &profile->slot[i];
		uint32_t apart = clock_apart(slot->week % PROFILE_DAY_SLOTS, week % PROFILE_DAY_SLOTS);
		float weight;

		if (!slot->code[r] || apart > NEAR_MAX || slot->number >= before || before - slot->number > PROFILE_SLOTS)
			continue;
		weight = near[apart] * day_weight(slot->week / PROFILE_DAY_SLOTS, week / PROFILE_DAY_SLOTS) *
			 expf(-(float)(before - slot->number) / AGE_SLOTS);
		sample[count++] = (struct sample){ bend(decode(slot->code[r]), profile->level[r].scale), weight };
		*ret_days += weight / day;
	}
	return count;
}

/* What is usual at a quarter of the week, from what was closed before a number. False: there is no history at all. */
static bool season_make(const struct profile *profile, enum resource r, uint32_t week, uint32_t before, struct season *ret)
{
	const struct profile_level *level = &profile->level[r];
	struct sample sample[AROUND_MAX];
	uint32_t count;
	float pool;

	if (!(level->scale > 0))
		return false;
	count = samples_gather(profile, r, week, before, sample, &ret->days);
	pool = POOL_WEIGHT / (POOL_WEIGHT + ret->days * ret->days);
	if (count)
		samples_quantiles(sample, count, ret->y);
	for (int q = 0; q < FORECAST_QUANTILES; q++)
		ret->y[q] = count ? between(ret->y[q], level->pool[q], pool) : level->pool[q];
	return true;
}

/* Distance of a quantile from the median before it is scaled: never nothing, and more where few days speak. */
static float season_spread(const struct season *season, const struct profile_level *level, int q)
{
	float own = season->y[q] - season->y[1], all = level->pool[q] - level->pool[1];
	float size = fmaxf(fmaxf(fabsf(own), 0.05f * fabsf(all)), SPREAD_MIN) * (1 + FEW_DAYS / (1 + 4 * season->days));

	return q == 1 ? 0 : q == 0 ? -size : size;
}

/* --- level --------------------------------------------------------------------------------------------------------------------*/

/* How much the distances of now are worth one span ahead. */
static float span_shift(const struct profile_level *level, int span, float off, float off_day)
{
	const float *p = level->product[span], *t = level->target[span];
	float a = p[0] + RIDGE, b = p[1], d = p[2] + RIDGE, det = a * d - b * b;
	float shift = ((d * t[0] - b * t[1]) * off + (a * t[1] - b * t[0]) * off_day) / det;

	/* No farther off the season than it is or was: what was fitted to small distances says nothing of large ones. */
	return fminf(fmaxf(shift, fminf(fminf(off, off_day), 0)), fmaxf(fmaxf(off, off_day), 0));
}

static void span_learn(struct profile_level *level, int span, const struct season *season, float off, float off_day, float came)
{
	float *p = level->product[span], *t = level->target[span];
	float rest = came - span_shift(level, span, off, off_day);

	for (int q = 0; q < FORECAST_QUANTILES; q++) {
		bool is_outside = q == 0 ? rest < level->width[span][q] * season_spread(season, level, q) :
					   rest > level->width[span][q] * season_spread(season, level, q);
		float rare = q == 0 ? forecast_quantile[q] : 1 - forecast_quantile[q];
		float width = level->width[span][q] * expf(WIDTH_STEP * ((is_outside ? 1 : 0) - rare));

		if (q != 1)
			level->width[span][q] = fminf(fmaxf(width, WIDTH_MIN), WIDTH_MAX);
	}
	p[0] = FORGET * p[0] + off * off;
	p[1] = FORGET * p[1] + off * off_day;
	p[2] = FORGET * p[2] + off_day * off_day;
	t[0] = FORGET * t[0] + off * came;
	t[1] = FORGET * t[1] + off_day * came;
}

/* The last day's mean distance, from those of it that are known. */
static float day_mean(const struct profile_level *level)
{
	float sum = 0, count = 0;

	for (int i = 0; i < PROFILE_DAY_SLOTS; i++) {
		if (isnan(level->off[i]))
			continue;
		sum += level->off[i];
		count++;
	}
	return count > 0 ? sum / count : 0;
}

/* A closed quarter is compared with what its season said, and with what was said of it at each span. */
static void level_learn(struct profile_level *level, uint32_t number, const struct season *season, float y)
{
	float came = y - season->y[1];

	for (int s = 0; s < PROFILE_SPANS; s++) {
		uint32_t from = (number - (uint32_t)span_slots[s]) % PROFILE_DAY_SLOTS;

		if (!isnan(level->off[from]))
			span_learn(level, s, season, level->off[from], level->off_day[from], came);
	}
	level->off[number % PROFILE_DAY_SLOTS] = came;
	level->off_day[number % PROFILE_DAY_SLOTS] = day_mean(level);
}

/* --- closing a quarter ------------------------------------------------------------------------------------------------------------*/

/* Scale and quantiles of all hours, from as many quarters as a week has, spread over all. */
static void pool_learn(struct profile *profile, enum resource r, uint32_t number)
{
	struct sample sample[POOL_SAMPLES];
	struct profile_level *level = &profile->level[r];
	uint32_t count = 0, span = number - profile->first + 1, step;

	span = span > PROFILE_SLOTS ? PROFILE_SLOTS : span;
	step = (span + POOL_SAMPLES - 1) / POOL_SAMPLES;
	for (uint32_t back = 0; back < span && count < POOL_SAMPLES; back += step) {
		const struct profile_slot *slot = &profile->slot[(number - back) % PROFILE_SLOTS];

		if (slot->number == number - back && slot->code[r])
			sample[count++] = (struct sample){ decode(slot->code[r]), 1 };
	}
	if (!count)
		return;
	samples_quantiles(sample, count, level->pool);
	/* The unit is fixed within a day, or what was learned of distances would mean something else. */
	if (!(level->scale > 0) || number % PROFILE_DAY_SLOTS == 0)
		level->scale = fmaxf(level->pool[1], fmaxf(0.1f * level->pool[3], 1e-3f));
	for (int q = 0; q < FORECAST_QUANTILES; q++)
		level->pool[q] = bend(level->pool[q], level->scale);
}

static void slot_close(struct profile *profile)
{
	uint32_t number = profile->open;
	struct profile_slot *slot = &profile->slot[number % PROFILE_SLOTS];
	struct profile_slot closed = { .number = number, .week = (uint16_t)slot_week(number, profile->offset_s) };
	struct season season;

	for (int r = 0; r < RESOURCE_COUNT; r++) {
		struct profile_level *level = &profile->level[r];
		float mean = profile->sum[r] / fmaxf(profile->seconds[r], 1);

		if (profile->seconds[r] < KNOWN_SHARE * PROFILE_SLOT_S) {
			level->off[number % PROFILE_DAY_SLOTS] = level->off_day[number % PROFILE_DAY_SLOTS] = NAN;
			continue;
		}
		if (season_make(profile, (enum resource)r, closed.week, number, &season))
			level_learn(level, number, &season, bend(mean, level->scale));
		closed.code[r] = encode(mean);
		profile->first = profile->first ? profile->first : number;
	}
	*slot = closed;
	for (int r = 0; r < RESOURCE_COUNT; r++)
		if (closed.code[r])
			pool_learn(profile, (enum resource)r, number);
}

/* Nothing is known of the quarters in between. */
static void levels_skip(struct profile *profile, uint32_t from, uint32_t to)
{
	if (to - from > PROFILE_DAY_SLOTS)
		from = to - PROFILE_DAY_SLOTS;
	for (uint32_t number = from; number < to; number++)
		for (int r = 0; r < RESOURCE_COUNT; r++)
			profile->level[r].off[number % PROFILE_DAY_SLOTS] = profile->level[r].off_day[number % PROFILE_DAY_SLOTS] = NAN;
}

static void slot_open(struct profile *profile, uint32_t number)
{
	profile->open = number;
	memset(profile->sum, 0, sizeof(profile->sum));
	memset(profile->seconds, 0, sizeof(profile->seconds));
}

/* The clock was ahead before: what it dated later than now did not happen then. */
static void future_forget(struct profile *profile, uint32_t number)
{
	for (uint32_t i = 0; i < PROFILE_SLOTS; i++)
		if (profile->slot[i].number >= number)
			profile->slot[i] = (struct profile_slot){ 0 };
	if (profile->first >= number)
		profile->first = 0;
	levels_skip(profile, 0, PROFILE_DAY_SLOTS);
	slot_open(profile, number);
}

/* False while the clock shows a time that is not believed. */
static bool clock_take(struct profile *profile, struct profile_clock now, uint32_t seconds)
{
	uint32_t number = slot_number(now);

	if (!number)
		return false;
	if (number < profile->open) {
		profile->behind_s += seconds;
		if (profile->behind_s < BEHIND_S)
			return false;
		future_forget(profile, number);
	}
	profile->behind_s = 0;
	if (number > profile->open) {
		if (profile->open) {
			slot_close(profile);
			levels_skip(profile, profile->open + 1, number);
		}
		slot_open(profile, number);
	}
	profile->offset_s = now.offset_s;
	return true;
}

void profile_push(struct profile *profile, struct profile_clock now, const float demand[RESOURCE_COUNT], uint32_t seconds)
{
	if (!clock_take(profile, now, seconds))
		return;
	for (int r = 0; r < RESOURCE_COUNT; r++) {
		if (!(demand[r] >= 0) || isinf(demand[r]))
			continue;
		profile->sum[r] += demand[r] * (float)seconds;
		profile->seconds[r] += (float)seconds;
	}
}

/* --- asking ------------------------------------------------------------------------------------------------------------------------*/

/* The quarter that tells the level, and its distances. False: neither the open one nor the one before is known. */
static bool level_now(const struct profile *profile, enum resource r, uint32_t *ret_number, float *ret_off, float *ret_day)
{
	const struct profile_level *level = &profile->level[r];
	struct season season;
	uint32_t last = (profile->open - 1) % PROFILE_DAY_SLOTS;

	*ret_number = profile->open - 1;
	*ret_off = level->off[last];
	*ret_day = isnan(level->off_day[last]) ? day_mean(level) : level->off_day[last];
	if (profile->seconds[r] >= OPEN_S &&
	    season_make(profile, r, slot_week(profile->open, profile->offset_s), profile->open, &season)) {
		*ret_number = profile->open;
		*ret_off = bend(profile->sum[r] / profile->seconds[r], level->scale) - season.y[1];
	}
	return !isnan(*ret_off);
}

bool profile_need(const struct profile *profile, enum resource r, struct profile_clock at, struct profile_need *ret)
{
	const struct profile_level *level = &profile->level[r];
	uint32_t number = slot_number(at), now;
	struct season season;
	float off, off_day, apart, share, shift, top;
	int span = 0;

	if (number < profile->open || !season_make(profile, r, slot_week(number, at.offset_s), profile->open, &season))
		return false;
	if (season.days <= 0 && number - profile->open > profile->open - profile->first)
		return false;
	if (!level_now(profile, r, &now, &off, &off_day)) {
		now = profile->open;
		off = off_day = 0;
	}
	apart = fminf(fmaxf((float)(number - now), 1), PROFILE_DAY_SLOTS);
	while (span < PROFILE_SPANS - 2 && span_slots[span + 1] <= apart)
		span++;
	share = log2f(apart / span_slots[span]) / log2f(span_slots[span + 1] / span_slots[span]);
	shift = between(span_shift(level, span, off, off_day), span_shift(level, span + 1, off, off_day), share);
	top = fmaxf(fmaxf(season.y[FORECAST_QUANTILES - 1], level->pool[FORECAST_QUANTILES - 1]), season.y[1] + off) + TOP_OCTAVES;
	for (int q = 0; q < FORECAST_QUANTILES; q++) {
		float width = between(level->width[span][q], level->width[span + 1][q], share);

		ret->quantile[q] = unbend(fminf(season.y[1] + shift + width * season_spread(&season, level, q), top), level->scale);
		/* Each width follows its own misses, so two may cross. */
		if (q)
			ret->quantile[q] = fmaxf(ret->quantile[q], ret->quantile[q - 1]);
	}
	ret->days = season.days;
	return true;
}

float profile_days(const struct profile *profile)
{
	uint32_t known = 0;

	for (uint32_t i = 0; i < PROFILE_SLOTS; i++)
		known += profile->slot[i].number != 0;
	return (float)known / PROFILE_DAY_SLOTS;
}
