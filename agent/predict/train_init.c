/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where training starts: generator, input ranges, first weights. */
#include <math.h>
#include <string.h>

#include "train_internal.h"

#define RANGE_MARGIN 0.1f	/* beyond what was seen: another host will differ */
#define FORGET_BIAS 1.0f	/* remember at first (Jozefowicz 2015) */
#define SPREAD_MIN 1e-4f
#define RATE_MIN 0.01f		/* a risk starts between this and 1 minus it */

uint32_t train_random_next(struct train_random *random)
{
	uint64_t old = random->state;
	uint32_t shifted = (uint32_t)(((old >> 18) ^ old) >> 27), turn = (uint32_t)(old >> 59);

	random->state = old * 6364136223846793005u + 1442695040888963407u;
	return (shifted >> turn) | (shifted << ((32 - turn) & 31));
}

void train_random_seed(struct train_random *random, uint64_t seed)
{
	random->state = 0;
	train_random_next(random);
	random->state += seed;
	train_random_next(random);
}

float train_random_signed(struct train_random *random)
{
	return (float)(train_random_next(random) >> 8) * (2.0f / (1 << 24)) - 1;
}

static void widen_range(const struct train_sequence *sequence, uint32_t i, float *low, float *high)
{
	for (uint32_t t = 0; t < sequence->steps; t++) {
		float value = sequence->input[t][i];

		if (!isfinite(value))
			continue;
		*low = fminf(*low, value);
		*high = fmaxf(*high, value);
	}
}

void train_init_ranges(const struct train_set *train, struct lstm_float *weights)
{
	for (uint32_t i = 0; i < weights->config.input; i++) {
		float low = 0, high = 1, margin;

		for (size_t s = 0; s < train->count; s++)
			widen_range(&train->sequences[s], i, &low, &high);
		margin = RANGE_MARGIN * (high - low);
		/* An input that was never negative keeps all 255 steps above zero. */
		weights->input_low[i] = fminf(weights->input_low[i], low < 0 ? low - margin : 0);
		weights->input_high[i] = fmaxf(weights->input_high[i], high > 1 ? high + margin : 1);
	}
}

struct label_mean {
	double sum, square;
	double weight;
};

/* Of all that one horizon's labels say. */
struct horizon_mean {
	struct label_mean demand[RESOURCE_COUNT], sli, violated[OUTPUT_RISKS];
};

static void add_label(struct label_mean *mean, bool known, float label, float weight)
{
	if (known) {
		mean->sum += (double)weight * label;
		mean->square += (double)weight * label * label;
		mean->weight += weight;
	}
}

static void add_labels(struct horizon_mean *mean, const struct train_truth *truth, int h, float weight)
{
	const struct train_label *label = &truth->then[h];

	for (int r = 0; r < RESOURCE_COUNT; r++)
		add_label(&mean->demand[r], label->known & TRAIN_KNOWS_DEMAND(r), train_demand_label(truth, h, r), weight);
	add_label(&mean->sli, label->known & TRAIN_KNOWS_SLI, label->sli, weight);
	for (int s = 0; s < OUTPUT_RISKS; s++)
		add_label(&mean->violated[s], label->known & TRAIN_KNOWS_VIOLATED(s),
			  (float)(label->violated >> s & 1), weight);
}

static float divide_mean(const struct label_mean *mean)
{
	return mean->weight > 0 ? (float)(mean->sum / mean->weight) : 0;
}

/* Without a label the rows of outputs become zeros, which no gradient ever moves. */
static void silence_outputs(struct lstm_float *weights, uint32_t at, uint32_t count)
{
	size_t hidden = weights->config.hidden;

	memset(weights->head + at * hidden, 0, count * hidden * sizeof(*weights->head));
}

/* Biases of a set of quantiles: half of the labels' deviation apart, and their rows as small, so that the first steps do not swing. */
static void init_quantiles(struct lstm_float *weights, uint32_t at, const struct label_mean *mean)
{
	float middle = divide_mean(mean), square = mean->weight > 0 ? (float)(mean->square / mean->weight) : 0;
	float spread = fmaxf(0.5f * sqrtf(fmaxf(square - middle * middle, 0)), SPREAD_MIN);

	if (mean->weight <= 0)
		silence_outputs(weights, at, FORECAST_QUANTILES);
	for (uint32_t k = 0; k < weights->config.hidden; k++)
		weights->head[(at + OUTPUT_MEDIAN) * weights->config.hidden + k] *= fminf(spread, 1);
	for (uint32_t q = 0; q < FORECAST_QUANTILES; q++)
		weights->head_bias[at + q] = q == OUTPUT_MEDIAN ? middle : logf(expf(spread) - 1);
}

static void init_horizon(const struct train_set *train, uint32_t h, struct lstm_float *weights)
{
	struct horizon_mean mean = { 0 };

	for (size_t i = 0; i < train->count; i++) {
		const struct train_sequence *sequence = &train->sequences[i];

		for (uint32_t t = 0; t < sequence->steps; t++)
			add_labels(&mean, &sequence->truth[t], (int)h, sequence->weight);
	}
	for (uint32_t r = 0; r < RESOURCE_COUNT; r++)
		init_quantiles(weights, OUTPUT_DEMAND(h, r, 0), &mean.demand[r]);
	init_quantiles(weights, OUTPUT_SLI(h, 0), &mean.sli);
	for (uint32_t s = 0; s < OUTPUT_RISKS; s++) {
		float rate = fminf(fmaxf(divide_mean(&mean.violated[s]), RATE_MIN), 1 - RATE_MIN);

		if (mean.violated[s].weight <= 0)
			silence_outputs(weights, OUTPUT_RISK(h, s), 1);
		weights->head_bias[OUTPUT_RISK(h, s)] = logf(rate / (1 - rate));
	}
}

static void fill_random(struct train_random *random, float *values, size_t count, float bound)
{
	for (size_t i = 0; i < count; i++)
		values[i] = bound * train_random_signed(random);
}

void train_init_weights(const struct train_set *train, struct train_random *random, struct lstm_float *weights)
{
	float bound = 1 / sqrtf((float)weights->config.hidden);
	uint32_t hidden = weights->config.hidden;
	size_t count;
	float *values = lstm_float_tensor(weights, LSTM_TENSOR_GATE, &count);

	fill_random(random, values, count, bound);
	values = lstm_float_tensor(weights, LSTM_TENSOR_HEAD, &count);
	fill_random(random, values, count, bound / 2);
	memset(weights->direct, 0, sizeof(weights->direct));
	memset(weights->gate_bias, 0, sizeof(weights->gate_bias));
	for (uint32_t j = 0; j < hidden; j++)
		weights->gate_bias[hidden + j] = FORGET_BIAS;
	for (uint32_t h = 0; h < FORECAST_HORIZONS; h++)
		init_horizon(train, h, weights);
}
