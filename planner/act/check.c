/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "check.h"
#include "exclude.h"
#include "host.h"
#include "owner.h"
#include "systemd.h"

typedef bool (*check)(struct apply *apply, struct change *change, struct result_item *ret);

bool item_refuse(struct result_item *ret, enum outcome outcome, const char *format, ...)
{
	va_list args;

	ret->outcome = outcome;
	va_start(args, format);
	vsnprintf(ret->text, sizeof(ret->text), format, args);
	va_end(args);
	return false;
}

bool item_fail(struct result_item *ret, enum knob knob, int error)
{
	if (cgroup_is_gone(error))
		return item_refuse(ret, OUTCOME_GONE, knob_spec(knob)->kind == KIND_DEVICE_KEY ?
				   "the cgroup or the device is gone" : "the cgroup is gone");
	if (error == -EOPNOTSUPP)
		return item_refuse(ret, OUTCOME_UNAVAILABLE, "%s: this host has no way to set it", knob_name(knob));
	ret->error = error;
	return item_refuse(ret, OUTCOME_FAILED, "%s: %s", knob_name(knob), strerror(-error));
}

static bool check_shape(struct apply *apply, struct change *change, struct result_item *ret)
{
	const struct action *action = change->action;

	(void)apply;
	if (action->knob >= KNOB_COUNT)
		return item_refuse(ret, OUTCOME_REFUSED, "knob %u is unknown", action->knob);
	if (!memchr(action->path, '\0', sizeof(action->path)))
		return item_refuse(ret, OUTCOME_REFUSED, "the path does not end");
	if (strcmp(action->path, "/") == 0)
		return item_refuse(ret, OUTCOME_EXCLUDED, "/ as a whole is never touched");
	if (!cgroup_path_is_plain(action->path))
		return item_refuse(ret, OUTCOME_REFUSED, "not a plain path below the cgroup root");
	if (action->cgroup_id == 0)
		return item_refuse(ret, OUTCOME_REFUSED, "cgroup_id is missing");
	if ((action->device != 0) != knob_has_device((enum knob)action->knob))
		return item_refuse(ret, OUTCOME_REFUSED, "a device is named with io.max, io.latency and io.cost, ports with net.share, else none");
	if (action->flags & ~ACTION_MAY_KILL)
		return item_refuse(ret, OUTCOME_REFUSED, "flags %#x are unknown", action->flags);
	if (action->knob == KNOB_NET_SHARE && (!SHARE_FRONT(action->device) || !SHARE_PORT(action->device)))
		return item_refuse(ret, OUTCOME_REFUSED, "0 is no port");
	return true;
}

static bool check_disabled(struct apply *apply, struct change *change, struct result_item *ret)
{
	(void)change;
	/* A file that cannot be looked for counts as there. */
	if (access(apply->disable_file, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR))
		return true;
	return item_refuse(ret, OUTCOME_REFUSED, "disabled: remove %.64s", apply->disable_file);
}

static bool check_excluded(struct apply *apply, struct change *change, struct result_item *ret)
{
	char text[ACT_TEXT_MAX] = "";
	int r = exclude_check(apply->root_fd, change->action->path, apply->self_path, text);

	if (r < 0)
		return item_fail(ret, (enum knob)change->action->knob, r);
	return r == 0 || item_refuse(ret, OUTCOME_EXCLUDED, "%s", text);
}

static bool check_owned(struct apply *apply, struct change *change, struct result_item *ret)
{
	int r = owner_find(apply->root_fd, change->action->path, apply->systemd_dir);

	if (r < 0)
		return item_fail(ret, (enum knob)change->action->knob, r);
	if (owner_way((enum owner)r, change->action->path, (enum knob)change->action->knob, &change->place.via))
		return true;
	owner_remedy((enum owner)r, change->action->path, (enum knob)change->action->knob, ret->text);
	ret->outcome = OUTCOME_OWNED;
	return false;
}

static bool check_present(struct apply *apply, struct change *change, struct result_item *ret)
{
	int r;

	change->place.root_fd = apply->root_fd;
	r = place_open(&change->place);
	/* Only an undo does without its cgroup. */
	if (r == 0 && change->place.dir_fd < 0)
		r = change->place.dir_fd;
	if (r == -ESTALE)
		return item_refuse(ret, OUTCOME_GONE, "another cgroup has this path now");
	return r == 0 || item_fail(ret, (enum knob)change->action->knob, r);
}

static bool check_bounds(struct apply *apply, struct change *change, struct result_item *ret)
{
	const struct action *action = change->action;
	const char *fault = knob_fault((enum knob)action->knob, &change->wanted);

	(void)apply;
	if (fault)
		return item_refuse(ret, OUTCOME_REFUSED, "%s", fault);
	if (action->lease_ms < LEASE_MIN_MS || action->lease_ms > LEASE_MAX_MS)
		return item_refuse(ret, OUTCOME_REFUSED, "lease not in %d..%d ms", LEASE_MIN_MS, LEASE_MAX_MS);
	return true;
}

static bool check_hands_off(struct apply *apply, struct change *change, struct result_item *ret)
{
	const struct action *action = change->action;

	if (!hands_off_holds(&apply->hands_off, action->cgroup_id, (enum knob)action->knob, action->device,
			     change->now.mono_ns))
		return true;
	ret->value = change->current.value;
	ret->period_us = action->knob == KNOB_CPU_MAX ? change->current.aux : 0;
	return item_refuse(ret, OUTCOME_CONTENDED, "somebody else wrote %s; left alone for 10 minutes",
			   knob_name((enum knob)action->knob));
}

