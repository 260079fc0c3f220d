/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "cgroup.h"
#include "host.h"
#include "log.h"
#include "step.h"
#include "systemd.h"
#include "undo.h"

/* One word each: they stand in the journal. */
static const char *const RESULT_NAMES[] = { "restored", "same", "foreign", "gone", "lifted", "failed" };
_Static_assert(sizeof(RESULT_NAMES) / sizeof(*RESULT_NAMES) == UNDO_COUNT, "every result has a name");

const char *undo_result_name(enum undo_result result)
{
	return (unsigned int)result < UNDO_COUNT ? RESULT_NAMES[result] : "?";
}

bool undo_is_ours(const struct hold *hold, const struct knob_value *value)
{
	return knob_equal(hold->knob, value, &hold->ours) ||
	       (hold->in_flight && knob_close(hold->knob, value, &hold->wanted));
}

/*
 * The kernel sets the weight to its default when cpu.idle goes back to 0. A write that was cut short right there has
 * cpu.idle as it was but not the weight.
 */
static bool is_weight_forgotten(const struct hold *hold, const struct knob_value *value)
{
	return hold->knob == KNOB_CPU_IDLE && (hold->undo_begun || hold->in_flight) && hold->original.value == 0 &&
	       value->value == 0 && value->aux == CPU_WEIGHT_DEFAULT && hold->original.aux != CPU_WEIGHT_DEFAULT;
}

static int weight_restore(const struct place *place, uint64_t weight)
{
	struct knob_value now, value = { .value = weight };
	int r = place_read(place, KNOB_CPU_WEIGHT, &now);

	if (r == 0 && now.value != weight)
		r = place_write(place, KNOB_CPU_WEIGHT, &value);
	return r;
}

bool undo_needs_all(enum knob knob, const struct knob_value *value, int r, struct knob_value *ret_all)
{
	if (r != -ENOSPC || (knob != KNOB_CPUSET_CPUS && knob != KNOB_CPUSET_MEMS) || value->value != 0)
		return false;
	*ret_all = (struct knob_value){ .value = knob == KNOB_CPUSET_CPUS ? host_cpus() : host_nodes() };
	return true;
}

int undo_write(const struct place *place, const struct hold *hold, const struct knob_value *value)
{
	int r = place_write(place, hold->knob, value);
	struct knob_value all;

	if (undo_needs_all(hold->knob, value, r, &all)) {
		log_line("%s %s: has processes and cannot be emptied: all there are instead", place->path, knob_name(hold->knob));
		return place_write(place, hold->knob, &all);
	}
	if (r < 0 || hold->knob != KNOB_CPU_IDLE || value->value != 0 || hold->original.value != 0)
		return r;
	STEP(IDLE_WRITTEN);
	return weight_restore(place, hold->original.aux);
}

int undo_place_open(int root_fd, const struct hold *hold, struct place *ret)
{
	*ret = (struct place){ .root_fd = root_fd, .dir_fd = -1, .path = hold->path, .cgroup_id = hold->cgroup_id,
			       .device = hold->device, .via = hold->via };
	return place_open(ret);
}

static struct undo_report report_error(int error)
{
	return (struct undo_report){ .result = cgroup_is_gone(error) ? UNDO_GONE : UNDO_FAILED, .error = error };
}

static void undo_begin(struct journal *journal, struct hold *hold)
{
	int r = hold->undo_begun && hold->told ? 0 : journal_undo(journal, hold);

	if (r < 0)
		log_line("journal: undo of %s %s not recorded: %s", hold->path, knob_name(hold->knob), strerror(-r));
	STEP(UNDO_JOURNALED);
	hold->undo_begun = true;
}

/* True when there is something to write back; else *ret says what became of it. */
static bool restore_check(const struct place *place, const struct hold *hold, struct undo_report *ret)
{
	int r = place_read(place, hold->knob, &ret->value);

	if (r < 0)
		*ret = report_error(r);
	else if (is_weight_forgotten(hold, &ret->value))
		return true;
	else if (knob_equal(hold->knob, &ret->value, &hold->original))
		ret->result = UNDO_SAME;
	else if (!undo_is_ours(hold, &ret->value))
		ret->result = UNDO_FOREIGN;
	else
		return true;
	return false;
}

static struct undo_report hold_restore(int root_fd, struct journal *journal, struct hold *hold)
{
	_cleanup_place_ struct place place = { .dir_fd = -1 };
	struct undo_report report = { .result = UNDO_RESTORED };
	int r = undo_place_open(root_fd, hold, &place);

	if (r < 0)
		return report_error(r);
	/* A manager has a record besides the file, so the file alone does not tell whether all is as before. */
	if (place.via != VIA_SYSTEMD && !restore_check(&place, hold, &report))
		return report;
	STEP(UNDO_READ);
	undo_begin(journal, hold);
	if (place.via == VIA_SYSTEMD) {
		report = systemd_undo(&place, hold);
		STEP(UNDO_WRITTEN);
		return report;
	}
	r = undo_write(&place, hold, &hold->original);
	STEP(UNDO_WRITTEN);
	if (r == 0)
		r = place_read(&place, hold->knob, &report.value);
	return r < 0 ? report_error(r) : report;
}

static void undo_tell(struct hold *hold, const struct undo_report *report)
{
	if (report->result == UNDO_FAILED)
		log_line("%s %s: cannot be restored: %s", hold->path, knob_name(hold->knob), strerror(-report->error));
	else if (report->result == UNDO_LIFTED)
		log_line("%s %s: lifted; its property follows when systemd answers", hold->path, knob_name(hold->knob));
	hold->told = (int)report->result;
}

struct undo_report undo_hold(int root_fd, struct journal *journal, struct hold *hold)
{
	struct undo_report report = hold_restore(root_fd, journal, hold);
	int r;

	/* It is tried again every second: once is enough to hear of it, and for the journal. */
	if (undo_is_due(report.result) && hold->told == (int)report.result)
		return report;
	r = journal_undone(journal, hold, undo_result_name(report.result));
	STEP(UNDO_UNDONE);
	if (r < 0)
		log_line("journal: end of undo of %s %s not recorded: %s", hold->path, knob_name(hold->knob),
			 strerror(-r));
	undo_tell(hold, &report);
	return report;
}
