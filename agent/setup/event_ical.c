/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "event_ical.h"

#include <errno.h>
#include <libical/ical.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STEPS_MAX 200000	/* of one recurrence: what recurs more often than that is a mistake, or an attack */
#define CHANGED_MAX 512

/* One import that goes on. */
struct reader {
	struct event_import *import;
	struct events *events;
	const char *text;
	char *problem;
	icalcomponent *appointment;	/* in hand */
	uint32_t number;		/* of it, from 1 */
	struct {
		uint32_t uid;
		int64_t at_s;
	} changed[CHANGED_MAX];		/* occurrences that have a VEVENT of their own */
	uint32_t changed_count;
};

/* The line at which the VEVENT in hand begins. */
static uint32_t line_of(const struct reader *reader)
{
	uint32_t line = 1, found = 0;

	for (const char *at = reader->text; at && *at; line++) {
		found += !strncasecmp(at, "BEGIN:VEVENT", strlen("BEGIN:VEVENT"));
		if (found == reader->number)
			break;
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	return line;
}

static int __attribute__((format(printf, 3, 4))) refuse(const struct reader *reader, int error, const char *format, ...)
{
	const char *summary = icalcomponent_get_summary(reader->appointment);
	va_list arguments;
	int at = snprintf(reader->problem, EVENT_PROBLEM_MAX, "%.80s:%u: appointment %u ('%.40s'): ", reader->import->name,
			  line_of(reader), reader->number, summary ? summary : "");

	va_start(arguments, format);
	vsnprintf(reader->problem + at, (size_t)(EVENT_PROBLEM_MAX - at), format, arguments);
	va_end(arguments);
	return error;
}

static uint32_t hash_of(const char *text)
{
	uint32_t hash = 0x811c9dc5u;

	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 0x01000193u;
	return hash;
}

static uint32_t uid_of(icalcomponent *appointment)
{
	const char *uid = icalcomponent_get_uid(appointment), *summary = icalcomponent_get_summary(appointment);

	return hash_of(uid ? uid : summary ? summary : "");
}

/* --- times ------------------------------------------------------------------------------------------------------------------*/

/* Without a zone it is what the clock on the wall shows. */
static int64_t unix_of(struct icaltimetype at)
{
	struct tm tm = { .tm_year = at.year - 1900, .tm_mon = at.month - 1, .tm_mday = at.day, .tm_isdst = -1 };

	if (!at.is_date && at.zone)
		return (int64_t)icaltime_as_timet_with_zone(at, at.zone);
	if (!at.is_date) {
		tm.tm_hour = at.hour;
		tm.tm_min = at.minute;
		tm.tm_sec = at.second;
	}
	return (int64_t)mktime(&tm);
}

/* A time with the zone that its property names. -EINVAL: no time, or nobody knows the zone. */
static int time_read(const struct reader *reader, icalproperty *property, struct icaltimetype *ret)
{
	icalparameter *zone = icalproperty_get_first_parameter(property, ICAL_TZID_PARAMETER);

	*ret = icalproperty_get_datetime_with_component(property, reader->appointment);
	if (icaltime_is_null_time(*ret) || !icaltime_is_valid_time(*ret))
		return refuse(reader, -EINVAL, "%s holds no time", icalproperty_get_property_name(property));
	if (ret->is_date || !zone || ret->zone)
		return 0;
	ret->zone = icaltimezone_get_builtin_timezone(icalparameter_get_tzid(zone));
	return ret->zone ? 0 : refuse(reader, -EINVAL, "the time zone '%.40s' is not known; the file must define it",
				      icalparameter_get_tzid(zone));
}

/* Seconds from its beginning to its end. */
static int duration_read(const struct reader *reader, struct icaltimetype start, int64_t *ret_s)
{
	icalproperty *end = icalcomponent_get_first_property(reader->appointment, ICAL_DTEND_PROPERTY);
	icalproperty *duration = icalcomponent_get_first_property(reader->appointment, ICAL_DURATION_PROPERTY);
	struct icaltimetype at;
	int r = 0;

	if (end) {
		r = time_read(reader, end, &at);
		*ret_s = r ? 0 : unix_of(at) - unix_of(start);
	} else {
		*ret_s = duration ? icaldurationtype_as_int(icalproperty_get_duration(duration)) : start.is_date ? 86400 : 0;
	}
	if (!r && (*ret_s <= 0 || *ret_s > 366 * 86400ll))
		return refuse(reader, -EINVAL, "it must last from a second to 366 days; give DTEND or DURATION");
	return r;
}

/* libical puts what it could not read into the component, and drops it. */
static int errors_check(const struct reader *reader)
{
	static const char *const fatal[] = { "DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID" };
	icalcomponent *c = reader->appointment;
	icalproperty *p = icalcomponent_get_first_property(c, ICAL_XLICERROR_PROPERTY);

	for (; p; p = icalcomponent_get_next_property(c, ICAL_XLICERROR_PROPERTY)) {
		const char *what = icalproperty_get_xlicerror(p);

		for (size_t i = 0; what && i < sizeof(fatal) / sizeof(fatal[0]); i++)
			if (strstr(what, fatal[i]))
				return refuse(reader, -EINVAL, "%.120s", what);
	}
	return 0;
}

/* --- of whom and how much -----------------------------------------------------------------------------------------------------*/

static int word_check(const struct reader *reader, int r, const char *what, const struct event_error *error)
{
	return r ? refuse(reader, r, "%s, column %u: %s", what, error->column, error->reason) : 0;
}

/* "[SCOPE RESOURCE xFACTOR]" at the end of a summary; without it nothing is set. */
static int summary_read(const struct reader *reader, struct event *event)
{
	char words[3][EVENT_SCOPE_MAX + 8];
	const char *open = strrchr(event->name, '[');
	struct event_error error;
	int used = 0, r;

	if (!open || open[1] != '/')
		return 0;
	if (sscanf(open, "[%199s %199s %199[^] ]]%n", words[0], words[1], words[2], &used) != 3 || !used || open[used])
		return refuse(reader, -EINVAL, "its summary ends in no [SCOPE RESOURCE xFACTOR]");
	r = word_check(reader, event_scope_parse(words[0], event->scope, &error), "scope in the summary", &error);
	r = r ?: word_check(reader, event_resource_parse(words[1], &event->resource, &error), "resource in the summary", &error);
	r = r ?: word_check(reader, event_factor_parse(words[2], &event->factor, &error), "factor in the summary", &error);
	event->name[open - event->name] = '\0';
	return r;
}

static int property_read(const struct reader *reader, const char *name, const char *value, struct event *event)
{
	struct event_error error;
	int r = 0;

	if (!strcasecmp(name, "X-FORESTALL-SCOPE"))
		r = event_scope_parse(value, event->scope, &error);
	else if (!strcasecmp(name, "X-FORESTALL-RESOURCE"))
		r = event_resource_parse(value, &event->resource, &error);
	else if (!strcasecmp(name, "X-FORESTALL-FACTOR"))
		r = event_factor_parse(value, &event->factor, &error);
	else if (!strncasecmp(name, "X-FORESTALL-", strlen("X-FORESTALL-")))
		return refuse(reader, -EINVAL, "%.40s is unknown; there are X-FORESTALL-SCOPE, -RESOURCE and -FACTOR", name);
	return word_check(reader, r, name, &error);
}

/* What a line of the file of events can hold. */
static void name_copy(char ret[EVENT_NAME_MAX], const char *text)
{
	size_t length = strnlen(text ? text : "", EVENT_NAME_MAX - 1);

	/* Not in the middle of a character. */
	while (length && text[length] && ((uint8_t)text[length] & 0xc0) == 0x80)
		length--;
	for (size_t i = 0; i < length; i++)
		ret[i] = (uint8_t)text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i];
	ret[length] = '\0';
}

