/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of the live are annotated, and which are limited: lists that are made anew when somebody changed. */
#include "predictor.h"

const uint32_t *predictor_annotated(struct predictor *p, uint32_t *ret_count)
{
	if (p->is_annotated_stale) {
		p->annotated_count = 0;
		for (uint32_t i = 0; i < p->live_count; i++)
			if (predictor_is_annotated(&p->instance[p->live[i]]))
				p->annotated[p->annotated_count++] = p->live[i];
		p->is_annotated_stale = false;
	}
	*ret_count = p->annotated_count;
	return p->annotated;
}

static bool is_limited(const struct observe_limits *limits)
{
	return (limits->quota_us != LIMIT_NONE && limits->period_us) || limits->memory_max != LIMIT_NONE ||
	       limits->io_bps != LIMIT_NONE || limits->io_iops != LIMIT_NONE;
}

const uint32_t *predictor_limited(struct predictor *p, uint32_t *ret_count)
{
	if (p->is_limited_stale) {
		p->limited_count = 0;
		for (uint32_t i = 0; i < p->live_count; i++)
			if (is_limited(&p->instance[p->live[i]].limits))
				p->limited[p->limited_count++] = p->live[i];
		p->is_limited_stale = false;
	}
	*ret_count = p->limited_count;
	return p->limited;
}
