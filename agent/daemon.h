/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mind as a process: senses, the pure core, and the sockets around it, driven by one 100 ms clock. */
#ifndef FORESTALL_DAEMON_H
#define FORESTALL_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#include "act/hands.h"
#include "decide/mind.h"
#include "learn/learn.h"
#include "predict/model.h"
#include "setup/config.h"
#include "sense/outlook.h"
#include "sense/report.h"
#include "sense/ring.h"
#include "serve/answer.h"
#include "serve/recording.h"
#include "serve/socket.h"

#define DAEMON_ERROR_MAX 512
#define DAEMON_EARLY_NS 20000000ull	/* a tick that comes so much early still closes the second */

struct daemon_options {
	const char *run_dir;		/* /run/forestall */
	const char *config_dir;		/* /etc/forestall */
	const char *cgroup_root;	/* NULL: the first cgroup2 mount */
	const char *model_path;		/* NULL: as configured, else the shipped one; "": none */
	const char *record_path;	/* NULL: no recording from the start */
	const char *label;		/* of that recording */
	const char *forecaster;		/* NULL: as configured */
	const char *state_dir;		/* /var/lib/forestall */
};

struct daemon {
	struct daemon_options options;
	struct config config;
	char cgroup_root[PATH_MAX];
	struct nerve *nerve;
	struct tree *tree;
	struct report *report;
	struct ring ring;
	struct mind *mind;
	struct outlook *outlook;
	struct hands *hands;
	struct socket *socket;
	struct recording *recording;	/* that somebody asked for; NULL: none */
	struct learn *learn;
	struct model *model;		/* NULL: none */
	void *model_bytes;
	size_t model_size;
	char model_path[PATH_MAX];
	uint64_t shadow_until_ns;	/* until then plans are made and not carried out: the model is new */
	uint32_t canary_state, ruling, cohort_state;	/* as kept in the state directory: enum canary_state, enum policy */
	struct plan plan;
	struct result result;
	struct wire_loss loss;		/* at the last second */
	uint64_t busy_ns;		/* /proc/stat at the last second */
	uint64_t second_ns, scan_ns, next_tick_ns;
	uint64_t trim_ns;		/* when the start is over; 0: it is */
	bool is_held;			/* own memory stays where it is */
	uint64_t tick_late_ns_max, tick_cost_ns;
	int clock_fd;
	bool is_behind;			/* reports were left for the next tick */
	bool is_spoken_to, is_listening;	/* an application spoke since the last tick; we are woken when one does */
	bool is_closed;			/* the last tick closed a second */
};

/* 0, or -errno and one line in error[]; nothing is left behind then. */
int daemon_open(struct daemon *daemon, const struct daemon_options *options, char error[DAEMON_ERROR_MAX]);
void daemon_close(struct daemon *daemon);

/* Starts (path) or stops (NULL) a recording; context is the daemon. 0 or -errno. */
int daemon_record(void *context, const char *path);

/*
 * The model that was asked for, which must be whole; or the champion of this host; or the one that forestall came with. Without one
 * the statistical forecaster speaks. 0, or -errno and one line.
 */
int daemon_model_open(struct daemon *daemon, char error[DAEMON_ERROR_MAX]);
void daemon_model_close(struct daemon *daemon);

/* See struct answer_world. */
int daemon_model_change(void *context, const char *name, char message[ANSWER_MESSAGE_MAX]);

/* Which policy rules: as configured, or as the last canary has it. After the mind is there. */
void daemon_policy_open(struct daemon *daemon);

/* At the end of each tick: how a canary ended is kept. */
void daemon_policy(struct daemon *daemon);

/* See struct answer_world. */
int daemon_policy_order(void *context, const struct canary_order *order, char message[ANSWER_MESSAGE_MAX]);
int daemon_cohort_order(void *context, const struct cohort_order *order, char message[ANSWER_MESSAGE_MAX]);

int daemon_challenge(void *context, char message[ANSWER_MESSAGE_MAX]);

/* What is learned beside the loop: begins with the rest; at the end of each tick. 0 or -errno. */
int daemon_learn_open(struct daemon *daemon);
void daemon_learn(struct daemon *daemon, uint64_t now_ns);

/* The clock of ticks; see daemon_clock.c. 0 or -errno. */
int daemon_clock_open(struct daemon *daemon);

/* True when a tick is due. */
bool daemon_clock_take(struct daemon *daemon);

/* After anything that happened: when the next tick is. 0 or -errno. */
int daemon_clock_set(struct daemon *daemon, int epoll_fd);

/* Whatever is observed goes through here; context is the daemon. */
void daemon_observe(void *context, const struct observation *observation);

/* What questions are answered from, as of now. */
void daemon_world(struct daemon *daemon, struct answer_world *ret);

/* Runs until SIGTERM or SIGINT. 0 or -errno. */
int daemon_run(struct daemon *daemon);

#endif
