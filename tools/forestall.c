/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forestall: the command line. One table of commands; help, usage and dispatch are made from it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "print.h"

struct command {
	const char *object, *command;	/* command NULL: the object is the whole name */
	const char *arguments, *summary;
	int (*run)(const struct context *context, int argc, char **argv);
	int (*run_raw)(int argc, char **argv);
};

static int cmd_help(const struct context *context, int argc, char **argv);
static int cmd_version(const struct context *context, int argc, char **argv);

static const struct command commands[] = {
	{ "doctor", NULL, "", "what this host lets forestall do, why not, and what to change", cmd_doctor, NULL },
	{ "up", NULL, "[--mode MODE] [--forecaster NAME] [--model FILE] [--record FILE] [--no-web]", "run all processes", cmd_up,
	  NULL },
	{ "status", NULL, "", "mode, model, losses, cost", cmd_status, NULL },
	{ "instance", "list", "", "every observed cgroup", cmd_instance_list, NULL },
	{ "instance", "show", "PATH", "all that is known of one", cmd_instance_show, NULL },
	{ "instance", "top", "[-n ITERATIONS] [-d SECONDS] [-r ROWS] [--once]", "those in danger, refreshed",
	  cmd_instance_top, NULL },
	{ "slo", "set", "PATH \"TEXT\" | PATH --remove", "annotate a cgroup", cmd_slo_set, NULL },
	{ "slo", "show", "[PATH]", "annotations and where they come from", cmd_slo_show, NULL },
	{ "slo", "check", "\"TEXT\"", "parse an annotation", cmd_slo_check, NULL },
	{ "forecast", "show", "PATH [--paths N [--seed S]]", "where one is heading, or N ways that it may go", cmd_forecast_show, NULL },
	{ "forecast", "explain", "PATH", "what drives its gravest risk", cmd_forecast_explain, NULL },
	{ "profile", "show", "PATH [--hours N]", "what one needs in the hours to come, by its own past", cmd_profile_show, NULL },
	{ "event", "add", "--at TIME --duration D --scope GLOB --factor X [--resource R] [--name TEXT]",
	  "announce load that is known to come", cmd_event_add, NULL },
	{ "event", "list", "", "what is announced", cmd_event_list, NULL },
	{ "event", "remove", "ID", "take it back", cmd_event_remove, NULL },
	{ "event", "import", "FILE.ics [--days N] [--scope GLOB] [--resource R] [--factor X]", "announce what a calendar holds",
	  cmd_event_import, NULL },
	{ "failure", "list", "[PATH]", "what failed, why, and how long until it was back", cmd_failure_list, NULL },
	{ "signal", "list", "", "what is measured, from where, and what this kernel has", cmd_signal_list, NULL },
	{ "signal", "table", "", "the same for any kernel, as in docs/SIGNALS.md", cmd_signal_table, NULL },
	{ "plan", "show", "", "the last plan, for whom, and what came of it", cmd_plan_show, NULL },
	{ "decision", "list", "", "what was decided lately, and what came of it", cmd_decision_list, NULL },
	{ "decision", "explain", "ID", "why, by whom it is paid, what was expected", cmd_decision_explain, NULL },
	{ "ledger", NULL, "", "violations foreseen, prevented, missed; false actions; cost", cmd_ledger, NULL },
	{ "policy", "show", "", "which policy rules, and how the one on canary does", cmd_policy_show, NULL },
	{ "policy", "canary", "NAME [--share S] [--block SECONDS] [--hours H]", "try one on a share of time; it is promoted or rolled back by itself",
	  cmd_policy_canary, NULL },
	{ "policy", "rollback", "", "end the canary, or go back from the policy that was promoted", cmd_policy_rollback, NULL },
	{ "action", "hold", "PATH KNOB VALUE [KNOB VALUE]... [--device MAJOR:MINOR] [--ports FRONT:OWN] [--may-kill] [--seconds N]", "set knobs by hand, until Ctrl-C", cmd_action_hold,
	  NULL },
	{ "action", "canary", "GLOB KNOB VALUE [--share S] [--block SECONDS] [--hours H]",
	  "try a setting on some of a group; it is promoted to all or rolled back by itself", cmd_action_canary, NULL },
	{ "action", "rollback", "", "end that, or take the setting back that was promoted", cmd_action_rollback, NULL },
	{ "place", NULL, "--set GLOB --limit N [--cpus C] [--apply PORT --server PATH=PORT ... [--seconds N]]",
	  "where new work goes, and have a port's connections go there", cmd_place, NULL },
	{ "mode", "get", "", "what forestall may do now", cmd_mode_get, NULL },
	{ "mode", "set", "observe|shadow|canary|enforce", "change that", cmd_mode_set, NULL },
	{ "journal", "show", "", "what was changed and not yet undone, and what others wrote over it", cmd_journal_show, NULL },
	{ "journal", "undo", "", "undo all of it now", cmd_journal_undo, NULL },
	{ "panic", NULL, "", "undo all and change nothing until /etc/forestall/disable is removed", cmd_panic, NULL },
	{ "model", "list", "", "the models of this host, and what was said of each", cmd_model_list, NULL },
	{ "model", "show", "[FILE|NAME]", "shape, provenance and checks of a model", cmd_model_show, NULL },
	{ "model", "promote", "NAME", "let a model of this host speak", cmd_model_promote, NULL },
	{ "model", "rollback", "", "let the one speak that did before", cmd_model_rollback, NULL },
	{ "model", "challenge", "", "let a challenger learn from this host's history now", cmd_model_challenge, NULL },
	{ "model", "exclude", "--from TIME --to TIME --reason TEXT | list", "learn nothing from that time", cmd_model_exclude, NULL },
	{ "model", "train", "...", "train a model from recordings", NULL, cmd_model_train },
	{ "record", NULL, "FILE [--seconds N]", "record what the mind sees and says", cmd_record, NULL },
	{ "replay", NULL, "...", "run a recording through the same code", NULL, cmd_replay },
	{ "version", NULL, "", "the version of this program", cmd_version, NULL },
	{ "help", NULL, "", "this text", cmd_help, NULL },
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void help_print(FILE *out)
{
	fputs("Usage: forestall [OPTIONS] OBJECT COMMAND ...\n\n", out);
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		const struct command *c = &commands[i];

		fprintf(out, "  %s%s%s%s%s\n        %s\n", c->object, c->command ? " " : "", c->command ?: "",
			c->arguments[0] ? " " : "", c->arguments, c->summary);
	}
	fputs("\nOptions: -j, --json   data as JSON\n"
	      "         -p, --pretty JSON for people\n"
	      "         --run-dir DIR (/run/forestall)  --config-dir DIR (/etc/forestall)\n"
	      "         --cgroup-root DIR (where cgroup2 is mounted)  --state-dir DIR (/var/lib/forestall)\n\n"
	      "Exit status: 0 done, 1 failed, 2 wrong usage.\n", out);
}

