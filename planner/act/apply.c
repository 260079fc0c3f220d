/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "cgroup.h"
#include "check.h"
#include "log.h"
#include "step.h"

bool mode_acts(enum mode mode)
{
	return mode == MODE_CANARY || mode == MODE_ENFORCE;
}

static void item_value(struct result_item *ret, enum outcome outcome, enum knob knob, const struct knob_value *value)
{
	ret->outcome = outcome;
	ret->value = value->value;
	ret->period_us = knob == KNOB_CPU_MAX ? value->aux : 0;
}

static bool knob_is_watched(enum knob knob)
{
	return knob_spec(knob)->file && knob_spec(knob)->kind != KIND_DEED;
}

/*
 * Watches before the first write, so that no foreign write falls between; our own event reads back as ours. The knobs
 * of one file share one watch.
 */
static int watch_add(struct apply *apply, int dir_fd, enum knob knob)
{
	char link[64];

	if (!knob_is_watched(knob))
		return -1;
	snprintf(link, sizeof(link), "/proc/self/fd/%d/%s", dir_fd, knob_spec(knob)->file);
	return inotify_add_watch(apply->inotify_fd, link, IN_MODIFY);
}

/* Drops the hold from the table, and its watch unless another hold needs it. */
static void hold_remove(struct apply *apply, struct hold *hold)
{
	int watch = hold->watch;

	lease_remove(&apply->leases, hold);
	if (watch >= 0 && !lease_find_watch(&apply->leases, watch))
		inotify_rm_watch(apply->inotify_fd, watch);
}

/* Ends a claim that is already settled in the journal. */
static void hold_forget(struct apply *apply, struct hold *hold)
{
	int r;

	hold_remove(apply, hold);
	if (apply->leases.count > 0)
		return;
	r = journal_empty(&apply->journal);
	if (r < 0)
		log_line("journal: cannot be emptied: %s", strerror(-r));
}

/* Undoes and, unless the kernel refused, forgets the hold. */
static struct undo_report hold_undo(struct apply *apply, struct hold *hold, struct now now)
{
	struct undo_report report = undo_hold(apply->root_fd, &apply->journal, hold);

	if (report.result == UNDO_FOREIGN)
		hands_off_add(&apply->hands_off, hold, now.mono_ns + HANDS_OFF_NS);
	if (undo_is_due(report.result))
		hold->expiry_ns = now.mono_ns + UNDO_RETRY_NS;
	else
		hold_forget(apply, hold);
	return report;
}

static void hold_yield(struct apply *apply, struct hold *hold, struct now now)
{
	log_line("%s %s: written by somebody else, left alone for 10 minutes", hold->path, knob_name(hold->knob));
	/* The property behind the file may still be ours, and would overwrite what was written to the file. */
	if (hold->via == VIA_SYSTEMD) {
		hold_undo(apply, hold, now);
		return;
	}
	hands_off_add(&apply->hands_off, hold, now.mono_ns + HANDS_OFF_NS);
	if (journal_undone(&apply->journal, hold, undo_result_name(UNDO_FOREIGN)) < 0)
		log_line("journal: yield not recorded");
	STEP(YIELD_JOURNALED);
	hold_forget(apply, hold);
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
		item_refuse(ret, OUTCOME_GONE, "the cgroup is gone");
		break;
	default:
		item_fail(ret, knob, report->error);
	}
}

/* A change that went wrong half way: back to the original, and say why. */
static void change_abort(struct apply *apply, struct change *change, struct hold *hold, int error,
			 struct result_item *ret)
{
	enum knob knob = hold->knob;
	struct undo_report report = hold_undo(apply, hold, change->now);

	if (report.result == UNDO_GONE) {
		item_refuse(ret, OUTCOME_GONE, "the cgroup is gone");
		return;
	}
	ret->error = error;
	item_refuse(ret, OUTCOME_FAILED, "%s: %s", knob_name(knob), strerror(-error));
}

/* The knob is written; takes what the kernel made of it into the books. */
static void change_settle(struct apply *apply, struct change *change, struct hold *hold, struct result_item *ret)
{
	struct knob_value read_back;
	int r = place_read(&change->place, hold->knob, &read_back);

	if (r < 0) {
		change_abort(apply, change, hold, r, ret);
		return;
	}
	STEP(APPLY_READ);
	item_value(ret, OUTCOME_APPLIED, hold->knob, &read_back);
	if (!knob_close(hold->knob, &read_back, &hold->wanted)) {
		item_refuse(ret, OUTCOME_CONTENDED, "%s was changed at the same time", knob_name(hold->knob));
		hold_yield(apply, hold, change->now);
		return;
	}
	hold->ours = read_back;
	hold->in_flight = false;
	r = journal_done(&apply->journal, hold);
	if (r < 0) {
		change_abort(apply, change, hold, r, ret);
		return;
	}
	STEP(APPLY_DONE);
	hold->expiry_ns = change->now.mono_ns + change->action->lease_ms * NS_PER_MS;
}

