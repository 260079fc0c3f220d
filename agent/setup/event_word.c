/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of an announced event: times, durations, scopes, factors. */
#include "event_file.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DURATION_MAX_S (366 * 86400ll)

static const struct {
	char letter;
	int64_t seconds;
} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };

static int __attribute__((format(printf, 3, 4))) fail(struct event_error *error, size_t at, const char *format, ...)
{
	va_list arguments;

	error->column = (uint32_t)at + 1;
	va_start(arguments, format);
	vsnprintf(error->reason, sizeof(error->reason), format, arguments);
	va_end(arguments);
	return -EINVAL;
}

int event_duration_parse(const char *text, int64_t *ret_s, struct event_error *error)
{
	const char *at = text;
	int64_t sum = 0;
	size_t unit = 0;

	while (isdigit((unsigned char)*at)) {
		char *end;
		long long number = strtoll(at, &end, 10);

		while (unit < sizeof(units) / sizeof(units[0]) && units[unit].letter != *end)
			unit++;
		if (unit == sizeof(units) / sizeof(units[0]))
			return fail(error, (size_t)(end - text), "a number needs one of d, h, m, s after it, the larger first");
		if (number > DURATION_MAX_S / units[unit].seconds || sum + number * units[unit].seconds > DURATION_MAX_S)
			return fail(error, (size_t)(at - text), "longer than 366 days");
		sum += number * units[unit++].seconds;
		at = end + 1;
	}
	if (*at || at == text)
		return fail(error, (size_t)(at - text), "no duration; write it like 1h30m");
	if (!sum)
		return fail(error, 0, "an event must last at least a second");
	*ret_s = sum;
	return 0;
}

void event_duration_format(int64_t seconds, char ret[32])
{
	size_t at = 0;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (seconds / units[i].seconds)
			at += (size_t)snprintf(ret + at, 32 - at, "%lld%c", (long long)(seconds / units[i].seconds), units[i].letter);
		seconds %= units[i].seconds;
	}
}

