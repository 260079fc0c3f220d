/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "planner/act/client.h"

#define RECONNECT_NS 1000000000ull
#define ASK_MODE_NS 5000000000ull	/* it does not change but with the connection: this finds hands that hang */
/* Of a share: when it goes, so do the connections that it sent elsewhere. A mind that starts anew takes it over before. */
#define SHARE_LEASE_MS 30000
#define RENEW_PER_LEASE 4	/* a lease is renewed when a quarter of it has passed */

/* What we asked for, per slot and knob. */
struct wish {
	uint64_t cgroup_id;
	uint64_t value, period_us;
	uint32_t device;
	uint64_t sent_ns;	/* 0: not asked for */
	uint64_t plan_id;	/* the plan that wanted it last */
	struct result_item item;	/* what the hands said last */
};

/* A message that was not answered yet; answers come in the order of the messages. */
struct asked {
	uint32_t count;
	struct {
		uint32_t slot, knob;
	} about[ACTIONS_MAX];
};

#define ASKED_MAX 16	/* hands this far behind are as good as gone */

struct hands {
	char path[108];
	int fd;
	enum mode mode;
	uint64_t tried_ns, asked_ns;
	uint32_t slots_max;
	struct wish (*wish)[KNOB_COUNT];	/* [slots_max] */
	uint32_t wished;		/* how many are asked for */
	struct asked asked[ASKED_MAX];	/* ring */
	uint32_t asked_head, asked_count;
	struct message message;
	struct asked *about;		/* of the message being filled */
};

struct hands *hands_new(const char *socket_path, uint32_t slots_max)
{
	struct hands *hands = calloc(1, sizeof(*hands));

	if (!hands)
		return NULL;
	hands->fd = -1;
	hands->mode = MODE_COUNT;
	hands->slots_max = slots_max;
	hands->wish = calloc(slots_max, sizeof(*hands->wish));
	snprintf(hands->path, sizeof(hands->path), "%s", socket_path);
	if (hands->wish)
		return hands;
	hands_free(hands);
	return NULL;
}

void hands_free(struct hands *hands)
{
	if (!hands)
		return;
	if (hands->fd >= 0)
		close(hands->fd);
	free(hands->wish);
	free(hands);
}

enum mode hands_mode(const struct hands *hands) { return hands->mode; }

static void wishes_forget(struct hands *hands)
{
	struct wish *wish = hands->wish[0];

	hands->wished = 0;
	/* Most of the table was never touched, and need not be for this. */
	for (size_t i = 0; i < (size_t)hands->slots_max * KNOB_COUNT; i++)
		if (wish[i].sent_ns)
			memset(&wish[i], 0, sizeof(wish[i]));
}

/* Hands that went away have undone everything, or will before they take a plan again. */
static void hands_lose(struct hands *hands)
{
	if (hands->fd >= 0)
		close(hands->fd);
	hands->fd = -1;
	hands->mode = MODE_COUNT;
	hands->asked_count = 0;
	wishes_forget(hands);
}

static bool hands_connect(struct hands *hands, uint64_t now_ns)
{
	if (hands->fd >= 0)
		return true;
	if (hands->tried_ns && now_ns - hands->tried_ns < RECONNECT_NS)
		return false;
	hands->tried_ns = now_ns;
	hands->asked_ns = 0;
	hands->fd = act_client_open(hands->path);
	return hands->fd >= 0;
}

static void message_start(struct hands *hands, enum message_kind kind, uint64_t plan_id, uint64_t now_ns)
{
	struct message *message = &hands->message;

	memset(message, 0, offsetof(struct message, action));
	message->version = PROTOCOL_VERSION;
	message->kind = kind;
	message->plan_id = plan_id;
	message->time_ns = now_ns;
	hands->about = &hands->asked[(hands->asked_head + hands->asked_count) % ASKED_MAX];
	hands->about->count = 0;
}

static void message_send(struct hands *hands)
{
	size_t bytes = offsetof(struct message, action) + hands->message.count * sizeof(hands->message.action[0]);

	if (hands->fd < 0)
		return;
	if (hands->asked_count == ASKED_MAX - 1 ||
	    send(hands->fd, &hands->message, bytes, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)bytes)
		hands_lose(hands);
	else
		hands->asked_count++;
}

static void action_fill(struct hands *hands, const struct mind *mind, const struct wish *wish, uint32_t slot,
			uint32_t knob, uint32_t reason)
{
	struct action *action = &hands->message.action[hands->message.count++];

	memset(action, 0, sizeof(*action));
	snprintf(action->path, sizeof(action->path), "%s", mind->predictor->instance[slot].info.path);
	action->cgroup_id = wish->cgroup_id;
	action->value = wish->value;
	action->period_us = wish->period_us;
	action->device = wish->device;
	action->knob = knob;
	action->lease_ms = knob == KNOB_NET_SHARE ? SHARE_LEASE_MS : mind->policy.lease_ms;
	action->reason = reason;
	hands->about->about[hands->about->count].slot = slot;
	hands->about->about[hands->about->count++].knob = knob;
}

