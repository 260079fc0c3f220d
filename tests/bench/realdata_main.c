/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench_realdata TRAIN TEST: the product's LSTM on other people's series, trained on one folder and scored on another. What
 * was never looked at while training and choosing thresholds: labels and test slots. The last line is JSON.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "realdata.h"

#define SCHEMA "tests/bench/realdata.schema"

static const struct part {
	const char *name;
	int (*run)(const struct bench *bench);
} parts[] = {
	{ "bitbrains", bitbrains_run },
	{ "nab_cloud", nab_run },
	{ "asd12", asd_run },
	{ "hdfs_logs", hdfs_run },
};

/* 0; 1: nothing was there; -1. */
static int run_parts(struct bench *bench, const char *only, FILE *json)
{
	int told = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		char *text = NULL;
		size_t bytes = 0;
		int r;

		if (only && strcmp(only, parts[i].name))
			continue;
		bench->json = open_memstream(&text, &bytes);
		r = parts[i].run(bench);
		fclose(bench->json);
		if (r == 0)
			fprintf(json, ",%s", text);
		else if (r > 0)
			printf("%s: left out, %s or %s lacks it\n", parts[i].name, bench->train, bench->test);
		free(text);
		if (r < 0)
			return r;
		told += r == 0;
		fflush(stdout);
	}
	return told == 0;
}

static bool is_folder(const char *path)
{
	struct stat info;

	if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
		return true;
	fprintf(stderr, "%s: no such folder; give one that holds bitbrains/, nab_cloud/, asd12/ or hdfs_logs/\n", path);
	return false;
}

static int usage(void)
{
	fprintf(stderr, "usage: bench_realdata [--seed N] [--epochs N] [--schema FILE] [--only bitbrains|nab_cloud|asd12|hdfs_logs] "
			"TRAIN TEST\n       make bench-realdata TRAIN=DIR TEST=DIR\n");
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' }, { "epochs", required_argument, NULL, 'e' },
		{ "schema", required_argument, NULL, 'c' }, { "only", required_argument, NULL, 'o' }, { 0 },
	};
	struct bench bench = { .schema = SCHEMA, .seed = 1 };
	const char *only = NULL;
	char *json_text = NULL;
	size_t json_bytes = 0;
	FILE *json;
	int option, r;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's': bench.seed = strtoull(optarg, NULL, 10); break;
		case 'e': bench.epochs = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'c': bench.schema = optarg; break;
		case 'o': only = optarg; break;
		default: return usage();
		}
	}
	if (argc - optind != 2 || !*argv[optind] || !*argv[optind + 1])
		return usage();
	bench.train = argv[optind];
	bench.test = argv[optind + 1];
	if (!is_folder(bench.train) || !is_folder(bench.test))
		return 2;
	json = open_memstream(&json_text, &json_bytes);
	r = run_parts(&bench, only, json);
	fclose(json);
	if (r > 0)
		fprintf(stderr, "%s and %s share no data set that this bench knows\n", bench.train, bench.test);
	if (r == 0)
		printf("{\"bench\":\"realdata\"%s}\n", json_text);
	free(json_text);
	return r ? 1 : 0;
}
