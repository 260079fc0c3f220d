/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How good the forecasts are on recordings of the corpus: what bench_forecast's files share. The task is onset: of an annotated
 * instance that is healthy now, is some bound violated within the horizon?
 */
#ifndef FORESTALL_FORECAST_BENCH_H
#define FORESTALL_FORECAST_BENCH_H

#include <stdbool.h>

#include "predict/model.h"
#include "predict/train.h"
#include "tools/corpus_run.h"
#include "realdata.h"

/*
 * Who is scored. SPOKEN is what forestalld would have said, gate and calibration included. TOLD is no forecaster: the same regression as
 * LOGISTIC, which is told the loads that will come within the horizon, so what nobody who forecasts them could do better.
 */
#define SPEAKER_TABLE(X) \
	X(SPOKEN, "spoken") X(INT8, "int8") X(FLOAT, "float") X(NOW, "persistence") X(HEADROOM, "headroom") X(EWMA, "ewma") \
	X(LOGISTIC, "logistic") X(TOLD, "told")

enum speaks {
#define SPEAKS_ENUM(id, name) SPEAKS_##id,
	SPEAKER_TABLE(SPEAKS_ENUM)
#undef SPEAKS_ENUM
	SPEAKS_COUNT
};

#define SHOWN_HORIZONS 3	/* 2, 5, 15 s */
#define MAIN_HORIZON 1		/* of them: 5 s */
#define ALARM_HORIZON 2		/* of them: 15 s, within which an alarm is right */

/* One life of one annotated instance in one recording. */
struct life {
	struct corpus_run run;
	bool is_scored, is_shown;	/* shown: to who is fitted here */
	uint32_t steps, room;
	uint32_t bound;		/* SLIs, bit per SLI */
	float (*input)[FEATURE_COUNT];
	struct train_truth *truth;
	struct spoken {
		float risk[SLI_LEARNED_COUNT][FORECAST_HORIZONS];
		float demand[RESOURCE_COUNT][FORECAST_HORIZONS][FORECAST_QUANTILES];	/* share of capacity */
	} *spoken;
	float (*score)[SPEAKS_COUNT][SHOWN_HORIZONS];
	float (*said)[SPEAKS_FLOAT + 1][SLI_LEARNED_COUNT];	/* of each bound's violation within MAIN_HORIZON, by who tells them apart */
};

struct corpus {
	struct life *life;
	size_t count;
	uint32_t recordings, scored;
	bool is_validation;	/* the scored are */
};

extern const uint32_t shown_horizon[SHOWN_HORIZONS];	/* index of forecast_horizon_s */
extern const char *const speaks_name[SPEAKS_COUNT];

/*
 * All recordings of a folder as the model in `model` would have seen them. Scored are those held out and the others shown; or, to choose
 * between models without a look at what they are judged by, the validation part is scored and the training part shown. 0, or -1 with a
 * line on stderr.
 */
int corpus_load(const char *folder, const struct model *model, bool is_validation, struct corpus *ret);
void corpus_free(struct corpus *corpus);

/* 1 or 0: a violation begins within the horizon; -1: not healthy now, or not known. */
int life_onset(const struct life *life, uint32_t t, uint32_t horizon);
bool life_is_healthy(const struct life *life, uint32_t t);

/* Everybody's scores; the logistic regression is fitted on what is shown. */
void corpus_speak(struct corpus *corpus, const struct model *model);

/* Of some lives: figures of one speaker at one horizon. */
struct onset_figures {
	double prevalence, auprc;
	double recall, lead_median_s, lead_p10_s;	/* at one false alarm per instance and hour; leads of what was found */
	double ece;		/* of each bound's risk, held against that bound */
	double ece_any;		/* of scores that are probabilities, held against any bound */
	uint32_t events;
};

/* group < 0: all of them. */
struct onset_figures onset_measure(const struct corpus *corpus, int group, enum speaks who, uint32_t shown);

/* Pinball loss and cover of what was spoken of a demand where it moved within ten seconds, beside persistence. */
struct demand_figures {
	double pinball, pinball_now, cover80, count;
};
struct demand_figures demand_measure(const struct corpus *corpus, int group, enum resource resource, uint32_t horizon);

#endif
