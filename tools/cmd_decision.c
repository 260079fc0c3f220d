/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forestall decision list, decision explain, ledger: what was decided, why, and what came of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "print.h"
#include "print_advice.h"

static const char *text_of(const json_t *object, const char *key) { return json_string_value(json_object_get(object, key)) ?: "-"; }
static double number_of(const json_t *object, const char *key) { return json_number_value(json_object_get(object, key)); }

static void amount_cell(struct table *table, const json_t *decision, const json_t *value)
{
	if (!strcmp(text_of(decision, "resource"), "cpu"))
		table_number(table, value, 1, 2);
	else
		table_bytes(table, value);
}

static void decision_row(struct table *table, const json_t *decision)
{
	table_number(table, json_object_get(decision, "id"), 1, 0);
	table_number(table, json_object_get(decision, "began_s_ago"), 1, 1);
	table_number(table, json_object_get(decision, "lasted_s"), 1, 1);
	table_cell(table, "%s", text_of(decision, "path"));
	table_cell(table, "%s", text_of(decision, "resource"));
	table_cell(table, "%s", text_of(decision, "reason"));
	table_number(table, json_object_get(decision, "risk"), 1, 2);
	table_number(table, json_object_get(decision, "bad"), 100, 1);
	table_number(table, json_object_get(decision, "actual_bad"), 100, 1);
	amount_cell(table, decision, json_object_get(decision, "taken"));
	table_cell(table, "%s", text_of(decision, "verdict"));
}

int cmd_decision_list(const struct context *context, int argc, char **argv)
{
	static const char *const headings[] = { ">ID", ">s AGO", ">LASTED s", "FOR", "OF", "REASON", ">RISK", ">BAD%", ">AFTER%",
						">TAKEN s", "VERDICT" };
	json_t *answer, *decision;
	struct table *table;
	size_t i;

	(void)argv;
	if (argc != 1)
		return command_usage("decision list", "");
	answer = client_ask(context, json_pack("{s:s}", "q", "decision.list"));
	if (!answer)
		return 1;
	if (context->is_json)
		return print_json(context, answer);
	table = table_new(headings, sizeof(headings) / sizeof(headings[0]));
	json_array_foreach(json_object_get(answer, "decisions"), i, decision)
		decision_row(table, decision);
	if (i)
		table_print(table, SIZE_MAX);
	else
		print_note("nothing was decided yet: nobody with a bound was in danger");
	table_free(table);
	json_decref(answer);
	return print_end();
}

static const char *verdict_text(const char *verdict)
{
	static const char *const texts[][2] = {
		{ "open", "it lasts" },
		{ "helped", "the share over the bound fell by more than half" },
		{ "prevented", "it was foreseen, the resource was pressed, and the bound held" },
		{ "came", "it was foreseen, and came all the same" },
		{ "false", "it was foreseen, and there never was any pressure: the action was for nothing" },
		{ "useless", "the share over the bound did not fall by half" },
		{ "planned", "nothing was done: the mode lets forestall only plan" },
		{ "advised", "there was nothing that forestall could do itself" },
		{ "worse", "a limit did not help, or others suffered from it: it was taken back and is not tried again for a minute" },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!strcmp(texts[i][0], verdict))
			return texts[i][1];
	return verdict;
}

static void givers_print(const json_t *decision)
{
	static const char *const headings[] = { "GIVER", "KNOBS", ">WANTED", ">LEFT" };
	struct table *table = table_new(headings, 4);
	json_t *giver, *knob;
	size_t i, k;

	json_array_foreach(json_object_get(decision, "givers"), i, giver) {
		char knobs[128] = "";
		size_t used = 0;

		json_array_foreach(json_object_get(giver, "knobs"), k, knob)
			if (used < sizeof(knobs))
				used += (size_t)snprintf(knobs + used, sizeof(knobs) - used, "%s%s", k ? " " : "", json_string_value(knob));
		table_cell(table, "%s", text_of(giver, "path"));
		table_cell(table, "%s", knobs);
		amount_cell(table, decision, json_object_get(giver, "wanted"));
		amount_cell(table, decision, json_object_get(giver, "left"));
	}
	if (i)
		table_print(table, SIZE_MAX);
	table_free(table);
}

static void share_print(const char *what, const json_t *share, const char *unknown)
{
	if (json_is_number(share))
		printf("%s %.1f %% over the bound\n", what, 100 * json_number_value(share));
	else
		printf("%s %s\n", what, unknown);
}

