/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "check.h"
#include "hold.h"
#include "log.h"
#include "nft.h"
#include "step.h"
#include "tc.h"
#include "tc_ingress.h"

static void item_value(struct result_item *ret, enum outcome outcome, enum knob knob, const struct knob_value *value)
{
	ret->outcome = outcome;
	ret->value = value->value;
	ret->period_us = knob == KNOB_CPU_MAX ? value->aux : 0;
}

static void item_undone(struct result_item *ret, enum knob knob, const struct undo_report *report)
{
	switch (report->result) {
	case UNDO_RESTORED:
	case UNDO_SAME:
	case UNDO_LIFTED:
		item_value(ret, OUTCOME_RELEASED, knob, &report->value);
		break;
	case UNDO_FOREIGN:
		item_value(ret, OUTCOME_CONTENDED, knob, &report->value);
		item_refuse(ret, OUTCOME_CONTENDED, "somebody else wrote %s: left as it is", knob_name(knob));
		break;
	case UNDO_GONE:
		item_fail(ret, knob, -ENOENT);
		break;
	default:
		item_fail(ret, knob, report->error);
	}
}

/* What this way stumbled over, NULL when it keeps no such line. */
static const char *via_fault(enum via via)
{
	return via == VIA_TC ? tc_fault() : via == VIA_NFT ? nft_fault() : via == VIA_BPF ? ingress_fault() : NULL;
}

/* A change that went wrong half way: back to the original, and say why. */
static void hold_abort(struct apply *apply, struct hold *hold, struct now now, int error, struct result_item *ret)
{
	enum knob knob = hold->knob;
	enum via via = hold->via;
	struct undo_report report = hold_undo(apply, hold, now);

	if (error == -EOPNOTSUPP && via_fault(via))
		item_refuse(ret, OUTCOME_UNAVAILABLE, "%s", via_fault(via));
	else
		item_fail(ret, knob, report.result == UNDO_GONE ? -ENOENT : error);
}

/* The knob is written; takes what the kernel made of it into the books. */
static void hold_settle(struct apply *apply, struct hold *hold, const struct place *place, struct now now,
			struct result_item *ret)
{
	struct knob_value read_back;
	int r = place_read(place, hold->knob, &read_back);

	if (r < 0) {
		hold_abort(apply, hold, now, r, ret);
		return;
	}
	STEP(APPLY_READ);
	item_value(ret, OUTCOME_APPLIED, hold->knob, &read_back);
	if (knob_spec(hold->knob)->kind != KIND_DEED && !knob_close(hold->knob, &read_back, &hold->wanted)) {
		item_refuse(ret, OUTCOME_CONTENDED, "%s was changed at the same time", knob_name(hold->knob));
		hold_yield(apply, hold, &read_back, now);
		return;
	}
	if (!effect_check(place, hold->knob, &read_back, ret)) {
		hold_undo(apply, hold, now);
		return;
	}
	hold->ours = read_back;
	hold->in_flight = false;
	r = journal_done(&apply->journal, hold);
	if (r < 0)
		hold_abort(apply, hold, now, r, ret);
	STEP(APPLY_DONE);
}

static void change_write_start(struct apply *apply, struct change *change, struct hold *hold, struct result_item *ret)
{
	int r = place_write_start(&change->place, hold->knob, &change->wanted, &hold->child);

	STEP(CHILD_FORKED);
	if (r < 0) {
		hold_abort(apply, hold, change->now, r, ret);
		return;
	}
	hold->child.deadline_ns = change->now.mono_ns + CHILD_WRITE_NS;
	hold->begun = change->refaults;
	item_value(ret, OUTCOME_PENDING, hold->knob, &change->current);
}

/* Journals the intent and writes. `hold` is in the table; when the intent is not journalled it is as before. */
static int change_write(struct apply *apply, struct change *change, struct hold *hold, struct result_item *ret)
{
	struct knob_value wanted = hold->wanted;
	uint32_t reason = hold->reason;
	int r;

	hold->wanted = change->wanted;
	hold->reason = change->action->reason;
	r = journal_intent(&apply->journal, hold, &change->current, change->now.real_ns);
	if (r < 0) {
		hold->wanted = wanted;
		hold->reason = reason;
		ret->error = r;
		item_refuse(ret, OUTCOME_REFUSED, "the journal cannot be written: %s", strerror(-r));
		return r;
	}
	hold->kills = change->kills;
	hold->in_flight = true;
	hold->undo_begun = false;
	hold->told = 0;
	hold->expiry_ns = change->now.mono_ns + change->action->lease_ms * NS_PER_MS;
	STEP(APPLY_JOURNALED);
	if (change_blocks(change)) {
		change_write_start(apply, change, hold, ret);
	} else {
		r = undo_write(&change->place, hold, &change->wanted);
		STEP(APPLY_WRITTEN);
		if (r < 0)
			hold_abort(apply, hold, change->now, r, ret);
		else
			hold_settle(apply, hold, &change->place, change->now, ret);
	}
	STEP(APPLY_HELD);
	return 0;
}

