/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trajectory.h"

#include <math.h>
#include <string.h>

#define FORGET 0.9999f		/* per outcome; five or six come a second */
#define PRIOR_WEIGHT 180.0f	/* outcomes, so many as half a minute has */
#define SCORE_MAX 3.5f
#define MEAN_STEP 0.01f
#define SECOND_NS 1000000000ull

/* Of .1 .5 .9 .99. */
static const float node[FORECAST_QUANTILES] = { -1.2815516f, 0, 1.2815516f, 2.3263479f };

/* --- marginals ----------------------------------------------------------------------------------------------------------------*/

/* Which two quantiles a score lies between, or is told from beyond the last. */
static int segment_of(float score)
{
	return score < node[1] ? 0 : score < node[2] ? 1 : 2;
}

static float value_at(const float q[FORECAST_QUANTILES], float score)
{
	int s = segment_of(score);

	return fmaxf(q[s] + (q[s + 1] - q[s]) * (score - node[s]) / (node[s + 1] - node[s]), 0);
}

static float score_of(const float q[FORECAST_QUANTILES], float value)
{
	int s = value < q[1] ? 0 : value < q[2] ? 1 : 2;
	float width = q[s + 1] - q[s], score;

	/* Where all lies at one point, to be on it is the middle and to be off it is rare. */
	if (width <= 1e-6f * fmaxf(fabsf(q[s]), 1e-6f))
		score = value < q[s] ? -SCORE_MAX : value > q[s + 1] ? SCORE_MAX : 0;
	else
		score = node[s] + (value - q[s]) / width * (node[s + 1] - node[s]);
	return fminf(fmaxf(score, -SCORE_MAX), SCORE_MAX);
}

/* --- learning -----------------------------------------------------------------------------------------------------------------*/

static void pair_learn(float *sum, float *seen, float a, float b)
{
	if (isnan(a) || isnan(b))
		return;
	*sum = FORGET * *sum + a * b;
	*seen = FORGET * *seen + 1;
}

/* What came is the outcome of the forecasts made so many seconds ago as the horizons say. */
static void outcomes_score(struct trajectory *t, const float came[TRAJECTORY_ROWS])
{
	for (int h = 0; h < FORECAST_HORIZONS; h++) {
		uint32_t origin = t->seconds - forecast_horizon_s[h];

		if (t->seconds < forecast_horizon_s[h])
			continue;
		for (int row = 0; row < TRAJECTORY_ROWS; row++) {
			float *score = &t->score[origin % TRAJECTORY_SECONDS][row][h];

			*score = NAN;
			if (!(came[row] >= 0))
				continue;
			*score = score_of(t->quantile[origin % TRAJECTORY_SECONDS][row][h], came[row]);
			t->mean[row][h] += (*score - t->mean[row][h]) * MEAN_STEP;
			*score -= t->mean[row][h];
		}
		for (int a = 0; a < TRAJECTORY_ROWS; a++)
			for (int b = 0; b <= a; b++)
				pair_learn(&t->across[a][b], &t->across_seen[a][b], t->score[origin % TRAJECTORY_SECONDS][a][h],
					   t->score[origin % TRAJECTORY_SECONDS][b][h]);
	}
}

/* The forecast whose farthest horizon is now has all of its outcomes. */
static void horizons_learn(struct trajectory *t)
{
	uint32_t oldest = forecast_horizon_s[FORECAST_HORIZONS - 1], origin = (t->seconds - oldest) % TRAJECTORY_SECONDS;

	if (t->seconds < oldest)
		return;
	for (int row = 0; row < TRAJECTORY_ROWS; row++)
		for (int a = 0; a < FORECAST_HORIZONS; a++)
			for (int b = 0; b <= a; b++)
				pair_learn(&t->along[a][b], &t->along_seen[a][b], t->score[origin][row][a], t->score[origin][row][b]);
}

void trajectory_push(struct trajectory *t, const struct forecast *forecast, const float came[TRAJECTORY_ROWS])
{
	uint64_t apart_ns = forecast->time_ns - t->time_ns;
	bool is_next = t->time_ns && apart_ns > SECOND_NS / 2 && apart_ns < 3 * SECOND_NS / 2 && forecast->sli_id == t->sli_id;
	uint32_t at;

	t->seconds = is_next ? t->seconds + 1 : 0;
	t->time_ns = forecast->time_ns;
	t->sli_id = forecast->sli_id;
	outcomes_score(t, came);
	horizons_learn(t);
	at = t->seconds % TRAJECTORY_SECONDS;
	memcpy(t->quantile[at], forecast->demand, sizeof(forecast->demand));
	memcpy(t->quantile[at][RESOURCE_COUNT], forecast->sli, sizeof(forecast->sli));
}

