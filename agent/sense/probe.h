/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this host lets forestall do. One table: each probe has a name, what it is needed for, a function and a remedy.
 * Nothing is derived from version numbers; nothing is changed.
 */
#ifndef FORESTALL_PROBE_H
#define FORESTALL_PROBE_H

#include <stdbool.h>
#include <stddef.h>

#define PROBE_TEXT_MAX 256

enum probe_state { PROBE_OK, PROBE_DEGRADED, PROBE_MISSING, PROBE_STATE_COUNT };

enum probe_need {
	PROBE_FOR_OBSERVE,	/* missing: forestall cannot run at all */
	PROBE_FOR_ACT,		/* missing: it observes, and cannot act */
	PROBE_FOR_COMFORT,	/* missing: something beside is lost */
	PROBE_NEED_COUNT
};

/* The directories that stand for /proc, /sys, /run and /etc; mount points below these are looked for there. */
struct probe_roots {
	const char *proc, *sys, *run, *etc;
};

struct probe_result {
	enum probe_state state;
	char reason[PROBE_TEXT_MAX];	/* one line: what was found */
	char remedy[PROBE_TEXT_MAX];	/* one line: what to do; "" when ok */
};

#define PROBE_ROOTS_HOST ((struct probe_roots){ "/proc", "/sys", "/run", "/etc" })

size_t probe_count(void);

/* idx < probe_count(); static storage. */
const char *probe_name(size_t idx);
enum probe_need probe_need(size_t idx);
const char *probe_purpose(size_t idx);

/* The probe asks the running kernel itself, whatever the roots are. */
bool probe_asks_kernel(size_t idx);

/* Index of that name, or probe_count(). */
size_t probe_find(const char *name);

void probe_run(size_t idx, const struct probe_roots *roots, struct probe_result *ret);

const char *probe_state_name(enum probe_state state);
const char *probe_need_name(enum probe_need need);

#endif
