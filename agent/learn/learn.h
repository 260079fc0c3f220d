/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the mind does to learn on its host, beside its loop; never waits for a disk or a process. It keeps its past (history.h), watches
 * whether the champion gets worse (drift.h), and starts a challenger (challenger.h) when that is so, when it is time, or when asked. A challenger that
 * was judged better becomes the champion when the operator allows that ([learn] promote), else it waits in the store.
 */
#ifndef FORESTALL_LEARN_H
#define FORESTALL_LEARN_H

#include "challenger.h"
#include "drift.h"
#include "history.h"
#include "setup/config.h"
#include "store.h"

#define LEARN_STATE_DIR "/var/lib/forestall"

struct learn;

struct learn_setup {
	const char *state_dir;		/* history/ and models/ lie in it */
	const char *program;		/* the command line; NULL: beside this one */
	const struct config_learn *config;
	uint32_t slots_max;
	uint64_t now_ns;
};

struct learn_state {
	bool has_history;
	struct history_state history;
	uint64_t history_bytes_max;
	bool is_running, is_standing;	/* the challenger */
	uint64_t started_unix_s;	/* the last one; 0: none since the mind began */
	char said[CHALLENGER_WORD_MAX];	/* the verdict on the last one that ended, or why it has none */
	const struct drift *drift;
};

/* The model in use; bytes NULL: none. */
struct learn_model {
	const void *bytes;
	size_t size;
	const char *path;
	bool is_pinned;		/* the operator named it: nothing is promoted over it */
};

/* What cannot be had is said on stderr and left out: the mind does not need it. NULL: out of memory. */
struct learn *learn_new(const struct learn_setup *setup);
void learn_free(struct learn *learn);

/* The recording to be told everything beside one that somebody asked for; NULL: none now. */
struct recording *learn_recording(struct learn *learn);

/* At each tick. is_busy: somebody is in danger. */
void learn_tick(struct learn *learn, uint64_t now_ns, bool is_busy);

/* A challenger runs, and is held to its share of the CPU at each tick. */
bool learn_is_challenging(const struct learn *learn);

/* After each tick that closed a second. True when a challenger has become the champion: it is to be taken over now. */
bool learn_second(struct learn *learn, const struct mind *mind, const struct learn_model *model, uint64_t now_ns);

/* Another model speaks. */
void learn_taken(struct learn *learn);

/* Starts a challenger now. 0, or -errno and one line. */
int learn_challenge(struct learn *learn, const struct learn_model *model, uint64_t now_ns, char message[STORE_MESSAGE_MAX]);

void learn_state(struct learn *learn, struct learn_state *ret);

#endif
