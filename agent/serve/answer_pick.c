/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "answer_pick.h"

#include <math.h>
#include <string.h>

#include "answer_instance.h"
#include "answer_signals.h"
#include "value.h"

struct pick {
	uint32_t top[PICK_TOP_MAX], annotated[PICK_ANNOTATED_MAX];	/* slots; of the top the busiest first */
	uint32_t top_count, annotated_count, rest_count;
	double cpu, wait, io_bytes, tx_bytes;	/* of the rest */
};

static double cpu_of(const struct predictor *predictor, uint32_t slot)
{
	const struct window_second *now = window_at(&predictor->instance[slot].window, 0);

	return now ? fmaxf(now->cpu, 0) : 0;
}

static void rest_add(const struct predictor *predictor, uint32_t slot, struct pick *pick)
{
	const struct window_second *now = window_at(&predictor->instance[slot].window, 0);

	pick->rest_count++;
	if (!now)
		return;
	pick->cpu += fmaxf(now->cpu, 0);
	pick->wait += fmaxf(now->wait, 0);
	pick->io_bytes += fmaxf(now->io_bytes, 0);
	pick->tx_bytes += fmaxf(now->tx_bytes, 0);
}

/* Keeps the list sorted; whoever falls off its end, the new one perhaps, goes into the rest. */
static void top_add(const struct predictor *predictor, uint32_t slot, struct pick *pick)
{
	double cpu = cpu_of(predictor, slot);
	uint32_t at = pick->top_count;

	while (at > 0 && cpu_of(predictor, pick->top[at - 1]) < cpu)
		at--;
	if (at == PICK_TOP_MAX) {
		rest_add(predictor, slot, pick);
		return;
	}
	if (pick->top_count == PICK_TOP_MAX)
		rest_add(predictor, pick->top[--pick->top_count], pick);
	memmove(&pick->top[at + 1], &pick->top[at], (pick->top_count - at) * sizeof(pick->top[0]));
	pick->top[at] = slot;
	pick->top_count++;
}

static void pick_make(const struct predictor *predictor, struct pick *pick)
{
	memset(pick, 0, sizeof(*pick));
	for (uint32_t i = 0; i < predictor->live_count; i++) {
		uint32_t slot = predictor->live[i];

		if (predictor->instance[slot].info.slo.source == SLO_FROM_DEFAULT)
			top_add(predictor, slot, pick);
		else if (pick->annotated_count < PICK_ANNOTATED_MAX)
			pick->annotated[pick->annotated_count++] = slot;
		else
			rest_add(predictor, slot, pick);
	}
}

json_t *answer_pick(const struct answer_world *world, const json_t *question)
{
	const struct predictor *predictor = world->mind->predictor;
	json_int_t offset = json_integer_value(json_object_get(question, "offset"));
	bool is_whole = json_is_true(json_object_get(question, "signals")), is_few = json_is_true(json_object_get(question, "few"));
	json_t *instances, *brief;
	struct pick pick;
	uint32_t total;

	if (offset < 0)
		return value_error("offset must not be negative");
	pick_make(predictor, &pick);
	total = pick.top_count + pick.annotated_count;
	instances = json_array();
	for (json_int_t i = offset; i < total && i - offset < (is_whole ? PICK_WHOLE_MAX : ANSWER_PAGE_MAX); i++) {
		uint32_t slot = i < pick.top_count ? pick.top[i] : pick.annotated[i - pick.top_count];

		brief = is_few ? answer_instance_few(world, &predictor->instance[slot]) : answer_instance_brief(world, &predictor->instance[slot]);
		if (is_whole)
			json_object_set_new(brief, "signals", answer_signal_values(world, &predictor->instance[slot]));
		json_array_append_new(instances, brief);
	}
	return json_pack("{s:b, s:I, s:I, s:o, s:{s:I, s:f, s:f, s:f, s:f}}", "ok", 1, "total", (json_int_t)total, "offset",
			 offset, "instances", instances, "rest", "count", (json_int_t)pick.rest_count, "cpu", pick.cpu,
			 "wait", pick.wait, "io_bytes", pick.io_bytes, "tx_bytes", pick.tx_bytes);
}
