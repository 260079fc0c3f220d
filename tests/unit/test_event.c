/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Announced events: their words, their file, calendars, and what they make of a mean. */
#include "unit.h"

#include <errno.h>
#include <math.h>
#include <time.h>
#include <unistd.h>

#include "setup/event_ical.h"

#define DAY_S 86400ll
#define START 1767571200ll	/* 2026-01-05 00:00 UTC, a Monday */

static struct events events;
static char problem[EVENT_PROBLEM_MAX];
static struct event_import import;

static int zone_berlin(void **state)
{
	(void)state;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return 0;
}

static int done(void **state)
{
	(void)state;
	events_done(&events);
	return 0;
}

static int64_t time_of(const char *text)
{
	struct event_error error;
	int64_t at = -1;

	assert_int_equal(event_time_parse(text, START, &at, &error), 0);
	return at;
}

static uint32_t bad_time(const char *text)
{
	struct event_error error = { 0 };
	int64_t at;

	assert_int_equal(event_time_parse(text, START, &at, &error), -EINVAL);
	assert_true(error.reason[0]);
	return error.column;
}

static void times_are_read_with_and_without_a_zone(void **state)
{
	(void)state;
	assert_int_equal(time_of("2026-01-05T00:00Z"), START);
	assert_int_equal(time_of("2026-01-05 01:00"), START);
	assert_int_equal(time_of("2026-01-05T01:00:07+01:00"), START + 7);
	assert_int_equal(time_of("2026-01-04T18:30-0530"), START);
	/* The clock on the wall is an hour further in summer. */
	assert_int_equal(time_of("2026-07-01T02:00"), time_of("2026-07-01T00:00Z"));
	assert_int_equal(time_of("+1h30m"), START + 5400);
	/* It is one o'clock there. */
	assert_int_equal(time_of("02:00"), START + 3600);
	assert_int_equal(time_of("00:30"), START + DAY_S - 1800);
	assert_int_equal(bad_time("2026-02-29T00:00"), 11);
	assert_int_equal(bad_time("2026-01-05T24:00"), 14);
	assert_int_equal(bad_time("2026-01-05T00:00X"), 17);
	assert_int_equal(bad_time("2026-01-05"), 11);
	assert_int_equal(bad_time("+90"), 4);
	assert_int_equal(bad_time(""), 1);
}

static void durations_and_factors_are_read(void **state)
{
	struct event_error error;
	int64_t seconds;
	float factor;
	char text[32];

	(void)state;
	assert_int_equal(event_duration_parse("1d2h3m4s", &seconds, &error), 0);
	assert_int_equal(seconds, 86400 + 7200 + 180 + 4);
	event_duration_format(seconds, text);
	assert_string_equal(text, "1d2h3m4s");
	assert_int_equal(event_duration_parse("3m1h", &seconds, &error), -EINVAL);
	assert_int_equal(error.column, 4);
	assert_int_equal(event_duration_parse("0s", &seconds, &error), -EINVAL);
	assert_int_equal(event_duration_parse("99999999999999999999d", &seconds, &error), -EINVAL);
	assert_int_equal(event_duration_parse("366d1s", &seconds, &error), -EINVAL);
	assert_int_equal(event_factor_parse("x1.5", &factor, &error), 0);
	assert_float_equal(factor, 1.5, 0);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(event_factor_parse(((const char *[]){ "", "x", "-1", "nan", "inf", "0x10", "1e3", "1001" })[i], &factor, &error),
				 -EINVAL);
}

