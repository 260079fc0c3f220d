/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A recording run again through the same pure core that ran live, and what it makes held against what was made then.
 */
#ifndef FORESTALL_REPLAY_H
#define FORESTALL_REPLAY_H

#include "predict/failure.h"
#include "predict/model.h"
#include "recording.h"

#define REPLAY_ERROR_MAX 256

enum replay_kind {
	REPLAY_END,
	REPLAY_TICK,	/* mind->... is after this tick; is_second tells whether forecasts are new */
	REPLAY_RESULT,	/* result is what the hands said */
};

struct replay {
	struct recording *recording;
	struct recording_setup setup;
	struct model *model;		/* as recorded; NULL: none */
	struct mind *mind;
	struct plan plan;		/* of the last tick */
	const struct result *result;	/* of REPLAY_RESULT, until the next call */
	struct failures failures;	/* that were told so far */
	uint64_t time_ns;		/* of the last tick */
	bool is_second;
	uint64_t ticks, forecasts, plans;	/* compared so far */
	uint64_t differing;		/* forecasts and plans that are not bit for bit the same, or missing */
	uint64_t first_differing_ns;
	uint32_t forecasts_due;
	bool is_plan_due, was_plan_open;
	bool is_retold;
};

/*
 * 0, or -errno and one line in error[]. `is_retold`: only what was observed is taken, into an empty mind of this build
 * and without a model; nothing is compared. That is how recordings of other builds are learned from.
 */
int replay_open(const char *path, bool is_retold, struct replay **ret_replay, char error[REPLAY_ERROR_MAX]);
void replay_close(struct replay *replay);

/* Runs on to the next tick or result. enum replay_kind, or -EINVAL when the file is damaged. */
int replay_next(struct replay *replay);

#endif
