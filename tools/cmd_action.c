/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forestall action hold: one knob, by hand, with all that the hands do for the planner: bounds, journal, lease, undo. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "act/knob.h"
#include "hold.h"
#include "print.h"

#define USAGE "PATH KNOB VALUE [--device MAJOR:MINOR | --ports FRONT:OWN] [--seconds N]"

static enum knob knob_find(const char *name)
{
	unsigned int i = 0;

	while (i < KNOB_COUNT && strcmp(name, knob_name((enum knob)i)) != 0)
		i++;
	return (enum knob)i;
}

static int knob_problem(const char *name)
{
	char names[512] = "";

	for (unsigned int i = 0, used = 0; i < KNOB_COUNT && used < sizeof(names); i++)
		used += (unsigned int)snprintf(names + used, sizeof(names) - used, " %s", knob_name((enum knob)i));
	print_problem("%.40s: no such knob; there are%s", name, names);
	return 1;
}

/* The value as `journal show` has it; what a pair lacks is the kernel's default. */
static int value_take(enum knob knob, const char *given, struct action *ret)
{
	enum knob_kind kind = knob_spec(knob)->kind;
	const char *rest = strchr(given, '/') ? "" : kind == KIND_QUOTA ? "/100000" : kind == KIND_IDLE ? "/0" : "";
	struct knob_value value;
	char word[KNOB_TEXT_MAX];

	if ((size_t)snprintf(word, sizeof(word), "%s%s", given, rest) >= sizeof(word) ||
	    knob_word_parse(knob, word, &value) < 0) {
		print_problem("%.40s: no value of %s; it is written as 'forestall journal show' shows it", given,
			      knob_name(knob));
		return 1;
	}
	ret->knob = knob;
	ret->value = value.value;
	ret->period_us = kind == KIND_QUOTA ? value.aux : 0;
	return 0;
}

/* "A:B", both numbers below their ends, B in the lower `bits`. */
static int pair_take(const char *option, const char *given, unsigned int bits, struct action *ret)
{
	unsigned int first, second;
	char end;

	if (sscanf(given, "%u:%u%c", &first, &second, &end) != 2 || first >> (32 - bits) || second >> bits) {
		print_problem("%s %.40s: %s", option, given,
			      bits == 20 ? "not MAJOR:MINOR of a disk; see lsblk" : "not two TCP ports, as in 80:8081");
		return 1;
	}
	ret->device = first << bits | second;
	return 0;
}

static int option_take(const char *name, const char *value, struct action *ret, unsigned long *ret_seconds)
{
	char *end;

	if (value && !strcmp(name, "--device"))
		return pair_take(name, value, 20, ret);
	if (value && !strcmp(name, "--ports"))
		return pair_take(name, value, 16, ret);
	if (!value || strcmp(name, "--seconds"))
		return command_usage("action hold", USAGE);
	*ret_seconds = strtoul(value, &end, 10);
	return *value >= '1' && *value <= '9' && !*end ? 0 : command_usage("action hold", USAGE);
}

int cmd_action_hold(const struct context *context, int argc, char **argv)
{
	static struct message message = { .count = 1 };
	struct action *action = &message.action[0];
	unsigned long seconds = 0;
	char path[ACT_PATH_MAX];
	enum knob knob;
	int r;

	if (argc < 4)
		return command_usage("action hold", USAGE);
	for (int i = 4; i < argc; i += 2) {
		r = option_take(argv[i], i + 1 < argc ? argv[i + 1] : NULL, action, &seconds);
		if (r)
			return r;
	}
	knob = knob_find(argv[2]);
	if (knob == KNOB_COUNT)
		return knob_problem(argv[2]);
	if (value_take(knob, argv[3], action) || command_path(context, argv[1], path, sizeof(path)) ||
	    hold_place(context, path, action))
		return 1;
	return hold_run(context, &message, seconds, NULL, NULL);
}
