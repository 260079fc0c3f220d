/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mind's own recent past on disk, to learn from: recordings (serve/recording.h) of some minutes each, one after the other,
 * bounded in bytes. Each is a recording like any other: it replays bit for bit, and one cut by a crash is read up to there.
 */
#ifndef FORESTALL_HISTORY_H
#define FORESTALL_HISTORY_H

#include "decide/mind.h"
#include "serve/recording.h"
#include "writer.h"

#define HISTORY_SEGMENT_NS (600ull * 1000000000)
#define HISTORY_AGAIN_NS (5ull * 1000000000)	/* after a failure */

struct history;

struct history_state {
	struct writer_state disk;
	uint64_t broken;	/* recordings that ended early: disk full, or too slow */
};

/* 0 or -errno; *ret untouched then. */
int history_open(const char *dir, uint64_t bytes_max, struct history **ret_history);

/* Completes what is written. NULL is fine. */
void history_close(struct history *history);

/* The one that is told everything now; NULL for none. NULL is fine. */
struct recording *history_recording(struct history *history);

/* To be called once a second after a tick, with the model in use (NULL: none): begins and ends recordings. */
void history_second(struct history *history, const struct mind *mind, const void *model, size_t model_bytes, uint64_t now_ns);

void history_state(struct history *history, struct history_state *ret);

#endif