/* io.max or io.latency of a partition would be that of nothing: the kernel keeps limits by disk. */
static bool check_device(struct apply *apply, struct change *change, struct result_item *ret)
{
	uint32_t device = change->action->knob == KNOB_NET_SHARE ? 0 : change->action->device;
	char disk[DISK_NAME_MAX];
	int r = device ? disk_find(device, disk) : 0;

	(void)apply;
	if (r < 0)
		return item_refuse(ret, OUTCOME_GONE, "no block device %u:%u is there", DEVICE_MAJOR(device),
				   DEVICE_MINOR(device));
	return r == 0 || item_refuse(ret, OUTCOME_REFUSED, "%u:%u is a partition: name its disk %s", DEVICE_MAJOR(device),
				     DEVICE_MINOR(device), disk);
}

/* The file is not there though the cgroup is: says which step is missing. */
static bool item_missing(const struct apply *apply, const struct change *change, struct result_item *ret)
{
	enum knob knob = (enum knob)change->action->knob;
	const struct knob_spec *spec = knob_spec(knob);

	if (controller_is_here(place_dir(&change->place), spec->controller))
		return item_refuse(ret, OUTCOME_UNAVAILABLE, "this kernel has no %s: it needs %s", knob_name(knob),
				   spec->since);
	if (controller_is_here(apply->root_fd, spec->controller))
		return item_refuse(ret, OUTCOME_UNAVAILABLE, "no %s here: enable %s in the parent's cgroup.subtree_control",
				   knob_name(knob), spec->controller);
	if (host_has_in_v1(spec->controller))
		return item_refuse(ret, OUTCOME_UNAVAILABLE, "%s is in cgroup v1: boot with cgroup_no_v1=%s",
				   spec->controller, spec->controller);
	return item_refuse(ret, OUTCOME_UNAVAILABLE, "this kernel runs without the %s controller", spec->controller);
}

static bool check_readable(struct apply *apply, struct change *change, struct result_item *ret)
{
	enum knob knob = (enum knob)change->action->knob;
	int r = place_read(&change->place, knob, &change->current);

	if (r == 0)
		return true;
	if (r == -ENOENT && knob_spec(knob)->controller && faccessat(change->place.dir_fd, "cgroup.procs", F_OK, 0) == 0)
		return item_missing(apply, change, ret);
	return item_fail(ret, knob, r);
}

/* While cpu.idle is 1 the kernel has no weight to set, and forgets the one it had. */
static bool check_coupled(struct apply *apply, struct change *change, struct result_item *ret)
{
	const struct action *action = change->action;
	struct knob_value idle;

	if (action->knob != KNOB_CPU_WEIGHT)
		return true;
	if (lease_find(&apply->leases, action->cgroup_id, KNOB_CPU_IDLE, 0))
		return item_refuse(ret, OUTCOME_REFUSED, "cpu.idle is held here: release it first");
	if (place_read(&change->place, KNOB_CPU_IDLE, &idle) == 0 && idle.value == 1)
		return item_refuse(ret, OUTCOME_REFUSED, "cpu.idle is 1 here: cpu.weight cannot be set");
	return true;
}

/* Who writes a memory.high or memory.max below what is used reclaims the difference, and PID 1 has other things to do. */
static bool check_manager_busy(struct apply *apply, struct change *change, struct result_item *ret)
{
	uint64_t used;

	(void)apply;
	if (change->place.via != VIA_SYSTEMD ||
	    (change->action->knob != KNOB_MEMORY_HIGH && change->action->knob != KNOB_MEMORY_MAX) ||
	    place_number(&change->place, "memory.current", &used) < 0 || change->wanted.value >= used)
		return true;
	return item_refuse(ret, OUTCOME_REFUSED, "less than it uses: PID 1 would reclaim that itself; memory.reclaim first");
}

/* Asks the manager, last of all since that takes longest; in a mode that does not act nothing is sent to anybody. */
static bool check_manager(struct apply *apply, struct change *change, struct result_item *ret)
{
	int r;

	if (change->place.via != VIA_SYSTEMD || !mode_acts(apply->mode))
		return true;
	r = systemd_take(&change->place, (enum knob)change->action->knob, &change->current, ret->text);
	if (r == 0)
		return true;
	ret->error = r;
	ret->outcome = r == -EBUSY || r == -ENXIO ? OUTCOME_OWNED : OUTCOME_FAILED;
	return false;
}

static bool checks_run(const check *checks, size_t count, struct apply *apply, struct change *change,
		       struct result_item *ret)
{
	for (size_t i = 0; i < count; i++)
		if (!checks[i](apply, change, ret))
			return false;
	return true;
}

bool change_check(struct apply *apply, struct change *change, struct result_item *ret)
{
	static const check CHECKS[] = {
		check_shape, check_disabled, check_excluded, check_owned, check_present,
		check_bounds, check_device, check_readable, check_hands_off, check_coupled, check_knob, check_manager_busy,
		check_manager,
	};

	return checks_run(CHECKS, sizeof(CHECKS) / sizeof(*CHECKS), apply, change, ret);
}

bool change_check_held(struct apply *apply, struct change *change, struct result_item *ret)
{
	static const check CHECKS[] = {
		check_shape, check_disabled, check_present, check_bounds, check_device, check_readable,
		check_coupled, check_knob, check_manager_busy,
	};

	return checks_run(CHECKS, sizeof(CHECKS) / sizeof(*CHECKS), apply, change, ret);
}
