/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What learning from and scoring of the virtual machines share. */
#ifndef FORESTALL_REALDATA_BITBRAINS_H
#define FORESTALL_REALDATA_BITBRAINS_H

#include "realdata.h"

#define TEST_START 6912		/* slot */
#define SATURATED 95.0f		/* percent of the CPU, twice in a row */
#define HEALTHY 90.0f		/* only below it something is to be foreseen */
#define ONSET_STEPS 6		/* half an hour */

struct bitbrains {
	struct schema schema;
	struct table train, test;
	bool has_strangers;	/* the test folder has machines that the training folder lacks */
};

enum speaker { SPEAKER_INT8, SPEAKER_FLOAT, SPEAKER_PERSISTENCE, SPEAKER_RIDGE, SPEAKER_COUNT };

struct slot_score {
	double untrusted;	/* absolute error of the int8 median as it is */
	double absolute[SPEAKER_COUNT], squared[SPEAKER_COUNT], value, count;
	double pinball[2][FORECAST_QUANTILES], cover[2][FORECAST_QUANTILES];
	double pinball_alone[FORECAST_QUANTILES];	/* of the int8 model as it comes */
	double cover_active[FORECAST_QUANTILES], active;	/* where the machine was active in this */
};

struct onset {
	struct scored *model[ARITHMETIC_COUNT], *now, *hour;	/* the latter: current CPU, maximum of the last hour */
	size_t count;
};

bool bitbrains_is_unseen(const struct bitbrains *set, const char *name);
/* 1 or 0: saturation begins within so many steps; -1: not healthy now, or the end is not known. */
int bitbrains_onset(const struct series *series, uint32_t columns, uint32_t t, uint32_t within, uint32_t end);
void bitbrains_print(const struct schema *schema, const struct slot_score slots[SLOTS_MAX]);
void bitbrains_print_json(const struct schema *schema, const struct slot_score slots[SLOTS_MAX], FILE *json);
/* Says nothing of a group without an onset. */
void bitbrains_print_onset(const char *name, struct onset *onset, FILE *json);
void bitbrains_score(const struct bench *bench, const struct bitbrains *set, const struct learner *learner);

#endif
