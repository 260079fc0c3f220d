/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include "predict/template.h"

#define HDFS_DIR_DEFAULT "build/data/hdfs_logs"
#define EVENTS_MAX 64

static struct templates templates;

static int reset(void **state)
{
	(void)state;
	memset(&templates, 0, sizeof(templates));
	return 0;
}

static const struct template *take(const char *line)
{
	return &templates.at[template_take(&templates, line, strlen(line), 1)];
}

/* As they stand in the logs of a Debian host. */
static void lines_that_differ_in_variables_are_one_template(void **state)
{
	static const char *const lines[][3] = {
		{ "Failed password for invalid user admin from 192.168.1.14 port 50212 ssh2",
		  "Failed password for invalid user oracle from 10.0.0.3 port 2201 ssh2",
		  "Failed password for invalid user <*> from <*> port <*> <*>" },
		{ "pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)",
		  "pam_unix(cron:session): session opened for user www-data(uid=33) by (uid=0)",
		  "pam_unix(cron:session): session opened for user <*> by (uid=<*>" },
		{ "eth0: renamed from veth8f1c2a", "eth1: renamed from vethaa01b9", "<*> renamed from <*>" },
		{ "Out of memory: Killed process 1187 (mysqld) total-vm:1790344kB, anon-rss:421004kB",
		  "Out of memory: Killed process 90 (java) total-vm:8790344kB, anon-rss:1421004kB",
		  "Out of memory: Killed process <*> <*> total-vm:<*> anon-rss:<*>" },
		{ "2024/05/01 10:22:01 [error] 31#31: *207 upstream timed out (110: Connection timed out) while connecting to upstream",
		  "2024/05/02 11:02:59 [error] 32#32: *9 upstream timed out (110: Connection timed out) while connecting to upstream",
		  "<*> <*> [error] <*> <*> upstream timed out <*> Connection timed out) while connecting to upstream" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const struct template *first = take(lines[i][0]);
		uint32_t name_hash = first->name_hash;

		assert_ptr_equal(take(lines[i][1]), first);
		assert_string_equal(first->text, lines[i][2]);
		assert_int_equal(first->name_hash, name_hash);
		assert_int_equal(first->count, 2);
	}
	assert_int_equal(templates.count, sizeof(lines) / sizeof(lines[0]));
}

static void lines_that_say_something_else_are_another(void **state)
{
	(void)state;
	assert_ptr_not_equal(take("Starting backup of database"), take("Finished backup of database"));
	assert_ptr_not_equal(take("connection from 10.0.0.1 accepted"), take("connection from 10.0.0.1 refused by policy"));
	assert_ptr_not_equal(take("job 17 started"), take("job 17 failed with status 3"));
}

static void too_many_push_out_the_one_not_seen_longest(void **state)
{
	uint32_t first_hash;
	char line[32];

	(void)state;
	first_hash = take("zero word")->name_hash;
	for (uint32_t i = 0; i < TEMPLATES_MAX; i++) {
		snprintf(line, sizeof(line), "w%c%c%c%c x", 'a' + i % 8, 'a' + i / 8 % 8, 'a' + i / 64 % 8, 'a' + i / 512);
		template_take(&templates, line, strlen(line), 2 + i);
	}
	assert_int_equal(templates.count, TEMPLATES_MAX);
	assert_int_equal(templates.forgotten, 1);
	assert_string_equal(templates.at[0].text, line);
	assert_int_equal(take("zero word")->name_hash, first_hash);
}

static void any_line_is_taken(void **state)
{
	char line[4096];

	(void)state;
	memset(line, 'x', sizeof(line));
	assert_int_equal(templates.at[template_take(&templates, line, sizeof(line), 1)].words, 1);
	for (size_t i = 0; i < sizeof(line); i += 2)
		line[i] = ' ';
	assert_int_equal(templates.at[template_take(&templates, line, sizeof(line), 1)].words, TEMPLATE_WORDS_MAX);
	assert_int_equal(templates.at[template_take(&templates, "", 0, 1)].words, 0);
	assert_int_equal(templates.at[template_take(&templates, " \t ", 3, 1)].words, 0);
}

static void severity_is_what_the_line_says(void **state)
{
	static const struct {
		const char *line;
		enum severity severity;
	} cases[] = {
		{ "2024/05/01 10:22:01 [error] 31#31: *207 open() failed", SEVERITY_ERROR },
		{ "2024-05-01T10:22:01Z WARN c.e.Pool - 3 connections left", SEVERITY_WARNING },
		{ "level=fatal msg=\"cannot bind\"", SEVERITY_CRITICAL },
		{ "E0501 10:22:01 terrors of information", SEVERITY_INFO },
		{ "081109 203615 148 INFO dfs.DataNode$PacketResponder: done", SEVERITY_INFO },
		{ "DEBUG: x", SEVERITY_DEBUG }, { "", SEVERITY_INFO },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(severity_guess(cases[i].line, strlen(cases[i].line)), cases[i].severity);
}

/* --- the public HDFS set: its templates in the order of its sessions, with values for the variables ---------------------- */

struct event {
	char text[256];
	uint32_t is_in[TEMPLATES_MAX];	/* lines of it by template that they were put to */
	uint32_t lines;
};

static struct event events[EVENTS_MAX];
static uint64_t seed;

static uint64_t random_below(uint64_t limit)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 24) % limit;
}

