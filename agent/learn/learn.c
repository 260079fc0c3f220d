/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct learn {
	struct config_learn config;
	struct history *history;	/* NULL: none is kept */
};

static void history_begin(struct learn *learn, const char *state_dir)
{
	char message[STORE_MESSAGE_MAX], dir[PATH_MAX];
	int r;

	snprintf(dir, sizeof(dir), "%.3000s/history", state_dir);
	r = store_make(dir, message);
	if (r) {
		fprintf(stderr, "forestalld: no history is kept: %s\n", message);
		return;
	}
	r = history_open(dir, (uint64_t)learn->config.history_mb << 20, &learn->history);
	if (r)
		fprintf(stderr, "forestalld: no history is kept: %s: %s; make it writable or set history_mb = 0\n", dir,
			strerror(-r));
}

struct learn *learn_new(const struct learn_setup *setup)
{
	struct learn *learn = calloc(1, sizeof(*learn));

	if (!learn)
		return NULL;
	learn->config = *setup->config;
	if (learn->config.history_mb)
		history_begin(learn, setup->state_dir);
	return learn;
}

void learn_free(struct learn *learn)
{
	if (!learn)
		return;
	history_close(learn->history);
	free(learn);
}

struct recording *learn_recording(struct learn *learn)
{
	return learn ? history_recording(learn->history) : NULL;
}

void learn_second(struct learn *learn, const struct mind *mind, const struct learn_model *model, uint64_t now_ns)
{
	history_second(learn->history, mind, model->bytes, model->size, now_ns);
}

void learn_state(struct learn *learn, struct learn_state *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->has_history = learn->history != NULL;
	ret->history_bytes_max = (uint64_t)learn->config.history_mb << 20;
	history_state(learn->history, &ret->history);
}
