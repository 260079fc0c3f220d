/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why the model says what it says of a risk: by occlusion against the instance's own usual frame. Pure.
 *
 * The last EXPLAIN_FRAMES frames are run through the int8 model again, from the state before them, once as they were and once for
 * each feature with that feature held at its mean of the last minutes. How much less the risk is then is what the feature
 * drove of it. This asks the model that spoke itself, its memory of the last seconds included; it misses what two features only do
 * together (Covert, Lundberg & Lee, "Explaining by Removing", JMLR 22, 2021, has the method among others). What lies farther back than these
 * frames, and drove the state that they begin with, is in none of the features.
 */
#ifndef FORESTALL_EXPLAIN_H
#define FORESTALL_EXPLAIN_H

#include "feature.h"
#include "forecast.h"
#include "lstm.h"

#define EXPLAIN_FRAMES 16
#define EXPLAIN_USUAL_S 300	/* what is usual is a mean over about so many seconds */

/* About 10 KB; all zero is the start. */
struct explain_past {
	float frame[EXPLAIN_FRAMES + 1][FEATURE_COUNT];	/* by count */
	struct lstm_state after[EXPLAIN_FRAMES + 1];	/* the model's state after each */
	float usual[FEATURE_COUNT];
	uint64_t time_ns;	/* of the last */
	uint32_t count;		/* in a row */
	uint32_t usual_count;
};

struct explanation {
	float risk;			/* as the model said it */
	float without[FEATURE_COUNT];	/* the same with that feature as usual */
	float now[FEATURE_COUNT], usual[FEATURE_COUNT];
	uint32_t frames;		/* that were run again */
};

/* A frame that the model was shown, and its state then. One that does not follow on the last within 1.5 s begins a new row. */
void explain_push(struct explain_past *past, const struct frame *frame, const struct lstm_state *after, uint64_t time_ns);

/* Of "sli is violated within this horizon". False: no frame is known. */
bool explain_risk(const struct explain_past *past, const struct lstm_weights *weights, enum lstm_isa isa, enum sli sli,
		  uint32_t horizon, struct explanation *ret);

/* Features by what they drove, the most first: indices into the above. */
void explain_order(const struct explanation *explanation, uint32_t ret[FEATURE_COUNT]);

#endif
