/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forestall model train: from a folder of recordings to a model file. Every fifth recording is held out for the figures
 * printed at the end and every fifth after it chooses the best epoch; neither is ever trained on.
 */
#include <errno.h>
#include <getopt.h>
#include <glob.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "dataset.h"
#include "predict/model.h"
#include "sense/modelfile.h"

enum part { PART_TRAIN, PART_VALIDATION, PART_HELD_OUT, PART_COUNT };

struct training {
	const char *corpus, *out;
	struct train_options options;
	struct dataset set[PART_COUNT];
	struct train_score score[2];	/* of the held-out part: float, int8 */
	double loss_float, loss_int8;	/* best validation */
	uint32_t epochs_run;
	uint32_t restarts;		/* trainings from consecutive seeds; the lowest validation loss is kept */
	uint64_t best_seed;
};

static enum part part_of(size_t idx)
{
	return idx % 5 == 2 ? PART_HELD_OUT : idx % 5 == 4 ? PART_VALIDATION : PART_TRAIN;
}

static int corpus_load(struct training *training)
{
	char pattern[4096], error[256];
	glob_t files;
	int r = 0;

	snprintf(pattern, sizeof(pattern), "%s/*.rec", training->corpus);
	if (glob(pattern, 0, NULL, &files)) {
		fprintf(stderr, "corpus %s: no recordings (*.rec); make some with `make corpus` or `forestall record`\n",
			training->corpus);
		return -ENOENT;
	}
	for (size_t i = 0; !r && i < files.gl_pathc; i++) {
		enum part part = part_of(i);

		r = dataset_add(&training->set[part], files.gl_pathv[i], part == PART_HELD_OUT, error);
		if (r)
			fprintf(stderr, "%s\n", error);
	}
	globfree(&files);
	if (!r && !training->set[PART_TRAIN].sequence_count) {
		fprintf(stderr, "corpus %s: nothing long enough to learn from; record at least a minute\n",
			training->corpus);
		r = -ENODATA;
	}
	return r;
}

static struct train_set view(const struct dataset *set)
{
	return (struct train_set){ .sequences = set->sequence, .count = set->sequence_count };
}

static void progress(const struct train_report *report, uint32_t epochs)
{
	fprintf(stderr, "%sepoch %3u of %u  loss %.4f  validation float %.4f int8 %.4f%s%s%s", isatty(2) ? "\r" : "",
		report->epoch, epochs, report->train_loss, report->validation_loss_float, report->validation_loss_int8,
		report->quantized ? " (quantized)" : "            ", report->best ? " best" : "     ",
		isatty(2) ? "" : "\n");
}

/* All epochs from one seed; *ret_best is the report of the best. */
static int epochs_run(struct training *training, struct train *train, struct train_report *ret_best)
{
	struct train_report report;
	int r;

	while (!(r = train_epoch(train, &report))) {
		training->epochs_run = report.epoch;
		if (report.best)
			*ret_best = report;
		progress(&report, training->options.epochs);
	}
	if (isatty(2))
		fputc('\n', stderr);
	return r == -ENODATA ? 0 : r;
}

static json_t *score_json(const struct train_score *score)
{
	json_t *list = json_array();

	for (int h = 0; h < FORECAST_HORIZONS; h++) {
		const struct train_horizon_score *at = &score->horizon[h];
		const struct {
			const char *name;
			double value;
		} field[] = {
			{ "demand_pinball", at->demand_pinball },
			{ "demand_pinball_persistence", at->demand_pinball_persistence },
			{ "sli_pinball", at->sli_pinball },
			{ "sli_pinball_persistence", at->sli_pinball_persistence },
			{ "risk_brier", at->brier }, { "risk_brier_persistence", at->brier_persistence },
			{ "risk_auprc", at->auprc }, { "risk_auprc_persistence", at->auprc_persistence },
			{ "base_rate", at->base_rate },
			{ "onset_auprc", at->onset_auprc }, { "onset_base_rate", at->onset_base_rate },
		};
		json_t *row = json_pack("{s:i}", "horizon_s", (int)forecast_horizon_s[h]);

		for (size_t i = 0; i < sizeof(field) / sizeof(field[0]); i++)
			json_object_set_new(row, field[i].name,
					    isfinite(field[i].value) ? json_real(field[i].value) : json_null());
		json_array_append_new(list, row);
	}
	return list;
}

