/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whatever the file of events or a calendar holds: taken or refused by place, and what is taken is sound. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "setup/event_ical.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void sound(const struct events *events)
{
	for (uint32_t i = 0; i < events->count; i++) {
		const struct event *event = &events->event[i];

		if (event->scope[0] != '/' || event->resource >= RESOURCE_COUNT || !(event->factor >= 0) || event->factor > EVENT_FACTOR_MAX ||
		    event->start_s >= event->end_s || (i && event->start_s < event[-1].start_s) || strpbrk(event->name, "\r\n"))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct event_import import = { .name = "f", .scope = "/x", .factor = 2, .from_s = 1767571200, .to_s = 1767571200 + 30 * 86400 };
	char *text = strndup((const char *)data, size), problem[EVENT_PROBLEM_MAX] = "";
	struct events events;

	if (!events_parse("f", text, &events, problem))
		sound(&events);
	else if (strncmp(problem, "f:", 2))
		abort();
	events_done(&events);
	if (!events_import(&import, text, &events, problem))
		sound(&events);
	else if (strncmp(problem, "f:", 2))
		abort();
	events_done(&events);
	free(text);
	return 0;
}