static int cmd_help(const struct context *context, int argc, char **argv)
{
	(void)context;
	(void)argc;
	(void)argv;
	help_print(stdout);
	return print_end();
}

static int cmd_version(const struct context *context, int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return command_usage("version", "");
	if (context->is_json)
		return print_json(context, json_pack("{s:s}", "version", FORESTALL_VERSION));
	puts("forestall " FORESTALL_VERSION);
	return print_end();
}

static bool flag_take(struct context *context, const char *word)
{
	bool is_pretty = !strcmp(word, "-p") || !strcmp(word, "--pretty");

	if (!is_pretty && strcmp(word, "-j") && strcmp(word, "--json"))
		return false;
	context->is_json = true;
	context->is_pretty = context->is_pretty || is_pretty;
	return true;
}

/*
 * Takes one of the common options at argv[at]: the number of words it has, 0 when it is none of them, -1 when its value
 * is missing.
 */
static int option_take(struct context *context, int argc, char **argv, int at)
{
	const struct {
		const char *name;
		const char **value;
	} valued[] = { { "--run-dir", &context->run_dir }, { "--config-dir", &context->config_dir },
		       { "--cgroup-root", &context->cgroup_root }, { "--state-dir", &context->state_dir } };

	if (flag_take(context, argv[at]))
		return 1;
	for (size_t i = 0; i < sizeof(valued) / sizeof(valued[0]); i++) {
		size_t length = strlen(valued[i].name);

		if (strncmp(argv[at], valued[i].name, length) || (argv[at][length] && argv[at][length] != '='))
			continue;
		if (argv[at][length]) {
			*valued[i].value = argv[at] + length + 1;
			return 1;
		}
		if (at + 1 >= argc) {
			print_problem("%s: needs a directory after it", argv[at]);
			return -1;
		}
		*valued[i].value = argv[at + 1];
		return 2;
	}
	return 0;
}

