/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "tc.h"
#include "tc_change.h"
#include "tc_door.h"
#include "tc_ingress.h"
#include "tc_limits.h"
#include "tc_link.h"
#include "tc_process.h"

#define DEFAULT_KIND_FILE "/proc/sys/net/core/default_qdisc"

/* One device in one network namespace, while we look at it. */
struct spot {
	struct nl_sock *sock;
	struct tc_link link;
	struct tc_filters filters;
	uint64_t netns;
};

static struct {
	struct limits limits;
	struct door door;
	bool is_open, is_sealed;
	char fault[ACT_TEXT_MAX];
} tc = { .door.fd = -1 };

static void tc_close(void)
{
	ingress_close();
	if (tc.is_open)
		limits_close(&tc.limits);
	door_close(&tc.door);
	tc.is_open = false;
}

static int tc_open(char ret_text[ACT_TEXT_MAX])
{
	int r;

	if (tc.is_open)
		return 0;
	if (tc.is_sealed) {
		/* The reason was found when this was still possible. */
		if (ret_text != tc.fault)
			memcpy(ret_text, tc.fault, ACT_TEXT_MAX);
		return -EOPNOTSUPP;
	}
	r = limits_open(&tc.limits, ret_text);
	if (r < 0)
		return -EOPNOTSUPP;
	tc.is_open = true;
	ingress_open(tc.limits.ingress_fd, tc.limits.bucket_fd);
	r = door_open(&tc.door);
	if (r < 0) {
		snprintf(ret_text, ACT_TEXT_MAX, "no child process: %s", strerror(-r));
		tc_close();
	}
	return r;
}

const char *tc_fault(void)
{
	return tc.fault;
}

static void spot_close(struct spot *spot)
{
	tc_link_free(&spot->link);
	if (spot->sock)
		tc_sock_free(spot->sock);
}

#define _cleanup_spot_ __attribute__((cleanup(spot_close)))

/* Of process `pid`, or with pid 0 of namespace `netns`. With ifindex 0 the device of the default route. */
static int spot_open(struct spot *ret, pid_t pid, uint64_t netns, int ifindex)
{
	int fd = door_socket(&tc.door, pid, netns, &ret->netns), r;

	if (fd < 0)
		return fd;
	ret->sock = tc_sock_new(fd);
	if (!ret->sock)
		return -ENOMEM;
	if (ifindex == 0)
		ifindex = tc_link_default(ret->sock);
	if (ifindex < 0)
		return ifindex;
	r = tc_link_read(ret->sock, ifindex, &ret->link);
	return r < 0 ? r : tc_link_filters(ret->sock, ifindex, &ret->filters);
}

static int spot_open_limit(struct spot *ret, const struct shape_limit *limit)
{
	int r = spot_open(ret, 0, limit->netns, (int)limit->ifindex);

	return r == -ESRCH ? -ENODEV : r;
}

/* Where a new limit belongs. -EOPNOTSUPP with a line for what is no error of ours. */
static int spot_open_place(struct spot *ret, const struct place *place, char ret_text[ACT_TEXT_MAX])
{
	pid_t pid = process_first(place->dir_fd);
	int r = pid < 0 ? -ESRCH : spot_open(ret, pid, 0, 0);

	if (r == -ESRCH)
		snprintf(ret_text, ACT_TEXT_MAX, "no process in it: whose packets to limit is not known");
	else if (r == -ENETUNREACH)
		snprintf(ret_text, ACT_TEXT_MAX, "its network namespace has no default route: nothing to limit");
	else if (r < 0)
		snprintf(ret_text, ACT_TEXT_MAX, "its network devices cannot be read: %s", strerror(-r));
	return r == -ESRCH || r == -ENETUNREACH || r == -ENODEV ? -EOPNOTSUPP : r;
}

static enum tc_method spot_method(const struct spot *spot, char ret_text[ACT_TEXT_MAX])
{
	char kind[TC_KIND_MAX] = "pfifo_fast";
	FILE *file = fopen(DEFAULT_KIND_FILE, "re");

