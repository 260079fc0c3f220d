/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control-report SUMMARY.csv DIR ARM...: what each arm below DIR came to, as lines of SUMMARY.csv. DIR/observe is what they are
 * compared with.
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
	if (r < 0)
		fprintf(stderr, "control-report: %s/%s: %s\n", path, file, strerror(-r));
	return r;
}

int main(int argc, char **argv)
{
	static struct arm observe, arm;
	static struct result result;
	int r = argc < 4 ? -1 : arm_open(argv[2], "observe", &observe);

	if (argc < 4)
		fputs("usage: control-report SUMMARY.csv DIR ARM...\n", stderr);
	for (int i = 3; i < argc && !r; i++) {
		const struct arm *of = strcmp(argv[i], "observe") ? &arm : &observe;

		r = of == &arm ? arm_open(argv[2], argv[i], &arm) : 0;
		if (r)
			break;
		measure_arm(&observe, of, &result);
		r = summary_append(argv[1], of, argv[i], &result);
		if (r)
			fprintf(stderr, "control-report: %s: %s\n", argv[1], strerror(-r));
	}
	return r ? 1 : 0;
}
