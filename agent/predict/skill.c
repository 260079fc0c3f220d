/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "skill.h"

#include <math.h>
#include <string.h>

#include "decode.h"
#include "predictor.h"

#define MEMORY_S 600		/* what trust remembers, as seconds of outcomes */
#define HAPPENED_MIN 5		/* bad outcomes before small worries count against the model */
#define WORRY_LOSS 0.02f	/* mean squared error that is forgiven until then: a risk of .14 all the time */
#define MOVED_KEPT 0.85f	/* of what an output moved, a second */
#define MOVED_MIN 0.01f		/* of capacity, or of an SLI's scale: less is standing still */
#define MEDIAN 1
#define LEADING RESOURCE_COUNT	/* output: the leading SLI */

/* The second that was closed last, and who speaks of what comes. */
struct second {
	float now[SKILL_OUTPUTS];
	uint32_t moving;	/* bit per output */
	uint32_t violated, known, measured;
	enum sli leading;
	float unit;	/* an SLI's readable value at its bound */
	bool has_model;	/* it spoke in this second; without a model at all the statistical forecaster stands for it */
	bool is_lstm;
	uint32_t learned_risks;	/* SLIs whose risk is the model's own, bit per SLI */
};

static const char *const by_names[] = {
	[SKILL_PERSISTENCE] = "persistence", [SKILL_HALF] = "half", [SKILL_MODEL] = "model",
	[SKILL_STATISTICAL] = "statistical", [SKILL_UNPROVEN] = "unproven",
};
_Static_assert(sizeof(by_names) / sizeof(by_names[0]) == SKILL_BY_COUNT, "every speaker has a name");

const char *skill_by_name(enum skill_by by)
{
	return (unsigned int)by < SKILL_BY_COUNT ? by_names[by] : "unknown";
}

static uint32_t stride_of(uint32_t horizon)
{
	return (forecast_horizon_s[horizon] + SKILL_PENDING - 1) / SKILL_PENDING;
}

static uint32_t memory_of(uint32_t horizon)
{
	return MEMORY_S / stride_of(horizon);
}

/* Four quantiles of one output, in the units that its outcomes are in. */
static void quantiles_read(const struct forecast *forecast, const struct second *second, uint32_t horizon, uint32_t output,
			   float ret[FORECAST_QUANTILES])
{
	for (int q = 0; q < FORECAST_QUANTILES; q++)
		ret[q] = output == LEADING ? feature_sli_scaled(forecast->sli[horizon][q], second->unit) :
					     forecast->demand[output][horizon][q];
}

static void quantiles_write(struct forecast *forecast, const struct second *second, uint32_t horizon, uint32_t output,
			    const float value[FORECAST_QUANTILES])
{
	for (int q = 0; q < FORECAST_QUANTILES; q++)
		if (output == LEADING)
			forecast->sli[horizon][q] = exp2f(4 * fminf(value[q], 4)) * second->unit;
		else
			forecast->demand[output][horizon][q] = fmaxf(value[q], 0);
}

/* --- what came true ------------------------------------------------------------------------------------------------------*/

static void output_settle(struct skill *skill, uint32_t horizon, uint32_t output, const struct skill_said *then, float outcome)
{
	float loss[TRUST_RIVALS], now = then->now[output];

	if (isnan(outcome) || isnan(now))
		return;
	trust_errors(now, then->model[output], outcome, loss);
	loss[SKILL_STATISTICAL] = fabsf(then->statistical[output] - outcome);
	trust_learn(&skill->output[horizon][output], memory_of(horizon), loss, TRUST_RIVALS);
	conform_learn(&skill->conform[horizon][output][then->moving >> output & 1], then->said[output], outcome);
}

static float squared(float value) { return value * value; }

static void risk_settle(struct skill *skill, struct conform_risk *map, uint32_t horizon, int sli, const struct skill_said *then,
			bool is_mapped)
{
	bool has_happened = then->happened >> sli & 1;
	float loss[TRUST_RIVALS], now = (float)(then->violated >> sli & 1), outcome = (float)has_happened;

	if (!(then->known >> sli & 1) && !has_happened)
		return;
	for (int level = 0; level < TRUST_LEVELS; level++)
		loss[level] = squared(trust_between((enum trust_level)level, now, then->risk_model[sli]) - outcome);
	loss[SKILL_STATISTICAL] = squared(then->risk_statistical[sli] - outcome);
	trust_learn(&skill->risk[horizon][sli], memory_of(horizon), loss, TRUST_RIVALS);
	skill->happened[horizon][sli] += has_happened;
	if (is_mapped)
		conform_risk_learn(map, then->raw[sli], has_happened);
}

