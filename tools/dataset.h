/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recordings as training data: frames from the shipping extractor, labels from what was measured later.
 *
 * Of each SLI that is bound, "violated within h" of second t is as in train_truth_fill(). A second in which our own action held somewhere is censored: what would have happened without
 * it is not known, so neither its SLI nor a "not violated" that spans it is a label.
 *
 * Where the clock jumps or seconds are missing (the mind stood still, the host slept) a sequence ends and another begins: nothing is learned
 * across the gap.
 */
#ifndef FORESTALL_DATASET_H
#define FORESTALL_DATASET_H

#include "corpus_run.h"
#include "predict/predictor.h"
#include "predict/train.h"

struct dataset_source {
	char file[256];		/* name without directories */
	char label[128];
	uint32_t crc32;		/* of the file's bytes */
	uint32_t seconds;	/* frames taken */
	struct corpus_run run;	/* when is_corpus */
	bool is_corpus;
	size_t sequence_first, sequence_count;	/* its sequences */
};

struct dataset {
	struct train_sequence *sequence;
	size_t sequence_count;
	struct dataset_source *source;
	size_t source_count;
	uint64_t frames;
	uint64_t violated[OUTPUT_RISKS], known[OUTPUT_RISKS];	/* labels at DATASET_HORIZON */
	bool is_annotated_only;	/* set before the first is added: the others are left out */
};

#define DATASET_HORIZON 1	/* 2 s */

/* Weight of an instance without a bound: it teaches demand, and that quiet instances are quiet. */
#define DATASET_WEIGHT_UNBOUND 0.25f

/* Adds one recording. 0, or -errno and one line in error[]; the dataset is then as before. */
int dataset_add(struct dataset *dataset, const char *path, char error[256]);

/* What the second that was closed last says of an instance: known is what our own action did not shape. */
struct train_label dataset_label(const struct predictor_instance *instance, bool is_acted);

/*
 * What a recording is for: of the corpus its label says so; of others every fifth is held out (as a shape unseen) and every
 * fifth after it validates. 0, or as above.
 */
int dataset_part(const char *path, size_t idx, enum corpus_part *ret, char error[256]);

void dataset_free(struct dataset *dataset);

#endif
