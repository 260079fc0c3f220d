/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "web_pick.h"

#include <math.h>
#include <string.h>

struct top {
	const json_t *item[WEB_TOP_MAX];	/* the busiest first */
	double cpu[WEB_TOP_MAX];
	size_t count;
};

const char *const web_pick_summed[WEB_SUMS] = { "cpu", "wait", "io_bytes", "tx_bytes" };

double web_pick_number(const json_t *instance, const char *key)
{
	const json_t *value = json_object_get(instance, key);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

double web_pick_other(const struct web_pick *pick, const char *key)
{
	for (size_t i = 0; i < WEB_SUMS && pick->other_count; i++)
		if (!strcmp(web_pick_summed[i], key))
			return pick->other_sum[i];
	return NAN;
}

const char *web_pick_text(const json_t *instance, const char *key)
{
	const char *text = json_string_value(json_object_get(instance, key));

	return text ? text : "";
}

/* Without an annotation the text of the SLO is empty. */
static bool is_annotated(const json_t *instance)
{
	return web_pick_text(json_object_get(instance, "slo"), "text")[0] != '\0';
}

static double number_or_zero(const json_t *instance, const char *key)
{
	double number = web_pick_number(instance, key);

	return isfinite(number) ? number : 0;
}

static void other_add(struct web_pick *pick, const json_t *instance)
{
	pick->other_count++;
	for (size_t i = 0; i < WEB_SUMS; i++)
		pick->other_sum[i] += number_or_zero(instance, web_pick_summed[i]);
}

/* Keeps the list sorted; whoever falls off its end, the new one perhaps, goes into the sum. */
static void top_add(struct top *top, struct web_pick *pick, const json_t *instance)
{
	double cpu = number_or_zero(instance, "cpu");
	size_t at = top->count;

	while (at > 0 && top->cpu[at - 1] < cpu)
		at--;
	if (at == WEB_TOP_MAX) {
		other_add(pick, instance);
		return;
	}
	if (top->count == WEB_TOP_MAX)
		other_add(pick, top->item[--top->count]);
	memmove(&top->item[at + 1], &top->item[at], (top->count - at) * sizeof(top->item[0]));
	memmove(&top->cpu[at + 1], &top->cpu[at], (top->count - at) * sizeof(top->cpu[0]));
	top->item[at] = instance;
	top->cpu[at] = cpu;
	top->count++;
}

void web_pick_make(const json_t *instances, struct web_pick *ret)
{
	struct top top = { .count = 0 };

	ret->count = ret->other_count = 0;
	memset(ret->other_sum, 0, sizeof(ret->other_sum));
	for (size_t i = 0; i < json_array_size(instances); i++) {
		const json_t *instance = json_array_get(instances, i);

		if (!is_annotated(instance))
			top_add(&top, ret, instance);
		else if (ret->count < WEB_ANNOTATED_MAX)
			ret->item[ret->count++] = instance;
		else
			other_add(ret, instance);
	}
	for (size_t i = 0; i < top.count; i++)
		ret->item[ret->count++] = top.item[i];
}