/* Takes the common options out of argv[from..], keeping the order of the rest. The new argc, or -1. */
static int options_take(struct context *context, int argc, char **argv, int from)
{
	int kept = from;

	for (int i = from; i < argc;) {
		int taken = option_take(context, argc, argv, i);

		if (taken < 0)
			return -1;
		if (!taken)
			argv[kept++] = argv[i];
		i += taken ? taken : 1;
	}
	argv[kept] = NULL;
	return kept;
}

static int unknown_command(const char *object, const char *given)
{
	char known[256] = "";
	size_t at = 0;

	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (!strcmp(commands[i].object, object) && commands[i].command)
			at += (size_t)snprintf(known + at, sizeof(known) - at, "%s%s", at ? ", " : "",
					       commands[i].command);
	if (!at)
		print_problem("unknown object '%s'; see 'forestall help'", object);
	else if (!given)
		print_problem("%s: needs a command: %s", object, known);
	else
		print_problem("%s: unknown command '%s'; it has: %s", object, given, known);
	return EXIT_USAGE;
}

/* Index of the command that argv[1..] names, and how many words its name has. */
static int command_find(int argc, char **argv, int at, int *ret_words)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(commands[i].object, argv[at]))
			continue;
		if (commands[i].command && (at + 1 >= argc || strcmp(commands[i].command, argv[at + 1])))
			continue;
		*ret_words = commands[i].command ? 2 : 1;
		return (int)i;
	}
	return -1;
}

static int raw_run(const struct command *command, const struct context *context, int argc, char **argv)
{
	char **words = calloc((size_t)argc + 2, sizeof(*words));
	int count = 0, status;

	if (!words)
		return 1;
	words[count++] = argv[0];
	if (context->is_json)
		words[count++] = (char *)"--json";
	for (int i = 1; i < argc; i++)
		words[count++] = argv[i];
	status = command->run_raw(count, words);
	free(words);
	return status;
}

int main(int argc, char **argv)
{
	struct context context = { .run_dir = "/run/forestall", .config_dir = "/etc/forestall" };
	int at = 1, words, idx, taken;

	while (at < argc && (taken = option_take(&context, argc, argv, at)) != 0) {
		if (taken < 0)
			return EXIT_USAGE;
		at += taken;
	}
	if (at < argc && (!strcmp(argv[at], "--help") || !strcmp(argv[at], "-h")))
		return cmd_help(&context, 0, NULL);
	if (at < argc && (!strcmp(argv[at], "--version") || !strcmp(argv[at], "-V")))
		return cmd_version(&context, 1, NULL);
	if (at >= argc) {
		help_print(stderr);
		return EXIT_USAGE;
	}
	idx = command_find(argc, argv, at, &words);
	if (idx < 0 && at + 1 < argc && argv[at + 1][0] == '-') {
		/* "forestall instance -j list": look again without the options between. */
		argc = options_take(&context, argc, argv, at + 1);
		idx = argc < 0 ? -1 : command_find(argc, argv, at, &words);
	}
	if (idx < 0)
		return argc < 0 ? EXIT_USAGE : unknown_command(argv[at], at + 1 < argc ? argv[at + 1] : NULL);
	at += words - 1;
	if (commands[idx].run_raw)
		return raw_run(&commands[idx], &context, argc - at, argv + at);
	argc = options_take(&context, argc, argv, at + 1);
	return argc < 0 ? EXIT_USAGE : commands[idx].run(&context, argc - at, argv + at);
}
