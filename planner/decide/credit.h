/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What foresight has earned on this host: whether it may take what costs others their work. Pure.
 *
 * Of an instance and a resource a forecast of danger is put to the trial whenever somebody is there who could give: the danger comes
 * within the horizon that is acted on, or it does not. Where something was held meanwhile and the resource was pressed nobody knows, and
 * nothing is counted. A trial begins only when there was neither harm nor another trial for as long as the horizon: nobody foresees what is
 * there, and neighbouring seconds share their fate.
 *
 * What came at a risk speaks for whoever says more, what did not come against whoever says less; both fade. Until something came
 * nothing is earned, so before that a wrong forecast costs nobody anything but the weights, which conserve work.
 */
#ifndef FORESTALL_CREDIT_H
#define FORESTALL_CREDIT_H

#include <stdbool.h>
#include <stdint.h>

#define CREDIT_BINS 4	/* of risk, equally wide */

/* All zero at the start. */
struct credit {
	float came[CREDIT_BINS], failed[CREDIT_BINS];	/* trials, fading */
	float risk;		/* the highest said in the open trial */
	uint64_t until_ns;	/* its end; 0: there is none */
	uint64_t busy_until_ns;	/* no trial begins before that */
	bool has_come, is_blind;	/* of the open trial; blind: if it does not come, nobody knows why */
};

/* One tick of one instance and one resource. */
struct credit_tick {
	float risk;		/* that the forecast says; 0: it is not acted on, or nobody could give */
	bool is_bad;		/* the bound is measured to be missed */
	bool is_answered;	/* something is held against a danger that was seen or said */
	bool is_held;		/* that, or something that always stands: it may keep the danger away */
	bool is_pressed;	/* the resource is nearly used up */
};

/* horizon_ns: within which a danger is said to come. */
void credit_tick(struct credit *credit, const struct credit_tick *tick, uint64_t now_ns, uint64_t horizon_ns);

/* What share of forecasts like one of this risk came true here, 0..1; a tenth where nothing is known. */
float credit_of(const struct credit *credit, float risk);

/* All that is remembered: trials that came, and those that did not. */
void credit_sum(const struct credit *credit, float *ret_came, float *ret_failed);

#endif