/* 1: an event of ours; 0: another appointment; or -EINVAL. */
static int mapping_read(const struct reader *reader, struct event *ret)
{
	const struct event_import *import = reader->import;
	icalcomponent *c = reader->appointment;
	int r = 0;

	*ret = (struct event){ .resource = import->resource, .factor = import->factor };
	snprintf(ret->id, sizeof(ret->id), "i%08x", uid_of(c));
	snprintf(ret->scope, sizeof(ret->scope), "%s", import->scope ? import->scope : "");
	name_copy(ret->name, icalcomponent_get_summary(c));
	r = summary_read(reader, ret);
	for (icalproperty *p = icalcomponent_get_first_property(c, ICAL_X_PROPERTY); p && !r;
	     p = icalcomponent_get_next_property(c, ICAL_X_PROPERTY))
		r = property_read(reader, icalproperty_get_x_name(p), icalproperty_get_x(p) ?: "", ret);
	return r ? r : ret->scope[0] && ret->factor >= 0;
}

/* --- recurrence ------------------------------------------------------------------------------------------------------------------*/

static bool is_changed(const struct reader *reader, int64_t at_s)
{
	uint32_t uid = uid_of(reader->appointment);

	if (icalcomponent_get_first_property(reader->appointment, ICAL_RECURRENCEID_PROPERTY))
		return false;
	for (uint32_t i = 0; i < reader->changed_count; i++)
		if (reader->changed[i].uid == uid && reader->changed[i].at_s == at_s)
			return true;
	return false;
}

