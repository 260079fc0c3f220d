/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/route/class.h>
#include <netlink/route/classifier.h>
#include <netlink/route/link.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/qdisc/htb.h>
#include <netlink/route/route.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tc_link.h"

/* libnl tells fewer errors apart than the kernel does. */
static int error_of(int nl_error)
{
	switch (-nl_error) {
	case NLE_SUCCESS:
		return 0;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_NODEV:
		return -ENODEV;
	case NLE_OBJ_NOTFOUND:
		return -ENOENT;
	case NLE_PERM:
		return -EPERM;
	default:
		return -EIO;
	}
}

struct nl_sock *tc_sock_new(int fd)
{
	struct nl_sock *sock = nl_socket_alloc();

	if (sock && nl_socket_set_fd(sock, NETLINK_ROUTE, fd) == 0)
		return sock;
	nl_socket_free(sock);
	close(fd);
	return NULL;
}

void tc_sock_free(struct nl_sock *sock)
{
	nl_socket_free(sock);
}

static int route_ifindex(struct rtnl_route *route)
{
	struct rtnl_nexthop *hop;

	if (rtnl_route_get_type(route) != RTN_UNICAST || rtnl_route_get_nnexthops(route) < 1)
		return -ENETUNREACH;
	hop = rtnl_route_nexthop_n(route, 0);
	return hop ? rtnl_route_nh_get_ifindex(hop) : -ENETUNREACH;
}

static int route_lookup(struct nl_sock *sock, const char *address, int family)
{
	struct nl_addr *destination;
	struct rtnl_route *route;
	int r;

	if (nl_addr_parse(address, family, &destination) < 0)
		return -ENOMEM;
	r = rtnl_route_lookup(sock, destination, &route);
	nl_addr_put(destination);
	if (r < 0)
		return -ENETUNREACH;
	r = route_ifindex(route);
	rtnl_route_put(route);
	return r;
}

int tc_link_default(struct nl_sock *sock)
{
	int ifindex = route_lookup(sock, "192.0.2.1", AF_INET);

	return ifindex > 0 ? ifindex : route_lookup(sock, "2001:db8::1", AF_INET6);
}

static void qdisc_take(struct nl_object *object, void *arg)
{
	struct rtnl_tc *tc = TC_CAST(object);
	struct tc_link *link = arg;
	struct tc_qdisc *qdisc = &link->qdiscs[link->count];

	if (rtnl_tc_get_ifindex(tc) != link->ifindex)
		return;
	snprintf(qdisc->kind, sizeof(qdisc->kind), "%s", rtnl_tc_get_kind(tc) ?: "");
	qdisc->handle = rtnl_tc_get_handle(tc);
	qdisc->parent = rtnl_tc_get_parent(tc);
	link->count++;
}

int tc_link_read(struct nl_sock *sock, int ifindex, struct tc_link *ret)
{
	struct rtnl_link *link;
	struct nl_cache *cache;
	int r;

	*ret = (struct tc_link){ .ifindex = ifindex };
	r = rtnl_link_get_kernel(sock, ifindex, NULL, &link);
	if (r < 0)
		return r == -NLE_OBJ_NOTFOUND ? -ENODEV : error_of(r);
	snprintf(ret->name, sizeof(ret->name), "%s", rtnl_link_get_name(link) ?: "");
	rtnl_link_put(link);
	r = rtnl_qdisc_alloc_cache(sock, &cache);
	if (r < 0)
		return error_of(r);
	ret->qdiscs = calloc((size_t)nl_cache_nitems(cache) + 1, sizeof(*ret->qdiscs));
	if (ret->qdiscs)
		nl_cache_foreach(cache, qdisc_take, ret);
	nl_cache_free(cache);
	return ret->qdiscs ? 0 : -ENOMEM;
}

void tc_link_free(struct tc_link *link)
{
	free(link->qdiscs);
}

int tc_link_rate(struct nl_sock *sock, int ifindex, uint32_t classid, uint64_t *ret)
{
	struct nl_cache *cache;
	struct rtnl_class *class;
	int r = rtnl_class_alloc_cache(sock, ifindex, &cache);

	if (r < 0)
		return error_of(r);
	class = rtnl_class_get(cache, ifindex, classid);
	r = class ? error_of(rtnl_htb_get_ceil64(class, ret)) : -ENOENT;
	if (class)
		rtnl_class_put(class);
	nl_cache_free(cache);
	return r;
}

static void filter_count(struct nl_object *object, void *arg)
{
	struct rtnl_tc *tc = TC_CAST(object);
	struct tc_filters *filters = arg;
	const char *kind = rtnl_tc_get_kind(tc) ?: "";
	uint32_t handle = rtnl_tc_get_handle(tc);

	/* The kernel shows each filter's chain entry too, as a filter with handle 0. */
	if (handle == 0)
		return;
	if (strcmp(kind, "bpf") == 0 && rtnl_cls_get_prio((struct rtnl_cls *)object) == TC_MAJOR &&
	    (handle == TC_FILTER_ON_THEIRS || handle == TC_FILTER_ON_OURS))
		filters->ours = handle;
	else
		filters->foreign++;
}

int tc_link_filters(struct nl_sock *sock, int ifindex, struct tc_filters *ret)
{
	static const uint32_t PARENTS[] = {
		TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS), TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
	};

	*ret = (struct tc_filters){ 0 };
	for (size_t i = 0; i < sizeof(PARENTS) / sizeof(*PARENTS); i++) {
		struct nl_cache *cache;
		int r = rtnl_cls_alloc_cache(sock, ifindex, PARENTS[i], &cache);

		if (r < 0)
			return error_of(r);
		nl_cache_foreach(cache, filter_count, ret);
		nl_cache_free(cache);
	}
	return 0;
}
