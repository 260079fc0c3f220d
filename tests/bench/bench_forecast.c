/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench_forecast MODEL CORPUS [validation]: the model on recordings whose family or shape it was not taught, by group of what there is to
 * foresee, beside simpler forecasters on the same seconds. The last line is JSON.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "forecast.h"
#include "sense/modelfile.h"

static void row_print(const char *group, enum speaks who, const struct corpus *corpus, int index)
{
	struct onset_figures at[SHOWN_HORIZONS];

	for (uint32_t shown = 0; shown < SHOWN_HORIZONS; shown++)
		at[shown] = onset_measure(corpus, index, who, shown);
	printf("%-13s %-11s %6.3f %6.3f %6.3f  %6.3f %6.3f %6.3f  %5u %6.2f %6.1f %6.1f", group, speaks_name[who], at[0].auprc,
	       at[1].auprc, at[2].auprc, at[0].prevalence, at[1].prevalence, at[2].prevalence, at[MAIN_HORIZON].events,
	       at[ALARM_HORIZON].recall, at[ALARM_HORIZON].lead_median_s, at[ALARM_HORIZON].lead_p10_s);
	if (who == SPEAKS_SPOKEN || who == SPEAKS_INT8 || who == SPEAKS_FLOAT || who >= SPEAKS_LOGISTIC)
		printf("  %5.3f %5.3f", at[MAIN_HORIZON].ece, at[MAIN_HORIZON].ece_any);
	putchar('\n');
}

static void onset_print(const struct corpus *corpus)
{
	printf("onset of a violation within 2, 5, 15 s; events, recall at one false alarm per instance and hour, leads: score of 15 s\n"
	       "%-13s %-11s %-20s  %-20s  %5s %6s %6s %6s  %5s %5s\n", "group", "by", "AUPRC", "a guess", "begun", "recall", "lead",
	       "p10", "ECE", "any");
	for (int group = -1; group < CORPUS_GROUP_COUNT; group++)
		for (int who = 0; who < SPEAKS_COUNT && onset_measure(corpus, group, SPEAKS_NOW, 0).events; who++)
			row_print(group < 0 ? "all" : corpus_group_name((enum corpus_group)group), (enum speaks)who, corpus, group);
}

static void demand_print(const struct corpus *corpus)
{
	printf("demand as spoken, where it moved within ten seconds: mean pinball loss, that of persistence, share within .1 and .9\n");
	for (int group = -1; group < CORPUS_GROUP_COUNT; group++)
		for (int r = 0; r < RESOURCE_COUNT; r++) {
			if (!demand_measure(corpus, group, (enum resource)r, 0).count)
				continue;
			printf("%-13s %-6s", group < 0 ? "all" : corpus_group_name((enum corpus_group)group),
			       resource_name((enum resource)r));
			for (uint32_t h = 0; h < FORECAST_HORIZONS; h++) {
				struct demand_figures f = demand_measure(corpus, group, (enum resource)r, h);

				printf("  %2u s %6.4f %6.4f %4.2f", forecast_horizon_s[h], f.pinball / f.count, f.pinball_now / f.count,
				       f.cover80 / f.count);
			}
			putchar('\n');
		}
}

static void number_print(const char *name, double value)
{
	if (isfinite(value))
		printf("\"%s\":%.4f", name, value);
	else
		printf("\"%s\":null", name);
}

/* A group's, or all: what was said within the main horizon, and the alarms. */
static void spoken_print(const struct corpus *corpus, int group, const struct onset_figures *f)
{
	struct onset_figures alarms = onset_measure(corpus, group, SPEAKS_SPOKEN, ALARM_HORIZON);

	number_print("recall", alarms.recall);
	putchar(',');
	number_print("lead_s_median", alarms.lead_median_s);
	putchar(',');
	number_print("lead_s_p10", alarms.lead_p10_s);
	putchar(',');
	number_print("ece", f->ece);
	putchar(',');
	number_print("ece_any", f->ece_any);
}

