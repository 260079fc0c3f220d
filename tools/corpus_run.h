/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a recording of the corpus says of itself, in the label that its header carries (`forestalld --label`): words NAME=VALUE
 * as `tests/corpus/plan SEED SECONDS` prints them. Trainer and benchmarks read it here and nowhere else.
 *
 *	family=leak group=irreversible role=harmful part=train seed=10100 seconds=75 where=vm
 */
#ifndef FORESTALL_CORPUS_RUN_H
#define FORESTALL_CORPUS_RUN_H

#include <stdbool.h>
#include <stdint.h>

/* By what there is to foresee. */
#define CORPUS_GROUP_TABLE(X) \
	X(IRREVERSIBLE, "irreversible") X(RECURRING, "recurring") X(ANNOUNCED, "announced") X(TREND, "trend") \
	X(RAMP, "ramp") X(STEP, "step")

/* What a recording is for. Of the last two nothing is learned, not even which epoch is best. */
#define CORPUS_PART_TABLE(X) \
	X(TRAIN, "train") X(VALIDATION, "validation") X(UNSEEN_SHAPE, "unseen-shape") X(UNSEEN_FAMILY, "unseen-family")

enum corpus_group {
#define CORPUS_GROUP_ENUM(id, name) CORPUS_GROUP_##id,
	CORPUS_GROUP_TABLE(CORPUS_GROUP_ENUM)
#undef CORPUS_GROUP_ENUM
	CORPUS_GROUP_COUNT
};

enum corpus_part {
#define CORPUS_PART_ENUM(id, name) CORPUS_PART_##id,
	CORPUS_PART_TABLE(CORPUS_PART_ENUM)
#undef CORPUS_PART_ENUM
	CORPUS_PART_COUNT
};

struct corpus_run {
	char family[32];
	enum corpus_group group;
	enum corpus_part part;
	bool is_harmful;	/* meant to hurt; else its look-alike */
	uint64_t seed;
};

const char *corpus_group_name(enum corpus_group group);
const char *corpus_part_name(enum corpus_part part);

/* False when the label is not one of the corpus: a word is missing or unknown. *ret is then untouched. */
bool corpus_run_parse(const char *label, struct corpus_run *ret);

#endif
