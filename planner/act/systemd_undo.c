/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "cgroup.h"
#include "systemd.h"
#include "undo.h"

/* One knob on its way back. */
struct way_back {
	const struct place *place;
	const struct hold *hold;
	int file_r;			/* of reading the file */
	struct knob_value file;
};

static bool is_original(const struct hold *hold, const struct knob_value *value)
{
	return knob_close(hold->knob, value, &hold->original);
}

/* More lenient than undo_is_ours(): a property is as we set it, the file as the kernel rounded it. */
static bool is_ours(const struct hold *hold, const struct knob_value *value)
{
	return knob_close(hold->knob, value, &hold->ours) ||
	       (hold->in_flight && knob_close(hold->knob, value, &hold->wanted));
}

static bool file_is_original(const struct way_back *back)
{
	return back->file_r == 0 && systemd_file_agrees(back->hold->knob, &back->file, &back->hold->original);
}

static bool file_is_foreign(const struct way_back *back)
{
	return back->file_r == 0 && !file_is_original(back) && !is_ours(back->hold, &back->file);
}

static int file_write(const struct way_back *back, const struct knob_value *value)
{
	enum knob knob = back->hold->knob;
	int r = cgroup_write(back->place->dir_fd, knob, back->place->device, value);
	struct knob_value all;

	return undo_needs_all(knob, value, r, &all) ? cgroup_write(back->place->dir_fd, knob, back->place->device, &all) : r;
}

static struct undo_report report(enum undo_result result, int error, const struct knob_value *value)
{
	return (struct undo_report){ .result = result, .error = error, .value = *value };
}

/* Nobody answers: the limit goes at once, and so does the record of it that a reload would read. */
static struct undo_report file_lift(struct way_back *back)
{
	const struct hold *hold = back->hold;
	int r = 0;

	if (back->file_r == 0 && !file_is_foreign(back) && !file_is_original(back)) {
		r = file_write(back, &hold->original);
		if (r == 0)
			back->file = hold->original;
	}
	systemd_drop_in_remove(back->place, hold->knob);
	if (r < 0 && !cgroup_is_gone(r))
		return report(UNDO_FAILED, r, &back->file);
	return report(UNDO_LIFTED, -EHOSTDOWN, &back->file);
}

/*
 * Setting the property wrote the file as well, but for cpuset.cpus, which stays when AllowedCPUs= is cleared, and but
 * for what somebody wrote to the file, which is theirs to keep.
 */
static struct undo_report file_settle(struct way_back *back)
{
	bool is_foreign = file_is_foreign(back);
	const struct knob_value *wanted = is_foreign ? &back->file : &back->hold->original;
	struct knob_value now = *wanted;
	int r;

	if (back->file_r < 0)
		return report(cgroup_is_gone(back->file_r) ? UNDO_GONE : UNDO_FAILED, back->file_r, &now);
	r = place_read(back->place, back->hold->knob, &now);
	if (r == 0 && !knob_close(back->hold->knob, &now, wanted) && (is_foreign || !systemd_file_agrees(back->hold->knob, &now, wanted)))
		r = file_write(back, wanted);
	/* With its last user the controller may have gone, and the file with it. */
	if (r < 0 && !cgroup_is_gone(r))
		return report(UNDO_FAILED, r, &now);
	return report(is_foreign ? UNDO_FOREIGN : UNDO_RESTORED, 0, wanted);
}

struct undo_report systemd_undo(const struct place *place, const struct hold *hold)
{
	struct way_back back = { .place = place, .hold = hold, .file_r = place->dir_fd };
	struct knob_value property;
	bool is_same = true;
	struct undo_report done;
	int r;

	if (place->dir_fd >= 0)
		back.file_r = place_read(place, hold->knob, &back.file);
	r = systemd_get(place, hold->knob, &property);
	if (r == 0 && !is_original(hold, &property)) {
		if (!is_ours(hold, &property)) {
			systemd_drop_in_remove_hidden(place, hold->knob);
			return report(cgroup_is_gone(back.file_r) ? UNDO_GONE : UNDO_FOREIGN, 0, &property);
		}
		is_same = false;
		r = systemd_set(place, hold->knob, &hold->original);
	}
	if (r == -EHOSTDOWN)
		return file_lift(&back);
	/* A unit that systemd has forgotten has no record to put right. */
	if (r < 0 && r != -ENOENT && !cgroup_is_gone(back.file_r))
		return report(UNDO_FAILED, r, &back.file);
	systemd_drop_in_remove(place, hold->knob);
	is_same = is_same && file_is_original(&back);
	done = file_settle(&back);
	if (done.result == UNDO_RESTORED && is_same)
		done.result = UNDO_SAME;
	return done;
}
