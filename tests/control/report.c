/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control-report SUMMARY.csv OCCURRENCES.csv DIR ARM...: what each arm below DIR came to, as lines of the two files. DIR/observe is
 * what their work is compared with, where it is among the arms.
 */
#include <stdio.h>
#include <string.h>

#include "../demo/summary.h"

static int arm_open(const char *dir, const char *name, struct arm *ret)
{
	char path[4096];
	const char *file = "";
	int r;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	memset(ret, 0, sizeof(*ret));
	r = arm_load(path, ret, &file);
	/* What limits of sending were changed only its own log tells, and of the oracle's no replay. */
	if (!r && strcmp(name, "oracle"))
		r = arm_load_decisions(path, ret);
	if (r < 0)
		fprintf(stderr, "control-report: %s/%s: %s\n", path, file, strerror(-r));
	return r;
}

int main(int argc, char **argv)
{
	static struct arm observe, arm;
	static struct result result;
	bool has_observe = false;
	int r = argc < 5 ? -1 : 0;

	if (argc < 5)
		fputs("usage: control-report SUMMARY.csv OCCURRENCES.csv DIR ARM...\n", stderr);
	for (int i = 4; i < argc; i++)
		has_observe |= !strcmp(argv[i], "observe");
	if (!r && has_observe)
		r = arm_open(argv[3], "observe", &observe);
	for (int i = 4; i < argc && !r; i++) {
		const struct arm *of = strcmp(argv[i], "observe") ? &arm : &observe;

		r = of == &arm ? arm_open(argv[3], argv[i], &arm) : 0;
		if (r)
			break;
		measure_arm(has_observe ? &observe : NULL, of, &result);
		r = summary_append(argv[1], of, argv[i], &result);
		if (!r)
			r = summary_append_occurrences(argv[2], of, argv[i], &result);
		if (r)
			fprintf(stderr, "control-report: %s, %s: %s\n", argv[1], argv[2], strerror(-r));
	}
	return r ? 1 : 0;
}
