/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the mind does to learn on its host, beside its loop. Never waits for a disk or a process. */
#ifndef FORESTALL_LEARN_H
#define FORESTALL_LEARN_H

#include "history.h"
#include "setup/config.h"
#include "store.h"

#define LEARN_STATE_DIR "/var/lib/forestall"

struct learn;

struct learn_setup {
	const char *state_dir;		/* history/ and models/ lie in it */
	const struct config_learn *config;
};

struct learn_state {
	bool has_history;
	struct history_state history;
	uint64_t history_bytes_max;
};

/* What cannot be had is said on stderr and left out: the mind does not need it. NULL: out of memory. */
struct learn *learn_new(const struct learn_setup *setup);
void learn_free(struct learn *learn);

/* The recording to be told everything beside one that somebody asked for; NULL: none now. */
struct recording *learn_recording(struct learn *learn);

/* The model in use; bytes NULL: none. */
struct learn_model {
	const void *bytes;
	size_t size;
};

/* After each tick that closed a second. */
void learn_second(struct learn *learn, const struct mind *mind, const struct learn_model *model, uint64_t now_ns);

void learn_state(struct learn *learn, struct learn_state *ret);

#endif