/* A day that is left out is given as a day or as its beginning. */
static bool is_left_out(const struct reader *reader, int64_t at_s)
{
	icalcomponent *c = reader->appointment;

	for (icalproperty *p = icalcomponent_get_first_property(c, ICAL_EXDATE_PROPERTY); p;
	     p = icalcomponent_get_next_property(c, ICAL_EXDATE_PROPERTY)) {
		struct icaltimetype at = icalproperty_get_datetime_with_component(p, c);
		int64_t out_s = unix_of(at);

		if (at_s == out_s || (at.is_date && at_s >= out_s && at_s < out_s + 86400))
			return true;
	}
	return false;
}

static int occurrence_add(const struct reader *reader, struct event *event, int64_t start_s, int64_t duration_s)
{
	const struct event_import *import = reader->import;
	int r;

	if (start_s + duration_s <= import->from_s || start_s >= import->to_s || is_changed(reader, start_s) ||
	    is_left_out(reader, start_s))
		return 0;
	event->start_s = start_s;
	event->end_s = start_s + duration_s;
	r = events_add(reader->events, event);
	return r ? refuse(reader, r, r == -ENOSPC ? "that makes more than 4096 events; import fewer days" : "out of memory") : 0;
}

static int rule_expand(const struct reader *reader, struct event *event, icalproperty *rule, struct icaltimetype start, int64_t duration_s)
{
	icalrecur_iterator *iterator = icalrecur_iterator_new(icalproperty_get_rrule(rule), start);
	struct icaltimetype at;
	uint32_t steps = 0;
	int r = 0;

	if (!iterator)
		return refuse(reader, -EINVAL, "its RRULE cannot be followed");
	while (!r && !icaltime_is_null_time(at = icalrecur_iterator_next(iterator))) {
		at.zone = start.zone;
		if (unix_of(at) >= reader->import->to_s)
			break;
		r = ++steps > STEPS_MAX ? refuse(reader, -EINVAL, "it recurs more than %d times", STEPS_MAX) :
					  occurrence_add(reader, event, unix_of(at), duration_s);
	}
	icalrecur_iterator_free(iterator);
	return r;
}

static int dates_expand(const struct reader *reader, struct event *event, int64_t duration_s)
{
	icalcomponent *c = reader->appointment;
	int r = 0;

	for (icalproperty *p = icalcomponent_get_first_property(c, ICAL_RDATE_PROPERTY); p && !r;
	     p = icalcomponent_get_next_property(c, ICAL_RDATE_PROPERTY)) {
		struct icaldatetimeperiodtype date = icalproperty_get_rdate(p);
		struct icaltimetype at;

		if (!icaltime_is_null_time(date.time)) {
			r = time_read(reader, p, &at);
			r = r ?: occurrence_add(reader, event, unix_of(at), duration_s);
		} else {
			r = refuse(reader, -EINVAL, "periods in RDATE are not understood; give dates");
		}
	}
	return r;
}

