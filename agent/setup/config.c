/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "setup/config.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_field.h"
#include "decide/policy.h"

#define RULES_MAX 4096

/* One file being read. inih tells no line numbers, so the reader counts the lines it hands out. */
struct reading {
	struct config *config;
	FILE *file;
	const char *name;
	char section[CONFIG_GLOB_MAX];	/* "" before the first */
	uint32_t line;
	uint64_t given;		/* bit per key of the table */
	bool is_instances;
	char *problem;		/* "" while all is well: the first problem stays */
	int error;
};

void config_init(struct config *config)
{
	memset(config, 0, sizeof(*config));
	config->tick_ms = 100;
	config->instances_max = 1024;
	config->forecaster = FORECAST_LSTM;
	plan_policy_init(&config->policy);
	config->canary = (struct canary_order){ .policy = POLICY_COUNT, .share = 0.1f, .block_ns = 60000000000ull,
						.max_ns = 86400000000000ull };
	config->learn = (struct config_learn){ .models_max = 8, .shadow_min = 60, .every_h = 24, .drift = 1, .cpu_s = 600,
						.memory_mb = 512, .deadline_min = 180, .cpu_share = 0.1f };
}

void config_done(struct config *config)
{
	free(config->rule);
	free(config->log);
	config->rule = NULL;
	config->log = NULL;
	config->rule_count = config->log_count = 0;
}

