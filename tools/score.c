/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "score.h"

#include <math.h>

#include "print.h"

#define SHOWN (sizeof(shown) / sizeof(shown[0]))
static const int shown[] = { 1, 2, 3 };	/* horizons */

#define QUANTILES (RESOURCE_COUNT + 1)	/* the last is the leading SLI's */

static const char *quantile_name(int i)
{
	return i < RESOURCE_COUNT ? resource_name((enum resource)i) : "leading SLI";
}

const char *score_risk_name(int risk)
{
	return risk == OUTPUT_RISK_FAILURE ? "failure" : sli_name((enum sli)risk);
}

static const struct train_quantile_score *quantile_score(const struct train_score *score, int i, int h)
{
	return i < RESOURCE_COUNT ? &score->horizon[h].demand[i] : &score->horizon[h].sli;
}

/* NaN has no place in JSON. */
static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *quantile_row(const struct train_score *score, int i, int h)
{
	const struct train_quantile_score *at = quantile_score(score, i, h);
	json_t *cover = json_array();

	for (int q = 0; q < FORECAST_QUANTILES; q++)
		json_array_append_new(cover, number(at->cover[q]));
	return json_pack("{s:s,s:i,s:o,s:o,s:o}", "of", quantile_name(i), "horizon_s", (int)forecast_horizon_s[h],
			 "pinball", number(at->pinball), "persistence", number(at->persistence), "cover", cover);
}

static json_t *risk_row(const struct train_score *score, int sli, int h)
{
	const struct train_risk_score *at = &score->horizon[h].risk[sli];

	return json_pack("{s:s,s:i,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "of", score_risk_name(sli), "horizon_s",
			 (int)forecast_horizon_s[h], "bce", number(at->bce), "bce_persistence",
			 number(at->bce_persistence), "brier", number(at->brier), "brier_persistence",
			 number(at->brier_persistence), "auprc", number(at->auprc), "auprc_persistence",
			 number(at->auprc_persistence), "base_rate", number(at->base_rate), "onset_auprc",
			 number(at->onset_auprc), "onset_base_rate", number(at->onset_base_rate));
}

json_t *score_json(const struct train_score *score)
{
	json_t *quantiles = json_array(), *risk = json_array();

	for (int i = 0; i < QUANTILES; i++)
		for (size_t k = 0; k < SHOWN; k++)
			if (quantile_score(score, i, shown[k])->total > 0)
				json_array_append_new(quantiles, quantile_row(score, i, shown[k]));
	for (int s = 0; s < OUTPUT_RISKS; s++)
		for (size_t k = 0; k < SHOWN; k++)
			if (score->horizon[shown[k]].risk[s].total > 0)
				json_array_append_new(risk, risk_row(score, s, shown[k]));
	return json_pack("{s:o,s:o}", "quantiles", quantiles, "risk", risk);
}

static void quantile_cells(struct table *table, const struct train_score *real, const struct train_score *quantized,
			   int i, int h)
{
	const struct train_quantile_score *f = quantile_score(real, i, h), *q = quantile_score(quantized, i, h);

	table_cell(table, "%s", quantile_name(i));
	table_cell(table, "%u s", forecast_horizon_s[h]);
	table_cell(table, "%.4f", f->pinball);
	table_cell(table, "%.4f", q->pinball);
	table_cell(table, "%.4f", q->persistence);
	for (int k = 0; k < FORECAST_QUANTILES; k++)
		table_cell(table, "%.2f", q->cover[k]);
}

static void risk_cells(struct table *table, const struct train_score *real, const struct train_score *quantized,
		       int sli, int h)
{
	const struct train_risk_score *f = &real->horizon[h].risk[sli], *q = &quantized->horizon[h].risk[sli];
	const double values[] = {
		q->brier, q->brier_persistence, f->auprc, q->auprc, q->auprc_persistence, q->base_rate,
		f->onset_auprc, q->onset_auprc, q->onset_base_rate,
	};

	table_cell(table, "%s", score_risk_name(sli));
	table_cell(table, "%u s", forecast_horizon_s[h]);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		table_cell(table, isfinite(values[i]) ? "%.3f" : "-", values[i]);
}

static void quantiles_print(const struct train_score *real, const struct train_score *quantized)
{
	static const char *const headings[] = { "pinball of", ">ahead", ">float", ">int8", ">persist", ">below .1",
						">.5", ">.9", ">.99" };
	struct table *table = table_new(headings, sizeof(headings) / sizeof(headings[0]));

	for (int i = 0; i < QUANTILES; i++)
		for (size_t k = 0; k < SHOWN; k++)
			if (quantile_score(quantized, i, shown[k])->total > 0)
				quantile_cells(table, real, quantized, i, shown[k]);
	table_print(table, SIZE_MAX);
	table_free(table);
}

static void risk_print(const struct train_score *real, const struct train_score *quantized)
{
	static const char *const headings[] = { "risk of", ">within", ">Brier", ">persist", ">AUPRC float", ">int8",
						">persist", ">base", ">onset float", ">int8", ">base" };
	struct table *table = table_new(headings, sizeof(headings) / sizeof(headings[0]));

	for (int s = 0; s < OUTPUT_RISKS; s++)
		for (size_t k = 0; k < SHOWN; k++)
			if (quantized->horizon[shown[k]].risk[s].total > 0)
				risk_cells(table, real, quantized, s, shown[k]);
	table_print(table, SIZE_MAX);
	table_free(table);
}

void score_print(const struct train_score *real, const struct train_score *quantized)
{
	quantiles_print(real, quantized);
	putchar('\n');
	risk_print(real, quantized);
}

struct table *score_group_table(void)
{
	static const char *const headings[] = { "group", ">within", ">Brier", ">persist", ">onset AUPRC", ">base", ">cpu",
						">memory", ">io", ">net", ">leading SLI" };

	return table_new(headings, sizeof(headings) / sizeof(headings[0]));
}

/* Means over SLIs; of onsets over those that have some. */
struct risk_mean {
	double brier, persistence, total, auprc, base, onsets;
};

static struct risk_mean risk_mean(const struct train_horizon_score *at)
{
	struct risk_mean mean = { 0 };

	for (int s = 0; s < SLI_LEARNED_COUNT; s++) {
		const struct train_risk_score *risk = &at->risk[s];

		if (!(risk->total > 0))
			continue;
		mean.brier += risk->brier * risk->total;
		mean.persistence += risk->brier_persistence * risk->total;
		mean.total += risk->total;
		if (!isfinite(risk->onset_auprc))
			continue;
		mean.auprc += risk->onset_auprc * risk->total;
		mean.base += risk->onset_base_rate * risk->total;
		mean.onsets += risk->total;
	}
	return mean;
}

void score_group_row(struct table *table, const char *group, const struct train_score *score)
{
	for (size_t k = 0; k < SHOWN; k++) {
		struct risk_mean mean = risk_mean(&score->horizon[shown[k]]);
		const double values[] = { mean.brier / mean.total, mean.persistence / mean.total, mean.auprc / mean.onsets,
					  mean.base / mean.onsets };

		table_cell(table, "%s", group);
		table_cell(table, "%u s", forecast_horizon_s[shown[k]]);
		for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
			table_cell(table, isfinite(values[i]) ? "%.3f" : "-", values[i]);
		for (int i = 0; i < QUANTILES; i++) {
			const struct train_quantile_score *at = quantile_score(score, i, shown[k]);

			table_cell(table, at->persistence > 1e-6 ? "%.2f" : "-", at->pinball / at->persistence);
		}
	}
}