static int event_expand(const struct reader *reader, struct event *event)
{
	icalcomponent *c = reader->appointment;
	icalproperty *first = icalcomponent_get_first_property(c, ICAL_DTSTART_PROPERTY);
	icalproperty *rule = icalcomponent_get_first_property(c, ICAL_RRULE_PROPERTY);
	struct icaltimetype start;
	int64_t duration_s;
	int r = errors_check(reader);

	if (!r && !first)
		r = refuse(reader, -EINVAL, "it has no DTSTART");
	r = r ?: time_read(reader, first, &start);
	r = r ?: duration_read(reader, start, &duration_s);
	if (!r && !rule)
		r = occurrence_add(reader, event, unix_of(start), duration_s);
	/* One rule is what RFC 5545 allows. */
	if (!r && rule)
		r = rule_expand(reader, event, rule, start, duration_s);
	return r ?: dates_expand(reader, event, duration_s);
}

static int appointment_read(struct reader *reader)
{
	struct event event;
	int r;

	if (icalcomponent_get_status(reader->appointment) == ICAL_STATUS_CANCELLED)
		return 0;
	r = mapping_read(reader, &event);
	if (r == 0)
		reader->import->foreign++;
	return r > 0 ? event_expand(reader, &event) : r;
}

/* Which occurrences have a VEVENT of their own: known before any is expanded. */
static int changed_note(struct reader *reader)
{
	icalproperty *p = icalcomponent_get_first_property(reader->appointment, ICAL_RECURRENCEID_PROPERTY);
	struct icaltimetype at;
	int r;

	if (!p)
		return 0;
	if (reader->changed_count == CHANGED_MAX)
		return refuse(reader, -ENOSPC, "more than %d changed occurrences", CHANGED_MAX);
	r = time_read(reader, p, &at);
	if (r)
		return r;
	reader->changed[reader->changed_count].uid = uid_of(reader->appointment);
	reader->changed[reader->changed_count++].at_s = unix_of(at);
	return 0;
}

/* Visits every VEVENT, in the order of the file; several calendars may stand in one. */
static int appointments_visit(struct reader *reader, icalcomponent *above, int (*visit)(struct reader *reader))
{
	int r = 0;

	for (icalcomponent *c = icalcomponent_get_first_component(above, ICAL_ANY_COMPONENT); c && !r;
	     c = icalcomponent_get_next_component(above, ICAL_ANY_COMPONENT)) {
		if (icalcomponent_isa(c) == ICAL_VCALENDAR_COMPONENT)
			r = appointments_visit(reader, c, visit);
		if (icalcomponent_isa(c) != ICAL_VEVENT_COMPONENT)
			continue;
		reader->appointment = c;
		reader->number++;
		r = visit(reader);
	}
	return r;
}

int events_import(struct event_import *import, const char *text, struct events *ret, char problem[EVENT_PROBLEM_MAX])
{
	static const char begin[] = "BEGIN:VCALENDAR";
	struct reader *reader = calloc(1, sizeof(*reader));
	icalcomponent *root = NULL;
	int r = reader ? 0 : -ENOMEM;

	*ret = (struct events){ 0 };
	snprintf(problem, EVENT_PROBLEM_MAX, "%.80s: out of memory", import->name);
	/* A byte order mark is no part of the text. */
	text += strncmp(text, "\xef\xbb\xbf", 3) ? 0 : 3;
	if (!r && strncasecmp(text, begin, strlen(begin))) {
		snprintf(problem, EVENT_PROBLEM_MAX, "%.80s:1: no iCalendar file: it does not begin with %s", import->name, begin);
		r = -EINVAL;
	}
	icalerror_set_errors_are_fatal(0);
	root = r ? NULL : icalparser_parse_string(text);
	if (!r && (!root || !strstr(text, "END:VCALENDAR"))) {
		snprintf(problem, EVENT_PROBLEM_MAX, "%.80s: cut short: there is no END:VCALENDAR", import->name);
		r = -EINVAL;
	}
	if (!r) {
		icalcomponent *top = icalcomponent_new(ICAL_XROOT_COMPONENT);

		*reader = (struct reader){ .import = import, .events = ret, .text = text, .problem = problem };
		icalcomponent_add_component(top, root);
		root = top;
		r = appointments_visit(reader, root, changed_note);
		import->appointments = reader->number;
		reader->number = 0;
		r = r ?: appointments_visit(reader, root, appointment_read);
	}
	if (root)
		icalcomponent_free(root);
	free(reader);
	if (r)
		events_done(ret);
	return r;
}