static void sources_json(json_t *list, const struct dataset *set, const char *part)
{
	for (size_t i = 0; i < set->source_count; i++) {
		char crc[16];

		snprintf(crc, sizeof(crc), "%08x", set->source[i].crc32);
		json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:i,s:s}", "file", set->source[i].file, "label",
						      set->source[i].label, "crc32", crc, "seconds",
						      (int)set->source[i].seconds, "part", part));
	}
}

static int provenance_write(const struct training *training, char text[MODEL_PROVENANCE_MAX + 1])
{
	json_t *recordings = json_array(), *root;
	size_t n;
	char date[32];
	time_t now = time(NULL);

	strftime(date, sizeof(date), "%Y-%m-%d", gmtime(&now));
	sources_json(recordings, &training->set[PART_TRAIN], "train");
	sources_json(recordings, &training->set[PART_VALIDATION], "validation");
	sources_json(recordings, &training->set[PART_HELD_OUT], "held-out");
	root = json_pack("{s:s,s:s,s:I,s:i,s:i,s:I,s:f,s:f,s:o,s:o,s:o}", "trainer", "forestall model train", "date", date,
			 "seed", (json_int_t)training->best_seed, "hidden", (int)training->options.hidden, "epochs",
			 (int)training->epochs_run, "frames", (json_int_t)training->set[PART_TRAIN].frames,
			 "validation_loss_float", training->loss_float, "validation_loss_int8", training->loss_int8,
			 "held_out_float", score_json(&training->score[0]), "held_out_int8",
			 score_json(&training->score[1]), "recordings", recordings);
	n = root ? json_dumpb(root, text, MODEL_PROVENANCE_MAX, JSON_COMPACT | JSON_REAL_PRECISION(6)) : 0;
	json_decref(root);
	if (!n || n > MODEL_PROVENANCE_MAX)
		return -E2BIG;
	text[n] = '\0';
	return 0;
}

static void scores_print(const struct training *training)
{
	printf("held out: %zu recordings, %zu sequences\n", training->set[PART_HELD_OUT].source_count,
	       training->set[PART_HELD_OUT].sequence_count);
	printf("%8s | %21s | %21s | %30s | %23s\n", "", "demand pinball", "SLI pinball", "P(violated) Brier / AUPRC",
	       "onset AUPRC");
	printf("%8s | %6s %6s %7s | %6s %6s %7s | %13s %16s | %6s %7s %8s\n", "horizon", "float", "int8", "persist", "float",
	       "int8", "persist", "int8", "persist", "float", "int8", "base");
	for (int h = 0; h < FORECAST_HORIZONS; h++) {
		const struct train_horizon_score *f = &training->score[0].horizon[h];
		const struct train_horizon_score *q = &training->score[1].horizon[h];

		printf("%6u s | %6.4f %6.4f %7.4f | %6.4f %6.4f %7.4f | %.4f / %.3f   %.4f / %.3f | %6.3f %7.3f %8.3f\n",
		       forecast_horizon_s[h], f->demand_pinball, q->demand_pinball, f->demand_pinball_persistence,
		       f->sli_pinball, q->sli_pinball, f->sli_pinball_persistence, q->brier, q->auprc,
		       q->brier_persistence, q->auprc_persistence, f->onset_auprc, q->onset_auprc, q->onset_base_rate);
	}
}

