/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Quantiles that hold their share where nothing was learned of. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "train_internal.h"

#define OUTPUTS (RESOURCE_COUNT + 1)	/* demands, then the leading SLI */
#define ROWS_MIN 40
#define MOVED 0.01f	/* of capacity, or of an SLI's scale, */
#define MOVED_S 10	/* within so many seconds: of what stands still any quantile holds */
#define SHIFT_MAX 4.0f	/* either way, of a raw output */
#define HALVINGS 20

/* What was said of an output at one horizon, raw, and what came. */
struct row {
	float raw[FORECAST_QUANTILES], label;
};

struct rows {
	struct row *row;
	size_t count;
};

static float value_at(const struct train_label *now, int output)
{
	return output < RESOURCE_COUNT ? now->demand[output] : now->sli;
}

static bool has_moved(const struct train_sequence *sequence, uint32_t t, int output)
{
	float low = INFINITY, high = -INFINITY;

	for (uint32_t i = 0; i <= MOVED_S && i <= t; i++) {
		low = fminf(low, value_at(&sequence->truth[t - i].now, output));
		high = fmaxf(high, value_at(&sequence->truth[t - i].now, output));
	}
	return high - low > MOVED;
}

static void second_take(const struct train_sequence *sequence, uint32_t t, const float *said, struct rows *rows)
{
	const struct train_truth *truth = &sequence->truth[t];

	for (int output = 0; output < OUTPUTS; output++)
		for (int h = 0; has_moved(sequence, t, output) && h < FORECAST_HORIZONS; h++) {
			struct rows *to = &rows[h * OUTPUTS + output];
			struct row *row = &to->row[to->count];

			if (!(truth->then[h].known & TRAIN_KNOWS_DEMAND(output)))
				continue;
			for (int q = 0; q < FORECAST_QUANTILES; q++)
				row->raw[q] = said[OUTPUT_DEMAND(h, output, q)];
			row->label = output < RESOURCE_COUNT ? train_demand_label(truth, h, output) : truth->then[h].sli;
			to->count++;
		}
}

static void set_run(const struct train_set *set, const struct lstm_float *weights, struct rows *rows)
{
	for (size_t i = 0; i < set->count; i++) {
		struct lstm_float_state state = { 0 };
		float said[OUTPUT_COUNT];

		/* Of who has no bound nobody reads a forecast. */
		for (uint32_t t = 0; set->sequences[i].weight >= 1 && t < set->sequences[i].steps; t++) {
			lstm_float_step(weights, &state, set->sequences[i].input[t], said);
			second_take(&set->sequences[i], t, said, rows);
		}
	}
}

/* Share of labels outside of a quantile, were the raw output that says how far it is from the median so much larger. */
static float share_outside(const struct rows *rows, int q, float shift)
{
	size_t outside = 0;

	for (size_t i = 0; i < rows->count; i++) {
		float raw[FORECAST_QUANTILES], quantile[FORECAST_QUANTILES];

		for (int k = 0; k < FORECAST_QUANTILES; k++)
			raw[k] = rows->row[i].raw[k] + (k == q ? shift : 0);
		train_decode_quantiles(raw, quantile);
		outside += q < OUTPUT_MEDIAN ? rows->row[i].label < quantile[q] : rows->row[i].label > quantile[q];
	}
	return (float)outside / (float)rows->count;
}

static float shift_find(const struct rows *rows, int q)
{
	float wanted = q < OUTPUT_MEDIAN ? forecast_quantile[q] : 1 - forecast_quantile[q], low = -SHIFT_MAX, high = SHIFT_MAX;

	for (int i = 0; i < HALVINGS; i++) {
		float middle = (low + high) / 2;

		if (share_outside(rows, q, middle) > wanted)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}

int train_widen(const struct train_set *set, struct lstm_float *weights)
{
	struct rows rows[FORECAST_HORIZONS * OUTPUTS] = { 0 };
	size_t steps = 0;
	int r = 0;

	for (size_t i = 0; i < set->count; i++)
		steps += set->sequences[i].steps;
	for (int k = 0; k < FORECAST_HORIZONS * OUTPUTS; k++) {
		rows[k].row = calloc(steps + 1, sizeof(*rows[k].row));
		r = rows[k].row ? r : -ENOMEM;
	}
	if (!r)
		set_run(set, weights, rows);
	for (int k = 0; k < FORECAST_HORIZONS * OUTPUTS; k++) {
		int at = OUTPUT_DEMAND(k / OUTPUTS, k % OUTPUTS, 0);

		for (int q = 0; !r && rows[k].count >= ROWS_MIN && q <= OUTPUT_MEDIAN + 1; q++)
			weights->head_bias[at + q] += q == OUTPUT_MEDIAN ? 0 : shift_find(&rows[k], q);
		free(rows[k].row);
	}
	return r;
}