static void groups_print(const struct corpus *corpus)
{
	printf(",\"groups\":{");
	for (int group = 0; group < CORPUS_GROUP_COUNT; group++) {
		struct onset_figures f = onset_measure(corpus, group, SPEAKS_SPOKEN, MAIN_HORIZON);

		printf("%s\"%s\":{", group ? "," : "", corpus_group_name((enum corpus_group)group));
		number_print("prevalence", f.prevalence);
		putchar(',');
		number_print("auprc", f.auprc);
		putchar(',');
		number_print("persistence", onset_measure(corpus, group, SPEAKS_NOW, MAIN_HORIZON).auprc);
		putchar(',');
		spoken_print(corpus, group, &f);
		putchar('}');
	}
	printf("},\"baselines\":{");
	for (int who = SPEAKS_NOW; who <= SPEAKS_LOGISTIC; who++) {
		printf("%s", who > SPEAKS_NOW ? "," : "");
		number_print(speaks_name[who], onset_measure(corpus, -1, (enum speaks)who, MAIN_HORIZON).auprc);
	}
	putchar('}');
}

static double cover_all(const struct corpus *corpus)
{
	double cover = 0, count = 0;

	for (int r = 0; r < RESOURCE_COUNT; r++)
		for (uint32_t h = 0; h < FORECAST_HORIZONS; h++) {
			struct demand_figures f = demand_measure(corpus, -1, (enum resource)r, h);

			cover += f.cover80;
			count += f.count;
		}
	return cover / count;
}

static void json_print(const struct corpus *corpus)
{
	struct onset_figures spoken = onset_measure(corpus, -1, SPEAKS_SPOKEN, MAIN_HORIZON);

	printf("{\"bench\":\"forecast\",");
	number_print("prevalence", spoken.prevalence);
	putchar(',');
	number_print("auprc", spoken.auprc);
	groups_print(corpus);
	putchar(',');
	number_print("auprc_int8", onset_measure(corpus, -1, SPEAKS_INT8, MAIN_HORIZON).auprc);
	putchar(',');
	number_print("auprc_float", onset_measure(corpus, -1, SPEAKS_FLOAT, MAIN_HORIZON).auprc);
	putchar(',');
	number_print("auprc_told", onset_measure(corpus, -1, SPEAKS_TOLD, MAIN_HORIZON).auprc);
	putchar(',');
	spoken_print(corpus, -1, &spoken);
	putchar(',');
	number_print("coverage80", cover_all(corpus));
	printf("}\n");
}

int main(int argc, char **argv)
{
	struct model *model = must_alloc(1, sizeof(*model));
	char message[MODEL_MESSAGE_MAX];
	struct corpus corpus;
	struct stat info;

	if ((argc != 3 && argc != 4) || (argc == 4 && strcmp(argv[3], "validation"))) {
		fprintf(stderr, "usage: bench_forecast MODEL CORPUS [validation]\n       make bench-forecast [PART=validation]\n");
		return 2;
	}
	if (stat(argv[2], &info) || !S_ISDIR(info.st_mode)) {
		fprintf(stderr, "%s: no recordings there; make them with `make corpus`\n", argv[2]);
		return 2;
	}
	if (model_load(argv[1], model, message, sizeof(message)) < 0) {
		fprintf(stderr, "%s\n", message);
		return 1;
	}
	if (corpus_load(argv[2], model, argc == 4, &corpus) < 0)
		return 1;
	corpus_speak(&corpus, model);
	printf("%u recordings, %u of them %s; %zu lives of instances with bounds\n", corpus.recordings, corpus.scored,
	       corpus.is_validation ? "of the validation part" : "held out", corpus.count);
	onset_print(&corpus);
	demand_print(&corpus);
	json_print(&corpus);
	corpus_free(&corpus);
	free(model);
	return 0;
}
