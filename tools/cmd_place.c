/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forestall place: where new work goes. With --apply it is asked again each second, and the shares of the connections to a port follow
 * the answers of the last seconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "act/knob.h"
#include "client.h"
#include "hold.h"
#include "print.h"

#define USAGE "--set GLOB --limit N [--cpus C] [--apply PORT --server PATH=PORT ... [--seconds N]]"
#define CPUS_DEFAULT 0.05
#define LIMIT_MAX_PIECES 10000
#define WEIGHT_WHOLE 1000
#define KEPT 0.5		/* of the weight before: half of a change within a second, nearly all in five */

struct request {
	const struct context *context;
	const char *set;
	double limit, cpus, front, seconds;
	struct message *message;
};

static bool number_take(const char *text, double min, double max, double *ret)
{
	char *end;
	double value = strtod(text, &end);

	if (*text < '0' || *text > '9' || *end || !(value >= min && value <= max))
		return false;
	*ret = value;
	return true;
}

/* PATH=PORT: an action more, whose port on the clients' side is filled in later. */
static int server_take(const struct context *context, const char *given, struct message *message)
{
	const char *equal = strrchr(given, '=');
	char text[ACT_PATH_MAX], path[ACT_PATH_MAX];
	struct action *action = &message->action[message->count];
	double port;

	if (!equal || (size_t)(equal - given) >= sizeof(text) || !number_take(equal + 1, 1, UINT16_MAX, &port)) {
		print_problem("--server %.60s: not PATH=PORT, as in /web/a=9001", given);
		return EXIT_USAGE;
	}
	if (message->count == ACTIONS_MAX) {
		print_problem("--server: more than %d", ACTIONS_MAX);
		return EXIT_USAGE;
	}
	memcpy(text, given, (size_t)(equal - given));
	text[equal - given] = '\0';
	if (command_path(context, text, path, sizeof(path)) || hold_place(context, path, action))
		return 1;
	action->knob = KNOB_NET_SHARE;
	action->device = (uint32_t)port;
	message->count++;
	return 0;
}

static int option_take(const struct context *context, const char *name, const char *value, struct request *ret)
{
	if (value && !strcmp(name, "--set"))
		ret->set = value;
	else if (value && !strcmp(name, "--server"))
		return server_take(context, value, ret->message);
	else if (!value || !((!strcmp(name, "--limit") && number_take(value, 1, LIMIT_MAX_PIECES, &ret->limit)) ||
			     (!strcmp(name, "--cpus") && number_take(value, 1e-6, 1e6, &ret->cpus)) ||
			     (!strcmp(name, "--apply") && number_take(value, 1, UINT16_MAX, &ret->front)) ||
			     (!strcmp(name, "--seconds") && number_take(value, 1, 1e9, &ret->seconds))))
		return command_usage("place", USAGE);
	return 0;
}

static json_t *question(const struct request *request)
{
	return json_pack("{s:s, s:s, s:I, s:f}", "q", "place", "set", request->set, "limit", (json_int_t)request->limit, "cpus",
			 request->cpus);
}

static int answer_print(const struct context *context, const struct request *request, json_t *answer)
{
	static const char *const headings[] = { "PATH", ">WORK", ">RISK", ">FREE", ">RECENT", "MORE" };
	const json_t *seats = json_object_get(answer, "seats"), *seat;
	struct table *table;
	size_t i;

	if (context->is_json)
		return print_json(context, answer);
	table = table_new(headings, 6);
	json_array_foreach(seats, i, seat) {
		table_cell(table, "%s", json_string_value(json_object_get(seat, "path")));
		table_cell(table, "%lld", (long long)json_integer_value(json_object_get(seat, "count")));
		table_number(table, json_object_get(seat, "risk"), 1, 2);
		table_number(table, json_object_get(seat, "free"), 1, 2);
		table_number(table, json_object_get(seat, "recent"), 1, 2);
		table_cell(table, "%s", json_string_value(json_object_get(seat, "why")));
	}
	table_print(table, SIZE_MAX);
	table_free(table);
	print_note("%lld of %.0f placed", (long long)json_integer_value(json_object_get(answer, "placed")), request->limit);
	json_decref(answer);
	return print_end();
}

static const json_t *seat_of(const json_t *answer, const char *path)
{
	const json_t *seat;
	size_t i;

	json_array_foreach(json_object_get(answer, "seats"), i, seat)
		if (!strcmp(json_string_value(json_object_get(seat, "path")) ?: "", path))
			return seat;
	return NULL;
}

/* What the server is to get beside the others: pieces, or where nothing was placed whether its SLO stands. */
static json_int_t part_of(const json_t *answer, const char *path)
{
	const json_t *seat = seat_of(answer, path);
	const char *why = json_string_value(json_object_get(seat, "why")) ?: "";

	if (json_integer_value(json_object_get(answer, "placed")))
		return json_integer_value(json_object_get(seat, "count"));
	return seat && strcmp(why, "violated") && strcmp(why, "at risk");
}

/* Connections come also where nothing is free. Where no SLO stands the weights stay as they are. */
static void weights_follow(const json_t *answer, struct message *message)
{
	json_int_t sum = 0;

	for (uint32_t i = 0; i < message->count; i++)
		sum += part_of(answer, message->action[i].path);
	for (uint32_t i = 0; sum && i < message->count; i++) {
		struct action *action = &message->action[i];
		double wanted = (double)part_of(answer, action->path) / (double)sum * WEIGHT_WHOLE;

		action->value = (uint64_t)(KEPT * (double)action->value + (1 - KEPT) * wanted);
	}
}

/* One second more: a mind that is silent leaves the weights as they are, and a unit that restarts is another cgroup. */
static bool weights_step(void *arg, struct message *message)
{
	const struct request *request = arg;
	int error;
	json_t *answer = client_call(request->context->run_dir, question(request), &error);

	if (answer && json_is_true(json_object_get(answer, "ok")))
		weights_follow(answer, message);
	json_decref(answer);
	for (uint32_t i = 0; i < message->count; i++)
		hold_refresh(request->context, &message->action[i]);
	return true;
}

static int request_check(const struct request *request)
{
	bool is_applied = request->front > 0;

	if (request->set && request->limit > 0 && is_applied == (request->message->count > 0) &&
	    (is_applied || !(request->seconds > 0)))
		return 0;
	return command_usage("place", USAGE);
}

static int place_apply(const struct request *request, json_t *answer)
{
	struct message *message = request->message;

	for (uint32_t i = 0; i < message->count; i++) {
		message->action[i].device |= (uint32_t)request->front << 16;
		message->action[i].value = WEIGHT_WHOLE / message->count;
	}
	weights_follow(answer, message);
	json_decref(answer);
	return hold_run(request->context, message, (unsigned long)request->seconds, weights_step, (void *)request);
}

int cmd_place(const struct context *context, int argc, char **argv)
{
	static struct message message;
	struct request request = { .context = context, .cpus = CPUS_DEFAULT, .message = &message };
	json_t *answer;
	int r = 0;

	for (int i = 1; i < argc && r == 0; i += 2)
		r = option_take(context, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &request);
	if (r == 0)
		r = request_check(&request);
	if (r)
		return r;
	answer = client_ask(context, question(&request));
	if (!answer)
		return 1;
	return request.front > 0 ? place_apply(&request, answer) : answer_print(context, &request, answer);
}