static int model_finish(struct training *training, const struct train *train)
{
	struct train_meter *scratch = calloc(1, sizeof(*scratch));
	struct model *model = calloc(1, sizeof(*model));
	struct train_set held_out = view(&training->set[PART_HELD_OUT]);
	struct train_subject real = { .real = train_best(train) };
	struct train_subject quantized = { .quantized = model ? &model->weights : NULL, .isa = lstm_isa_best() };
	char message[512];
	int r = scratch && model ? train_quantize(train_best(train), &model->weights) : -ENOMEM;

	if (!r) {
		model->reference = *train_best(train);
		train_evaluate(&training->options, &real, &held_out, scratch, &training->score[0]);
		train_evaluate(&training->options, &quantized, &held_out, scratch, &training->score[1]);
		scores_print(training);
		r = provenance_write(training, model->provenance);
	}
	if (!r) {
		r = model_save(training->out, model, message, sizeof(message));
		if (r)
			fprintf(stderr, "%s\n", message);
		else
			printf("%s written\n", training->out);
	}
	free(scratch);
	free(model);
	return r;
}

/* One training; the better of it and *best stays in *best. */
static int restart_run(struct training *training, const struct train_set *train_part, const struct train_set *validation,
		       struct train **best)
{
	struct train_report report = { .validation_loss_int8 = INFINITY };
	struct train *train;
	int r = train_new(&training->options, train_part, validation, NULL, &train);

	if (r)
		return r;
	r = epochs_run(training, train, &report);
	fprintf(stderr, "seed %llu: best validation loss %.4f at epoch %u\n", (unsigned long long)training->options.seed,
		report.validation_loss_int8, report.epoch);
	if (!r && (!*best || report.validation_loss_int8 < training->loss_int8)) {
		struct train *worse = *best;

		*best = train;
		train = worse;
		training->loss_float = report.validation_loss_float;
		training->loss_int8 = report.validation_loss_int8;
		training->best_seed = training->options.seed;
	}
	train_free(train);
	return r;
}

static int training_run(struct training *training)
{
	struct train_set train_part, validation;
	struct train *best = NULL;
	int r = corpus_load(training);

	if (r)
		return r;
	train_part = view(&training->set[PART_TRAIN]);
	validation = view(&training->set[PART_VALIDATION]);
	fprintf(stderr, "%llu frames to train on, %llu of %llu known labels violated within 2 s\n",
		(unsigned long long)training->set[PART_TRAIN].frames,
		(unsigned long long)training->set[PART_TRAIN].violated,
		(unsigned long long)training->set[PART_TRAIN].known);
	for (uint32_t i = 0; !r && i < training->restarts; i++, training->options.seed++)
		r = restart_run(training, &train_part, &validation, &best);
	if (!r)
		r = model_finish(training, best);
	if (r)
		fprintf(stderr, "training: %s\n", strerror(-r));
	train_free(best);
	return r;
}

int cmd_model_train(int argc, char **argv)
{
	static const struct option options[] = {
		{ "corpus", required_argument, NULL, 'c' }, { "out", required_argument, NULL, 'o' },
		{ "epochs", required_argument, NULL, 'e' }, { "seed", required_argument, NULL, 's' },
		{ "hidden", required_argument, NULL, 'h' }, { "restarts", required_argument, NULL, 'r' },
		{ 0 },
	};
	struct training training = { .restarts = 6 };
	int option, r;

	train_options_init(&training.options);
	optind = 1;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'c': training.corpus = optarg; break;
		case 'o': training.out = optarg; break;
		case 'e': training.options.epochs = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 's': training.options.seed = strtoull(optarg, NULL, 10); break;
		case 'r': training.restarts = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'h': training.options.hidden = (uint32_t)strtoul(optarg, NULL, 10); break;
		default: return 2;
		}
	}
	if (!training.corpus || !training.out) {
		fprintf(stderr, "usage: forestall model train --corpus DIR --out FILE [--epochs N] [--seed N] [--hidden N]\n"
				"       [--restarts N]\n");
		return 2;
	}
	r = training_run(&training);
	for (int part = 0; part < PART_COUNT; part++)
		dataset_free(&training.set[part]);
	return r ? 1 : 0;
}
