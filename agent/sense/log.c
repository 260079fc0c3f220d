/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log.h"

#include <stdlib.h>
#include <string.h>

#define PROBES_MAX 8

struct log {
	struct log_setup setup;
	struct templates templates;
	struct log_seen seen[LOG_SEEN_MAX];
	uint32_t (*severities)[SEVERITY_COUNT];	/* [slots_max] */
	struct log_counts counts[LOG_SOURCE_COUNT];
};

static const char *const source_names[] = { "journal", "kmsg", "file" };
_Static_assert(sizeof(source_names) / sizeof(source_names[0]) == LOG_SOURCE_COUNT, "a name per source");

const char *log_source_name(enum log_source source) { return source_names[source]; }

struct log *log_new(const struct log_setup *setup)
{
	struct log *log = calloc(1, sizeof(*log));

	if (!log)
		return NULL;
	log->setup = *setup;
	log->severities = calloc(setup->slots_max, sizeof(*log->severities));
	if (log->severities)
		return log;
	free(log);
	return NULL;
}

void log_free(struct log *log)
{
	if (!log)
		return;
	free(log->severities);
	free(log);
}

void log_observe(struct log *log, const struct observation *observation)
{
	uint32_t slot = observation->gone.slot;

	if (observation->kind != OBSERVE_GONE || slot >= log->setup.slots_max)
		return;
	memset(log->severities[slot], 0, sizeof(log->severities[slot]));
	for (uint32_t i = 0; i < LOG_SEEN_MAX; i++)
		if (log->seen[i].slot == slot)
			memset(&log->seen[i], 0, sizeof(log->seen[i]));
}

/* Where the pair is remembered; a new pair takes the place of the one that was quiet longest of those it could have. */
static struct log_seen *seen_find(struct log *log, uint32_t slot, uint32_t name_hash)
{
	uint32_t at = (name_hash ^ slot * 2654435761u) % LOG_SEEN_MAX;
	struct log_seen *oldest = &log->seen[at];

	for (uint32_t i = 0; i < PROBES_MAX; i++) {
		struct log_seen *seen = &log->seen[(at + i) % LOG_SEEN_MAX];

		if (seen->slot == slot && seen->name_hash == name_hash)
			return seen;
		if (seen->last_ns < oldest->last_ns)
			oldest = seen;
	}
	*oldest = (struct log_seen){ .slot = slot, .name_hash = name_hash };
	return oldest;
}

static void event_tell(struct log *log, const struct log_seen *seen, uint64_t now_ns)
{
	struct observation observation = {
		.kind = OBSERVE_EVENT,
		.event = { .slot = seen->slot, .name_hash = seen->name_hash, .time_ns = now_ns },
	};

	log->setup.observe(log->setup.context, &observation);
}

void log_line(struct log *log, enum log_source source, uint32_t slot, enum severity severity, const char *line, size_t bytes,
	      uint64_t now_ns)
{
	struct log_seen *seen;
	uint32_t idx;
	bool is_event;

	if (!slot || slot >= log->setup.slots_max) {
		log->counts[source].strangers++;
		return;
	}
	log->counts[source].lines++;
	log->severities[slot][severity]++;
	idx = template_take(&log->templates, line, bytes < LOG_LINE_MAX ? bytes : LOG_LINE_MAX, now_ns);
	seen = seen_find(log, slot, log->templates.at[idx].name_hash);
	is_event = !seen->count || now_ns - seen->last_ns >= LOG_QUIET_NS;
	seen->template_idx = idx;
	seen->severity = severity;
	seen->count++;
	seen->last_ns = now_ns;
	if (is_event)
		event_tell(log, seen, now_ns);
}

void log_dropped(struct log *log, enum log_source source, uint64_t count)
{
	log->counts[source].dropped += count;
}

const struct log_counts *log_counts(const struct log *log, enum log_source source) { return &log->counts[source]; }
const uint32_t *log_severities(const struct log *log, uint32_t slot) { return log->severities[slot]; }
const struct log_seen *log_seen(const struct log *log) { return log->seen; }

const char *log_text(const struct log *log, const struct log_seen *seen)
{
	const struct template *template = &log->templates.at[seen->template_idx];

	return template->name_hash == seen->name_hash ? template->text : "";
}
