/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the mind names one by one (serve/answer_pick.h), and the sum of the rest. */
#ifndef FORESTALL_WEB_PICK_H
#define FORESTALL_WEB_PICK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "web_poll.h"

#define WEB_NAMED_MAX 1000	/* more are not shown, whatever a mind says */
#define WEB_SUMS 4

struct web_pick {
	const json_t *item[WEB_NAMED_MAX];	/* borrowed from the view */
	size_t count;
	size_t other_count;	/* instances that are not named */
	double other_sum[WEB_SUMS];	/* over them, of web_pick_summed[] */
};

/* Keys of what adds up. Memory does not: it is charged to all ancestors of who uses it. */
extern const char *const web_pick_summed[WEB_SUMS];

/* Of a view, which must outlive the pick. */
void web_pick_make(const struct web_view *view, struct web_pick *ret);

/* A measured number of an instance; NAN where it is null or missing. */
double web_pick_number(const json_t *instance, const char *key);

/* The sum of a key over those that are not named; NAN when there are none, or it is no sum. */
double web_pick_other(const struct web_pick *pick, const char *key);

/* "" when missing. */
const char *web_pick_text(const json_t *instance, const char *key);

#endif