	if (file) {
		if (fscanf(file, "%15s", kind) != 1)
			kind[0] = '\0';
		fclose(file);
	}
	return tc_method_choose(spot->link.name, spot->link.qdiscs, spot->link.count, kind, ret_text);
}

static bool spot_is_ours(const struct spot *spot)
{
	return tc_root_is_ours(spot->link.qdiscs, spot->link.count);
}

static void all_change(struct tc_change *change, uint64_t total)
{
	const struct tc_class all = tc_class_all(total);

	tc_add_class(change, &all, false);
}

static struct limits_device device_of(const struct shape_limit *limit, uint64_t except)
{
	return limits_device(&tc.limits, limit->netns, limit->ifindex, except);
}

/* Takes the class of a limit away, or none where it is NULL, and where no limit is left all that is ours. */
static int spot_clean(const struct spot *spot, const struct shape_limit *limit, const struct limits_device *left, char ret_text[ACT_TEXT_MAX])
{
	struct tc_change change = { .ifindex = spot->link.ifindex };
	bool is_last = left->count == 0;
	uint64_t rate;

	if (is_last && spot->filters.ours)
		tc_delete_filter(&change, spot->filters.ours);
	if (is_last && spot->filters.ours == TC_FILTER_ON_OURS && spot->filters.foreign == 0)
		tc_delete_clsact(&change);
	if (is_last && spot_is_ours(spot))
		tc_delete_root(&change);
	else if (limit && limit->classid && spot_is_ours(spot) &&
		 tc_link_rate(spot->sock, spot->link.ifindex, limit->classid, &rate) == 0) {
		if (limit->is_first)
			all_change(&change, left->total);
		tc_delete_class(&change, limit->classid);
	}
	return tc_change_send(&change, spot->sock, ret_text);
}

/* The entry goes last: whoever undoes this after a kill has to find it. */
static int limit_remove(uint64_t cgroup_id, const struct shape_limit *limit, const struct spot *spot)
{
	struct limits_device left = device_of(limit, cgroup_id);
	int r = spot_clean(spot, limit, &left, tc.fault);

	if (r < 0 && r != -ENODEV)
		return r;
	r = limit->is_first ? limits_order(&tc.limits, limit->netns, limit->ifindex, left.first_id) : 0;
	return limits_drop(&tc.limits, cgroup_id) ?: r;
}

/* Reads what the kernel makes of a limit. False when it has been broken. */
static bool limit_read(const struct shape_limit *limit, const struct spot *spot, uint64_t *ret_rate)
{
	char text[ACT_TEXT_MAX];
	uint64_t all;

	if (!spot->filters.ours)
		return false;
	*ret_rate = limit->rate;
	if (limit->classid == 0)
		return spot_method(spot, text) == TC_EDT;
	if (!spot_is_ours(spot) || tc_link_rate(spot->sock, spot->link.ifindex, limit->classid, ret_rate) < 0)
		return false;
	if (!limit->is_first)
		return true;
	if (tc_link_rate(spot->sock, spot->link.ifindex, TC_CLASS_ALL, &all) < 0)
		return false;
	/* What another says that is first may be less. */
	*ret_rate = all == device_of(limit, 0).total ? limit->rate : all;
	return true;
}

/* The device that a limit is on. -ENODEV: it went, and the limit is forgotten. */
static int limit_spot_open(uint64_t cgroup_id, const struct shape_limit *limit, struct spot *ret)
{
	int r = spot_open_limit(ret, limit);

	if (r == -ENODEV)
		limits_drop(&tc.limits, cgroup_id);
	return r;
}

int tc_read(const struct place *place, bool is_first, struct knob_value *ret)
{
	_cleanup_spot_ struct spot spot = { 0 };
	struct knob_value value = { .value = KNOB_MAX };
	struct shape_limit limit;
	int r;

	r = tc.is_sealed && !tc.is_open ? -ENOENT : tc_open(tc.fault);
	if (r == 0)
		r = limits_get(&tc.limits, place->cgroup_id, &limit);
	if (r == -ENOENT || (r == 0 && limit.is_first != is_first)) {
		*ret = value;
		return 0;
	}
	if (r == 0)
		r = limit_spot_open(place->cgroup_id, &limit, &spot);
	if (r < 0)
		return r;
	if (!limit_read(&limit, &spot, &value.value)) {
		value.value = KNOB_MAX;
		r = limit_remove(place->cgroup_id, &limit, &spot);
	}
	if (r == 0)
		*ret = value;
	return r;
}