/* Another value takes the place of one that is still being written. */
static bool child_replace(struct apply *apply, struct change *change, struct hold *hold, struct result_item *ret)
{
	int r;

	if (hold->child.pid_fd < 0)
		return true;
	if (hold_child_end(apply, hold, change->now) < 0)
		return item_refuse(ret, OUTCOME_REFUSED, "%s: the kernel is not done with the last write",
				   knob_name(hold->knob));
	r = place_read(&change->place, hold->knob, &change->current);
	if (r < 0)
		return item_fail(ret, hold->knob, r);
	hold->ours = change->current;
	return true;
}

static struct hold *hold_new(struct apply *apply, const struct change *change, struct result_item *ret)
{
	uint32_t limit = apply->mode == MODE_CANARY ? HOLDS_CANARY_MAX : HOLDS_MAX;
	struct hold *hold = apply->leases.count < limit ? lease_add(&apply->leases) : NULL;

	if (!hold) {
		item_refuse(ret, OUTCOME_REFUSED, "%u knobs are held, more are not allowed", limit);
		return NULL;
	}
	memcpy(hold->path, change->action->path, sizeof(hold->path));
	hold->cgroup_id = change->action->cgroup_id;
	hold->knob = (enum knob)change->action->knob;
	hold->device = change->action->device;
	hold->via = change->place.via;
	hold->original = change->current;
	hold->ours = change->current;
	return hold;
}

static void change_apply(struct apply *apply, struct change *change, struct result_item *ret)
{
	struct hold *weight = lease_find(&apply->leases, change->action->cgroup_id, KNOB_CPU_WEIGHT, 0);
	struct hold *hold;
	int r;

	/* cpu.idle has to remember the weight as it was before us, so ours goes first. */
	if (change->action->knob == KNOB_CPU_IDLE && weight) {
		struct undo_report report = hold_undo(apply, weight, change->now);

		r = undo_is_due(report.result) ? report.error :
			place_read(&change->place, KNOB_CPU_IDLE, &change->current);
		if (r < 0) {
			item_fail(ret, KNOB_CPU_WEIGHT, r);
			return;
		}
	}
	hold = hold_new(apply, change, ret);
	if (!hold)
		return;
	r = hold_watch(apply, hold, place_dir(&change->place));
	if (r < 0) {
		item_refuse(ret, OUTCOME_FAILED, "%s cannot be watched: %s", knob_name(hold->knob), strerror(-r));
		hold_forget(apply, hold);
	} else if (change_write(apply, change, hold, ret) < 0) {
		hold_forget(apply, hold);
	}
}

static void change_renew(struct apply *apply, struct change *change, struct hold *hold, struct result_item *ret)
{
	bool is_deed = knob_spec(hold->knob)->kind == KIND_DEED;
	bool is_same = knob_equal(hold->knob, &hold->wanted, &change->wanted);
	bool is_done = is_deed ? change->verdict == REFAULT_EARLY : is_same && !hold->in_flight && !hold->undo_begun;
	bool is_pending = hold->child.pid_fd >= 0 && (is_same || is_deed);

	hold->stuck = change->stuck;
	if (hold->via == VIA_SYSTEMD && hold->undo_begun) {
		item_refuse(ret, OUTCOME_FAILED, "systemd has yet to be told of the last undo");
	} else if (!undo_is_ours(hold, &change->current)) {
		item_value(ret, OUTCOME_CONTENDED, hold->knob, &change->current);
		item_refuse(ret, OUTCOME_CONTENDED, "somebody else wrote %s: left as it is", knob_name(hold->knob));
		hold_yield(apply, hold, &change->current, change->now);
	} else if (is_pending || is_done) {
		item_value(ret, is_pending ? OUTCOME_PENDING : OUTCOME_RENEWED, hold->knob, &change->current);
		hold->expiry_ns = change->now.mono_ns + change->action->lease_ms * NS_PER_MS;
	} else if (!rate_take(&apply->rate, change->now.mono_ns)) {
		item_refuse(ret, OUTCOME_REFUSED, "more than %d writes in a second", WRITES_PER_S_MAX);
	} else if (child_replace(apply, change, hold, ret)) {
		change_write(apply, change, hold, ret);
	}
}

