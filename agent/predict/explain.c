/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "explain.h"

#include <math.h>
#include <string.h>

#define RING (EXPLAIN_FRAMES + 1)
#define APART_NS_MAX 1500000000ull
#define BATCH 64	/* variants that are run at a time */

void explain_push(struct explain_past *past, const struct frame *frame, const struct lstm_state *after, uint64_t time_ns)
{
	uint32_t at;

	if (!past->time_ns || time_ns - past->time_ns > APART_NS_MAX)
		past->count = 0;
	at = past->count++ % RING;
	memcpy(past->frame[at], frame->value, sizeof(frame->value));
	past->after[at] = *after;
	past->time_ns = time_ns;
	past->usual_count += past->usual_count < EXPLAIN_USUAL_S;
	for (int i = 0; i < FEATURE_COUNT; i++)
		if (!(frame->missing >> i & 1))
			past->usual[i] += (frame->value[i] - past->usual[i]) / (float)past->usual_count;
}

/* As forecast_decode has it: "within 5 s" cannot be less likely than "within 2 s". */
static float risk_of(const float *output, enum sli sli, uint32_t horizon)
{
	float logit = -INFINITY;

	for (uint32_t h = 0; h <= horizon; h++)
		logit = fmaxf(logit, output[OUTPUT_RISK(h, sli)]);
	return 1 / (1 + expf(-logit));
}

/* Runs the frames for so many variants, from `first` on: variant v holds feature v - 1 at its usual, 0 none. */
static void variants_run(const struct explain_past *past, const struct lstm_weights *weights, enum lstm_isa isa, uint32_t frames,
			 uint32_t first, uint32_t count, float output[BATCH][OUTPUT_COUNT])
{
	struct lstm_state state[BATCH], *at[BATCH];
	float input[BATCH][FEATURE_COUNT];

	for (uint32_t v = 0; v < count; v++) {
		at[v] = &state[v];
		if (past->count > frames)
			state[v] = past->after[(past->count - frames - 1) % RING];
		else
			lstm_state_reset(&state[v]);
	}
	for (uint32_t back = frames; back; back--) {
		for (uint32_t v = 0; v < count; v++) {
			memcpy(input[v], past->frame[(past->count - back) % RING], sizeof(input[v]));
			if (first + v)
				input[v][first + v - 1] = past->usual[first + v - 1];
		}
		lstm_step(weights, isa, at, input[0], output[0], count);
	}
}

bool explain_risk(const struct explain_past *past, const struct lstm_weights *weights, enum lstm_isa isa, enum sli sli,
		  uint32_t horizon, struct explanation *ret)
{
	uint32_t frames = past->count < EXPLAIN_FRAMES ? past->count : EXPLAIN_FRAMES;
	float output[BATCH][OUTPUT_COUNT];

	if (!frames)
		return false;
	for (uint32_t first = 0; first <= FEATURE_COUNT; first += BATCH) {
		uint32_t count = FEATURE_COUNT + 1 - first < BATCH ? FEATURE_COUNT + 1 - first : BATCH;

		variants_run(past, weights, isa, frames, first, count, output);
		for (uint32_t v = 0; v < count; v++) {
			float risk = risk_of(output[v], sli, horizon);

			if (first + v)
				ret->without[first + v - 1] = risk;
			else
				ret->risk = risk;
		}
	}
	ret->frames = frames;
	memcpy(ret->now, past->frame[(past->count - 1) % RING], sizeof(ret->now));
	memcpy(ret->usual, past->usual, sizeof(ret->usual));
	return true;
}

void explain_order(const struct explanation *explanation, uint32_t ret[FEATURE_COUNT])
{
	for (uint32_t i = 0; i < FEATURE_COUNT; i++) {
		uint32_t at = i;

		while (at && explanation->without[ret[at - 1]] > explanation->without[i]) {
			ret[at] = ret[at - 1];
			at--;
		}
		ret[at] = i;
	}
}
