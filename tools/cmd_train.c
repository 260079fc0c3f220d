/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forestall model train: from a folder of recordings to a model file. dataset_part() says which recordings are held out for
 * the figures printed at the end and which choose the best epoch; neither is ever trained on.
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

#include "challenge.h"
#include "command.h"
#include "dataset.h"
#include "predict/model.h"
#include "score.h"
#include "sense/modelfile.h"
#include "work.h"

/* Of a model: networks of so many units in all. */
#define MEMBERS 2
#define RESTARTS_MAX 64

struct training {
	const char *corpus, *out;
	struct train_options options;
	struct dataset set[CORPUS_PART_COUNT];
	struct train_score score[2][2];	/* of the held-out parts, shapes first: float, int8 */
	double loss_float, loss_int8;	/* best validation */
	uint32_t restarts;		/* trainings from consecutive seeds; the MEMBERS with the lowest validation loss are joined */
	struct member {
		struct train *train;
		double loss;		/* validation, int8 */
		uint64_t seed;
		int result;
	} member[RESTARTS_MAX];		/* best first, once all are done */
};

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
		enum corpus_part part;

		r = dataset_part(files.gl_pathv[i], i, &part, error);
		if (!r)
			r = dataset_add(&training->set[part], files.gl_pathv[i], error);
		if (r)
			fprintf(stderr, "%s\n", error);
	}
	globfree(&files);
	if (!r && !training->set[CORPUS_PART_TRAIN].sequence_count) {
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

/* All epochs from one seed; member->loss is that of the best. */
static int epochs_run(struct member *member, uint32_t epochs)
{
	struct train_report report;
	int r;

	while (!(r = train_epoch(member->train, &report))) {
		if (report.best)
			member->loss = report.validation_loss_int8;
		fprintf(stderr, "seed %llu epoch %u of %u  loss %.4f  validation float %.4f int8 %.4f%s%s\n",
			(unsigned long long)member->seed, report.epoch, epochs, report.train_loss, report.validation_loss_float,
			report.validation_loss_int8, report.quantized ? " (quantized)" : "", report.best ? " best" : "");
	}
	return r == -ENODATA ? 0 : r;
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

/* Labels of the training part: {"runq_p99": [violated, known], ...}. */
static json_t *labels_json(const struct dataset *set)
{
	json_t *labels = json_object();

	for (int s = 0; s < OUTPUT_RISKS; s++)
		json_object_set_new(labels, score_risk_name(s), json_pack("[I,I]", (json_int_t)set->violated[s],
									     (json_int_t)set->known[s]));
	return labels;
}

static json_t *scores_json(const struct train_score score[2])
{
	return json_pack("{s:o,s:o}", "float", score_json(&score[0]), "int8", score_json(&score[1]));
}

static uint32_t members_count(const struct training *training)
{
	return training->restarts < MEMBERS ? training->restarts : MEMBERS;
}

static json_t *seeds_json(const struct training *training)
{
	json_t *seeds = json_array();

	for (uint32_t m = 0; m < members_count(training); m++)
		json_array_append_new(seeds, json_integer((json_int_t)training->member[m].seed));
	return seeds;
}

static int provenance_write(const struct training *training, char text[MODEL_PROVENANCE_MAX + 1])
{
	json_t *recordings = json_array(), *root;
	size_t n;
	char date[32];
	time_t now = time(NULL);

	strftime(date, sizeof(date), "%Y-%m-%d", gmtime(&now));
	for (int part = 0; part < CORPUS_PART_COUNT; part++)
		sources_json(recordings, &training->set[part], corpus_part_name((enum corpus_part)part));
	root = json_pack("{s:s,s:s,s:o,s:i,s:i,s:I,s:o,s:f,s:f,s:o,s:o,s:o}", "trainer", "forestall model train", "date", date,
			 "seeds", seeds_json(training), "hidden",
			 (int)(training->options.hidden * members_count(training)), "epochs",
			 (int)training->options.epochs, "frames", (json_int_t)training->set[CORPUS_PART_TRAIN].frames,
			 "violated_within_2s", labels_json(&training->set[CORPUS_PART_TRAIN]), "validation_loss_float",
			 training->loss_float, "validation_loss_int8", training->loss_int8,
			 "unseen_shape", scores_json(training->score[0]), "unseen_family",
			 scores_json(training->score[1]), "recordings", recordings);
	n = root ? json_dumpb(root, text, MODEL_PROVENANCE_MAX, JSON_COMPACT | JSON_REAL_PRECISION(6)) : 0;
	json_decref(root);
	if (!n || n > MODEL_PROVENANCE_MAX)
		return -E2BIG;
	text[n] = '\0';
	return 0;
}

/* The held-out sequences of one group, borrowed; none without memory. */
static struct train_set group_view(const struct training *training, enum corpus_group group, struct train_sequence *room)
{
	size_t count = 0;

	for (int part = CORPUS_PART_UNSEEN_SHAPE; part < CORPUS_PART_COUNT; part++) {
		const struct dataset *set = &training->set[part];

		for (size_t i = 0; i < set->source_count; i++) {
			const struct dataset_source *source = &set->source[i];

			if (!source->is_corpus || source->run.group != group)
				continue;
			memcpy(room + count, set->sequence + source->sequence_first, source->sequence_count * sizeof(*room));
			count += source->sequence_count;
		}
	}
	return (struct train_set){ .sequences = room, .count = count };
}

/* Unseen shapes and families together, by what there is to foresee. */
static int groups_print(const struct training *training, const struct train_subject *subject, struct train_meter *scratch)
{
	size_t most = training->set[CORPUS_PART_UNSEEN_SHAPE].sequence_count + training->set[CORPUS_PART_UNSEEN_FAMILY].sequence_count;
	struct train_sequence *room = calloc(most + 1, sizeof(*room));
	struct table *table = score_group_table();
	struct train_score score;

	for (int group = 0; room && group < CORPUS_GROUP_COUNT; group++) {
		struct train_set set = group_view(training, (enum corpus_group)group, room);

		train_evaluate(&training->options, subject, &set, scratch, &score);
		if (set.count)
			score_group_row(table, corpus_group_name((enum corpus_group)group), &score);
	}
	printf("held out, by group; pinball losses as shares of that of persistence\n");
	table_print(table, SIZE_MAX);
	table_free(table);
	free(room);
	return room ? 0 : -ENOMEM;
}

/* Shapes, then families, that nothing was learned of; one of which there are no recordings is left out. */
static int held_out_score(struct training *training, const struct model *model, struct train_meter *scratch)
{
	struct train_subject real = { .real = &model->reference };
	struct train_subject quantized = { .quantized = &model->weights, .isa = lstm_isa_best() };

	for (int i = 0; i < 2; i++) {
		enum corpus_part part = i ? CORPUS_PART_UNSEEN_FAMILY : CORPUS_PART_UNSEEN_SHAPE;
		struct train_set set = view(&training->set[part]);

		train_evaluate(&training->options, &real, &set, scratch, &training->score[i][0]);
		train_evaluate(&training->options, &quantized, &set, scratch, &training->score[i][1]);
		if (!set.count)
			continue;
		printf("%s: %zu recordings, %zu sequences\n", corpus_part_name(part), training->set[part].source_count,
		       set.count);
		score_print(&training->score[i][0], &training->score[i][1]);
	}
	return groups_print(training, &quantized, scratch);
}

/* The members as one, in float and int8, as sure of itself as the validation part allows. */
static int model_join(const struct training *training, struct model *model)
{
	struct train_set validation = view(&training->set[CORPUS_PART_VALIDATION]);
	const struct lstm_float *members[MEMBERS];
	uint32_t count = members_count(training);
	int r;

	for (uint32_t m = 0; m < count; m++)
		members[m] = train_best(training->member[m].train);
	r = train_join(members, count, &model->reference);
	r = r ? r : train_widen(&validation, &model->reference);
	return r ? r : train_quantize(&model->reference, &model->weights);
}

static void validation_score(struct training *training, const struct model *model, struct train_meter *scratch)
{
	struct dataset *part = &training->set[training->set[CORPUS_PART_VALIDATION].sequence_count ? CORPUS_PART_VALIDATION :
								    CORPUS_PART_TRAIN];
	struct train_set set = view(part);
	struct train_score *score = &training->score[0][0];

	train_evaluate(&training->options, &(struct train_subject){ .real = &model->reference }, &set, scratch, score);
	training->loss_float = score->loss;
	train_evaluate(&training->options, &(struct train_subject){ .quantized = &model->weights, .isa = lstm_isa_best() }, &set,
		       scratch, score);
	training->loss_int8 = score->loss;
	fprintf(stderr, "joined: validation loss float %.4f int8 %.4f\n", training->loss_float, training->loss_int8);
}

static int model_finish(struct training *training)
{
	struct train_meter *scratch = calloc(1, sizeof(*scratch));
	struct model *model = calloc(1, sizeof(*model));
	char message[512];
	int r = scratch && model ? model_join(training, model) : -ENOMEM;

	if (!r) {
		validation_score(training, model, scratch);
		r = held_out_score(training, model, scratch);
	}
	if (!r)
		r = provenance_write(training, model->provenance);
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

static void restart_run(void *context, uint32_t index)
{
	struct training *training = context;
	struct train_set train_part = view(&training->set[CORPUS_PART_TRAIN]), validation = view(&training->set[CORPUS_PART_VALIDATION]);
	struct member *member = &training->member[index];
	struct train_options options = training->options;

	member->loss = INFINITY;
	member->seed = options.seed += index;
	member->result = train_new(&options, &train_part, &validation, NULL, &member->train);
	if (!member->result)
		member->result = epochs_run(member, options.epochs);
}

static int compare_members(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	return x->loss != y->loss ? (x->loss > y->loss) - (x->loss < y->loss) : (x->seed > y->seed) - (x->seed < y->seed);
}

/* From all seeds, as many at once as there are CPUs; the first that fails is told. */
static int restarts_run(struct training *training)
{
	int r = 0;

	work_all(training->restarts, restart_run, training);
	for (uint32_t i = 0; !r && i < training->restarts; i++)
		r = training->member[i].result;
	qsort(training->member, training->restarts, sizeof(training->member[0]), compare_members);
	for (uint32_t i = 0; i < members_count(training); i++)
		fprintf(stderr, "seed %llu: validation loss %.4f\n", (unsigned long long)training->member[i].seed, training->member[i].loss);
	return r;
}

/* What there is to learn from, by SLI: the model says nothing of one without labels. */
static void labels_tell(const struct dataset *set)
{
	fprintf(stderr, "%llu frames to train on; violated within %u s, of known:", (unsigned long long)set->frames,
		forecast_horizon_s[DATASET_HORIZON]);
	for (int s = 0; s < OUTPUT_RISKS; s++)
		fprintf(stderr, "%s %s %llu of %llu", s ? "," : "", score_risk_name(s),
			(unsigned long long)set->violated[s], (unsigned long long)set->known[s]);
	fputc('\n', stderr);
}

static int training_run(struct training *training)
{
	int r = corpus_load(training);

	if (r)
		return r;
	labels_tell(&training->set[CORPUS_PART_TRAIN]);
	r = restarts_run(training);
	if (!r)
		r = model_finish(training);
	if (r)
		fprintf(stderr, "training: %s\n", strerror(-r));
	for (uint32_t m = 0; m < training->restarts; m++)
		train_free(training->member[m].train);
	return r;
}

/* A corpus is small beside a network: chosen on its validation part, see docs/FORECAST.md. */
static void options_init(struct train_options *ret)
{
	train_options_init(ret);
	ret->direct_rate = 5;
	ret->dropout = 0.5f;
	ret->averaging = 0.98f;
	ret->weight_decay = 0.03f;
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
	uint32_t hidden = LSTM_HIDDEN_DEFAULT, members;
	int option, r;

	if (argc > 1 && !strcmp(argv[1], "--challenger"))
		return cmd_model_challenger(argc - 1, argv + 1);
	options_init(&training.options);
	optind = 1;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'c': training.corpus = optarg; break;
		case 'o': training.out = optarg; break;
		case 'e': training.options.epochs = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 's': training.options.seed = strtoull(optarg, NULL, 10); break;
		case 'r': training.restarts = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'h': hidden = (uint32_t)strtoul(optarg, NULL, 10); break;
		default: return 2;
		}
	}
	if (!training.corpus || !training.out) {
		fprintf(stderr, "usage: forestall model train --corpus DIR --out FILE [--epochs N] [--seed N] [--hidden N]\n"
				"       [--restarts N]\n"
				"       forestall model train --challenger ...: what the mind starts; see 'forestall model challenge'\n");
		return 2;
	}
	if (!training.restarts || training.restarts > RESTARTS_MAX) {
		fprintf(stderr, "--restarts %u: from 1 to %d\n", training.restarts, RESTARTS_MAX);
		return 2;
	}
	/* Units in all: each member has its share of them. */
	members = training.restarts < MEMBERS ? 1 : MEMBERS;
	if (!hidden || hidden % (members * LSTM_BLOCK) || hidden > LSTM_HIDDEN_MAX) {
		fprintf(stderr, "--hidden %u: units are a multiple of %u up to %d\n", hidden, members * LSTM_BLOCK, LSTM_HIDDEN_MAX);
		return 2;
	}
	training.options.hidden = hidden / members;
	r = training_run(&training);
	for (int part = 0; part < CORPUS_PART_COUNT; part++)
		dataset_free(&training.set[part]);
	return r ? 1 : 0;
}