static struct hold *action_hold(struct apply *apply, const struct action *action)
{
	if (action->knob >= KNOB_COUNT)
		return NULL;
	return lease_find(&apply->leases, action->cgroup_id, (enum knob)action->knob, action->device);
}

static bool is_served(const struct apply *apply, const struct hold *hold)
{
	_cleanup_place_ struct place place = { .dir_fd = -1 };
	char text[ACT_TEXT_MAX];

	return undo_place_open(apply->root_fd, hold, &place) == 0 && place.dir_fd >= 0 && nft_check_port(&place, text) == 0;
}

/*
 * Undoes the shares of servers that have gone: whoever renews them may be slower to see that than their clients are, and a server that
 * restarts is another cgroup, to which what the one before it held is nothing to come back to.
 */
static void shares_end(struct apply *apply, struct now now)
{
	for (uint32_t i = apply->leases.count; i-- > 0;) {
		struct hold *hold = &apply->leases.hold[i];

		if (hold->knob == KNOB_NET_SHARE && !is_served(apply, hold))
			hold_undo(apply, hold, now);
	}
}

void apply_action(struct apply *apply, const struct action *action, struct now now, struct result_item *ret)
{
	struct change change = {
		.action = action,
		.now = now,
		.wanted = { .value = action->value, .aux = action->knob == KNOB_CPU_MAX ? action->period_us : 0 },
		.place = { .dir_fd = -1, .path = action->path, .cgroup_id = action->cgroup_id,
			   .device = action->device },
	};
	struct hold *hold = action_hold(apply, action);

	if (!hold && action->knob == KNOB_NET_SHARE)
		shares_end(apply, now);
	change.hold = hold;
	memset(ret, 0, sizeof(*ret));
	if (hold && strncmp(hold->path, action->path, sizeof(hold->path)) != 0) {
		item_refuse(ret, OUTCOME_GONE, "this cgroup has another path");
	} else if (hold) {
		change.place.via = hold->via;
		if (change_check_held(apply, &change, ret))
			change_renew(apply, &change, hold, ret);
		else if (ret->outcome == OUTCOME_GONE)
			hold_undo(apply, hold, now);
	} else if (change_check(apply, &change, ret)) {
		STEP(APPLY_CHECKED);
		if (!mode_acts(apply->mode))
			item_value(ret, OUTCOME_WOULD, (enum knob)action->knob, &change.wanted);
		else if (!rate_take(&apply->rate, now.mono_ns))
			item_refuse(ret, OUTCOME_REFUSED, "more than %d writes in a second", WRITES_PER_S_MAX);
		else
			change_apply(apply, &change, ret);
	}
	place_close(&change.place);
}

void apply_release(struct apply *apply, const struct action *action, struct now now, struct result_item *ret)
{
	struct hold *hold = action_hold(apply, action);
	struct undo_report report;

	memset(ret, 0, sizeof(*ret));
	if (!hold) {
		item_refuse(ret, OUTCOME_NONE, "not held");
		return;
	}
	report = hold_undo(apply, hold, now);
	item_undone(ret, (enum knob)action->knob, &report);
}

uint32_t apply_undo_all(struct apply *apply, struct now now, struct result_item *items, uint32_t item_count,
			uint32_t *ret_used)
{
	uint32_t failed = 0, used = 0;

	/* What fails stays in the table with a later expiry; going down by seq meets each hold once. */
	for (struct hold *hold = lease_latest(&apply->leases); hold;) {
		uint64_t seq = hold->seq;
		enum knob knob = hold->knob;
		struct undo_report report = hold_undo(apply, hold, now);

		failed += report.result == UNDO_FAILED;
		if (used < item_count) {
			memset(&items[used], 0, sizeof(*items));
			item_undone(&items[used++], knob, &report);
		}
		hold = lease_before(&apply->leases, seq);
	}
	if (ret_used)
		*ret_used = used;
	return failed;
}

