/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command.h"

#include <stdio.h>
#include <string.h>

#include "act/cgroup.h"
#include "print.h"

int command_usage(const char *command, const char *arguments)
{
	print_problem("usage: forestall %s%s%s", command, arguments[0] ? " " : "", arguments);
	return EXIT_USAGE;
}

int command_root(const struct context *context, char *ret, size_t size)
{
	if (context->cgroup_root) {
		snprintf(ret, size, "%s", context->cgroup_root);
		return 0;
	}
	if (cgroup_root_find(ret, size) == 0)
		return 0;
	print_problem("no cgroup2 is mounted; mount one or give --cgroup-root, see 'forestall doctor'");
	return 1;
}

int command_path(const struct context *context, const char *given, char *ret, size_t size)
{
	char root[512] = "";
	size_t length;
	int n;

	if (context->cgroup_root)
		snprintf(root, sizeof(root), "%s", context->cgroup_root);
	else
		cgroup_root_find(root, sizeof(root));
	length = strlen(root);
	if (length > 1 && !strncmp(given, root, length) && (given[length] == '/' || !given[length]))
		given += length;
	n = snprintf(ret, size, "%s%s", given[0] == '/' ? "" : "/", given);
	if (n < 0 || (size_t)n >= size) {
		print_problem("%.40s...: the path is longer than %zu bytes; such cgroups are not followed", given,
			      size - 1);
		return 1;
	}
	while (n > 1 && ret[n - 1] == '/')
		ret[--n] = '\0';
	if (strcmp(ret, "/") && !cgroup_path_is_plain(ret)) {
		print_problem("%s: not a plain path of a cgroup; leave out '//', '.' and '..'", given);
		return 1;
	}
	return 0;
}
