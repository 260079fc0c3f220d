/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A run on disk: what came in, and what was made of it. gzip'd; self-contained (policy, model and the mind's memory at
 * the start are in it), so that a replay anywhere in the same build reproduces every forecast and plan bit for bit.
 *
 * Layout after the text line "forestall-recording VERSION\n": blocks of { u32 kind, u32 bytes, payload }. Kinds below
 * OBSERVE_KIND_COUNT are observations. A file that ends in the middle of a block (kill -9, full disk) is read up to there.
 */
#ifndef FORESTALL_RECORDING_H
#define FORESTALL_RECORDING_H

#include "act/protocol.h"
#include "decide/mind.h"

#define RECORDING_VERSION 6
#define RECORDING_VERSION_RETOLD 4	/* the oldest whose observations mean what they mean now */
#define RECORDING_VERSION_WORK 6	/* the oldest whose annotations say what the work is like (struct slo from data_bytes on) */

enum recording_kind {
	RECORDING_SETUP = 100,	/* struct recording_setup */
	RECORDING_MODEL,	/* the model file's bytes; absent without a model; later: taken over from here on */
	RECORDING_MIND,		/* struct recording_mind: memory at the start */
	RECORDING_MEMORY,	/* struct recording_memory, one per live instance in order of arrival */
	RECORDING_FORECAST,	/* struct recording_forecast: what was made, per instance and second */
	RECORDING_PLAN,		/* struct plan up to its last action, when not empty (plan_is_empty()) or after a non-empty one */
	RECORDING_RESULT,	/* struct result up to its last item: what the hands did */
	RECORDING_PARKED,	/* struct recording_memory of one that is gone and may come back, the oldest first */
	RECORDING_PART,		/* struct recording_part and the part: what the memory before it uses beside */
	RECORDING_ORDER,	/* struct canary_order that was obeyed between two ticks */
	RECORDING_COHORT,	/* struct cohort_order, the same */
};

struct recording_setup {
	struct predictor_config config;	/* pointers are zero */
	struct plan_policy policy;
	uint64_t started_unix_ns;
	uint32_t memory_bytes;	/* of what is remembered and of what is made: another build is refused */
	uint32_t made_bytes;
	char label[128];		/* free text: scenario, seed, shape; goes into a model's provenance */
};

#define RECORDING_MADE_BYTES ((uint32_t)(sizeof(struct recording_forecast) + sizeof(struct plan)))

struct recording_mind {
	struct predictor_host host;
	struct knee knee[RESOURCE_COUNT];
	struct plan_disk disk[PLAN_DISKS_MAX];
	struct ledger ledger;
	struct advice advice;
	struct pace pace;
	struct canary canary;
	struct cohort cohort;
	struct trial trial;
	uint64_t second_start_ns;
	uint64_t acted_ns, held_ns;
	uint64_t plan_id;
	uint64_t tick_ns;
};

struct recording_memory {
	struct predictor_instance instance;
	struct plan_view view;
	struct peer peer;	/* all zero where the policy has none */
	uint32_t slot;		/* or place of one that is parked */
	uint32_t pad;
};

#define RECORDING_MEMORY_BYTES ((uint32_t)(sizeof(struct recording_memory) + sizeof(struct recording_mind)))

struct recording_part {
	uint32_t slot;
	uint32_t part;		/* enum memory_part */
};

struct recording_forecast {
	uint32_t slot;
	uint32_t pad;
	struct forecast forecast;
};

struct recording;

/* Takes bytes of a recording, uncompressed. 0, or -errno: then no more come. */
typedef int (*recording_sink_fn)(void *context, const void *bytes, size_t size);

/* What a recording is made for. */
struct recording_wish {
	const void *model;	/* the model's bytes; NULL: none */
	size_t model_bytes;
	const char *label;
};

/* Starts one that goes to a sink instead of a file. 0 or -errno. */
int recording_start(recording_sink_fn sink, void *context, const struct mind *mind, const struct recording_wish *wish,
		    struct recording **ret_recording);

/* Starts a file; writes setup, model bytes (may be NULL) and the mind's memory. 0 or -errno. */
int recording_create(const char *path, const struct mind *mind, const void *model, size_t model_bytes, const char *label,
		     struct recording **ret_recording);

/* Opens one for reading, at least of version `oldest`; -EINVAL: no recording, -EPROTO: of another version. */
int recording_open(const char *path, int oldest, struct recording **ret_recording);

/* Of one that is read. */
int recording_version(const struct recording *recording);

/* Closes and, when written, completes the file. 0 or the first error met while writing. */
int recording_close(struct recording *recording);

/* These take NULL for a recording that is not made. */
void recording_observe(struct recording *recording, const struct observation *observation);
void recording_plan(struct recording *recording, const struct plan *plan);
void recording_result(struct recording *recording, const struct result *result);

/* From now on the mind speaks with this model, its states started anew (predictor_model()). */
void recording_model(struct recording *recording, const void *model, size_t model_bytes);

/* The operator's word on which policy rules, obeyed at the time of the last tick. */
void recording_order(struct recording *recording, const struct canary_order *order);
void recording_cohort(struct recording *recording, const struct cohort_order *order);

/* All new forecasts of a mind after mind_tick returned true. */
void recording_forecasts(struct recording *recording, const struct mind *mind);

/*
 * Next block: 1 with *ret_kind and payload (valid until the next call, zero-padded to the full struct), 0 at the end,
 * -EINVAL when damaged. A cut file ends like a whole one.
 */
int recording_next(struct recording *recording, uint32_t *ret_kind, const void **ret_payload, size_t *ret_bytes);

#endif
