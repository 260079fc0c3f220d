/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forestall journal show|undo, panic */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "act/bounds.h"
#include "act/takeover.h"
#include "decide/plan.h"
#include "print.h"
#include "serve/value.h"

#define LINE_WORDS_MAX 13	/* "via=", "dev=" and "found=" may follow the reason */

/* Words of one line of the journal, format in planner/act/journal.h. */
static int line_cut(char *line, char *word[LINE_WORDS_MAX])
{
	char *rest = line, *next;
	int count = 0;

	line[strcspn(line, "\n")] = '\0';
	while (count < LINE_WORDS_MAX && (next = strsep(&rest, " ")))
		word[count++] = next;
	return rest ? -EBADMSG : count;
}

static json_t *entry_of(json_t *entries, const char *seq)
{
	json_t *entry;
	size_t i;

	json_array_foreach(entries, i, entry)
		if (json_integer_value(json_object_get(entry, "seq")) == strtoll(seq, NULL, 10))
			return entry;
	return NULL;
}

/* reason=N by its name; a number that this version does not know stays one. */
static json_t *reason_json(const char *word)
{
	unsigned long reason = strncmp(word, "reason=", 7) ? REASON_COUNT : strtoul(word + 7, NULL, 10);

	return reason < REASON_COUNT ? json_string(plan_reason_name((enum plan_reason)reason)) : value_text(word);
}

static void intent_add(json_t *entries, char *word[LINE_WORDS_MAX])
{
	json_array_append_new(entries, json_pack("{s:I, s:I, s:o, s:I, s:o, s:o, s:o, s:o, s:s}",
						 "seq", (json_int_t)strtoll(word[1], NULL, 10),
						 "time_unix_ns", (json_int_t)strtoll(word[2], NULL, 10),
						 "path", value_text(word[3]),
						 "cgroup_id", (json_int_t)strtoll(word[4], NULL, 10),
						 "knob", value_text(word[5]), "old", value_text(word[6]),
						 "new", value_text(word[8]), "reason", reason_json(word[9]),
						 "state", "begun"));
}

/* What somebody else wrote is the last word. */
static bool contended_add(json_t *entries, char *word[LINE_WORDS_MAX], int count)
{
	json_t *entry;

	if (count < 11 || strncmp(word[count - 1], "found=", 6))
		return false;
	intent_add(entries, word);
	entry = json_array_get(entries, json_array_size(entries) - 1);
	json_object_set_new(entry, "state", json_string("contended"));
	json_object_set_new(entry, "read_back", value_text(word[count - 1] + 6));
	return true;
}

/* False when the line is none of a journal. */
static bool line_take(json_t *entries, char *line)
{
	char *word[LINE_WORDS_MAX];
	int count = line_cut(line, word);
	json_t *entry;

	if (count >= 10 && !strcmp(word[0], "intent")) {
		intent_add(entries, word);
		return true;
	}
	if (count && !strcmp(word[0], "contended"))
		return contended_add(entries, word, count);
	entry = count >= 2 ? entry_of(entries, word[1]) : NULL;
	if (!entry)
		return false;
	if (count == 3 && !strcmp(word[0], "done")) {
		json_object_set_new(entry, "state", json_string("held"));
		json_object_set_new(entry, "read_back", value_text(word[2]));
	} else if (count == 2 && !strcmp(word[0], "undo")) {
		json_object_set_new(entry, "state", json_string("undoing"));
	} else if (count == 3 && !strcmp(word[0], "undone")) {
		json_object_set_new(entry, "state", value_text(word[2]));
	} else {
		return false;
	}
	return true;
}

/* False after it said what is wrong; a file that is not there is an empty one. */
static bool file_take(json_t *entries, const char *run_dir, const char *name)
{
	char path[512], *line = NULL;
	size_t room = 0, number = 0;
	bool is_good = true;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", run_dir, name);
	file = fopen(path, "re");
	if (!file && errno == ENOENT)
		return true;
	if (!file) {
		print_problem("%s: %s; read it as root", path, strerror(errno));
		return false;
	}
	while (is_good && getline(&line, &room, file) > 0) {
		number++;
		/* A last line without its newline was never finished and counts as not written. */
		is_good = !strchr(line, '\n') || line_take(entries, line);
	}
	if (!is_good)
		print_problem("%s: line %zu is corrupt; compare the limits with the file by hand", path, number);
	free(line);
	fclose(file);
	return is_good;
}

