/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>

#include "sense/appline.h"

static struct appline_types types;

static int parse(const char *line, struct appline *ret)
{
	const char *why = NULL;
	int r = appline_parse(line, strlen(line), &types, ret, &why);

	assert_true((r < 0) == (why != NULL));
	return r;
}

static struct appline taken(const char *line)
{
	struct appline ret;

	assert_int_equal(parse(line, &ret), 1);
	return ret;
}

static int reset(void **state)
{
	(void)state;
	memset(&types, 0, sizeof(types));
	return 0;
}

static void statsd_is_read(void **state)
{
	struct appline line = taken("checkout_ms:12.5|ms|@0.1|#env:prod,zone:a");

	(void)state;
	assert_string_equal(line.name, "checkout_ms");
	assert_int_equal(line.kind, APP_TIMER);
	assert_true(line.value == 12.5 && line.weight == 10);
	assert_int_equal(taken("a.b-c:1|c\r").kind, APP_COUNTER);
	assert_int_equal(taken("x:1|h").kind, APP_TIMER);
	assert_int_equal(taken("x:1|d|c:container|T1656581400").kind, APP_TIMER);
	line = taken("depth:-4|g");
	assert_true(line.is_delta && line.value == -4);
	line = taken("depth:+4e2|g");
	assert_true(line.is_delta && line.value == 400);
	assert_false(taken("depth:4|g").is_delta);
}

static void openmetrics_is_read(void **state)
{
	struct appline line = taken("queue_length 17 1700000000.5");

	(void)state;
	assert_int_equal(line.kind, APP_GAUGE);
	assert_true(line.value == 17 && !line.is_delta);
	line = taken("http_requests_total 1027");
	assert_true(line.kind == APP_COUNTER && line.is_total && line.value == 1027);
	assert_int_equal(parse("# HELP jobs Jobs done.", &line), 0);
	assert_int_equal(taken("jobs 3").kind, APP_GAUGE);
	assert_int_equal(parse("# TYPE jobs counter", &line), 0);
	assert_int_equal(taken("jobs 3").kind, APP_COUNTER);
	assert_int_equal(parse("# EOF", &line), 0);
	line = taken("rpc_seconds{quantile=\"0.99\"} 0.25");
	assert_true(line.kind == APP_GAUGE && line.value == 0.25);
	assert_int_equal(parse("rpc_seconds{quantile=\"0.5\"} 0.1", &line), 0);
	assert_int_equal(parse("rpc_seconds_sum 8953.3", &line), 0);
	assert_int_equal(parse("rpc_seconds_bucket{le=\"0.1\"} 3", &line), 0);
	assert_int_equal(taken("plain{} 2").kind, APP_GAUGE);
	assert_int_equal(parse("", &line), 0);
}

static void what_cannot_be_read_is_refused_with_a_reason(void **state)
{
	static const char *const lines[] = {
		"x", "x:", "x:1", "x:1|", "x:1|s", "x:|c", "x:abc|c", "x:0x10|c", "x:nan|g", "x:inf|g", "x:1e99|g", "x:1|c|@0",
		"x:1|c|@2", "x:1|c|@", ":1|c", "a b c", "x y", "x{a=\"b\"} 1", "x{a=\"b\" 1", "x{} ", "na me:1|c", "n\xc3\xa4me:1|c",
		"abcdefghijklmnopqrstuvwxyz01:1|c", "{} 1", "x{quantile=\"0.99\",a=\"b\"} 1",
	};
	struct appline line;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (parse(lines[i], &line) != -EINVAL)
			fail_msg("'%s' is taken", lines[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(statsd_is_read, reset),
		cmocka_unit_test_setup(openmetrics_is_read, reset),
		cmocka_unit_test_setup(what_cannot_be_read_is_refused_with_a_reason, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
