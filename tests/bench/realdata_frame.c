/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From series to what the trainer takes: inputs by the schema, labels relative to now. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "predict/decode.h"
#include "predict/train_internal.h"
#include "realdata.h"

#define BUSY_RATE (1.0f / 12)
#define INPUT_MOST 4.0f	/* one wild series must not take the 255 steps of an input from all others */
#define DAY_S 86400.0

void slot_quantiles(const float *output, uint32_t slot, float ret[FORECAST_QUANTILES])
{
	enum resource resource = (enum resource)(slot % RESOURCE_COUNT);

	/* The trainer's unit of a resource's output is not that of its label. */
	train_decode_quantiles(output + OUTPUT_DEMAND(slot / RESOURCE_COUNT, resource, 0), ret);
	for (int q = 0; q < FORECAST_QUANTILES; q++)
		ret[q] *= decode_demand_unit(resource);
}

uint32_t risk_output(uint32_t risk)
{
	return OUTPUT_RISK(risk / SLI_LEARNED_COUNT, risk % SLI_LEARNED_COUNT);
}

/* What an operation remembers from step to step. */
struct memory {
	float mean;
	uint32_t since;
};

/* The mean, maximum or minimum of a window; what lies before the start is the first value. */
static float window_of(enum operation operation, const float *first, uint32_t columns, int64_t from, int32_t width)
{
	float mean = 0, most = -INFINITY, least = INFINITY;

	for (int64_t i = from; i < from + width; i++) {
		float x = first[(i < 0 ? 0 : i) * columns];

		mean += x;
		most = fmaxf(most, x);
		least = fminf(least, x);
	}
	return operation == OPERATION_MEAN ? mean / (float)width : operation == OPERATION_MIN ? least : most;
}

static float relative(float x, float now, float scale)
{
	return asinhf((x - now) / scale) / 3;
}

static float operate(const struct schema *schema, const struct schema_input *input, const struct series *series,
		     uint32_t t, struct memory *memory)
{
	uint32_t columns = schema->columns;
	const float *first = series->value + input->column;
	float now = first[t * columns], scale = series->scale[t * columns + input->column];
	double phase = series->time[t] / DAY_S * 2 * 3.14159265358979;
	bool above = now >= input->factor;
	float x;

	switch (input->operation) {
	case OPERATION_LEVEL:
		return now * input->factor;
	case OPERATION_SCALE:
		return logf(scale / schema->column[input->column].floor) / 4;
	case OPERATION_BUSY:
		x = t ? fabsf(now - first[(t - 1) * columns]) : 0;
		memory->mean += fmaxf(BUSY_RATE, 1 / (float)(t + 1)) * (x - memory->mean);
		return logf((schema->column[input->column].floor + memory->mean) / scale) / 4;
	case OPERATION_RATE:
		memory->mean += fmaxf(1 / (float)input->width, 1 / (float)(t + 1)) * ((float)above - memory->mean);
		return sqrtf(memory->mean);
	case OPERATION_SINCE:
		memory->since = above ? 0 : t ? memory->since + 1 : 10000;
		return log1pf((float)memory->since) / 8;
	case OPERATION_HOUR:
		return (float)(input->lag ? cos(phase) : sin(phase));
	default:
		x = window_of(input->operation, first, columns, (int64_t)t - input->lag + 1, input->width);
		return input->operation == OPERATION_TOP ? x * input->factor : relative(x, now, scale);
	}
}

float (*frames_new(const struct schema *schema, const struct series *series))[FEATURE_COUNT]
{
	float (*frames)[FEATURE_COUNT] = must_alloc(series->steps, sizeof(*frames));
	struct memory memory[FEATURE_COUNT] = { 0 };

	for (uint32_t t = 0; t < series->steps; t++)
		for (uint32_t i = 0; i < schema->inputs; i++)
			frames[t][i] = fminf(fmaxf(operate(schema, &schema->input[i], series, t, &memory[i]),
						   -INPUT_MOST), INPUT_MOST);
	return frames;
}

static void set_demand(struct train_truth *truth, uint32_t slot, float label)
{
	struct train_label *then = &truth->then[slot / RESOURCE_COUNT];

	then->demand[slot % RESOURCE_COUNT] = label;
	then->known |= TRAIN_KNOWS_DEMAND(slot % RESOURCE_COUNT);
}

void truth_set_risk(struct train_truth *truth, uint32_t risk, bool violated)
{
	struct train_label *then = &truth->then[risk / SLI_LEARNED_COUNT];

	then->violated |= (uint16_t)(violated << risk % SLI_LEARNED_COUNT);
	then->known |= TRAIN_KNOWS_VIOLATED(risk % SLI_LEARNED_COUNT);
}

struct train_truth *truth_new(const struct schema *schema, const struct series *series, uint32_t end)
{
	struct train_truth *truth = must_alloc(series->steps, sizeof(*truth));
	uint32_t columns = schema->columns;

	for (uint32_t t = 0; t < series->steps; t++) {
		for (uint32_t a = 0; a < schema->aheads; a++) {
			uint32_t then = t + schema->ahead[a];

			for (uint32_t c = 0; then < series->steps && then < end && c < columns; c++)
				if (series->known[t] && series->known[then])
					set_demand(&truth[t], slot_of(schema, a, c),
						   asinhf((series->value[then * columns + c] -
							   series->value[t * columns + c]) /
							  series->scale[t * columns + c]));
		}
	}
	return truth;
}