/* Outcomes of all that waits at one horizon; what is due is settled. */
static void horizon_settle(struct skill *skill, struct conform_risk *map, uint32_t horizon, const struct second *second)
{
	struct skill_said *pending = skill->pending[horizon];

	for (uint32_t i = 0; i < skill->pending_count[horizon]; i++) {
		pending[i].happened |= second->violated;
		pending[i].known &= second->known;
	}
	if (!skill->pending_count[horizon] || skill->second - pending[0].second < forecast_horizon_s[horizon])
		return;
	for (uint32_t output = 0; output < SKILL_OUTPUTS; output++)
		output_settle(skill, horizon, output, &pending[0], second->now[output]);
	for (int sli = 0; sli < SLI_COUNT; sli++)
		if (skill->bound[sli])
			risk_settle(skill, map, horizon, sli, &pending[0], second->learned_risks >> sli & 1);
	memmove(&pending[0], &pending[1], --skill->pending_count[horizon] * sizeof(pending[0]));
}

/* --- what is said --------------------------------------------------------------------------------------------------------*/

/* Where the statistical forecaster stands for a model that is silent, or for none, it speaks in its own name. */
static enum skill_by named(enum skill_by by, const struct second *second)
{
	bool is_model = by == SKILL_MODEL || by == SKILL_UNPROVEN;

	return !second->has_model || (is_model && !second->is_lstm) ? SKILL_STATISTICAL : by;
}

static enum skill_by output_judge(const struct skill *skill, uint32_t horizon, uint32_t output)
{
	const struct trust *trust = &skill->output[horizon][output];

	return trust->count < SKILL_PROVEN ? SKILL_UNPROVEN : (enum skill_by)trust_best(trust, TRUST_RIVALS);
}

static void output_speak(struct skill *skill, uint32_t horizon, uint32_t output, const struct second *second,
			 struct forecast *forecast, struct skill_said *said)
{
	enum skill_by by = named(output_judge(skill, horizon, output), second);
	float model[FORECAST_QUANTILES], learned[FORECAST_QUANTILES], now = second->now[output];
	float *value = by == SKILL_STATISTICAL ? learned : model;

	quantiles_read(forecast, second, horizon, output, model);
	quantiles_read(&skill->statistical, second, horizon, output, learned);
	skill->output_by[horizon][output] = (uint8_t)by;
	said->now[output] = now;
	said->model[output] = model[MEDIAN];
	said->statistical[output] = learned[MEDIAN];
	if (by != SKILL_STATISTICAL && !isnan(now)) {
		enum trust_level level = by == SKILL_UNPROVEN ? TRUST_NONE : (enum trust_level)by;
		float moved = trust_between(level, now, model[MEDIAN]) - model[MEDIAN];

		for (int q = 0; q < FORECAST_QUANTILES; q++)
			value[q] += moved;
	}
	conform_apply(&skill->conform[horizon][output][second->moving >> output & 1], value);
	memcpy(said->said[output], value, sizeof(said->said[output]));
	quantiles_write(forecast, second, horizon, output, value);
}

static enum skill_by risk_judge(const struct skill *skill, uint32_t horizon, int sli)
{
	const struct trust *trust = &skill->risk[horizon][sli];
	float forgiven = skill->happened[horizon][sli] < HAPPENED_MIN ? WORRY_LOSS : 0;

	if (trust->count < SKILL_PROVEN_RISK)
		return SKILL_UNPROVEN;
	return trust->loss[SKILL_MODEL] <= trust->loss[SKILL_STATISTICAL] + forgiven ? SKILL_MODEL : SKILL_STATISTICAL;
}

/* "Within 5 s" cannot be less likely than "within 2 s", whoever says so. */
static void risk_speak(struct skill *skill, const struct conform_risk *map, uint32_t horizon, int sli,
		       const struct second *second, struct forecast *forecast, struct skill_said *said)
{
	enum skill_by by = named(risk_judge(skill, horizon, sli), second);
	float *risk = forecast->risk[sli];

	said->raw[sli] = risk[horizon];
	said->risk_model[sli] = second->learned_risks >> sli & 1 ? conform_risk_apply(map, risk[horizon]) : risk[horizon];
	said->risk_statistical[sli] = skill->statistical.risk[sli][horizon];
	skill->risk_by[horizon][sli] = (uint8_t)by;
	risk[horizon] = fmaxf(by == SKILL_STATISTICAL ? said->risk_statistical[sli] : said->risk_model[sli],
			      horizon ? risk[horizon - 1] : 0);
}

/* Of all outputs at one horizon; remembered when it is time to, and the model spoke. */
static void horizon_speak(struct skill *skill, const struct conform_risk *map, uint32_t horizon, const struct second *second,
			  struct forecast *forecast)
{
	struct skill_said said = { .moving = second->moving, .violated = second->violated, .known = ~0u, .second = skill->second };
	uint8_t *count = &skill->pending_count[horizon];

	for (uint32_t output = 0; output < SKILL_OUTPUTS; output++)
		output_speak(skill, horizon, output, second, forecast, &said);
	for (int sli = 0; sli < SLI_COUNT; sli++)
		if (skill->bound[sli])
			risk_speak(skill, map, horizon, sli, second, forecast, &said);
	if (second->has_model && skill->second % stride_of(horizon) == 0 && *count < SKILL_PENDING)
		skill->pending[horizon][(*count)++] = said;
}

/* --- one second ----------------------------------------------------------------------------------------------------------*/

