/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What people read of advice. */
#include <unistd.h>

#include "unit.h"
#include "tools/print_advice.h"

/* What is printed of a list; to be freed. */
static char *printed(json_t *list)
{
	FILE *file = tmpfile();
	int out = dup(STDOUT_FILENO);
	char *text = calloc(1, 4096);
	size_t bytes;

	assert_true(file && text && out >= 0);
	fflush(stdout);
	dup2(fileno(file), STDOUT_FILENO);
	advice_print(list);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	close(out);
	rewind(file);
	bytes = fread(text, 1, 4095, file);
	text[bytes] = '\0';
	fclose(file);
	json_decref(list);
	return text;
}

static json_t *advice(const char *resource, const char *why, const char *help, const char *other, double amount)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:f, s:n, s:f}", "path", "/web", "resource", resource, "why", why, "help", help, "other",
			 other, "amount", amount, "room", "lasts_s", 12.0);
}

static void each_remedy_is_a_sentence_that_names_whom_and_how_much(void **state)
{
	const struct {
		const char *resource, *why, *help, *other, *said;
		double amount;
	} cases[] = {
		{ "cpu", "capped", "raise", "/web", "raise its limit of cpu, and the maximum of its annotation, to 1.50 CPUs", 1.5 },
		{ "memory", "ladder", "raise", "/app", "raise the limit of memory of /app to 64.0 MB", 64e6 },
		{ "cpu", "no_giver", "annotate", "/hog", "annotate /hog (tier=best-effort), which uses 2.00 CPUs", 2 },
		{ "memory", "promised", "promise_less", NULL, "lower minima (memory=MIN..) by 32.0 MB in all", 32e6 },
		{ "io", "no_giver", "move", "/web", "move it, which wants 1.0 MB/s", 1e6 },
		{ "net", "ladder", "move", "/peer", "move /peer, which uses 3.0 MB/s, away from here", 3e6 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = printed(json_pack("[o]", advice(cases[i].resource, cases[i].why, cases[i].help, cases[i].other, cases[i].amount)));

		if (!strstr(text, cases[i].said) || !strstr(text, "/web") || !strstr(text, " 12 "))
			fail_msg("not '%s' in: %s", cases[i].said, text);
		/* The reason is told in words, not by its name. */
		assert_null(strstr(text, cases[i].why));
		free(text);
	}
}

static void nothing_is_said_of_nothing_and_no_name_moves_the_cursor(void **state)
{
	char *text = printed(json_array());

	(void)state;
	assert_string_equal(text, "");
	free(text);
	text = printed(json_pack("[o]", advice("cpu", "no_giver", "annotate", "/a\033[2J", 1)));
	assert_null(strchr(text, '\033'));
	assert_non_null(strstr(text, "\\x1b"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_remedy_is_a_sentence_that_names_whom_and_how_much),
		cmocka_unit_test(nothing_is_said_of_nothing_and_no_name_moves_the_cursor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
