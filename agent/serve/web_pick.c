/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "web_pick.h"

#include <math.h>
#include <string.h>

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

void web_pick_make(const struct web_view *view, struct web_pick *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < json_array_size(view->instances) && ret->count < WEB_NAMED_MAX; i++)
		ret->item[ret->count++] = json_array_get(view->instances, i);
	ret->other_count = (size_t)json_integer_value(json_object_get(view->rest, "count"));
	for (size_t i = 0; i < WEB_SUMS && ret->other_count; i++)
		ret->other_sum[i] = json_number_value(json_object_get(view->rest, web_pick_summed[i]));
}
