/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

#include "hold.h"
#include "log.h"
#include "step.h"

int hold_watch(struct apply *apply, struct hold *hold, int dir_fd)
{
	const struct knob_spec *spec = knob_spec(hold->knob);
	char link[64];

	if (!spec->file || spec->kind == KIND_DEED)
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d/%s", dir_fd, spec->file);
	hold->watch = inotify_add_watch(apply->inotify_fd, link, IN_MODIFY);
	return hold->watch < 0 ? -errno : 0;
}

void hold_forget(struct apply *apply, struct hold *hold)
{
	int r, watch = hold->watch;

	lease_remove(&apply->leases, hold);
	if (watch >= 0 && !lease_find_watch(&apply->leases, watch))
		inotify_rm_watch(apply->inotify_fd, watch);
	if (apply->leases.count > 0 || apply->journal.bytes == 0)
		return;
	r = journal_empty(&apply->journal);
	if (r < 0)
		log_line("journal: cannot be emptied: %s", strerror(-r));
}

/* The kernel sets memory.high before it reclaims: once it reads as wanted, the child's part is over. */
static bool value_stands(const struct apply *apply, const struct hold *hold)
{
	_cleanup_place_ struct place place = { .dir_fd = -1 };
	struct knob_value value;

	if (knob_spec(hold->knob)->kind == KIND_DEED)
		return true;
	return undo_place_open(apply->root_fd, hold, &place) == 0 && place_read(&place, hold->knob, &value) == 0 &&
	       knob_close(hold->knob, &value, &hold->wanted);
}

int hold_child_end(struct apply *apply, struct hold *hold, struct now now)
{
	int error;

	if (hold->child.pid_fd < 0)
		return 0;
	if (child_end(&hold->child, 0, &error) < 0) {
		if (apply->dying_count == CHILDREN_DYING_MAX || !value_stands(apply, hold))
			return -EBUSY;
		apply->dying[apply->dying_count++] = hold->child;
		hold->child.pid_fd = -1;
	}
	STEP(CHILD_KILLED);
	if (knob_spec(hold->knob)->kind == KIND_DEED)
		refault_note(&apply->refaults, hold->cgroup_id, hold->begun, now.mono_ns);
	return 0;
}

/* From now on it is somebody else's. Said once, since nothing is written to it meanwhile. */
static void hold_leave(struct apply *apply, const struct hold *hold, const struct knob_value *found, struct now now)
{
	char theirs[KNOB_TEXT_MAX] = "?", ours[KNOB_TEXT_MAX] = "?";
	int r = journal_contended(&apply->journal, hold, found, now.real_ns);

	hands_off_add(&apply->hands_off, hold, now.mono_ns + HANDS_OFF_NS);
	knob_word_format(hold->knob, found, theirs, sizeof(theirs));
	knob_word_format(hold->knob, &hold->wanted, ours, sizeof(ours));
	log_line("%s %s: written by somebody else (%.40s, not our %.40s), left alone for 10 minutes; see 'forestall journal show'",
		 hold->path, knob_name(hold->knob), theirs, ours);
	if (r < 0)
		log_line("contended: cannot be written: %s", strerror(-r));
}

void hold_yield(struct apply *apply, struct hold *hold, const struct knob_value *found, struct now now)
{
	if (hold_child_end(apply, hold, now) < 0)
		return;
	/* The property behind the file may still be ours, and would overwrite what was written to the file. */
	if (hold->via == VIA_SYSTEMD) {
		hold_undo(apply, hold, now);
		return;
	}
	hold_leave(apply, hold, found, now);
	if (journal_undone(&apply->journal, hold, undo_result_name(UNDO_FOREIGN)) < 0)
		log_line("journal: yield not recorded");
	STEP(YIELD_JOURNALED);
	hold_forget(apply, hold);
}

/* What a partition was made of goes back after it is none any more. */
static int partition_undo_first(struct apply *apply, struct hold **hold, struct now now)
{
	struct hold *partition = NULL;
	uint64_t seq = (*hold)->seq;
	struct undo_report report;

	if ((*hold)->knob == KNOB_CPUSET_CPUS || (*hold)->knob == KNOB_CPUSET_EXCLUSIVE)
		partition = lease_find(&apply->leases, (*hold)->cgroup_id, KNOB_CPUSET_PARTITION, 0);
	if (!partition)
		return 0;
	report = hold_undo(apply, partition, now);
	*hold = lease_find_seq(&apply->leases, seq);
	return undo_is_due(report.result) ? -EBUSY : 0;
}

struct undo_report hold_undo(struct apply *apply, struct hold *hold, struct now now)
{
	struct undo_report report = { .result = UNDO_FAILED, .error = partition_undo_first(apply, &hold, now) };

	if (report.error == 0)
		report.error = hold_child_end(apply, hold, now);
	if (report.error == 0)
		report = undo_hold(apply->root_fd, &apply->journal, hold);
	if (report.result == UNDO_FOREIGN)
		hold_leave(apply, hold, &report.value, now);
	if (undo_is_due(report.result))
		hold->expiry_ns = now.mono_ns + UNDO_RETRY_NS;
	else
		hold_forget(apply, hold);
	return report;
}