/* -EOPNOTSUPP with a line: it has a limit of the other kind. */
static int other_check(const struct place *place, bool is_first, char ret_text[ACT_TEXT_MAX])
{
	struct shape_limit limit;
	int r = limits_get(&tc.limits, place->cgroup_id, &limit);

	if (r < 0 || limit.is_first == is_first)
		return 0;
	snprintf(ret_text, ACT_TEXT_MAX, "it has %s, and a cgroup has one of the two", is_first ? "net.egress" : "net.first");
	return -EOPNOTSUPP;
}

int tc_check(const struct place *place, bool is_first, char ret_text[ACT_TEXT_MAX])
{
	_cleanup_spot_ struct spot spot = { 0 };
	int r = tc_open(ret_text);

	if (r == 0)
		r = other_check(place, is_first, ret_text);
	if (r == 0)
		r = spot_open_place(&spot, place, ret_text);
	if (r == 0 && spot_method(&spot, ret_text) == TC_REFUSED)
		r = -EOPNOTSUPP;
	return r;
}

static struct tc_class limit_class(const struct shape_limit *limit)
{
	return limit->is_first ? tc_class_first(limit->classid) : tc_class_behind(limit->classid, limit->rate);
}

static int limit_install(const struct spot *spot, const struct shape_limit *limit, uint64_t total)
{
	struct tc_change change = { .ifindex = spot->link.ifindex };
	bool has_clsact = tc_has_clsact(spot->link.qdiscs, spot->link.count);
	const struct tc_class class = limit_class(limit);

	if (limit->classid && !spot_is_ours(spot))
		tc_add_root(&change, total);
	else if (limit->classid && limit->is_first)
		all_change(&change, total);
	if (limit->classid)
		tc_add_class(&change, &class, true);
	if (!has_clsact)
		tc_add_clsact(&change);
	if (!spot->filters.ours)
		tc_add_filter(&change, has_clsact ? TC_FILTER_ON_THEIRS : TC_FILTER_ON_OURS, tc.limits.program_fd);
	return tc_change_send(&change, spot->sock, tc.fault);
}

/* An object or module that the kernel does not have must not be taken for a cgroup that is gone. */
static int install_error(int error)
{
	return error == -ENOENT || error == -EINVAL || error == -EEXIST ? -EOPNOTSUPP : error;
}

/* A clsact that came without our filter has no handle that tells whose it is: only who made it just now knows. */
static int clsact_remove(const struct spot *spot, char ret_text[ACT_TEXT_MAX])
{
	struct tc_change change = { .ifindex = spot->link.ifindex };

	if (!spot->filters.ours && spot->filters.foreign == 0 && tc_has_clsact(spot->link.qdiscs, spot->link.count))
		tc_delete_clsact(&change);
	return tc_change_send(&change, spot->sock, ret_text);
}

/* What a failed installation left behind: the reason it failed is to be told, not how this went. */
static void limit_abort(uint64_t cgroup_id, const struct shape_limit *limit, bool had_clsact)
{
	_cleanup_spot_ struct spot spot = { 0 };
	char fault[ACT_TEXT_MAX];
	int r = 0;

	memcpy(fault, tc.fault, sizeof(fault));
	if (spot_open_limit(&spot, limit) < 0) {
		limits_drop(&tc.limits, cgroup_id);
	} else {
		r = had_clsact ? 0 : clsact_remove(&spot, tc.fault);
		if (limit_remove(cgroup_id, limit, &spot) < 0 || r < 0)
			log_line("net.egress: left half way on %s: %s", spot.link.name, tc.fault);
	}
	memcpy(tc.fault, fault, sizeof(fault));
}

