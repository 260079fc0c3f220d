/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several networks as one that says their mean. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "train.h"

static void gates_join(const struct lstm_float *member, uint32_t first, struct lstm_float *ret)
{
	uint32_t inputs = ret->config.input, all = ret->config.hidden, own = member->config.hidden;

	for (uint32_t r = 0; r < LSTM_GATES * own; r++) {
		const float *from = member->gate + (size_t)r * (inputs + own);
		uint32_t row = r / own * all + first + r % own;
		float *to = ret->gate + (size_t)row * (inputs + all);

		memcpy(to, from, inputs * sizeof(*to));
		memcpy(to + inputs + first, from + inputs, own * sizeof(*to));
		ret->gate_bias[row] = member->gate_bias[r];
	}
}

static void outputs_join(const struct lstm_float *member, uint32_t first, float share, struct lstm_float *ret)
{
	uint32_t all = ret->config.hidden, own = member->config.hidden;

	for (uint32_t r = 0; r < ret->config.output; r++) {
		for (uint32_t j = 0; j < own; j++)
			ret->head[r * all + first + j] = share * member->head[r * own + j];
		ret->head_bias[r] += share * member->head_bias[r];
	}
	for (uint32_t i = 0; i < ret->config.direct * ret->config.input; i++)
		ret->direct[i] += share * member->direct[i];
}

int train_join(const struct lstm_float *const members[], uint32_t count, struct lstm_float *ret)
{
	struct lstm_config config = members[0]->config;
	uint32_t first = 0;

	config.hidden = 0;
	for (uint32_t m = 0; m < count; m++)
		config.hidden += members[m]->config.hidden;
	if (config.hidden > LSTM_HIDDEN_MAX)
		return -EINVAL;
	memset(ret, 0, sizeof(*ret));
	ret->config = config;
	for (uint32_t m = 0; m < count; m++) {
		for (uint32_t i = 0; i < config.input; i++) {
			ret->input_low[i] = fminf(ret->input_low[i], members[m]->input_low[i]);
			ret->input_high[i] = fmaxf(ret->input_high[i], members[m]->input_high[i]);
		}
		gates_join(members[m], first, ret);
		outputs_join(members[m], first, 1 / (float)count, ret);
		first += members[m]->config.hidden;
	}
	return 0;
}