static void a_file_comes_back_as_it_was_written(void **state)
{
	char dir[] = "/tmp/forestall-event-XXXXXX", path[64];
	static const char text[] = "# by hand\n\ne2 2026-01-06T00:00:00Z 1h /a/* memory 0.5\n"
				   "\te1 2026-01-05T00:00:00Z 2h30m /b cpu 2 black  friday\r\n";
	struct events again;

	(void)state;
	assert_int_equal(events_parse("f", text, &events, problem), 0);
	assert_int_equal(events.count, 2);
	assert_string_equal(events.event[0].id, "e1");
	assert_string_equal(events.event[0].name, "black  friday");
	assert_int_equal(events.event[0].end_s, START + 9000);
	assert_int_equal(events.event[1].resource, RESOURCE_MEMORY);
	assert_non_null(mkdtemp(dir));
	assert_int_equal(events_save(dir, &events, problem), 0);
	assert_int_equal(events_load(dir, &again, problem), 0);
	assert_int_equal(again.count, 2);
	assert_memory_equal(again.event, events.event, 2 * sizeof(*again.event));
	assert_int_equal(events_remove(&again, "e1"), 1);
	assert_int_equal(again.count, 1);
	assert_int_equal(events_remove(&again, "e1"), 0);
	events_done(&again);
	snprintf(path, sizeof(path), "%s/events", dir);
	unlink(path);
	assert_int_equal(events_load(dir, &again, problem), 0);
	assert_int_equal(again.count, 0);
	rmdir(dir);
	assert_true(events_save("/proc/nowhere", &events, problem) < 0);
	assert_non_null(strstr(problem, "nothing was changed"));
}

