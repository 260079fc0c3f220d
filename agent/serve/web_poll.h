/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What forestall-web knows: asked from the mind once a second, every fifth while nobody is annotated and nobody looks, over one connection
 * that was opened while the process was still root. While nobody looks only what history keeps is asked for. A question is sent, and the next
 * one only when its answer came, so a stopped mind makes the view old and nothing else; it is waited for only by who begins to look. A lost connection is not opened again here, since an unprivileged
 * process could not.
 */
#ifndef FORESTALL_WEB_POLL_H
#define FORESTALL_WEB_POLL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define WEB_VIEW_FRESH_NS 8000000000ull	/* an older view means that the mind is silent */

/* What the mind said last. All are NULL until the first round is complete, and owned by the poll. */
struct web_view {
	json_t *status, *plan;	/* answers of "status" and "plan.show"; plan is NULL while there is none */
	json_t *instances;	/* all pages of "instance.pick" as one array */
	json_t *rest;		/* the sum of those that are not named there */
	json_t *failures;	/* of "failure.list": the last ones, asked for again when something changed; NULL: none yet */
	uint64_t time_ns;	/* monotonic, when the round was complete */
	uint64_t rounds;
	bool is_few;		/* instances have only what history keeps: nobody looks */
};

struct web_poll;

/*
 * A connection to run_dir/mind.sock, waiting up to patience_ms for somebody to listen there. -ENOENT or -ECONNREFUSED
 * when nobody came, -ENAMETOOLONG, -errno.
 */
int web_poll_connect(const char *run_dir, uint32_t patience_ms);

/* Takes the descriptor over, also on failure: NULL when out of memory. */
struct web_poll *web_poll_new(int fd);

/* Closes the connection. NULL is fine. */
void web_poll_free(struct web_poll *poll);

/* Asks the first question of a round; nothing while the last round is not complete. 0, or -EPIPE: the mind is gone. */
int web_poll_begin(struct web_poll *poll);

/*
 * To be called when the descriptor is readable: takes one answer and asks the next question. 1: the view is new.
 * 0: not yet. -EPIPE: the mind is gone. -EPROTO: it says what cannot be understood.
 */
int web_poll_take(struct web_poll *poll, uint64_t now_ns);

/* Somebody looks: for the next minutes there is a round each second, of all that is shown. When the view is not, it waits up to 0.3 s for one. */
void web_poll_look(struct web_poll *poll);

/* From the beginning of one round to that of the next. */
uint64_t web_poll_pause_ns(const struct web_poll *poll);

/* He wants signals as well: the rounds of the next minutes ask for them. Who is looked at by nobody costs the mind nothing. */
void web_poll_want(struct web_poll *poll);

int web_poll_fd(const struct web_poll *poll);

/* Valid until the next web_poll_take(). */
const struct web_view *web_poll_view(const struct web_poll *poll);

/* There is a view, and it is not older than WEB_VIEW_FRESH_NS. */
bool web_view_is_fresh(const struct web_view *view, uint64_t now_ns);

#endif
