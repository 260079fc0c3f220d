/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mind's side of the socket to forestall-act: turns each plan into what is new, due for renewal, or to be given
 * back. Never waits: hands that do not answer cost nothing but their help, and their leases expire without us.
 */
#ifndef FORESTALL_HANDS_H
#define FORESTALL_HANDS_H

#include <stdbool.h>
#include "act/protocol.h"
#include "decide/mind.h"

struct hands;

/* Path of act.sock is copied. NULL when out of memory. Connects later, by itself. */
struct hands *hands_new(const char *socket_path, uint32_t slots_max);
void hands_free(struct hands *hands);

/* Mode the hands reported last, MODE_COUNT while they are silent. */
enum mode hands_mode(const struct hands *hands);

/* Sends what this plan changes. Actions on slots that are no longer live are left to act. */
void hands_plan(struct hands *hands, const struct mind *mind, const struct plan *plan);

/* Takes one answer if there is one: true and *ret. Call it until it says false. */
bool hands_answer(struct hands *hands, struct result *ret);

/* An answer is awaited, or something is held that a plan may give back. */
bool hands_owe(const struct hands *hands);

/* What the hands said last of something that is wished for; NULL when it is not. outcome is NONE before they spoke. */
const struct result_item *hands_outcome(const struct hands *hands, uint32_t slot, uint32_t knob);

#endif
