/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log lines of instances, whoever brings them: counted by severity, put to templates, and told as events.
 *
 * A template that was quiet in its instance for LOG_QUIET_NS is an event when it comes, as an exec is: what comes all the
 * time announces nothing. The templates are of all instances together. Who brings lines brings a bounded number per tick.
 */
#ifndef FORESTALL_LOG_H
#define FORESTALL_LOG_H

#include "predict/observe.h"
#include "predict/template.h"

#define LOG_QUIET_NS 10000000000ull
#define LOG_SEEN_MAX 2048	/* pairs of instance and template that are remembered */
#define LOG_LINE_MAX 1024	/* bytes; of a longer one the beginning counts */

struct log;

/* What brings lines. */
enum log_source { LOG_JOURNAL, LOG_KMSG, LOG_FILE, LOG_SOURCE_COUNT };

struct log_setup {
	uint32_t slots_max;
	observe_fn observe;
	void *context;
};

struct log_counts {
	uint64_t lines;
	uint64_t dropped;	/* lines that were skipped because there were too many, or lost before they were read; of files: bytes */
	uint64_t strangers;	/* lines of no instance that is followed */
};

/* A template as an instance has it. */
struct log_seen {
	uint32_t slot;		/* 0: free */
	uint32_t name_hash;
	uint32_t template_idx;	/* the one it was; may have been given to another since */
	uint32_t severity;	/* of its last line */
	uint64_t count;
	uint64_t last_ns;
};

/* NULL when out of memory. */
struct log *log_new(const struct log_setup *setup);
void log_free(struct log *log);

/* Forgets what was seen of instances that go. */
void log_observe(struct log *log, const struct observation *observation);

/* A line of an instance; slot 0: of nobody. */
void log_line(struct log *log, enum log_source source, uint32_t slot, enum severity severity, const char *line, size_t bytes,
	      uint64_t now_ns);
void log_dropped(struct log *log, enum log_source source, uint64_t count);

const struct log_counts *log_counts(const struct log *log, enum log_source source);
const char *log_source_name(enum log_source source);

/* Lines of an instance by severity since it is followed. [SEVERITY_COUNT] */
const uint32_t *log_severities(const struct log *log, uint32_t slot);

/* LOG_SEEN_MAX of them, and the text of one; "" when its template is forgotten. */
const struct log_seen *log_seen(const struct log *log);
const char *log_text(const struct log *log, const struct log_seen *seen);

#endif
