/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A model without state: what it says is the bias of its outputs. */
#ifndef FORESTALL_CONSTANT_MODEL_H
#define FORESTALL_CONSTANT_MODEL_H

#include "unit.h"
#include "predict/feature.h"
#include "predict/forecast.h"
#include "predict/lstm.h"

/* Says P(runq_p99 violated) = .5 and nothing else; biases may be added, then lstm_weights_derive() is to be called. */
static inline void constant_model(struct lstm_weights *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->config = (struct lstm_config){ FEATURE_COUNT, 16, OUTPUT_COUNT, OUTPUT_DIRECT };
	for (uint32_t i = 0; i < FEATURE_COUNT; i++)
		ret->input_scale[i] = 1.0f / 64;
	for (uint32_t row = 0; row < LSTM_GATES * 16; row++)
		ret->gate_scale[row] = 1e-6f;
	for (uint32_t row = 0; row < OUTPUT_COUNT; row++)
		ret->head_scale[row] = 1e-6f;
	for (uint32_t row = 0; row < OUTPUT_DIRECT; row++)
		ret->direct_scale[row] = 1e-6f;
	for (int h = 0; h < FORECAST_HORIZONS; h++)
		ret->head[lstm_head_index(&ret->config, OUTPUT_RISK(h, SLI_RUNQ_P99), 0)] = 1;
}

#endif
