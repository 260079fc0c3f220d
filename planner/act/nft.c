/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "log.h"
#include "nft.h"
#include "nft_listen.h"
#include "nft_table.h"

#define ANSWER_S 5	/* the first transaction loads modules */

static struct {
	struct mnl_socket *sock;	/* owns the table: as long as this is open it stands */
	bool is_sealed;
	char fault[ACT_TEXT_MAX];
} nft;

static int nft_open(void)
{
	struct timeval timeout = { .tv_sec = ANSWER_S };

	if (nft.sock)
		return 0;
	if (nft.is_sealed)
		return -EOPNOTSUPP;
	nft.sock = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (nft.sock && mnl_socket_bind(nft.sock, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    setsockopt(mnl_socket_get_fd(nft.sock), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0)
		return 0;
	snprintf(nft.fault, sizeof(nft.fault), "no netlink socket of netfilter: %s", strerror(errno));
	if (nft.sock)
		mnl_socket_close(nft.sock);
	nft.sock = NULL;
	return -EOPNOTSUPP;
}

/* What earlier hands left on a kernel that knows no owners, and no journal tells of. */
static void remains_clean(void)
{
	struct table_content content, none = { 0 };
	char text[ACT_TEXT_MAX];

	if (access("/sys/module/nf_tables", F_OK) < 0 || nft_open() < 0 || table_load(nft.sock, &content) == 0)
		return;
	if (table_store(nft.sock, &none, true, text) < 0)
		log_line("nftables: the table of earlier hands stays: %s", text);
}

void nft_prepare(bool acts)
{
	if (acts) {
		remains_clean();
		return;
	}
	if (nft.sock)
		mnl_socket_close(nft.sock);
	nft.sock = NULL;
	nft.is_sealed = true;
}

static uint16_t place_front(const struct place *place) { return SHARE_FRONT(place->device); }
static uint16_t place_port(const struct place *place) { return SHARE_PORT(place->device); }

int nft_read(const struct place *place, struct knob_value *ret)
{
	struct table_content content = { 0 };
	int r = nft.is_sealed && !nft.sock ? 0 : nft_open();

	if (r == 0 && nft.sock)
		r = table_load(nft.sock, &content);
	/* EINVAL: without nf_tables nobody knows the question. */
	if (r < 0 && r != -EINVAL)
		return r;
	*ret = (struct knob_value){ .value = place->device ? shares_get(&content.shares, place_front(place), place_port(place)) :
				    marks_get(&content, place->cgroup_id) };
	return 0;
}

static int ports_fault(char ret_text[ACT_TEXT_MAX], int error)
{
	if (error == -E2BIG)
		snprintf(ret_text, ACT_TEXT_MAX, "more than %d sockets listen there: whose all are is not known", LISTENERS_MAX);
	else
		snprintf(ret_text, ACT_TEXT_MAX, "who listens cannot be told: %s: needs Linux 5.9 and tcp_diag", strerror(-error));
	return -EOPNOTSUPP;
}

int nft_check_port(const struct place *place, char ret_text[ACT_TEXT_MAX])
{
	struct listener found[LISTENERS_MAX];
	bool is_served = false, takes_ipv4 = false, takes_ipv6 = access("/proc/net/if_inet6", F_OK) < 0;
	int count = listeners_find(place_port(place), found);

	if (count < 0)
		return ports_fault(ret_text, count);
	for (int i = 0; i < count; i++) {
		if (!cgroup_has(place->dir_fd, place->cgroup_id, found[i].cgroup_id))
			continue;
		is_served = true;
		takes_ipv4 |= found[i].takes_ipv4;
		takes_ipv6 |= found[i].takes_ipv6;
	}
	if (takes_ipv4 && takes_ipv6)
		return 0;
	if (!is_served)
		snprintf(ret_text, ACT_TEXT_MAX, "no process of it listens on TCP port %u of the host", place_port(place));
	else
		snprintf(ret_text, ACT_TEXT_MAX, "on port %u it does not listen on all addresses, of IPv4 and of IPv6",
			 place_port(place));
	return -EOPNOTSUPP;
}

int64_t nft_front_stranger(const struct place *place)
{
	struct listener found[LISTENERS_MAX];
	int count = listeners_find(place_front(place), found);

	for (int i = 0; i < count; i++)
		if (!cgroup_has(place->dir_fd, place->cgroup_id, found[i].cgroup_id))
			return (int64_t)found[i].cgroup_id;
	return count < 0 ? count : 0;
}

/* How deep the path is: "/a/b" is 2. */
static uint32_t path_level(const char *path)
{
	uint32_t level = 0;

	for (; *path; path++)
		level += *path == '/';
	return level;
}

static int content_set(struct table_content *content, const struct place *place, uint32_t value)
{
	struct mark mark = { place->cgroup_id, path_level(place->path), value };

	return place->device ? shares_set(&content->shares, place_front(place), place_port(place), value) :
	       marks_set(content, &mark);
}

int nft_write(const struct place *place, const struct knob_value *value)
{
	struct table_content content;
	int has_table, r = nft_open();

	if (r < 0)
		return r;
	has_table = table_load(nft.sock, &content);
	if (has_table < 0) {
		snprintf(nft.fault, sizeof(nft.fault), "the table cannot be read: %s", strerror(-has_table));
		return has_table == -EINVAL ? -EOPNOTSUPP : has_table;
	}
	r = content_set(&content, place, (uint32_t)value->value);
	if (r < 0)
		return r;
	r = table_store(nft.sock, &content, has_table, nft.fault);
	/* A part of nftables that this kernel lacks must not be taken for a cgroup that is gone. */
	return r == -ENOENT || r == -EINVAL ? -EOPNOTSUPP : r;
}

const char *nft_fault(void)
{
	return nft.fault;
}
