/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "event.h"

float event_factor(const struct event *const *events, uint32_t count, int64_t from_s, int64_t to_s)
{
	float factor = 1;

	for (uint32_t i = 0; i < count; i++) {
		int64_t start = events[i]->start_s > from_s ? events[i]->start_s : from_s;
		int64_t end = events[i]->end_s < to_s ? events[i]->end_s : to_s;

		if (start < end)
			factor *= 1 + (events[i]->factor - 1) * (float)(end - start) / (float)(to_s - from_s);
	}
	return factor;
}