/* The child of this hold ended or was ended: what it did is looked at like any other write. */
static void child_settle(struct apply *apply, struct hold *hold, int error, struct now now)
{
	_cleanup_place_ struct place place = { .dir_fd = -1 };
	struct result_item item = { 0 };
	struct hold then = *hold;
	struct knob_value value;
	int r = undo_place_open(apply->root_fd, hold, &place);

	if (r == 0)
		r = place_read(&place, hold->knob, &value);
	/* Reclaim that found less than was asked for (EAGAIN), or was ended for its time, has done what it could. */
	if (r == 0 && knob_spec(hold->knob)->kind == KIND_DEED)
		r = error == -EAGAIN || error == -EINTR ? 0 : error;
	else if (r == 0 && error == -EINTR && !knob_close(hold->knob, &value, &hold->wanted))
		r = -ETIMEDOUT;
	else if (r == 0 && error != -EINTR)
		r = error;
	if (r < 0)
		hold_abort(apply, hold, now, r, &item);
	else
		hold_settle(apply, hold, &place, now, &item);
	if (item.outcome != OUTCOME_APPLIED)
		log_line("%s %s: %s", then.path, knob_name(then.knob), item.text);
}

static void children_look(struct apply *apply, struct now now)
{
	int ignored;

	for (uint32_t i = apply->dying_count; i-- > 0;)
		if (child_poll(&apply->dying[i], &ignored))
			apply->dying[i] = apply->dying[--apply->dying_count];
	for (uint32_t i = apply->leases.count; i-- > 0;) {
		struct hold *hold = &apply->leases.hold[i];
		int error;

		if (hold->child.pid_fd < 0)
			continue;
		if (child_poll(&hold->child, &error)) {
			STEP(CHILD_ENDED);
		} else if (hold->child.deadline_ns > now.mono_ns) {
			continue;
		} else if (child_end(&hold->child, 0, &error) < 0) {
			hold->child.deadline_ns = now.mono_ns + CHILD_RETRY_NS;
			continue;
		}
		if (knob_spec(hold->knob)->kind == KIND_DEED)
			refault_note(&apply->refaults, hold->cgroup_id, hold->begun, now.mono_ns);
		child_settle(apply, hold, error, now);
	}
}

/* What could not be undone is tried again when that is due. */
static void leases_end(struct apply *apply)
{
	bool is_news = false;

	for (uint32_t i = 0; i < apply->leases.count; i++) {
		struct hold *hold = &apply->leases.hold[i];

		if (hold->told)
			continue;
		hold->expiry_ns = 0;
		is_news = true;
	}
	if (is_news)
		log_line("disabled by %s: undoing everything", apply->disable_file);
}

void apply_expire(struct apply *apply, struct now now)
{
	struct hold *hold;

	children_look(apply, now);
	if (apply->leases.count == 0)
		return;
	if (now.mono_ns - apply->shares_ns >= SHARES_LOOK_NS) {
		apply->shares_ns = now.mono_ns;
		shares_end(apply, now);
	}
	if (access(apply->disable_file, F_OK) == 0)
		leases_end(apply);
	while ((hold = lease_expired(&apply->leases, now.mono_ns)))
		hold_undo(apply, hold, now);
	if (journal_compact(&apply->journal, &apply->leases, now.real_ns) < 0)
		log_line("journal: cannot be shortened");
}

static void hold_verify(struct apply *apply, struct hold *hold, struct now now)
{
	_cleanup_place_ struct place place = { .dir_fd = -1 };
	struct knob_value value;
	int r = undo_place_open(apply->root_fd, hold, &place);

	if (r == 0)
		r = place_read(&place, hold->knob, &value);
	if (r < 0 && cgroup_is_gone(r))
		hold_undo(apply, hold, now);
	else if (r == 0 && !hold->undo_begun && !undo_is_ours(hold, &value))
		hold_yield(apply, hold, &value, now);
}

void apply_verify(struct apply *apply, int watch, struct now now)
{
	/* What is forgotten has its place taken by the last of the table, which going down was met already; a cpuset may take a
	 * partition along. */
	for (uint32_t i = apply->leases.count; i-- > 0;) {
		struct hold *hold = &apply->leases.hold[i];

		if (i < apply->leases.count && hold->watch >= 0 && (watch < 0 || hold->watch == watch))
			hold_verify(apply, hold, now);
	}
}

uint64_t apply_next_ns(const struct apply *apply, struct now now)
{
	uint64_t next_ns = lease_next_expiry_ns(&apply->leases);

	if (apply->leases.count > 0 && next_ns > now.mono_ns + DISABLE_POLL_NS)
		next_ns = now.mono_ns + DISABLE_POLL_NS;
	for (uint32_t i = 0; i < apply->leases.count; i++)
		if (apply->leases.hold[i].child.pid_fd >= 0 && apply->leases.hold[i].child.deadline_ns < next_ns)
			next_ns = apply->leases.hold[i].child.deadline_ns;
	return next_ns;
}
