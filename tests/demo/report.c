/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * demo-report: from the records of the three arms to a table on stdout and one
 * self-contained page. An arm that did not win is no error, it is a result.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"
#include "summary.h"

static int load(const char *dir, struct arm *arm)
{
	const char *file;
	int r = arm_load(dir, arm, &file);

	if (!r) {
		file = "decisions.jsonl";
		r = arm_load_decisions(dir, arm);
	}
	if (r < 0)
		fprintf(stderr, "demo-report: %s, %s: %s\n", dir, file, strerror(-r));
	return r;
}

/* Occurrences can only be compared when the load was the same. */
static int check_same_load(const struct arm *const arms[ARM_COUNT])
{
	for (unsigned int i = 1; i < ARM_COUNT; i++) {
		if (arms[i]->seed == arms[0]->seed && arms[i]->phase_count == arms[0]->phase_count &&
		    !memcmp(arms[i]->phases, arms[0]->phases, sizeof(arms[0]->phases)))
			continue;
		fputs("demo-report: the arms did not have the same load\n", stderr);
		return -EINVAL;
	}
	return 0;
}

static int write_page(const char *path, const struct arm *const arms[ARM_COUNT],
		      const struct result results[ARM_COUNT])
{
	FILE *out = fopen(path, "we");
	int failed;

	if (!out)
		return -errno;
	page_write(out, arms, results);
	failed = ferror(out);
	return fclose(out) || failed ? -EIO : 0;
}

static int report(const char *path, const char *summary_path, char *dirs[])
{
	static struct arm storage[ARM_COUNT];
	static struct result results[ARM_COUNT];
	const struct arm *arms[ARM_COUNT];
	int r = 0;

	for (unsigned int i = 0; i < ARM_COUNT && !r; i++) {
		arms[i] = &storage[i];
		r = load(dirs[i], &storage[i]);
	}
	if (!r)
		r = check_same_load(arms);
	if (r)
		return r;
	measure(arms, results);
	table_print(stdout, arms, results);
	for (unsigned int i = 0; i < ARM_COUNT; i++)
		if (summary_append(summary_path, arms[i], arm_names[i], &results[i]) < 0)
			fprintf(stderr, "demo-report: %s: not written\n", summary_path);
	r = write_page(path, arms, results);
	if (r < 0)
		fprintf(stderr, "demo-report: %s: %s\n", path, strerror(-r));
	return r;
}

int main(int argc, char **argv)
{
	if (argc != 5 + ARM_COUNT || strcmp(argv[1], "--out") || strcmp(argv[3], "--summary")) {
		fputs("usage: demo-report --out PAGE.html --summary ALL.csv OBSERVE-DIR REACTIVE-DIR FORESTALL-DIR\n", stderr);
		return 2;
	}
	return report(argv[2], argv[4], argv + 5) < 0;
}
