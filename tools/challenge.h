/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A challenger: trained from this host's history, and judged on the part of it that it did not see. */
#ifndef FORESTALL_CHALLENGE_H
#define FORESTALL_CHALLENGE_H

#include <stdbool.h>
#include <stdint.h>

#include "dataset.h"
#include "learn/store.h"
#include "predict/train_compare.h"

/* What a stretch of history is for: the youngest quarter judges, of the rest every fifth chooses the epoch. */
enum challenge_part { CHALLENGE_TRAIN, CHALLENGE_VALIDATION, CHALLENGE_HELD_OUT, CHALLENGE_PART_COUNT };

struct challenge_stretch {
	char name[64];
	uint64_t from_s, to_s;		/* UNIX */
	enum challenge_part part;
	struct dataset data;
};

/* Stretches in order of time; those that are damaged, excluded, too short, or too old for the memory there is, are left out. */
struct challenge_history {
	struct challenge_stretch *at;
	uint32_t count;
	uint32_t excluded, damaged, too_old;
	uint64_t frames;
};

#define CHALLENGE_STRETCHES_MIN 4

/* 0; -ENODATA: fewer than CHALLENGE_STRETCHES_MIN; -errno. One line in message then. */
int challenge_history_load(const char *dir, const struct store_windows *windows, uint64_t bytes_max,
			   struct challenge_history *ret, char message[STORE_MESSAGE_MAX]);
void challenge_history_free(struct challenge_history *history);

/* All sequences of a part; *ret->sequences is the caller's to free. */
int challenge_set(const struct challenge_history *history, enum challenge_part part, struct train_set *ret);

/*
 * Whether the challenger may replace the champion, with the reason in one line: enough was held out; the 5 % quantile of its gain in loss is
 * above 0; its calibration error is at most CHALLENGE_ECE_SLACK above the champion's; and its cross entropy is at most CHALLENGE_ENTROPY_SHARE
 * of that of who only knows how often violations are, which nothing learned from noise has.
 */
#define CHALLENGE_BLOCKS_MIN 10
#define CHALLENGE_VIOLATED_MIN 20
#define CHALLENGE_ECE_SLACK 0.005
#define CHALLENGE_ENTROPY_SHARE 0.97
bool challenge_is_better(const struct train_comparison *comparison, char reason[STORE_REASON_MAX]);

/* What `forestall model train --challenger` does; argv[0] is "--challenger". */
int cmd_model_challenger(int argc, char **argv);

#endif