void event_time_format(int64_t unix_s, char ret[32])
{
	time_t time = (time_t)unix_s;
	struct tm utc;

	gmtime_r(&time, &utc);
	strftime(ret, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

/* Exactly that many digits, at most `most`; -1 when there is something else. */
static int digits(const char **at, int count, int most)
{
	int value = 0;

	for (int i = 0; i < count; i++, (*at)++) {
		if (!isdigit((unsigned char)**at))
			return -1;
		value = value * 10 + **at - '0';
	}
	return value <= most ? value : -1;
}

/* "HH:MM" and, where it follows, ":SS". False: *at is where it is wrong. */
static bool clock_parse(const char **at, struct tm *tm)
{
	tm->tm_hour = digits(at, 2, 23);
	if (tm->tm_hour < 0 || **at != ':')
		return false;
	++*at;
	tm->tm_min = digits(at, 2, 59);
	if (tm->tm_min < 0)
		return false;
	tm->tm_sec = 0;
	if (**at == ':') {
		++*at;
		tm->tm_sec = digits(at, 2, 59);
	}
	return tm->tm_sec >= 0;
}

/* "Z", "+01:00", "-0530" or nothing: the clock on the wall. False: *at is where it is wrong. */
static bool zone_parse(const char **at, struct tm *tm, int64_t *ret_s)
{
	int sign = **at == '-' ? -1 : 1, hours, minutes;

	if (!**at) {
		tm->tm_isdst = -1;
		*ret_s = (int64_t)mktime(tm);
		return true;
	}
	*ret_s = (int64_t)timegm(tm);
	if (**at == 'Z') {
		++*at;
		return true;
	}
	if (**at != '+' && **at != '-')
		return false;
	++*at;
	hours = digits(at, 2, 14);
	*at += **at == ':';
	minutes = hours < 0 ? -1 : digits(at, 2, 59);
	*ret_s -= sign * (hours * 3600 + minutes * 60);
	return minutes >= 0;
}

static int month_days(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month] + (month == 1 && (year % 4 == 0 && (year % 100 || year % 400 == 0)));
}

/* False: *at is where it is wrong. */
static bool date_parse(const char **at, struct tm *tm)
{
	int year = digits(at, 4, 2199);

	tm->tm_year = year - 1900;
	if (year < 1970 || *(*at)++ != '-')
		return false;
	tm->tm_mon = digits(at, 2, 12) - 1;
	if (tm->tm_mon < 0 || *(*at)++ != '-')
		return false;
	tm->tm_mday = digits(at, 2, month_days(year, tm->tm_mon));
	return tm->tm_mday > 0;
}

/* The next time the clock on the wall shows this. */
static int64_t clock_next(struct tm tm, int64_t now_s)
{
	time_t now = (time_t)now_s;
	struct tm local;
	int64_t at = 0;

	localtime_r(&now, &local);
	for (int day = 0; day < 2 && at <= now_s; day++) {
		struct tm wanted = { .tm_year = local.tm_year, .tm_mon = local.tm_mon, .tm_mday = local.tm_mday + day,
				     .tm_hour = tm.tm_hour, .tm_min = tm.tm_min, .tm_sec = tm.tm_sec, .tm_isdst = -1 };

		at = (int64_t)mktime(&wanted);
	}
	return at;
}

int event_time_parse(const char *text, int64_t now_s, int64_t *ret_s, struct event_error *error)
{
	static const char how[] = "no time; write it like 2026-11-27T08:00, 2026-11-27T08:00Z, 08:00 or +90m";
	const char *at = text;
	struct tm tm = { 0 };
	int64_t after;

	if (text[0] == '+') {
		if (event_duration_parse(text + 1, &after, error)) {
			error->column++;
			return -EINVAL;
		}
		*ret_s = now_s + after;
		return 0;
	}
	if (strlen(text) <= strlen("08:00:00") && clock_parse(&at, &tm) && !*at) {
		*ret_s = clock_next(tm, now_s);
		return 0;
	}
	at = text;
	if (!date_parse(&at, &tm) || (*at != 'T' && *at != ' '))
		return fail(error, (size_t)(at - text), "%s", how);
	at++;
	if (!clock_parse(&at, &tm) || !zone_parse(&at, &tm, ret_s) || *at)
		return fail(error, (size_t)(at - text), "%s", how);
	return 0;
}

int event_scope_parse(const char *text, char ret[EVENT_SCOPE_MAX], struct event_error *error)
{
	size_t length = strcspn(text, " \t\n\r#");

	if (text[0] != '/')
		return fail(error, 0, "a scope is a path below the cgroup root and begins with '/'");
	if (text[length])
		return fail(error, length, "no blank and no '#' in a scope; write '?' for it");
	if (length >= EVENT_SCOPE_MAX)
		return fail(error, EVENT_SCOPE_MAX, "longer than %d bytes", EVENT_SCOPE_MAX - 1);
	memcpy(ret, text, length + 1);
	return 0;
}

int event_resource_parse(const char *text, uint32_t *ret, struct event_error *error)
{
	for (uint32_t r = 0; r < RESOURCE_COUNT; r++)
		if (!strcmp(text, resource_name((enum resource)r))) {
			*ret = r;
			return 0;
		}
	return fail(error, 0, "no resource '%.40s'; use cpu, memory, io or net", text);
}

int event_factor_parse(const char *text, float *ret, struct event_error *error)
{
	const char *number = text[0] == 'x' ? text + 1 : text;
	char *end;
	double value = strtod(number, &end);

	if (end == number || *end || number[strspn(number, "0123456789.")])
		return fail(error, (size_t)(number - text) + strspn(number, "0123456789."), "no factor; write it like 2 or 0.5");
	if (!(value >= 0 && value <= (double)EVENT_FACTOR_MAX))
		return fail(error, 0, "a factor lies between 0 and %.0f", (double)EVENT_FACTOR_MAX);
	*ret = (float)value;
	return 0;
}

int event_name_parse(const char *text, char ret[EVENT_NAME_MAX], struct event_error *error)
{
	size_t blanks = strspn(text, " \t"), length = strlen(text);

	for (size_t i = blanks; i < length; i++)
		if (text[i] == 0x7f || (unsigned char)text[i] < ' ')
			return fail(error, i, "a control character in the name; leave it out");
	if (length - blanks >= EVENT_NAME_MAX)
		return fail(error, EVENT_NAME_MAX, "a name is at most %d bytes", EVENT_NAME_MAX - 1);
	memcpy(ret, text + blanks, length + 1 - blanks);
	return 0;
}