void skill_resume(struct skill *skill)
{
	memset(skill->pending_count, 0, sizeof(skill->pending_count));
}

void skill_forget(struct skill *skill)
{
	skill_resume(skill);
	memset(skill->output, 0, sizeof(skill->output));
	memset(skill->risk, 0, sizeof(skill->risk));
	memset(skill->conform, 0, sizeof(skill->conform));
	memset(skill->happened, 0, sizeof(skill->happened));
}

/* What was learned against other bounds says nothing of these. */
static void bounds_follow(struct skill *skill, const struct slo *slo)
{
	if (!memcmp(skill->bound, slo->bound, sizeof(skill->bound)))
		return;
	skill_resume(skill);
	memset(skill->risk, 0, sizeof(skill->risk));
	memset(skill->happened, 0, sizeof(skill->happened));
	for (int h = 0; h < FORECAST_HORIZONS; h++) {
		skill->output[h][LEADING] = (struct trust){ 0 };
		memset(skill->conform[h][LEADING], 0, sizeof(skill->conform[h][LEADING]));
	}
	memcpy(skill->bound, slo->bound, sizeof(skill->bound));
}

static struct second second_of(const struct predictor *p, const struct predictor_instance *instance, bool is_censored)
{
	const struct slo *slo = &instance->info.slo;
	const float *sli = window_at(&instance->window, 0)->sli;
	struct second second = { .violated = instance->violated, .leading = slo_leading(slo) };
	float bound = feature_bound(slo, second.leading);

	second.unit = bound * (sli_unit(second.leading) == SLI_UNIT_NS ? 1e-6f : 1);
	second.is_lstm = instance->foresight->forecast.source == FORECAST_LSTM;
	second.has_model = second.is_lstm || !p->config.weights;
	second.learned_risks = second.is_lstm ? ~p->untrained : 0;
	for (int r = 0; r < RESOURCE_COUNT; r++)
		second.now[r] = instance->demand[r] < 0 ? NAN : instance->demand[r] * p->host.capacity[r];
	second.now[LEADING] = sli[second.leading] < 0 || is_censored ? NAN : feature_sli_scaled(sli[second.leading], bound);
	for (int s = 0; s < SLI_COUNT; s++)
		second.measured |= sli[s] >= 0 ? 1u << s : 0;
	return second;
}

static uint32_t moves_follow(struct skill *skill, const float now[SKILL_OUTPUTS], const float capacity[RESOURCE_COUNT])
{
	uint32_t moving = 0;

	for (int output = 0; output < SKILL_OUTPUTS; output++) {
		float unit = output == LEADING ? 1 : capacity[output];

		if (isnan(now[output]))
			continue;
		skill->moved[output] = MOVED_KEPT * skill->moved[output] + fabsf(now[output] - skill->last[output]);
		skill->last[output] = now[output];
		moving |= skill->moved[output] > MOVED_MIN * unit ? 1u << output : 0;
	}
	return moving;
}

static void skill_second(struct predictor *p, struct predictor_instance *instance, bool is_censored)
{
	struct skill *skill = memory_skill(p, instance);
	struct second second = second_of(p, instance, is_censored);

	bounds_follow(skill, &instance->info.slo);
	skill->measured |= second.measured;
	second.known = is_censored ? 0 : skill->measured;
	second.moving = moves_follow(skill, second.now, p->host.capacity);
	skill->second++;
	for (uint32_t h = 0; h < FORECAST_HORIZONS; h++)
		horizon_settle(skill, &p->host.conform_risk[h], h, &second);
	for (uint32_t h = 0; h < FORECAST_HORIZONS; h++)
		horizon_speak(skill, &p->host.conform_risk[h], h, &second, &instance->foresight->forecast);
	forecast_blame(&instance->foresight->forecast);
}

void skill_all(struct predictor *p, uint64_t now_ns)
{
	bool is_censored = predictor_is_censored(p, now_ns);
	uint32_t count;
	const uint32_t *annotated = predictor_annotated(p, &count);

	for (uint32_t i = 0; i < count && p->config.forecaster != FORECAST_PERSISTENCE; i++)
		if (p->instance[annotated[i]].foresight->has_frame)
			skill_second(p, &p->instance[annotated[i]], is_censored);
}

static struct skill_verdict verdict_of(const struct trust *trust, enum skill_by by)
{
	float persistence = trust->loss[SKILL_PERSISTENCE];

	if (by == SKILL_UNPROVEN || persistence <= 0)
		return (struct skill_verdict){ by, 0 };
	return (struct skill_verdict){ by, 1 - trust->loss[by] / persistence };
}

struct skill_verdict skill_of_output(const struct skill *skill, uint32_t horizon, uint32_t output)
{
	return verdict_of(&skill->output[horizon][output], (enum skill_by)skill->output_by[horizon][output]);
}

struct skill_verdict skill_of_risk(const struct skill *skill, uint32_t horizon, enum sli sli)
{
	return verdict_of(&skill->risk[horizon][sli], (enum skill_by)skill->risk_by[horizon][sli]);
}