static int limit_add(const struct place *place, bool is_first, uint64_t rate)
{
	_cleanup_spot_ struct spot spot = { 0 };
	struct shape_limit limit = { .rate = rate, .is_first = is_first };
	struct limits_device device;
	enum tc_method method;
	int r = spot_open_place(&spot, place, tc.fault);

	if (r < 0)
		return r;
	method = spot_method(&spot, tc.fault);
	if (method == TC_REFUSED)
		return -EOPNOTSUPP;
	limit.netns = spot.netns;
	limit.ifindex = (uint32_t)spot.link.ifindex;
	device = device_of(&limit, place->cgroup_id);
	if (method == TC_HTB)
		limit.classid = device.class_free;
	limit.first_id = device.first_id;
	r = limits_set(&tc.limits, place->cgroup_id, &limit);
	if (r == 0 && is_first) {
		device = device_of(&limit, 0);
		r = limits_order(&tc.limits, limit.netns, limit.ifindex, device.first_id);
	}
	if (r < 0) {
		limits_drop(&tc.limits, place->cgroup_id);
		snprintf(tc.fault, sizeof(tc.fault), "the map of limits cannot be written: %s", strerror(-r));
		return r;
	}
	r = limit_install(&spot, &limit, device.total);
	if (r < 0)
		limit_abort(place->cgroup_id, &limit, tc_has_clsact(spot.link.qdiscs, spot.link.count));
	return install_error(r);
}

/* The entry follows the class, since it is the class that is read back. */
static int limit_change(uint64_t cgroup_id, struct shape_limit *limit, const struct spot *spot, uint64_t rate)
{
	struct tc_change change = { .ifindex = spot->link.ifindex };
	uint64_t others = limit->is_first ? device_of(limit, cgroup_id).total : 0;
	struct tc_class class;
	int r;

	limit->rate = rate;
	class = limit_class(limit);
	if (limit->classid && limit->is_first)
		all_change(&change, rate < others ? rate : others);
	else if (limit->classid)
		tc_add_class(&change, &class, false);
	r = tc_change_send(&change, spot->sock, tc.fault);
	if (r < 0)
		return install_error(r);
	r = limits_set(&tc.limits, cgroup_id, limit);
	return r < 0 || !limit->is_first ? r : limits_order(&tc.limits, limit->netns, limit->ifindex, device_of(limit, 0).first_id);
}

int tc_write(const struct place *place, bool is_first, const struct knob_value *value)
{
	_cleanup_spot_ struct spot spot = { 0 };
	struct shape_limit limit;
	uint64_t rate;
	int r;

	tc.fault[0] = '\0';
	r = tc_open(tc.fault);
	if (r == 0)
		r = limits_get(&tc.limits, place->cgroup_id, &limit);
	if (r == -ENOENT)
		return value->value == KNOB_MAX ? 0 : limit_add(place, is_first, value->value);
	if (r == 0 && limit.is_first != is_first)
		return value->value == KNOB_MAX ? 0 : other_check(place, is_first, tc.fault);
	if (r == 0)
		r = limit_spot_open(place->cgroup_id, &limit, &spot);
	if (r < 0)
		return r;
	if (value->value != KNOB_MAX && limit_read(&limit, &spot, &rate))
		return limit_change(place->cgroup_id, &limit, &spot, value->value);
	r = limit_remove(place->cgroup_id, &limit, &spot);
	return r < 0 || value->value == KNOB_MAX ? r : limit_add(place, is_first, value->value);
}

/* Nobody is limited on this device, and yet something of ours is there. */
static void remains_clean(void)
{
	_cleanup_spot_ struct spot spot = { 0 };
	struct limits_device left;
	char text[ACT_TEXT_MAX];

	if (spot_open(&spot, getpid(), 0, 0) < 0)
		return;
	left = limits_device(&tc.limits, spot.netns, (uint32_t)spot.link.ifindex, 0);
	if (left.count == 0 && spot_clean(&spot, NULL, &left, text) < 0)
		log_line("net.egress: remains on %s: %s", spot.link.name, text);
}

int tc_prepare(bool acts, char ret_text[ACT_TEXT_MAX])
{
	int r = acts ? tc_open(ret_text) : 0;

	if (!acts)
		tc_close();
	else if (r == 0)
		remains_clean();
	else
		memcpy(tc.fault, ret_text, ACT_TEXT_MAX);
	tc.is_sealed = true;
	return r;
}