/* What stands for a variable, by the word before it; an exception has words of its own. */
static void value_put(FILE *out, const char *before)
{
	static const char *const exceptions[] = { "java.io.IOException: Connection reset by peer", "java.io.EOFException",
						  "java.net.SocketTimeoutException: 480000 millis timeout while waiting for channel" };
	const size_t bytes = strlen(before);

	if (bytes >= 6 && !strcmp(before + bytes - 6, "block "))
		fprintf(out, "blk_%s%llu", random_below(2) ? "-" : "", (unsigned long long)random_below(1ull << 40));
	else if (bytes >= 10 && (!strcmp(before + bytes - 10, "exception ") || !strcmp(before + bytes - 10, "Exception ")))
		fputs(exceptions[random_below(3)], out);
	else if (bytes >= 5 && !strcmp(before + bytes - 5, "size "))
		fprintf(out, "%llu", (unsigned long long)random_below(67108864));
	else
		fprintf(out, "10.251.%llu.%llu:50010", (unsigned long long)random_below(256), (unsigned long long)random_below(256));
}

static void line_make(const char *template, char *line, size_t size)
{
	FILE *out = fmemopen(line, size, "w");
	char before[256] = "";
	size_t at = 0;

	for (const char *from = template; *from; at = strlen(before)) {
		if (!strncmp(from, "<*>", 3)) {
			value_put(out, before);
			from += 3;
			before[0] = '\0';
			continue;
		}
		fputc(*from, out);
		before[at] = *from++;
		before[at + 1] = '\0';
	}
	fputc('\0', out);
	fclose(out);
}

static uint32_t templates_load(const char *dir)
{
	char path[512], line[512];
	uint32_t count = 0, id;
	FILE *file;
	int skip;

	snprintf(path, sizeof(path), "%s/templates.tsv", dir);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%u\t%*u\t%n", &id, &skip) < 1 || id >= EVENTS_MAX)
			continue;
		snprintf(events[id].text, sizeof(events[id].text), "%s", line + skip);
		count++;
	}
	if (file)
		fclose(file);
	return count;
}

static void session_run(char *words)
{
	char line[512];

	for (char *word = strtok(words, " \n"); word; word = strtok(NULL, " \n")) {
		uint32_t id = (uint32_t)atoi(word);

		if (id >= EVENTS_MAX || !events[id].text[0])
			continue;
		line_make(events[id].text, line, sizeof(line));
		events[id].is_in[template_take(&templates, line, strlen(line), ++seed)]++;
		events[id].lines++;
	}
}

/* Grouping accuracy: lines whose template holds all lines of their event and no others. */
static void grouping_agrees_with_the_public_hdfs_templates(void **state)
{
	const char *dir = getenv("FORESTALL_HDFS_DIR") ?: HDFS_DIR_DEFAULT;
	uint32_t right = 0, lines = 0, count = templates_load(dir);
	char command[600], text[65536];
	FILE *sessions;

	(void)state;
	if (!count) {
		fprintf(stderr, "skipped: no %s/templates.tsv; FORESTALL_HDFS_DIR says where\n", dir);
		skip();
	}
	snprintf(command, sizeof(command), "xz -dc '%s/hdfs100k_train.csv.xz'", dir);
	sessions = popen(command, "r");
	assert_non_null(sessions);
	while (fgets(text, sizeof(text), sessions))
		if (strrchr(text, ','))
			session_run(strrchr(text, ',') + 1);
	assert_int_equal(pclose(sessions), 0);
	for (uint32_t id = 0; id < EVENTS_MAX; id++)
		for (uint32_t t = 0; t < templates.count; t++) {
			lines += events[id].is_in[t];
			if (events[id].is_in[t] == events[id].lines && events[id].lines == templates.at[t].count)
				right += events[id].lines;
		}

	fprintf(stderr, "# %u of %u lines (%.3f %%) in a template of exactly their event; %u events, %u templates\n", right, lines,
		100.0 * right / lines, count, templates.count);
	assert_true(lines > 50000);
	assert_true(right >= lines / 1000 * 999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(lines_that_differ_in_variables_are_one_template, reset),
		cmocka_unit_test_setup(lines_that_say_something_else_are_another, reset),
		cmocka_unit_test_setup(too_many_push_out_the_one_not_seen_longest, reset),
		cmocka_unit_test_setup(any_line_is_taken, reset),
		cmocka_unit_test(severity_is_what_the_line_says),
		cmocka_unit_test_setup(grouping_agrees_with_the_public_hdfs_templates, reset),
	};

	return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
