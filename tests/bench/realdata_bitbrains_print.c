/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables and the JSON of the virtual machines. */
#include <math.h>

#include "realdata_bitbrains.h"

enum figure {
	FIGURE_MAE, FIGURE_ND, FIGURE_SKILL, FIGURE_SKILL_RIDGE, FIGURE_RMSE, FIGURE_RIDGE_RMSE, FIGURE_PINBALL, FIGURE_COVERAGE,
	FIGURE_COVERAGE_ACTIVE, FIGURE_COUNT
};

static double slot_figure(const struct slot_score *s, enum figure figure)
{
	switch (figure) {
	case FIGURE_MAE: return s->absolute[SPEAKER_INT8] / s->count;
	case FIGURE_ND: return s->absolute[SPEAKER_INT8] / s->value;
	case FIGURE_SKILL: return 1 - s->absolute[SPEAKER_INT8] / s->absolute[SPEAKER_PERSISTENCE];
	case FIGURE_SKILL_RIDGE: return 1 - s->absolute[SPEAKER_INT8] / s->absolute[SPEAKER_RIDGE];
	case FIGURE_RMSE: return sqrt(s->squared[SPEAKER_INT8] / s->count);
	case FIGURE_RIDGE_RMSE: return sqrt(s->squared[SPEAKER_RIDGE] / s->count);
	case FIGURE_PINBALL: return s->pinball[0][1] / s->count;
	case FIGURE_COVERAGE: return (s->cover[0][2] - s->cover[0][0]) / s->count;
	default: return (s->cover_active[2] - s->cover_active[0]) / s->active;
	}
}

static double pinball_mean(const double pinball[FORECAST_QUANTILES])
{
	return (pinball[0] + pinball[1] + pinball[2] + pinball[3]) / FORECAST_QUANTILES;
}

void bitbrains_print(const struct schema *schema, const struct slot_score slots[SLOTS_MAX])
{
	printf("forecast   ahead     MAE   float   alone persist   ridge     ND  skill    RMSE persist   ridge"
	       "  pinball .1/.5/.9/.99  mean alone"
	       "  below .1   .5   .9  .99  .1-.9 active\n");
	for (uint32_t slot = 0; slot < schema->columns * schema->aheads; slot++) {
		const struct slot_score *s = &slots[slot];
		double n = s->count;

		printf("%-8s %3u min %7.3f %7.3f %7.3f %7.3f %7.3f %6.3f %6.3f %7.2f %7.2f %7.2f  %7.3f %7.3f %7.3f %7.3f %8.3f  %8.2f %4.2f %4.2f %4.2f  %5.2f %6.2f\n",
		       schema->column[slot % schema->columns].name, 5 * schema->ahead[slot / schema->columns],
		       s->absolute[0] / n, s->absolute[1] / n, s->untrusted / n, s->absolute[2] / n, s->absolute[3] / n,
		       s->absolute[0] / s->value, 1 - s->absolute[0] / s->absolute[2], sqrt(s->squared[0] / n),
		       sqrt(s->squared[2] / n), sqrt(s->squared[3] / n), s->pinball[0][0] / n, s->pinball[0][1] / n,
		       s->pinball[0][2] / n, s->pinball[0][3] / n, pinball_mean(s->pinball_alone) / n, s->cover[0][0] / n,
		       s->cover[0][1] / n, s->cover[0][2] / n, s->cover[0][3] / n, (s->cover[0][2] - s->cover[0][0]) / n,
		       slot_figure(s, FIGURE_COVERAGE_ACTIVE));
	}
}

void bitbrains_print_onset(const char *name, struct onset *onset, FILE *json)
{
	double ap[ARITHMETIC_COUNT];

	if (!onset->count || share_positive(onset->now, onset->count) <= 0)
		return;
	for (int a = 0; a < ARITHMETIC_COUNT; a++)
		ap[a] = average_precision(onset->model[a], onset->count);
	printf("onset, %-7s  AUPRC int8 %.3f float %.3f  current CPU %.3f  maximum of the hour %.3f  a guess %.5f\n",
	       *name ? name : "all", ap[ARITHMETIC_INT8], ap[ARITHMETIC_FLOAT], average_precision(onset->now, onset->count),
	       average_precision(onset->hour, onset->count), share_positive(onset->now, onset->count));
	fprintf(json, ",\"onset_auprc%s%s\":%.4f", *name ? "_" : "", name, ap[ARITHMETIC_INT8]);
}

/* "cpu_mae":[5 min, 30 min, 60 min], ... */
void bitbrains_print_json(const struct schema *schema, const struct slot_score slots[SLOTS_MAX], FILE *json)
{
	static const char *const names[] = { "mae", "nd", "skill", "skill_ridge", "rmse", "ridge_rmse", "pinball50", "coverage80",
					     "coverage80_active" };
	_Static_assert(sizeof(names) / sizeof(names[0]) == FIGURE_COUNT, "a name per figure");
	for (uint32_t c = 0; c < schema->columns; c++) {
		for (int f = 0; f < FIGURE_COUNT; f++) {
			/* The ridge is the CPU's where no column is named. */
			bool is_bare = c == 0 && f == FIGURE_RIDGE_RMSE;

			fprintf(json, "%s\"%s%s%s\":[", c || f ? "," : "", is_bare ? "" : schema->column[c].name,
				is_bare ? "" : "_", names[f]);
			for (uint32_t a = 0; a < schema->aheads; a++)
				fprintf(json, "%s%.4f", a ? "," : "",
					slot_figure(&slots[slot_of(schema, a, c)], (enum figure)f));
			fputc(']', json);
		}
	}
}
