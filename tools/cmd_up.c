/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forestall up: becomes the supervisor, which is a program of its own. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "print.h"
#include "process.h"

#define OWN_WORDS 9	/* its name and what every command takes */

int cmd_up(const struct context *context, int argc, char **argv)
{
	const char **words = calloc((size_t)(OWN_WORDS + argc), sizeof(*words));
	struct process up;

	if (!words || process_init(&up, "forestall-up") < 0) {
		print_problem(words ? "forestall-up must lie beside this program; install forestall as a whole" : "out of memory; try again");
		free(words);
		return 1;
	}
	process_option(&up, "--run-dir", context->run_dir);
	process_option(&up, "--config-dir", context->config_dir);
	process_option(&up, "--cgroup-root", context->cgroup_root);
	process_option(&up, "--state-dir", context->state_dir);
	memcpy(words, up.word, (size_t)up.words * sizeof(*words));
	memcpy(words + up.words, argv + 1, (size_t)(argc - 1) * sizeof(*words));
	execv(up.path, (char *const *)(uintptr_t)words);
	print_problem("%s: %s; install forestall as a whole", up.path, strerror(errno));
	free(words);
	return 1;
}
