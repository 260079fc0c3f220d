/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forestall signal: the tables of sense/measure.h and sense/signal.h, with or without what this kernel says of them. */
#include <errno.h>
#include <string.h>

#include "print.h"
#include "sense/measure.h"

#define HOOKS_MAX 512

static const char *source_format(const struct measure *measure, const struct signal_answers *answers, char text[HOOKS_MAX])
{
	text[0] = '\0';
	if (measure->source[0] || measure->signal == NERVE_ALWAYS)
		snprintf(text, HOOKS_MAX, "%s", measure->source[0] ? measure->source : "sched_switch, sched_process_*");
	else
		signal_hooks_format((enum nerve_signal)measure->signal, &answers->of[measure->signal], text, HOOKS_MAX);
	return text;
}

/* "there", "fallback", or "missing"; of files it is not known before they are looked for. */
static const char *state_of(const struct measure *measure, const struct signal_answers *answers)
{
	if (measure->from >= MEASURE_TICK_FILE)
		return "by file";
	if (measure->signal == NERVE_ALWAYS)
		return "there";
	if (!answers->of[measure->signal].is_there)
		return "missing";
	return signal_is_fallback(&answers->of[measure->signal]) ? "fallback" : "there";
}

static const char *reason_of(const struct measure *measure, const struct signal_answers *answers)
{
	if (measure->signal == NERVE_ALWAYS)
		return "";
	if (!answers->of[measure->signal].is_there)
		return answers->of[measure->signal].reason;
	return signal_is_fallback(&answers->of[measure->signal]) ? signal_fallback((enum nerve_signal)measure->signal) : "";
}

static json_t *measure_json(const struct measure *measure, const struct signal_answers *answers)
{
	char source[HOOKS_MAX];

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "name", measure->name, "unit", measure->unit, "from",
			 measure_from_name(measure->from), "source", source_format(measure, answers, source), "state",
			 state_of(measure, answers), "reason", reason_of(measure, answers));
}

static json_t *signal_json(enum nerve_signal signal, const struct signal_answers *answers)
{
	const struct signal_answer *answer = &answers->of[signal];
	char hooks[HOOKS_MAX];

	signal_hooks_format(signal, answer, hooks, sizeof(hooks));
	return json_pack("{s:s, s:b, s:b, s:s, s:s, s:s}", "name", signal_name(signal), "is_there", answer->is_there,
			 "is_fallback", signal_is_fallback(answer), "hooks", answer->is_there ? hooks : "", "reason",
			 answer->reason, "lost",
			 !answer->is_there ? signal_lost(signal) : signal_is_fallback(answer) ? signal_fallback(signal) : "");
}

static int list_json(const struct context *context, const struct signal_answers *answers)
{
	json_t *families = json_object(), *signals = json_array(), *able = json_object();

	for (size_t i = 0; i < MEASURE_COUNT; i++) {
		if (!json_object_get(families, measures[i].family))
			json_object_set_new(families, measures[i].family, json_array());
		json_array_append_new(json_object_get(families, measures[i].family), measure_json(&measures[i], answers));
	}
	for (int signal = 0; signal < NERVE_SIGNAL_COUNT; signal++)
		json_array_append_new(signals, signal_json(signal, answers));
	for (int ability = ABLE_NOTHING + 1; ability < ABLE_COUNT; ability++)
		json_object_set_new(able, ability_name(ability), json_boolean(answers->able[ability]));
	return print_json(context, json_pack("{s:o, s:o, s:o}", "families", families, "signals", signals, "able", able));
}

static int list_print(const struct signal_answers *answers)
{
	static const char *const headings[] = { "SIGNAL", "UNIT", "FROM", "HERE", "BY" };
	struct table *table = table_new(headings, 5);
	char source[HOOKS_MAX];

	for (size_t i = 0; i < MEASURE_COUNT; i++) {
		const struct measure *measure = &measures[i];
		const char *reason = reason_of(measure, answers);

		table_cell(table, "%s.%s", measure->family, measure->name);
		table_cell(table, "%s", measure->unit);
		table_cell(table, "%s", measure_from_name(measure->from));
		table_cell(table, "%s", state_of(measure, answers));
		source_format(measure, answers, source);
		table_cell(table, "%s%s%s", !strcmp(state_of(measure, answers), "missing") ? "" : source,
			   reason[0] && source[0] ? ": " : "", reason);
	}
	table_print(table, SIZE_MAX);
	table_free(table);
	return print_end();
}

int cmd_signal_list(const struct context *context, int argc, char **argv)
{
	struct signal_answers answers;

	(void)argv;
	if (argc != 1)
		return command_usage("signal list", "");
	signals_ask(&answers);
	return context->is_json ? list_json(context, &answers) : list_print(&answers);
}

/* A cell of a Markdown table. */
static void cell_print(const char *text)
{
	fputs("| ", stdout);
	for (; *text; text++)
		printf("%s%c", *text == '|' ? "\\" : "", *text);
	putchar(' ');
}

static void hooks_table_print(void)
{
	puts("| signal | hooks; \\| the next way, taken where the one before is not there | what the next way loses | lost without |\n"
	     "|---|---|---|---|\n"
	     "| (always) | sched_switch, sched_process_*, cgroup_mkdir, cgroup_rmdir, a perf clock per CPU | | forestall does not "
	     "start |");
	for (int signal = 0; signal < NERVE_SIGNAL_COUNT; signal++) {
		const char *cells[] = { signal_name(signal), NULL, signal_fallback(signal), signal_lost(signal) };
		char hooks[HOOKS_MAX];

		signal_hooks_format(signal, NULL, hooks, sizeof(hooks));
		cells[1] = hooks;
		for (size_t i = 0; i < 4; i++)
			cell_print(cells[i]);
		puts("|");
	}
	puts("\n| ability of the kernel | without it |\n|---|---|");
	for (int ability = ABLE_NOTHING + 1; ability < ABLE_COUNT; ability++)
		printf("| %s | %s |\n", ability_name(ability), ability_without(ability));
}

int cmd_signal_table(const struct context *context, int argc, char **argv)
{
	(void)argv;
	if (argc != 1 || context->is_json)
		return command_usage("signal table", "(Markdown; 'signal list --json' is for programs)");
	hooks_table_print();
	puts("\n| what | unit | from | by | in /metrics |\n|---|---|---|---|---|");
	for (size_t i = 0; i < MEASURE_COUNT; i++) {
		const struct measure *measure = &measures[i];
		char metric[MEASURE_METRIC_MAX];

		measure_metric(measure, metric);
		printf("| %s.%s | %s | %s | ", measure->family, measure->name, measure->unit, measure_from_name(measure->from));
		if (measure->signal == NERVE_ALWAYS)
			printf("%s | %s |\n", measure->source[0] ? measure->source : "always", metric);
		else
			printf("%s%ssignal %s | %s |\n", measure->source, measure->source[0] ? ", else " : "",
			       signal_name((enum nerve_signal)measure->signal), metric);
	}
	return print_end();
}
