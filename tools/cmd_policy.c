/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forestall policy show|canary|rollback, and action canary|rollback */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "print.h"

static const char *text_of(const json_t *object, const char *key) { return json_string_value(json_object_get(object, key)) ?: "-"; }
static double number_of(const json_t *object, const char *key) { return json_number_value(json_object_get(object, key)); }

static const char *state_text(const char *state)
{
	static const char *const texts[][2] = {
		{ "promoted", "better: it rules" },
		{ "worse", "rolled back: more seconds over a bound" },
		{ "costly", "rolled back: it takes more work from the others than it may" },
		{ "undecided", "rolled back: no difference showed in its time" },
		{ "stopped", "rolled back: stopped, or interrupted by a restart" },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!strcmp(texts[i][0], state))
			return texts[i][1];
	return state;
}

static void canary_print(const json_t *canary)
{
	const json_t *evidence = json_object_get(canary, "evidence"), *needed = json_object_get(canary, "needed");
	bool is_running = !strcmp(text_of(canary, "state"), "runs");

	printf("canary     %s beside %s: %s\n", text_of(canary, "candidate"), text_of(canary, "base"), state_text(text_of(canary, "state")));
	if (is_running)
		printf("           %.3g of the time in blocks of %.0f s, for %.1f h more; now it is the %s's turn\n", number_of(canary, "share"),
		       number_of(canary, "block_s"), number_of(canary, "left_s") / 3600, text_of(canary, "arm"));
	if (number_of(canary, "pairs") < 1) {
		printf("compared   no pair of blocks yet\n");
		return;
	}
	printf("compared   %.0f pairs of blocks; under it %+.2f s over a bound and %+.2f s less work of the others, per block\n",
	       number_of(canary, "pairs"), number_of(canary, "bad_s"), number_of(canary, "less_work_s"));
	if (number_of(canary, "cuts") > 0)
		printf("cut short  %.0f blocks of it, far worse than any without it\n", number_of(canary, "cuts"));
	printf("evidence   that it is better %.3g of %.3g, that it harms %.3g of %.3g, that it costs too much %.3g of %.3g\n",
	       number_of(evidence, "better"), number_of(needed, "better"), number_of(evidence, "harms"), number_of(needed, "harms"),
	       number_of(evidence, "costs"), number_of(needed, "costs"));
}

static void setting_print(const json_t *setting)
{
	const json_t *evidence = json_object_get(setting, "evidence"), *time = json_object_get(setting, "time_evidence");
	const char *stage = text_of(setting, "stage");

	printf("setting    %s = %s of %s: %s\n", text_of(setting, "knob"), text_of(setting, "value"), text_of(setting, "glob"),
	       state_text(text_of(setting, "state")));
	if (!strcmp(stage, "part"))
		printf("           %.0f of %.0f members have it in half of the blocks\n", number_of(setting, "having"), number_of(setting, "members"));
	if (!strcmp(stage, "whole"))
		printf("           all %.0f members have it for a share of the time, the whole host is compared\n", number_of(setting, "members"));
	if (number_of(setting, "pairs") > 0)
		printf("pairs      %.0f of members; who has it is %+.2f s more over a bound and does %+.2f s less work, per block\n",
		       number_of(setting, "pairs"), number_of(setting, "bad_s"), number_of(setting, "less_work_s"));
	printf("evidence   of pairs: better %.3g, harms %.3g, costs %.3g; of the host: better %.3g, harms %.3g, costs %.3g\n",
	       number_of(evidence, "better"), number_of(evidence, "harms"), number_of(evidence, "costs"), number_of(time, "better"),
	       number_of(time, "harms"), number_of(time, "costs"));
}

static void probes_print(const json_t *probes)
{
	const json_t *ended = json_object_get(probes, "ended"), *now = json_object_get(probes, "now");

	if (!json_is_true(json_object_get(probes, "allowed"))) {
		printf("probes     not allowed ([plan] probe = yes allows them)\n");
		return;
	}
	printf("probes     %.0f of some seconds, %.0f cut short, %.0f only planned\n", number_of(ended, "whole"), number_of(ended, "cut_short"),
	       number_of(ended, "planned"));
	if (json_is_object(now))
		printf("           now %s is left %.4g of %.4g %s, to learn what that is to %s\n", text_of(now, "path"), number_of(now, "left"),
		       number_of(now, "used"), text_of(now, "resource"), text_of(now, "for"));
}