/* True when the hands have to hear of it: it is new, other than before, or its lease is a quarter gone. */
static bool wish_move(struct wish *wish, uint64_t cgroup_id, const struct plan_action *action, uint64_t plan_id,
		      uint64_t now_ns, uint64_t renew_ns)
{
	bool is_due = !wish->sent_ns || wish->value != action->value || wish->period_us != action->period_us ||
		      wish->device != action->device || wish->cgroup_id != cgroup_id || now_ns - wish->sent_ns >= renew_ns;

	wish->plan_id = plan_id;
	if (!is_due)
		return false;
	wish->cgroup_id = cgroup_id;
	wish->value = action->value;
	wish->period_us = action->period_us;
	wish->device = action->device;
	wish->sent_ns = now_ns;
	return true;
}

static void wishes_send(struct hands *hands, const struct mind *mind, const struct plan *plan)
{
	uint64_t renew_ns = (uint64_t)mind->policy.lease_ms * 1000000ull / RENEW_PER_LEASE;

	message_start(hands, MESSAGE_PLAN, plan->id, plan->time_ns);
	for (uint32_t i = 0; i < plan->count; i++) {
		const struct plan_action *action = &plan->action[i];
		struct wish *wish = &hands->wish[action->slot][action->knob];
		uint64_t id = mind->predictor->instance[action->slot].info.cgroup_id;

		hands->wished += !wish->sent_ns;
		if (wish_move(wish, id, action, plan->id, plan->time_ns, renew_ns))
			action_fill(hands, mind, wish, action->slot, action->knob, action->reason);
	}
	if (hands->message.count)
		message_send(hands);
}

static void releases_send(struct hands *hands, const struct mind *mind, const struct plan *plan)
{
	if (!hands->wished)
		return;
	message_start(hands, MESSAGE_RELEASE, plan->id, plan->time_ns);
	for (uint32_t i = 0; i < mind->predictor->live_count && hands->message.count < ACTIONS_MAX; i++) {
		uint32_t slot = mind->predictor->live[i];

		for (uint32_t knob = 0; knob < KNOB_COUNT && hands->message.count < ACTIONS_MAX; knob++) {
			struct wish *wish = &hands->wish[slot][knob];

			if (!wish->sent_ns || wish->plan_id == plan->id)
				continue;
			action_fill(hands, mind, wish, slot, knob, 0);
			wish->sent_ns = 0;
			hands->wished--;
		}
	}
	if (hands->message.count)
		message_send(hands);
	else if (!plan->count)
		wishes_forget(hands);	/* What is left is of cgroups that are gone. */
}

void hands_plan(struct hands *hands, const struct mind *mind, const struct plan *plan)
{
	if (!hands_connect(hands, plan->time_ns))
		return;
	if (!hands->asked_ns || plan->time_ns - hands->asked_ns >= ASK_MODE_NS) {
		hands->asked_ns = plan->time_ns;
		message_start(hands, MESSAGE_MODE_GET, plan->id, plan->time_ns);
		message_send(hands);
	}
	/* Wishes first: they mark what this plan still wants, the rest is released. */
	if (hands->fd >= 0)
		wishes_send(hands, mind, plan);
	if (hands->fd >= 0)
		releases_send(hands, mind, plan);
}

/* Notes each item at the wish that it answers. */
static void answer_note(struct hands *hands, const struct result *result)
{
	const struct asked *asked = &hands->asked[hands->asked_head];

	if (!hands->asked_count)
		return;
	for (uint32_t i = 0; i < asked->count && i < result->count; i++)
		hands->wish[asked->about[i].slot][asked->about[i].knob].item = result->item[i];
	hands->asked_head = (hands->asked_head + 1) % ASKED_MAX;
	hands->asked_count--;
}

bool hands_answer(struct hands *hands, struct result *ret)
{
	ssize_t n;

	if (hands->fd < 0)
		return false;
	memset(ret, 0, sizeof(*ret));
	n = recv(hands->fd, ret, sizeof(*ret), MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n < (ssize_t)offsetof(struct result, item) || ret->version != PROTOCOL_VERSION || ret->count > ACTIONS_MAX ||
	    n != (ssize_t)(offsetof(struct result, item) + ret->count * sizeof(ret->item[0])) || ret->mode >= MODE_COUNT) {
		hands_lose(hands);
		return false;
	}
	hands->mode = (enum mode)ret->mode;
	answer_note(hands, ret);
	return true;
}

bool hands_owe(const struct hands *hands) { return hands->asked_count || hands->wished; }

const struct result_item *hands_outcome(const struct hands *hands, uint32_t slot, uint32_t knob)
{
	if (slot >= hands->slots_max || knob >= KNOB_COUNT || !hands->wish[slot][knob].sent_ns)
		return NULL;
	return &hands->wish[slot][knob].item;
}