/* The journal first: numbers of an earlier life in the other file mean nothing to it. NULL after it said what is wrong. */
static json_t *journal_load(const char *run_dir)
{
	json_t *entries = json_array();

	if (file_take(entries, run_dir, "journal") && file_take(entries, run_dir, "contended"))
		return entries;
	json_decref(entries);
	return NULL;
}

static void entry_row(struct table *table, const json_t *entry)
{
	static const char *const keys[] = { "path", "knob", "old", "new", "read_back", "reason", "state" };
	time_t seconds = (time_t)(json_integer_value(json_object_get(entry, "time_unix_ns")) / 1000000000);
	char clock[32];

	strftime(clock, sizeof(clock), "%F %T", localtime(&seconds));
	table_cell(table, "%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(entry, "seq")));
	table_cell(table, "%s", clock);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		table_cell(table, "%s", json_string_value(json_object_get(entry, keys[i])) ?: "-");
}

int cmd_journal_show(const struct context *context, int argc, char **argv)
{
	static const char *const headings[] = { ">SEQ", "WHEN", "PATH", "KNOB", "OLD", "NEW", "READ BACK", "REASON",
						"STATE" };
	json_t *entries, *entry;
	struct table *table;
	size_t i;

	(void)argv;
	if (argc != 1)
		return command_usage("journal show", "");
	entries = journal_load(context->run_dir);
	if (!entries)
		return 1;
	if (context->is_json)
		return print_json(context, entries);
	table = table_new(headings, 9);
	json_array_foreach(entries, i, entry)
		entry_row(table, entry);
	if (i)
		table_print(table, SIZE_MAX);
	else
		print_note("%s/journal: nothing is changed", context->run_dir);
	table_free(table);
	json_decref(entries);
	return print_end();
}

static void undo_note(void *arg, const struct hold *hold, const struct undo_report *report)
{
	(void)arg;
	print_note("%s %s: %s", hold->path, knob_name(hold->knob), undo_result_name(report->result));
}

/* Says how an undo went. The exit status. */
static int undo_end(const char *run_dir, const struct takeover *undo, int r)
{
	if (undo->is_killed)
		print_note("the running forestall-act did not answer and was ended");
	if (r == 0)
		print_note("%u knobs undone%s", undo->undone, undo->is_answered ? " by the running forestall-act" : "");
	else if (r == -EBADMSG)
		print_problem("%s/journal: line %u is corrupt; compare the limits with it by hand, then move it away",
			      run_dir, undo->line);
	else if (r == -EIO)
		print_problem("%u knobs cannot be restored; %s/journal still holds them", undo->failed, run_dir);
	else if (r == -EBUSY || r == -ETIMEDOUT)
		print_problem("%s/act.lock: its holder cannot be ended; end forestall-act by hand", run_dir);
	else
		print_problem("%s: %s; run as root", run_dir, strerror(-r));
	return r < 0 ? 1 : 0;
}

int cmd_journal_undo(const struct context *context, int argc, char **argv)
{
	struct takeover undo;
	int r;

	(void)argv;
	if (argc != 1)
		return command_usage("journal undo", "");
	r = act_takeover_undo(context->run_dir, context->cgroup_root, undo_note, NULL, &undo);
	return undo_end(context->run_dir, &undo, r);
}

int cmd_panic(const struct context *context, int argc, char **argv)
{
	char disable[512];
	struct takeover undo;
	int r;

	(void)argv;
	if (argc != 1)
		return command_usage("panic", "");
	snprintf(disable, sizeof(disable), "%s/disable", context->config_dir);
	r = act_panic(context->run_dir, context->cgroup_root, disable, undo_note, NULL, &undo);
	if (undo_end(context->run_dir, &undo, r))
		return 1;
	print_note("nothing will be changed until %s is removed", disable);
	return 0;
}
