/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "event_words.h"

#include <string.h>

#include "print.h"

int event_options_read(int argc, char **argv, int from, const struct option_value *options, size_t count)
{
	for (int i = from; i < argc; i += 2) {
		size_t o = 0;

		while (o < count && strcmp(options[o].name, argv[i]))
			o++;
		if (o == count || i + 1 >= argc || *options[o].value)
			return -1;
		*options[o].value = argv[i + 1];
	}
	return 0;
}

int event_word_problem(const char *option, const char *word, int r, const struct event_error *error)
{
	if (r)
		print_problem("%s '%.80s', column %u: %s", option, word, error->column, error->reason);
	return r ? EXIT_USAGE : 0;
}

int events_open(const struct context *context, struct events *ret)
{
	char problem[EVENT_PROBLEM_MAX];

	if (!events_load(context->config_dir, ret, problem))
		return 0;
	print_problem("%s; correct the line or remove the file", problem);
	return 1;
}

int events_close(const struct context *context, struct events *events)
{
	char problem[EVENT_PROBLEM_MAX];
	int r = events_save(context->config_dir, events, problem);

	if (r)
		print_problem("%s", problem);
	events_done(events);
	return r ? 1 : 0;
}
