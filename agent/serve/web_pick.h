/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which instances forestall-web names one by one: those somebody annotated and, of the others, those that used most
 * CPU in the last second. Everything else is one sum, so a host with ten thousand cgroups costs a database, a scraper
 * and a reader no more than one with a hundred.
 */
#ifndef FORESTALL_WEB_PICK_H
#define FORESTALL_WEB_PICK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define WEB_ANNOTATED_MAX 500	/* those beyond are in the sum */
#define WEB_TOP_MAX 20
#define WEB_SUMS 4

struct web_pick {
	const json_t *item[WEB_ANNOTATED_MAX + WEB_TOP_MAX];	/* borrowed from the array; the top ones last */
	size_t count;
	size_t other_count;	/* instances that are not named */
	double other_sum[WEB_SUMS];	/* over them, of web_pick_summed[] */
};

/* Keys of what adds up. Memory does not: it is charged to all ancestors of who uses it. */
extern const char *const web_pick_summed[WEB_SUMS];

/* From the "instances" of instance.list, which must outlive the pick. NULL is an empty array. */
void web_pick_make(const json_t *instances, struct web_pick *ret);

/* A measured number of an instance; NAN where it is null or missing. */
double web_pick_number(const json_t *instance, const char *key);

/* The sum of a key over those that are not named; NAN when there are none, or it is no sum. */
double web_pick_other(const struct web_pick *pick, const char *key);

/* "" when missing. */
const char *web_pick_text(const json_t *instance, const char *key);

#endif