static void what_is_wrong_in_a_file_is_told_by_place(void **state)
{
	static const struct {
		const char *text, *problem;
	} rows[] = {
		{ "e1 2026-01-05T00:00:00Z 1h /a cpu", "f:1:34: a word is missing" },
		{ "\ne1 2026-01-05T00:00:00Z 1h a cpu 2", "f:2:28: a scope" },
		{ "e1 2026-01-05T00:00:00Z 1h /a gpu 2", "f:1:31: no resource 'gpu'" },
		{ "E1 2026-01-05T00:00:00Z 1h /a cpu 2", "f:1:1: an id" },
		{ "e1 2026-01-05T25:00:00Z 1h /a cpu 2", "f:1:17: no time" },
		{ "e1 2026-01-05T00:00:00Z 1h /a cpu 2000", "f:1:35: a factor" },
		{ "e1 2026-01-05T00:00:00Z 1h /a cpu 2  a\rb", "f:1:39: a control" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(events_parse("f", rows[i].text, &events, problem), -EINVAL);
		assert_memory_equal(problem, rows[i].problem, strlen(rows[i].problem));
		assert_null(events.event);
	}
}

static void events_multiply_by_the_share_they_cover(void **state)
{
	struct event a = { .factor = 3, .start_s = 100, .end_s = 200 }, b = { .factor = 0.5f, .start_s = 150, .end_s = 1000 };
	const struct event *both[] = { &a, &b };

	(void)state;
	assert_float_equal(event_factor(both, 2, 0, 100), 1, 0);
	assert_float_equal(event_factor(both, 1, 100, 200), 3, 0);
	assert_float_equal(event_factor(both, 1, 0, 200), 2, 1e-6);
	assert_float_equal(event_factor(both, 2, 150, 200), 1.5, 1e-6);
	assert_float_equal(event_factor(both, 0, 0, 1), 1, 0);
}

static void scopes_match_as_annotations_do(void **state)
{
	struct event event = { .scope = "/shop.slice/*" };

	(void)state;
	assert_true(event_matches(&event, "/shop.slice/web"));
	assert_false(event_matches(&event, "/shop.slice/web/worker"));
	assert_false(event_matches(&event, "/shop.slice"));
}

#define CALENDAR(body) "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n" body "END:VCALENDAR\r\n"
#define EVENT(body) "BEGIN:VEVENT\r\nUID:u1\r\n" body "END:VEVENT\r\n"
#define OURS "X-FORESTALL-SCOPE:/shop.slice/web\r\nX-FORESTALL-FACTOR:2\r\n"
#define BERLIN \
	"BEGIN:VTIMEZONE\r\nTZID:Home\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\n" \
	"RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nEND:STANDARD\r\nBEGIN:DAYLIGHT\r\nDTSTART:19700329T020000\r\n" \
	"TZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n"

static int imports(const char *text, int64_t days)
{
	events_done(&events);
	import = (struct event_import){ .name = "c.ics", .factor = -1, .from_s = START, .to_s = START + days * DAY_S };
	return events_import(&import, text, &events, problem);
}

static void a_calendar_is_mapped_by_properties_or_its_summary(void **state)
{
	(void)state;
	assert_int_equal(imports(CALENDAR(
		EVENT("SUMMARY:One\r\nDTSTART:20260106T080000Z\r\nDTEND:20260106T093000Z\r\nX-FORESTALL-SCOPE:/shop.slice/*\r\n"
		      "X-FORESTALL-RESOURCE:io\r\nX-FORESTALL-FACTOR:1.5\r\n")
		"BEGIN:VEVENT\r\nUID:u2\r\nSUMMARY:Two [/b.slice/x memory x3]\r\nDTSTART:20260107T080000Z\r\nDURATION:PT15M\r\nEND:VEVENT\r\n"
		"BEGIN:VEVENT\r\nUID:u3\r\nSUMMARY:Lunch\r\nDTSTART:20260107T120000Z\r\nDURATION:PT1H\r\nEND:VEVENT\r\n"), 30), 0);
	assert_int_equal(events.count, 2);
	assert_int_equal(import.appointments, 3);
	assert_int_equal(import.foreign, 1);
	assert_string_equal(events.event[0].scope, "/shop.slice/*");
	assert_int_equal(events.event[0].resource, RESOURCE_IO);
	assert_int_equal(events.event[0].start_s, START + DAY_S + 8 * 3600);
	assert_int_equal(events.event[0].end_s - events.event[0].start_s, 5400);
	assert_string_equal(events.event[1].name, "Two ");
	assert_string_equal(events.event[1].scope, "/b.slice/x");
	assert_float_equal(events.event[1].factor, 3, 0);
	assert_int_equal(events.event[1].id[0], 'i');
}

static void defaults_are_for_those_that_say_nothing(void **state)
{
	static const char text[] = CALENDAR(EVENT("SUMMARY:Lunch\r\nDTSTART:20260107T120000Z\r\nDURATION:PT1H\r\n"));

	(void)state;
	import = (struct event_import){ .name = "c.ics", .scope = "/all/*", .factor = 4, .from_s = START, .to_s = START + 30 * DAY_S };
	assert_int_equal(events_import(&import, text, &events, problem), 0);
	assert_int_equal(events.count, 1);
	assert_string_equal(events.event[0].scope, "/all/*");
	assert_float_equal(events.event[0].factor, 4, 0);
}

static void recurrence_is_expanded_by_the_clock_of_its_zone(void **state)
{
	(void)state;
	/* Weekdays at nine, across the beginning of summer time on 2026-03-29. */
	assert_int_equal(imports(CALENDAR(BERLIN EVENT("DTSTART;TZID=Home:20260105T090000\r\nDTEND;TZID=Home:20260105T100000\r\n" OURS
		"RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR\r\n")), 90), 0);
	assert_int_equal(events.count, 65);
	assert_int_equal(events.event[0].start_s, START + 8 * 3600);
	assert_int_equal(events.event[5].start_s, START + 7 * DAY_S + 8 * 3600);
	/* Monday, 2026-03-30: seven o'clock UTC. */
	assert_int_equal(events.event[60].start_s, START + 84 * DAY_S + 7 * 3600);
	for (uint32_t i = 0; i < events.count; i++)
		assert_int_equal(events.event[i].end_s - events.event[i].start_s, 3600);
}

static void occurrences_left_out_moved_added_and_cancelled_are(void **state)
{
	(void)state;
	assert_int_equal(imports(CALENDAR(EVENT("DTSTART:20260105T090000Z\r\nDURATION:PT1H\r\n" OURS "RRULE:FREQ=DAILY;COUNT=5\r\n"
		"EXDATE:20260106T090000Z\r\nRDATE:20260120T090000Z\r\n")
		EVENT("RECURRENCE-ID:20260107T090000Z\r\nDTSTART:20260107T150000Z\r\nDURATION:PT2H\r\n" OURS)
		EVENT("RECURRENCE-ID:20260108T090000Z\r\nSTATUS:CANCELLED\r\nDTSTART:20260108T090000Z\r\nDURATION:PT1H\r\n" OURS)), 30), 0);
	assert_int_equal(events.count, 4);
	assert_int_equal(events.event[0].start_s, START + 9 * 3600);
	assert_int_equal(events.event[1].start_s, START + 2 * DAY_S + 15 * 3600);
	assert_int_equal(events.event[2].start_s, START + 4 * DAY_S + 9 * 3600);
	assert_int_equal(events.event[3].start_s, START + 15 * DAY_S + 9 * 3600);
}

static void a_day_is_a_day_by_the_clock_on_the_wall(void **state)
{
	(void)state;
	assert_int_equal(imports(CALENDAR(EVENT("DTSTART;VALUE=DATE:20260110\r\n" OURS)), 30), 0);
	assert_int_equal(events.count, 1);
	assert_int_equal(events.event[0].start_s, START + 5 * DAY_S - 3600);
	assert_int_equal(events.event[0].end_s - events.event[0].start_s, DAY_S);
}

static void what_is_wrong_in_a_calendar_is_told_by_place(void **state)
{
	static const struct {
		const char *text, *place, *reason;
	} rows[] = {
		{ "hello", "c.ics:1:", "BEGIN:VCALENDAR" },
		{ "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", "c.ics:", "cut short" },
		{ CALENDAR(EVENT(OURS "SUMMARY:x\r\nDTEND:20260107T120000Z\r\n")), "c.ics:4: appointment 1 ('x')", "DTSTART" },
		{ CALENDAR(EVENT(OURS "DTSTART:tomorrow\r\nDURATION:PT1H\r\n")), "c.ics:4:", "DTSTART" },
		{ CALENDAR(EVENT(OURS "DTSTART:20260107T120000Z\r\n")), "c.ics:4:", "last" },
		{ CALENDAR(EVENT(OURS "DTSTART:20260107T120000Z\r\nDTEND:20260107T110000Z\r\n")), "c.ics:4:", "last" },
		{ CALENDAR(EVENT(OURS "DTSTART:20260107T120000Z\r\nDURATION:PT1H\r\nRRULE:FREQ=NEVER\r\n")), "c.ics:4:", "RRULE" },
		{ CALENDAR(EVENT(OURS "DTSTART:20260107T120000Z\r\nDURATION:PT1S\r\nRRULE:FREQ=SECONDLY\r\n")), "c.ics:4:", "4096" },
		{ CALENDAR(EVENT(OURS "DTSTART:20000107T120000Z\r\nDURATION:PT1S\r\nRRULE:FREQ=SECONDLY\r\n")), "c.ics:4:", "recurs" },
		{ CALENDAR(EVENT(OURS "DTSTART;TZID=Mars/Olympus:20260107T120000\r\nDURATION:PT1H\r\n")), "c.ics:4:", "Mars/Olympus" },
		{ CALENDAR(EVENT("X-FORESTALL-SCOPE:web\r\nX-FORESTALL-FACTOR:2\r\nDTSTART:20260107T120000Z\r\nDURATION:PT1H\r\n")),
		  "c.ics:4:", "X-FORESTALL-SCOPE, column 1" },
		{ CALENDAR(EVENT("X-FORESTALL-SIZE:2\r\nDTSTART:20260107T120000Z\r\nDURATION:PT1H\r\n")), "c.ics:4:", "unknown" },
		{ CALENDAR(EVENT("SUMMARY:Deploy [/web cpu]\r\nDTSTART:20260107T120000Z\r\nDURATION:PT1H\r\n")), "c.ics:4:", "summary" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (imports(rows[i].text, 30) >= 0)
			fail_msg("row %zu is taken", i);
		assert_memory_equal(problem, rows[i].place, strlen(rows[i].place));
		if (!strstr(problem, rows[i].reason))
			fail_msg("'%s' does not say '%s'", problem, rows[i].reason);
		assert_null(events.event);
	}
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, zone_berlin, done)
	const struct CMUnitTest tests[] = {
		CASE(times_are_read_with_and_without_a_zone),
		CASE(durations_and_factors_are_read),
		CASE(a_file_comes_back_as_it_was_written),
		CASE(what_is_wrong_in_a_file_is_told_by_place),
		CASE(events_multiply_by_the_share_they_cover),
		CASE(scopes_match_as_annotations_do),
		CASE(a_calendar_is_mapped_by_properties_or_its_summary),
		CASE(defaults_are_for_those_that_say_nothing),
		CASE(recurrence_is_expanded_by_the_clock_of_its_zone),
		CASE(occurrences_left_out_moved_added_and_cancelled_are),
		CASE(a_day_is_a_day_by_the_clock_on_the_wall),
		CASE(what_is_wrong_in_a_calendar_is_told_by_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