static void decision_print(const json_t *decision)
{
	const json_t *inputs = json_object_get(decision, "inputs"), *spared = json_object_get(decision, "spared");

	printf("decision %.0f: %s of %s, by %s, %.1f s ago, for %.1f s\n", number_of(decision, "id"), text_of(decision, "resource"),
	       text_of(decision, "path"), text_of(decision, "reason"), number_of(decision, "began_s_ago"), number_of(decision, "lasted_s"));
	share_print("known     ", json_object_get(decision, "bad"), "nothing yet of delays over the bound");
	printf("forecast   risk %.2f from a frame of quality %.2f; wants %.4g, at most %.4g of %.4g\n", number_of(decision, "risk"),
	       number_of(inputs, "quality"), number_of(inputs, "demand"), number_of(inputs, "demand_high"), number_of(inputs, "capacity"));
	printf("response   error %.3f, trust %.2f\n", number_of(inputs, "response_error"), number_of(inputs, "response_trust"));
	printf("policy     %s\n", text_of(decision, "policy"));
	printf("binding    %s, one unit more of which would be worth %.4g\n", text_of(decision, "scope"), number_of(decision, "price"));
	printf("rejected   to do nothing; to take from %.0f of no lower tier, %.0f idle, %.0f above it; rungs after the %.0fth\n",
	       number_of(spared, "tier"), number_of(spared, "idle"), number_of(spared, "ancestor"), number_of(decision, "rung") + 1);
	givers_print(decision);
	advice_one_print(json_object_get(decision, "advice"));
	share_print("expected  ", json_object_get(decision, "expected_bad"), "not known: the response is not trusted");
	share_print("actual    ", json_object_get(decision, "actual_bad"), "not known: it was over within a second");
	printf("saved      some %.1f s over the bound\n", number_of(decision, "saved_s"));
	printf("cost       %.4g resource-seconds taken by limits\n", number_of(decision, "taken"));
	printf("verdict    %s: %s\n", text_of(decision, "verdict"), verdict_text(text_of(decision, "verdict")));
}

int cmd_decision_explain(const struct context *context, int argc, char **argv)
{
	json_t *answer, *decision;
	char *end = NULL;
	unsigned long long id;

	if (argc != 2)
		return command_usage("decision explain", "ID");
	errno = 0;
	id = strtoull(argv[1], &end, 10);
	if (errno || *end || argv[1][0] < '0' || argv[1][0] > '9' || id > INT64_MAX) {
		print_problem("'%s' is no id of a decision; 'forestall decision list' shows them", argv[1]);
		return 2;
	}
	answer = client_ask(context, json_pack("{s:s, s:I}", "q", "decision.show", "id", (json_int_t)id));
	if (!answer)
		return 1;
	decision = json_incref(json_object_get(answer, "decision"));
	json_decref(answer);
	if (context->is_json)
		return print_json(context, decision);
	decision_print(decision);
	json_decref(decision);
	return print_end();
}

static void ledger_print(const json_t *ledger)
{
	const json_t *begun = json_object_get(ledger, "begun"), *ended = json_object_get(ledger, "verdicts");
	const json_t *held = json_object_get(ledger, "protected_s"), *taken = json_object_get(ledger, "taken");
	const json_t *bad = json_object_get(ledger, "bad_s"), *back = json_object_get(ledger, "taken_back");
	const json_t *saved = json_object_get(ledger, "saved_s"), *alone = json_object_get(ledger, "left_alone");
	double foreseen = number_of(begun, "foresight") + number_of(begun, "announced") + number_of(begun, "headroom");

	printf("foreseen    %.0f: %.0f held (%.1f violations prevented by the risk they had), %.0f came, %.0f false\n", foreseen,
	       number_of(ended, "prevented"), number_of(ledger, "prevented"), number_of(ended, "came"), number_of(ended, "false"));
	printf("missed      %.0f began only with the reflex: %.0f helped, %.0f did not\n", number_of(begun, "reflex"),
	       number_of(ended, "helped"), number_of(ended, "useless"));
	printf("taken back  %.0f limits that did not help or harmed others; %.0f of what stands, %.0f of what the protected hold themselves\n",
	       number_of(back, "limits"), number_of(back, "standing"), number_of(back, "own"));
	if (number_of(begun, "advice") > 0)
		printf("advised     %.0f times, where nothing was left to be done\n", number_of(begun, "advice"));
	if (number_of(ended, "planned") > 0)
		printf("planned     %.0f of which nothing was done, as the mode is not enforce\n", number_of(ended, "planned"));
	printf("over bound  %.1f s with nothing done yet, %.1f s under protection\n", number_of(bad, "unprotected"), number_of(bad, "protected"));
	printf("protected   %.1f s by reflex, %.1f s by foresight, %.1f s by headroom, %.1f s as announced, %.1f s held on\n", number_of(held, "reflex"),
	       number_of(held, "foresight"), number_of(held, "headroom"), number_of(held, "announced"), number_of(held, "hold"));
	printf("saved       some %.1f s over a bound by foresight, %.1f s by headroom, at most %.1f s by the reflex\n",
	       number_of(saved, "foresight"), number_of(saved, "headroom"), number_of(saved, "reflex"));
	if (number_of(alone, "count") > 0)
		printf("left alone  %.0f foreseen dangers, by lot: %.0f came, %.1f were to come by their risk\n", number_of(alone, "count"),
		       number_of(alone, "came"), number_of(alone, "expected"));
	printf("cost        by limits: %.1f CPU seconds, %.1f MB of memory times seconds, %.1f MB of disks, %.1f MB sent\n",
	       number_of(taken, "cpu"), number_of(taken, "memory") / 1e6, number_of(taken, "io") / 1e6, number_of(taken, "net") / 1e6);
}

int cmd_ledger(const struct context *context, int argc, char **argv)
{
	json_t *answer, *ledger;

	(void)argv;
	if (argc != 1)
		return command_usage("ledger", "");
	answer = client_ask(context, json_pack("{s:s}", "q", "ledger"));
	if (!answer)
		return 1;
	ledger = json_incref(json_object_get(answer, "ledger"));
	json_decref(answer);
	if (context->is_json)
		return print_json(context, ledger);
	ledger_print(ledger);
	json_decref(ledger);
	return print_end();
}
