/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Annotations that outlive their cgroup. A unit that restarts gets a new directory: new id, extended attributes gone. What was
 * annotated there is kept by path and holds again when a directory of that path appears without one of its own. Bounded: who
 * went longest ago is forgotten first.
 */
#ifndef FORESTALL_KEPT_H
#define FORESTALL_KEPT_H

#include <stdbool.h>
#include "predict/slo.h"

#define KEPT_MAX 256

struct kept;

struct kept *kept_new(void);
void kept_free(struct kept *kept);

/* The cgroup of this path is gone, and this held there. */
void kept_put(struct kept *kept, const char *path, const struct slo *slo);

/* Hands it over, and forgets it. False when nothing is kept of that path; *ret is untouched then. */
bool kept_take(struct kept *kept, const char *path, struct slo *ret);

#endif
