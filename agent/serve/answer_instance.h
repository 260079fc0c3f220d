/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One instance as JSON, short and long. Inside of answer.c; all are new references. */
#ifndef FORESTALL_ANSWER_INSTANCE_H
#define FORESTALL_ANSWER_INSTANCE_H

#include "answer.h"

/* The instance that the question names; NULL with *ret_error filled. */
const struct predictor_instance *answer_instance_asked(const struct answer_world *world, const json_t *question, json_t **ret_error);

/* By name: "p10", "p50", "p90", "p99". */
json_t *answer_quantiles(const float value[FORECAST_QUANTILES]);

/*
 * A bound that somebody annotated was broken in the last second. The core compares all others with a default, for the
 * sake of its features; that is nobody's promise.
 */
bool answer_instance_is_violated(const struct predictor_instance *instance);

/* A line of instance.list. */
json_t *answer_instance_brief(const struct answer_world *world, const struct predictor_instance *instance);

/* Of that what is kept of a second (serve/web_history.h) and no more. */
json_t *answer_instance_few(const struct answer_world *world, const struct predictor_instance *instance);

/* A line of instance.list, with the seconds of the window, the frame, what is expected and the whole forecast. */
json_t *answer_instance_full(const struct answer_world *world, const struct predictor_instance *instance);

/* {"source":..., "horizons":[...]}; null before the first frame. */
json_t *answer_instance_forecast(const struct predictor *predictor, const struct predictor_instance *instance);

#endif
