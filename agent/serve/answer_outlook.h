/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hours to come, joint paths of the minute to come, and why, as JSON. Inside of answer.c; new references. */
#ifndef FORESTALL_ANSWER_OUTLOOK_H
#define FORESTALL_ANSWER_OUTLOOK_H

#include "answer.h"

json_t *answer_profile_show(const struct answer_world *world, const json_t *question);
json_t *answer_forecast_paths(const struct answer_world *world, const json_t *question);
json_t *answer_forecast_explain(const struct answer_world *world, const json_t *question);

#endif