/* --- drawing ------------------------------------------------------------------------------------------------------------------*/

/* The correlation of a pair, leaning on what is assumed while little was seen. */
static float correlation(const float *sum, const float *seen, uint32_t size, uint32_t a, uint32_t b, float assumed)
{
	float variance = sum[a * size + a] / fmaxf(seen[a * size + a], 1) * sum[b * size + b] / fmaxf(seen[b * size + b], 1);
	float weight = seen[a * size + b], learned;

	if (variance <= 1e-6f)
		return assumed;
	learned = fminf(fmaxf(sum[a * size + b] / fmaxf(weight, 1) / sqrtf(variance), -0.99f), 0.99f);
	return (weight * learned + PRIOR_WEIGHT * assumed) / (weight + PRIOR_WEIGHT);
}

/* False: the matrix is not positive definite. Lower triangles, size x size. */
static bool cholesky(const float *matrix, float *ret, uint32_t size)
{
	memset(ret, 0, size * size * sizeof(*ret));
	for (uint32_t i = 0; i < size; i++)
		for (uint32_t j = 0; j <= i; j++) {
			float sum = matrix[i * size + j];

			for (uint32_t k = 0; k < j; k++)
				sum -= ret[i * size + k] * ret[j * size + k];
			if (i == j && sum <= 1e-4f)
				return false;
			ret[i * size + j] = i == j ? sqrtf(sum) : sum / ret[j * size + j];
		}
	return true;
}

/* Pairs are learned one by one, so the whole may contradict itself: then all are believed a little less. */
static void root_make(float *matrix, float *root, uint32_t size)
{
	while (!cholesky(matrix, root, size))
		for (uint32_t i = 0; i < size; i++)
			for (uint32_t j = 0; j < i; j++)
				matrix[i * size + j] *= 0.95f;
}

void trajectory_begin(const struct trajectory *t, const struct forecast *forecast, uint64_t seed, struct trajectory_draw *ret)
{
	for (uint32_t a = 0; a < TRAJECTORY_ROWS; a++)
		for (uint32_t b = 0; b <= a; b++)
			ret->across[a][b] = a == b ? 1 : correlation(t->across[0], t->across_seen[0], TRAJECTORY_ROWS, a, b, 0);
	for (uint32_t a = 0; a < FORECAST_HORIZONS; a++)
		for (uint32_t b = 0; b <= a; b++)
			ret->along[a][b] = a == b ? 1 : correlation(t->along[0], t->along_seen[0], FORECAST_HORIZONS, a, b,
				sqrtf((float)forecast_horizon_s[b] / (float)forecast_horizon_s[a]));
	root_make(ret->across[0], ret->across_root[0], TRAJECTORY_ROWS);
	root_make(ret->along[0], ret->along_root[0], FORECAST_HORIZONS);
	for (uint32_t a = 0; a < TRAJECTORY_ROWS; a++)
		for (uint32_t b = 0; b < a; b++)
			ret->across[b][a] = ret->across[a][b];
	for (uint32_t a = 0; a < FORECAST_HORIZONS; a++)
		for (uint32_t b = 0; b < a; b++)
			ret->along[b][a] = ret->along[a][b];
	ret->forecast = forecast;
	ret->random = seed;
}

/* splitmix64: 0 < u < 1. */
static float uniform(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	z ^= z >> 31;
	return ((float)(z >> 41) + 0.5f) / (1 << 23);
}

/* Box and Muller. */
static float normal(uint64_t *state)
{
	float radius = sqrtf(-2 * logf(uniform(state)));

	return radius * cosf(6.2831853f * uniform(state));
}

void trajectory_next(struct trajectory_draw *draw, float ret[TRAJECTORY_ROWS][FORECAST_HORIZONS])
{
	float plain[TRAJECTORY_ROWS][FORECAST_HORIZONS], mixed[TRAJECTORY_ROWS][FORECAST_HORIZONS] = { { 0 } };

	for (int row = 0; row < TRAJECTORY_ROWS; row++)
		for (int h = 0; h < FORECAST_HORIZONS; h++)
			plain[row][h] = normal(&draw->random);
	for (int row = 0; row < TRAJECTORY_ROWS; row++)
		for (int k = 0; k <= row; k++)
			for (int h = 0; h < FORECAST_HORIZONS; h++)
				mixed[row][h] += draw->across_root[row][k] * plain[k][h];
	for (int row = 0; row < TRAJECTORY_ROWS; row++)
		for (int h = 0; h < FORECAST_HORIZONS; h++) {
			float score = 0;

			for (int k = 0; k <= h; k++)
				score += draw->along_root[h][k] * mixed[row][k];
			ret[row][h] = value_at(row < RESOURCE_COUNT ? draw->forecast->demand[row][h] : draw->forecast->sli[h], score);
		}
}
