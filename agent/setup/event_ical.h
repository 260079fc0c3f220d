/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Announced events from an iCalendar (RFC 5545), through libical. An appointment is an event when it says of whom and how much, by
 *
 *   X-FORESTALL-SCOPE, X-FORESTALL-RESOURCE, X-FORESTALL-FACTOR	properties of the VEVENT,
 *   SUMMARY:Black Friday [/shop.slice/x cpu x2]			or the end of its summary, which every calendar program can write,
 *
 * each over the defaults given; without a scope or a factor from anywhere it is another appointment and is left out. Resource is
 * cpu unless told. RRULE, RDATE, EXDATE and changed occurrences (RECURRENCE-ID) are expanded; what is cancelled is left out. Times without a
 * zone, and days, are by the clock on the wall.
 */
#ifndef FORESTALL_EVENT_ICAL_H
#define FORESTALL_EVENT_ICAL_H

#include "event_file.h"

#define EVENT_IMPORT_BYTES_MAX (8u << 20)

struct event_import {
	const char *name;	/* of the file, for problems */
	const char *scope;	/* NULL: none by default */
	uint32_t resource;
	float factor;		/* < 0: none by default */
	int64_t from_s, to_s;	/* only occurrences that begin in this time and are not over before it */
	uint32_t appointments, foreign;	/* out: how many there were, and how many are of nothing here */
};

/*
 * What the calendar announces; the id is 'i' and a hash of its UID. 0; -EINVAL, -ENOSPC or -ENOMEM with one line "FILE:LINE: ..." in problem
 * and nothing in *ret.
 */
int events_import(struct event_import *import, const char *text, struct events *ret, char problem[EVENT_PROBLEM_MAX]);

#endif