/* Journals the intent and writes. `hold` is in the table; when the intent is not journalled it is as before. */
static int change_write(struct apply *apply, struct change *change, struct hold *hold, struct result_item *ret)
{
	struct knob_value wanted = hold->wanted;
	int r;

	hold->wanted = change->wanted;
	r = journal_intent(&apply->journal, hold, &change->current, change->now.real_ns);
	if (r < 0) {
		hold->wanted = wanted;
		ret->error = r;
		item_refuse(ret, OUTCOME_REFUSED, "the journal cannot be written: %s", strerror(-r));
		return r;
	}
	hold->in_flight = true;
	hold->undo_begun = false;
	hold->reason = change->action->reason;
	STEP(APPLY_JOURNALED);
	r = undo_write(&change->place, hold, &change->wanted);
	STEP(APPLY_WRITTEN);
	if (r < 0)
		change_abort(apply, change, hold, r, ret);
	else
		change_settle(apply, change, hold, ret);
	STEP(APPLY_HELD);
	return 0;
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
	hold->watch = watch_add(apply, change->place.dir_fd, hold->knob);
	return hold;
}

static void change_apply(struct apply *apply, struct change *change, struct result_item *ret)
{
	struct hold *weight = lease_find(&apply->leases, change->action->cgroup_id, KNOB_CPU_WEIGHT, 0);
	struct hold *hold;

	/* cpu.idle has to remember the weight as it was before us, so ours goes first. */
	if (change->action->knob == KNOB_CPU_IDLE && weight) {
		struct undo_report report = hold_undo(apply, weight, change->now);
		int r = undo_is_due(report.result) ? report.error :
			place_read(&change->place, KNOB_CPU_IDLE, &change->current);

		if (r < 0) {
			item_fail(ret, KNOB_CPU_WEIGHT, r);
			return;
		}
	}
	hold = hold_new(apply, change, ret);
	if (!hold)
		return;
	if (hold->watch < 0 && knob_is_watched(hold->knob)) {
		item_refuse(ret, OUTCOME_FAILED, "%s cannot be watched: %s", knob_name(hold->knob), strerror(errno));
		lease_remove(&apply->leases, hold);
	} else if (change_write(apply, change, hold, ret) < 0) {
		hold_remove(apply, hold);
	}
}

static void change_renew(struct apply *apply, struct change *change, struct hold *hold, struct result_item *ret)
{
	if (hold->via == VIA_SYSTEMD && hold->undo_begun) {
		item_refuse(ret, OUTCOME_FAILED, "systemd has yet to be told of the last undo");
	} else if (!undo_is_ours(hold, &change->current)) {
		item_value(ret, OUTCOME_CONTENDED, hold->knob, &change->current);
		item_refuse(ret, OUTCOME_CONTENDED, "somebody else wrote %s: left as it is", knob_name(hold->knob));
		hold_yield(apply, hold, change->now);
	} else if (!hold->in_flight && !hold->undo_begun && knob_equal(hold->knob, &hold->wanted, &change->wanted)) {
		item_value(ret, OUTCOME_RENEWED, hold->knob, &change->current);
		hold->expiry_ns = change->now.mono_ns + change->action->lease_ms * NS_PER_MS;
	} else if (!rate_take(&apply->rate, change->now.mono_ns)) {
		item_refuse(ret, OUTCOME_REFUSED, "more than %d writes in a second", WRITES_PER_S_MAX);
	} else {
		change_write(apply, change, hold, ret);
	}
}

static struct hold *action_hold(struct apply *apply, const struct action *action)
{
	if (action->knob >= KNOB_COUNT)
		return NULL;
	return lease_find(&apply->leases, action->cgroup_id, (enum knob)action->knob, action->device);
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

void apply_expire(struct apply *apply, struct now now)
{
	struct hold *hold;

	if (apply->leases.count == 0)
		return;
	if (access(apply->disable_file, F_OK) == 0) {
		log_line("disabled by %s: undoing everything", apply->disable_file);
		apply_undo_all(apply, now, NULL, 0, NULL);
		return;
	}
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
		hold_yield(apply, hold, now);
}

void apply_verify(struct apply *apply, int watch, struct now now)
{
	/* What is forgotten has its place taken by the last of the table, which going down was met already. */
	for (uint32_t i = apply->leases.count; i-- > 0;) {
		struct hold *hold = &apply->leases.hold[i];

		if (hold->watch >= 0 && (watch < 0 || hold->watch == watch))
			hold_verify(apply, hold, now);
	}
}

uint64_t apply_next_ns(const struct apply *apply, struct now now)
{
	uint64_t next_ns = lease_next_expiry_ns(&apply->leases);

	if (apply->leases.count > 0 && next_ns > now.mono_ns + DISABLE_POLL_NS)
		return now.mono_ns + DISABLE_POLL_NS;
	return next_ns;
}
