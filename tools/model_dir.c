/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "model_dir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "learn/learn.h"
#include "print.h"

void model_dir(const struct context *context, char ret[PATH_MAX])
{
	snprintf(ret, PATH_MAX, "%.3000s/models", context->state_dir ?: LEARN_STATE_DIR);
}

static bool unix_read(const char *text, uint64_t *ret)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	return !*end && !errno;
}

int model_time_parse(const char *text, uint64_t *ret_unix_s)
{
	static const char *const formats[] = { "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M" };

	if (!strcmp(text, "now")) {
		*ret_unix_s = (uint64_t)time(NULL);
		return 0;
	}
	if (text[0] == '@' && unix_read(text + 1, ret_unix_s))
		return 0;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct tm local = { .tm_isdst = -1 };
		const char *end = strptime(text, formats[i], &local);
		time_t unix_s = end && !*end ? mktime(&local) : -1;

		if (unix_s > 0) {
			*ret_unix_s = (uint64_t)unix_s;
			return 0;
		}
	}
	print_problem("time '%s': write YYYY-MM-DD HH:MM:SS, @UNIXSECONDS or now", text);
	return -1;
}

void model_time_format(uint64_t unix_s, char ret[32])
{
	time_t time = (time_t)unix_s;
	struct tm local;

	if (!localtime_r(&time, &local) || !strftime(ret, 32, "%Y-%m-%d %H:%M:%S", &local))
		snprintf(ret, 32, "@%llu", (unsigned long long)unix_s);
}
