/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The LSTM and the trainer of agent/predict on series that nobody here wrote: what bench_realdata's files share.
 *
 * A folder of CSV files becomes a table of series; the schema file says which columns it has, what the 64 inputs of the
 * model are, and how far ahead it looks. The trainer's 24 quantile slots and 42 risks are used as they are: a slot stands
 * for a column at a distance, and one that no label speaks of stays silent.
 *
 * Everything about the future is relative to now: label = asinh((x[t + ahead] - x[t]) / scale[t]), scale[t] being a floor
 * plus the mean change per step of the last half day. So persistence is 0 everywhere, one model serves series of any
 * size, and quantiles come back exactly (the map is monotone).
 */
#ifndef FORESTALL_REALDATA_H
#define FORESTALL_REALDATA_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "predict/train.h"

#define COLUMNS_MAX 24
#define AHEAD_MAX 6
#define SLOTS_MAX (FORECAST_HORIZONS * RESOURCE_COUNT)
#define RISKS_MAX (FORECAST_HORIZONS * SLI_LEARNED_COUNT)
#define NAME_MAX_BYTES 96

/* --- schema: realdata_schema.c ----------------------------------------------------------------------------------------*/

enum curve {
	CURVE_LINEAR,
	CURVE_LOG,	/* log1p: of what spans decades */
	CURVE_COUNT
};

enum operation {
	OPERATION_LEVEL,	/* x * factor */
	OPERATION_SCALE,	/* log of the column's scale over its floor, / 4 */
	OPERATION_BUSY,		/* log of the mean change of the last hour over scale, / 4 */
	OPERATION_MEAN,		/* of x[t - lag + 1 .. t - lag + width], relative to now */
	OPERATION_MAX,
	OPERATION_MIN,
	OPERATION_TOP,		/* the same maximum, * factor */
	OPERATION_RATE,		/* share of time at or above a threshold, width steps of memory, square root */
	OPERATION_SINCE,	/* log1p of steps since then, / 8 */
	OPERATION_HOUR,		/* sine and cosine of the time of day: two inputs */
	OPERATION_COUNT
};

struct schema_column {
	char name[16];
	char source[2][24];	/* of the CSV */
	char join;		/* between them: '+', '/', or 0 without a second */
	enum curve curve;
	float floor;		/* of scale */
};

struct schema_input {
	enum operation operation;
	uint32_t column;
	int32_t lag, width;
	float factor;		/* or threshold */
};

struct schema {
	char files[64];			/* glob below the folder */
	char key[24], time[24], label[24];	/* columns of the CSV; label may be "" */
	double time_start, time_step;	/* rows are placed at (time - start) / step; step 0: one after the other */
	uint32_t columns, inputs, aheads;
	struct schema_column column[COLUMNS_MAX];
	struct schema_input input[FEATURE_COUNT];
	uint32_t ahead[AHEAD_MAX];	/* steps */
};

/* 0, or -1 with a line on stderr. */
int schema_load(const char *file, const char *section, struct schema *ret);

/* --- table: realdata_table.c, realdata_text.c --------------------------------------------------------------------------*/

/* One VM, server or file. */
struct series {
	char name[NAME_MAX_BYTES];
	uint32_t steps;
	uint32_t capacity;
	float *value;		/* [steps][columns], after the curve; missing ones repeat the last */
	float *scale;		/* [steps][columns] */
	float *highest;		/* [steps][columns], so far */
	double *time;		/* [steps], seconds */
	uint16_t *label;	/* [steps] */
	uint8_t *known;		/* [steps]: there was such a row */
	float *score[2];	/* [steps], what a detector made of it; freed with the table */
};

struct table {
	const struct schema *schema;
	uint32_t count;
	struct series *series;
};

/* Lines of a file through `xz -dc` where its name ends in .xz. NULL with a line on stderr. */
FILE *text_open(const char *path, int *ret_child);
/* 0, or -1 when the child failed. */
int text_close(FILE *file, int child);

/* Files with a column of labels are test files where the data set has both kinds. */
enum labelled { LABELLED_ANY, LABELLED_NO, LABELLED_YES };

