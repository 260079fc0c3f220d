/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forestall action hold: knobs by hand, with all that the hands do for the planner: bounds, journal, lease, undo. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "act/knob.h"
#include "hold.h"
#include "print.h"
#include "sense/topology.h"

#define USAGE "PATH KNOB VALUE [KNOB VALUE]... [--device MAJOR:MINOR] [--ports FRONT:OWN] [--may-kill] [--seconds N]"

/* What was said of all knobs together. */
struct options {
	uint32_t disk, ports;
	uint32_t flags;
	unsigned long seconds;
};

static int knob_problem(const char *name)
{
	char names[512] = "";

	for (unsigned int i = 0, used = 0; i < KNOB_COUNT && used < sizeof(names); i++)
		used += (unsigned int)snprintf(names + used, sizeof(names) - used, " %s", knob_name((enum knob)i));
	print_problem("%.40s: no such knob; there are%s", name, names);
	return 1;
}

/* "l3:1": the CPUs of that part of the machine, or its memory nodes. */
static int part_take(enum knob knob, const char *given, struct action *ret)
{
	struct topology_part part;
	int r = topology_part_read(NULL, given, &part);

	if (r) {
		print_problem("%.40s: %s", given, r == -ENOENT ? "this machine has no such part; see lstopo" :
			      r == -ERANGE ? "reaches beyond CPU 63" : "neither a list of numbers nor core:N, l3:N, node:N or package:N");
		return 1;
	}
	ret->value = knob == KNOB_CPUSET_MEMS ? part.nodes : part.cpus;
	return 0;
}

/* The value as `journal show` has it; what a pair lacks is the kernel's default. */
static int value_take(enum knob knob, const char *given, struct action *ret)
{
	enum knob_kind kind = knob_spec(knob)->kind;
	const char *rest = strchr(given, '/') ? "" : kind == KIND_QUOTA ? "/100000" : kind == KIND_IDLE ? "/0" : "";
	struct knob_value value;
	char word[KNOB_TEXT_MAX];

	ret->knob = knob;
	if (kind == KIND_CPUS && strchr(given, ':'))
		return part_take(knob, given, ret);
	if ((size_t)snprintf(word, sizeof(word), "%s%s", given, rest) >= sizeof(word) ||
	    knob_word_parse(knob, word, &value) < 0) {
		print_problem("%.40s: no value of %s; it is written as 'forestall journal show' shows it", given,
			      knob_name(knob));
		return 1;
	}
	ret->value = value.value;
	ret->period_us = kind == KIND_QUOTA ? value.aux : 0;
	return 0;
}

/* "A:B", both numbers below their ends, B in the lower `bits`. */
static int pair_take(const char *option, const char *given, unsigned int bits, uint32_t *ret)
{
	unsigned int first, second;
	char end;

	if (sscanf(given, "%u:%u%c", &first, &second, &end) != 2 || first >> (32 - bits) || second >> bits) {
		print_problem("%s %.40s: %s", option, given,
			      bits == 20 ? "not MAJOR:MINOR of a disk; see lsblk" : "not two TCP ports, as in 80:8081");
		return 1;
	}
	*ret = first << bits | second;
	return 0;
}

/* Takes what begins at argv[0] and says in *ret_used how many words that were. */
static int option_take(char **argv, int argc, struct options *ret, int *ret_used)
{
	const char *value = argc > 1 ? argv[1] : "";
	char *end;

	*ret_used = 2;
	if (!strcmp(argv[0], "--may-kill")) {
		ret->flags = ACTION_MAY_KILL;
		*ret_used = 1;
		return 0;
	}
	if (*value && !strcmp(argv[0], "--device"))
		return pair_take(argv[0], value, 20, &ret->disk);
	if (*value && !strcmp(argv[0], "--ports"))
		return pair_take(argv[0], value, 16, &ret->ports);
	if (strcmp(argv[0], "--seconds") || *value < '1' || *value > '9')
		return command_usage("action hold", USAGE);
	ret->seconds = strtoul(value, &end, 10);
	return *end ? command_usage("action hold", USAGE) : 0;
}

static int options_take(char **argv, int argc, struct options *ret)
{
	for (int i = 0, used; i < argc; i += used) {
		int r = option_take(argv + i, argc - i, ret, &used);

		if (r)
			return r;
	}
	return 0;
}

/* Of what was named for all, each action takes what it knows; what none takes is for the hands to refuse. */
static void message_complete(const struct options *options, struct message *message)
{
	for (uint32_t i = 0; i < message->count; i++) {
		struct action *action = &message->action[i];

		action->flags = options->flags;
		action->device = action->knob == KNOB_NET_SHARE ? options->ports :
				 knob_has_device((enum knob)action->knob) || message->count == 1 ? options->disk : 0;
	}
}

int cmd_action_hold(const struct context *context, int argc, char **argv)
{
	static struct message message;
	struct options options = { 0 };
	char path[ACT_PATH_MAX];
	int pairs = 0, r;

	while (2 + 2 * pairs < argc && strncmp(argv[2 + 2 * pairs], "--", 2))
		pairs++;
	if (pairs < 1 || pairs > ACTIONS_MAX || argc < 2 + 2 * pairs)
		return command_usage("action hold", USAGE);
	r = options_take(argv + 2 + 2 * pairs, argc - 2 - 2 * pairs, &options);
	for (int i = 0; i < pairs && r == 0; i++) {
		enum knob knob = knob_find(argv[2 + 2 * i]);

		r = knob == KNOB_COUNT ? knob_problem(argv[2 + 2 * i]) :
		    value_take(knob, argv[3 + 2 * i], &message.action[message.count++]);
	}
	if (r)
		return r;
	if (command_path(context, argv[1], path, sizeof(path)))
		return 1;
	for (uint32_t i = 0; i < message.count; i++)
		if (hold_place(context, path, &message.action[i]))
			return 1;
	message_complete(&options, &message);
	return hold_run(context, &message, options.seconds, NULL, NULL);
}
