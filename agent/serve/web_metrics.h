/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The view in Prometheus text format 0.0.4. Bounded: at most WEB_NAMED_MAX values of the label
 * "path", and path="other" for the sum of the rest; no cgroup is called so, since their paths begin with '/'. Signals have a
 * metric each by the table of sense/measure.h, and are there from the second after somebody asked for the first time in five minutes on.
 */
#ifndef FORESTALL_WEB_METRICS_H
#define FORESTALL_WEB_METRICS_H

#include <stdbool.h>
#include <stddef.h>

#include "web_pick.h"
#include "web_poll.h"

/*
 * A text that the caller frees, its length in *ret_bytes; NULL when out of memory. When is_fresh is not set it holds
 * no more than forestall_mind_up 0 and what concerns forestall-web itself: old numbers are no numbers.
 */
char *web_metrics_format(const struct web_view *view, bool is_fresh, bool has_history, size_t *ret_bytes);

#endif