static int problem_set(struct reading *reading, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int problem_set(struct reading *reading, const char *format, ...)
{
	va_list args;
	int n;

	if (reading->error)
		return 0;
	reading->error = -EINVAL;
	n = snprintf(reading->problem, CONFIG_PROBLEM_MAX, "%.300s:%u: ", reading->name, reading->line);
	if (n < 0 || n >= CONFIG_PROBLEM_MAX)
		return 0;
	va_start(args, format);
	vsnprintf(reading->problem + n, (size_t)(CONFIG_PROBLEM_MAX - n), format, args);
	va_end(args);
	/* inih takes 0 from a handler as "this line is wrong". */
	return 0;
}

/* What is wrong with a glob, or NULL. */
static const char *glob_fault(const char *glob)
{
	size_t length = strlen(glob);

	if (glob[0] != '/')
		return "starts with no '/'; write the cgroup's path below the cgroup root";
	if (length > 1 && glob[length - 1] == '/')
		return "ends in '/'; leave that out";
	if (strstr(glob, "//"))
		return "has '//' in it; write one '/'";
	if (length && glob[length - 1] == '\\')
		return "ends in '\\'; leave that out";
	return NULL;
}

static struct config_rule *rule_find(struct config *config, const char *glob)
{
	for (uint32_t i = 0; i < config->rule_count; i++)
		if (!strcmp(config->rule[i].glob, glob))
			return &config->rule[i];
	return NULL;
}

static struct config_rule *rule_add(struct reading *reading, const char *glob)
{
	struct config *config = reading->config;
	struct config_rule *rule;

	if (config->rule_count == RULES_MAX) {
		problem_set(reading, "more than %d sections; use globs", RULES_MAX);
		return NULL;
	}
	rule = reallocarray(config->rule, config->rule_count + 1, sizeof(*rule));
	if (!rule) {
		problem_set(reading, "out of memory");
		reading->error = -ENOMEM;
		return NULL;
	}
	config->rule = rule;
	rule += config->rule_count++;
	memset(rule, 0, sizeof(*rule));
	snprintf(rule->glob, sizeof(rule->glob), "%s", glob);
	return rule;
}

static int slo_set(struct reading *reading, const char *glob, const char *value)
{
	struct config_rule *rule;
	struct slo_error error;
	struct slo slo;

	if (rule_find(reading->config, glob))
		return problem_set(reading, "[%s] has an slo already; remove one of the two", glob);
	if (slo_parse(value, &slo, &error))
		return problem_set(reading, "slo, column %u: %s", error.column, error.reason);
	rule = rule_add(reading, glob);
	if (!rule)
		return 0;
	slo.source = SLO_FROM_CONFIG;
	rule->slo = slo;
	return 1;
}

static int log_add(struct reading *reading, const char *glob, const char *path)
{
	struct config *config = reading->config;
	struct config_log *log;

	if (path[0] != '/' || strlen(path) >= PATH_MAX)
		return problem_set(reading, "log must be an absolute path; '%s' is not", path);
	for (uint32_t i = 0; i < config->log_count; i++)
		if (!strcmp(config->log[i].path, path))
			return problem_set(reading, "%s is the log of [%s] already; remove one of the two", path, config->log[i].glob);
	if (config->log_count == CONFIG_LOGS_MAX)
		return problem_set(reading, "more than %d log files; let services write to the journal", CONFIG_LOGS_MAX);
	log = reallocarray(config->log, config->log_count + 1, sizeof(*log));
	if (!log) {
		reading->error = -ENOMEM;
		return 0;
	}
	config->log = log;
	log += config->log_count++;
	snprintf(log->glob, sizeof(log->glob), "%s", glob);
	snprintf(log->path, sizeof(log->path), "%s", path);
	return 1;
}

static int on_instance(struct reading *reading, const char *section, const char *key, const char *value)
{
	if (!section[0])
		return problem_set(reading, "'%s' stands before any section; write [CGROUP PATH] above it", key);
	if (!strcmp(key, "log"))
		return log_add(reading, section, value);
	if (strcmp(key, "slo"))
		return problem_set(reading, "[%s] has no key '%s'; the keys are slo and log", section, key);
	return slo_set(reading, section, value);
}

static int on_setting(struct reading *reading, const char *section, const char *key, const char *value)
{
	char reason[96];
	int idx = config_field_find(section, key);

	if (!section[0])
		return problem_set(reading, "'%s' stands before any section; write [mind], [plan] or [learn] above it", key);
	if (idx < 0)
		return problem_set(reading, "[%s] has no key '%s'; see forestall.conf(5) for those it has", section,
				   key);
	if (reading->given & 1ull << idx)
		return problem_set(reading, "%s is given twice; remove one of the two", key);
	reading->given |= 1ull << idx;
	if (config_field_set(reading->config, idx, value, reason, sizeof(reason)))
		return problem_set(reading, "%s %s; '%s' is not", key, reason, value);
	return 1;
}

static int on_pair(void *context, const char *section, const char *key, const char *value)
{
	struct reading *reading = context;

	(void)section;
	if (reading->error)
		return 0;
	if (reading->is_instances)
		return on_instance(reading, reading->section, key, value);
	return on_setting(reading, reading->section, key, value);
}

static void section_check(struct reading *reading)
{
	const char *fault = reading->is_instances ? glob_fault(reading->section) : NULL;

	if (fault)
		problem_set(reading, "[%s] %s", reading->section, fault);
	else if (!reading->is_instances && !config_section_is_known(reading->section))
		problem_set(reading, "no section [%s]; the sections are [mind], [plan] and [learn]", reading->section);
}

/*
 * inih cuts section names after 49 bytes and at their first ']', so the paths and globs of cgroups are taken here.
 * The name ends where its brackets balance; after it only a comment may stand.
 */
static void section_take(struct reading *reading, const char *line)
{
	size_t bytes = 0, depth = 0;
	const char *rest;

	do {
		depth += line[bytes] == '[';
		depth -= line[bytes] == ']';
	} while (line[bytes++] && depth);
	if (depth) {
		problem_set(reading, "the section has no closing ']'; every '[' needs one");
		return;
	}
	rest = line + bytes + strspn(line + bytes, " \t\r\n");
	if (*rest && *rest != ';' && *rest != '#') {
		problem_set(reading, "something stands after the section's ']'; remove it");
		return;
	}
	if (bytes - 2 >= sizeof(reading->section)) {
		problem_set(reading, "the section is longer than %d bytes; use '*'", CONFIG_GLOB_MAX - 1);
		return;
	}
	memcpy(reading->section, line + 1, bytes - 2);
	reading->section[bytes - 2] = '\0';
	section_check(reading);
}

/*
 * Hands out one line without its indentation, which inih would take for the continuation of a value. inih cuts long
 * lines silently, so these are refused.
 */
static char *line_read(char *text, int size, void *context)
{
	struct reading *reading = context;
	size_t length, blank;

	if (reading->error || !fgets(text, size, reading->file))
		return NULL;
	reading->line++;
	length = strlen(text);
	blank = strspn(text, " \t");
	if (length && text[length - 1] != '\n' && !feof(reading->file)) {
		problem_set(reading, "the line holds a NUL or is longer than %d bytes; shorten it", size - 2);
		return NULL;
	}
	memmove(text, text + blank, length - blank + 1);
	if (text[0] == '[') {
		section_take(reading, text);
		strcpy(text, "\n");
	}
	return text;
}

static int stream_parse(struct reading *reading)
{
	int line = ini_parse_stream(line_read, reading, on_pair, reading);

	if (line && !reading->error) {
		reading->line = line > 0 ? (uint32_t)line : reading->line;
		problem_set(reading, "neither [section] nor key = value; remove or correct the line");
	}
	return reading->error;
}

int config_parse(struct config *config, const char *name, bool is_instances, const char *text,
		 char problem[CONFIG_PROBLEM_MAX])
{
	struct reading reading = { .config = config, .name = name, .is_instances = is_instances, .problem = problem };
	int r;

	if (!text[0])
		return 0;
	reading.file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	if (!reading.file) {
		snprintf(problem, CONFIG_PROBLEM_MAX, "%s: out of memory", name);
		return -ENOMEM;
	}
	r = stream_parse(&reading);
	fclose(reading.file);
	return r;
}

static int file_load(struct config *config, const char *path, bool is_instances, char problem[CONFIG_PROBLEM_MAX])
{
	struct reading reading = { .config = config, .name = path, .is_instances = is_instances, .problem = problem };
	int r;

	reading.file = fopen(path, "re");
	if (!reading.file && errno == ENOENT)
		return 0;
	if (!reading.file) {
		r = -errno;
		snprintf(problem, CONFIG_PROBLEM_MAX, "%.300s: %s; make it readable for root", path, strerror(-r));
		return r;
	}
	r = stream_parse(&reading);
	if (!r && ferror(reading.file)) {
		r = -EIO;
		snprintf(problem, CONFIG_PROBLEM_MAX, "%.300s: cannot be read; is it a regular file?", path);
	}
	fclose(reading.file);
	return r;
}

static int name_is_conf(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > 5 && !strcmp(entry->d_name + length - 5, ".conf");
}

static int name_compare(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int instances_load(const char *dir, struct config *config, char problem[CONFIG_PROBLEM_MAX])
{
	char path[PATH_MAX];
	struct dirent **entry;
	int count, r = 0;

	snprintf(path, sizeof(path), "%s/instances.d", dir);
	count = scandir(path, &entry, name_is_conf, name_compare);
	if (count < 0 && errno == ENOENT)
		return 0;
	if (count < 0) {
		r = -errno;
		snprintf(problem, CONFIG_PROBLEM_MAX, "%.300s: %s; make it a readable directory", path, strerror(-r));
		return r;
	}
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/instances.d/%s", dir, entry[i]->d_name);
		if (r == 0)
			r = file_load(config, path, true, problem);
		free(entry[i]);
	}
	free(entry);
	return r;
}

/* A lease that ends before it can be renewed a few times would be given up by one late tick. */
static int config_check(const struct config *config, const char *path, char problem[CONFIG_PROBLEM_MAX])
{
	if (config->policy.lease_ms >= 3 * config->tick_ms)
		return 0;
	snprintf(problem, CONFIG_PROBLEM_MAX, "%.300s: lease_ms is %u and tick_ms is %u; a lease must last three ticks",
		 path, config->policy.lease_ms, config->tick_ms);
	return -EINVAL;
}

int config_load(const char *dir, struct config *ret, char problem[CONFIG_PROBLEM_MAX])
{
	char path[PATH_MAX];
	int r;

	config_init(ret);
	problem[0] = '\0';
	snprintf(path, sizeof(path), "%s/forestall.conf", dir);
	r = file_load(ret, path, false, problem);
	if (r == 0)
		r = config_check(ret, path, problem);
	if (r == 0)
		r = instances_load(dir, ret, problem);
	if (r < 0) {
		config_done(ret);
		config_init(ret);
	}
	return r;
}

const struct config_rule *config_find(const struct config *config, const char *path)
{
	for (uint32_t i = config->rule_count; i-- > 0;)
		if (!fnmatch(config->rule[i].glob, path, FNM_PATHNAME))
			return &config->rule[i];
	return NULL;
}