int cmd_policy_show(const struct context *context, int argc, char **argv)
{
	json_t *answer, *policy;
	size_t i;

	(void)argv;
	if (argc != 1)
		return command_usage("policy show", "");
	answer = client_ask(context, json_pack("{s:s}", "q", "policy.show"));
	if (!answer)
		return 1;
	if (context->is_json)
		return print_json(context, answer);
	printf("rules      %s\n", text_of(answer, "rules"));
	if (json_is_null(json_object_get(answer, "canary")))
		printf("canary     none\n");
	else
		canary_print(json_object_get(answer, "canary"));
	if (json_is_object(json_object_get(answer, "setting")))
		setting_print(json_object_get(answer, "setting"));
	probes_print(json_object_get(answer, "probes"));
	printf("io.cost    %s\n", json_is_true(json_object_get(answer, "io_cost")) ? "may be switched on for a disk" :
									      "not allowed ([plan] io_cost = yes allows it)");
	printf("there are ");
	json_array_foreach(json_object_get(answer, "policies"), i, policy)
		printf(" %s", json_string_value(policy));
	printf("\n");
	json_decref(answer);
	return print_end();
}

#define TERMS "[--share S] [--block SECONDS] [--hours H]"
#define POLICY_USAGE "NAME " TERMS
#define ACTION_USAGE "GLOB KNOB VALUE " TERMS

/* The words from `first` on into the question. 0, or the exit status after it said what is wrong. */
static int options_read(int argc, char **argv, int first, json_t *question)
{
	static const char *const options[][2] = { { "--share", "share" }, { "--block", "block_s" }, { "--hours", "hours" } };

	for (int i = first; i < argc; i += 2) {
		const char *key = NULL;
		char *end = NULL;
		double number;

		for (size_t k = 0; k < sizeof(options) / sizeof(options[0]); k++)
			if (!strcmp(argv[i], options[k][0]))
				key = options[k][1];
		if (!key || i + 1 == argc)
			return first == 2 ? command_usage("policy canary", POLICY_USAGE) : command_usage("action canary", ACTION_USAGE);
		errno = 0;
		number = strtod(argv[i + 1], &end);
		if (errno || *end || argv[i + 1][0] < '.' || argv[i + 1][0] > '9' || json_object_set_new(question, key, json_real(number))) {
			print_problem("%s: '%s' is no number", argv[i], argv[i + 1]);
			return EXIT_USAGE;
		}
	}
	return 0;
}

static int order_send(const struct context *context, json_t *question, const char *done)
{
	json_t *answer = client_ask(context, question);
	const char *mode = text_of(answer, "mode");

	if (!answer)
		return 1;
	print_note("%s", done);
	if (strcmp(mode, "enforce") && strcmp(mode, "canary"))
		print_note("nothing is done in mode %s, so no difference will show; see 'forestall mode set'", mode);
	json_decref(answer);
	return 0;
}

int cmd_policy_canary(const struct context *context, int argc, char **argv)
{
	json_t *question;
	int r;

	if (argc < 2)
		return command_usage("policy canary", POLICY_USAGE);
	question = json_pack("{s:s, s:s}", "q", "policy.canary", "name", argv[1]);
	r = options_read(argc, argv, 2, question);
	if (!r)
		return order_send(context, question, "it is on canary; 'forestall policy show' tells how it does");
	json_decref(question);
	return r;
}

int cmd_policy_rollback(const struct context *context, int argc, char **argv)
{
	(void)argv;
	if (argc != 1)
		return command_usage("policy rollback", "");
	return order_send(context, json_pack("{s:s}", "q", "policy.rollback"), "done; 'forestall policy show' tells which policy rules");
}

int cmd_action_canary(const struct context *context, int argc, char **argv)
{
	json_t *question;
	int r;

	if (argc < 4)
		return command_usage("action canary", ACTION_USAGE);
	question = json_pack("{s:s, s:s, s:s, s:s}", "q", "action.canary", "glob", argv[1], "knob", argv[2], "value", argv[3]);
	r = options_read(argc, argv, 4, question);
	if (!r)
		return order_send(context, question, "it is on canary; 'forestall policy show' tells how it does");
	json_decref(question);
	return r;
}

int cmd_action_rollback(const struct context *context, int argc, char **argv)
{
	(void)argv;
	if (argc != 1)
		return command_usage("action rollback", "");
	return order_send(context, json_pack("{s:s}", "q", "action.rollback"), "done; nobody of the group is set any more");
}