/* All files that match. 0; 1: there is none; -1 with a line on stderr. */
int table_load(const struct schema *schema, const char *folder, enum labelled wanted, struct table *ret);
void table_free(struct table *table);
/* Computes scale and highest again after values were changed. */
void series_rescale(const struct schema *schema, struct series *series);
const struct series *table_find(const struct table *table, const char *name);

/* --- frames: realdata_frame.c ------------------------------------------------------------------------------------------*/

/* Inputs of all steps, [steps][FEATURE_COUNT]; the caller frees. */
float (*frames_new(const struct schema *schema, const struct series *series))[FEATURE_COUNT];
/* Quantile labels of steps whose future lies below end; [steps], the caller frees. Risks are the caller's to set. */
struct train_truth *truth_new(const struct schema *schema, const struct series *series, uint32_t end);
void truth_set_risk(struct train_truth *truth, uint32_t risk, bool violated);
/* A slot's quantiles, in units of its labels. */
void slot_quantiles(const float *output, uint32_t slot, float ret[FORECAST_QUANTILES]);
/* Which output is the logit of a risk. */
uint32_t risk_output(uint32_t risk);
static inline uint32_t slot_of(const struct schema *schema, uint32_t ahead_idx, uint32_t column)
{
	return ahead_idx * schema->columns + column;
}

/* --- learning: realdata_learn.c ----------------------------------------------------------------------------------------*/

#define MODELS_MAX 5

struct lesson {
	struct train_sequence *sequence;
	size_t count, capacity;
};

/* Borrows the rows. */
void lesson_add(struct lesson *lesson, float (*input)[FEATURE_COUNT], struct train_truth *truth, uint32_t from,
		uint32_t to, float weight);

struct learner {
	uint32_t count;
	struct lstm_float real[MODELS_MAX];
	struct lstm_weights quantized[MODELS_MAX];
};

/* Trains count models, with consecutive seeds. 0, or -1 with a line on stderr. */
int learner_train(struct learner *learner, uint32_t count, const struct train_options *options, const struct lesson *train,
		  const struct lesson *validation);

enum arithmetic { ARITHMETIC_INT8, ARITHMETIC_FLOAT, ARITHMETIC_COUNT };

/* Mean outputs of the models over a series from its start, [steps][OUTPUT_COUNT]; the caller frees. */
float (*learner_run(const struct learner *learner, enum arithmetic arithmetic, float (*input)[FEATURE_COUNT],
		    uint32_t steps))[OUTPUT_COUNT];

/* --- metrics: realdata_metric.c ----------------------------------------------------------------------------------------*/

struct scored {
	float score;
	bool positive;
};

/* Average precision, ties together; sorts. NaN without a positive. */
double average_precision(struct scored *scored, size_t count);
double share_positive(const struct scored *scored, size_t count);
float pinball(float quantile, float level, float label);
/* The value below which `share` of the values lie; sorts. */
float quantile_of(float *values, size_t count, double share);

/* Least squares with a ridge, on sums that were gathered row by row. */
#define RIDGE_MAX 84
struct ridge {
	uint32_t size;
	double products[RIDGE_MAX][RIDGE_MAX], targets[RIDGE_MAX], weight[RIDGE_MAX];
};
void ridge_add(struct ridge *ridge, const float *x, float y);
/* Solves into weight. */
void ridge_solve(struct ridge *ridge, double penalty);
float ridge_say(const struct ridge *ridge, const float *x);

/* --- the data sets: each prints its table, and its part of the JSON into json. 0; 1: left out; -1 ----------------------------*/

struct bench {
	const char *train, *test, *schema;
	uint64_t seed;
	uint32_t epochs;	/* of every training; 0: each data set's own */
	FILE *json;
};

int bitbrains_run(const struct bench *bench);
int nab_run(const struct bench *bench);
int asd_run(const struct bench *bench);
int hdfs_run(const struct bench *bench);

void *must_alloc(size_t count, size_t bytes);

#endif
