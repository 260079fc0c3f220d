/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "bounds.h"
#include "cleanup.h"
#include "nft_listen.h"

#define STATE_LISTEN 10		/* TCP_LISTEN, net/tcp_states.h */

struct search {
	uint16_t port;
	int count;
	struct listener *found;
};

struct words {
	const uint64_t *cgroup_id;
	const uint8_t *is_ipv6_only;
};

static int word_take(const struct nlattr *attribute, void *arg)
{
	struct words *words = arg;

	if (mnl_attr_get_type(attribute) == INET_DIAG_CGROUP_ID)
		words->cgroup_id = mnl_attr_get_payload(attribute);
	else if (mnl_attr_get_type(attribute) == INET_DIAG_SKV6ONLY)
		words->is_ipv6_only = mnl_attr_get_payload(attribute);
	return MNL_CB_OK;
}

static int listener_take(const struct nlmsghdr *header, void *arg)
{
	static const uint8_t ANY[16];
	struct search *search = arg;
	const struct inet_diag_msg *socket = mnl_nlmsg_get_payload(header);
	bool is_ipv6 = socket->idiag_family == AF_INET6;
	bool is_any = memcmp(socket->id.idiag_src, ANY, is_ipv6 ? 16 : 4) == 0;
	struct words words = { 0 };
	struct listener *ret;

	if (ntohs(socket->id.idiag_sport) != search->port || search->count++ >= LISTENERS_MAX)
		return MNL_CB_OK;
	ret = &search->found[search->count - 1];
	mnl_attr_parse(header, sizeof(*socket), word_take, &words);
	*ret = (struct listener){ .takes_ipv6 = is_any && is_ipv6 };
	ret->takes_ipv4 = is_any && (!is_ipv6 || (words.is_ipv6_only && !*words.is_ipv6_only));
	if (words.cgroup_id)
		memcpy(&ret->cgroup_id, words.cgroup_id, sizeof(ret->cgroup_id));
	return MNL_CB_OK;
}

static int family_search(struct mnl_socket *sock, uint8_t family, struct search *search)
{
	char buf[16384];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buf);
	struct inet_diag_req_v2 *wanted;
	int r = 1;

	request->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	wanted = mnl_nlmsg_put_extra_header(request, sizeof(*wanted));
	wanted->sdiag_family = family;
	wanted->sdiag_protocol = IPPROTO_TCP;
	wanted->idiag_states = 1u << STATE_LISTEN;
	if (mnl_socket_sendto(sock, request, request->nlmsg_len) < 0)
		return -errno;
	while (r > 0) {
		ssize_t size = mnl_socket_recvfrom(sock, buf, sizeof(buf));

		if (size < 0)
			return -errno;
		r = mnl_cb_run(buf, (size_t)size, 0, mnl_socket_get_portid(sock), listener_take, search);
	}
	return r < 0 ? -errno : 0;
}

int listeners_find(uint16_t port, struct listener ret[LISTENERS_MAX])
{
	struct search search = { .port = port, .found = ret };
	struct mnl_socket *sock = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	int r;

	if (!sock)
		return -errno;
	r = mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno : family_search(sock, AF_INET, &search);
	if (r == 0)
		r = family_search(sock, AF_INET6, &search);
	mnl_socket_close(sock);
	if (r == 0 && search.count > LISTENERS_MAX)
		r = -E2BIG;
	return r < 0 ? r : search.count;
}

/* A directory of cgroupfs is listed with its cgroup's id as inode. */
static bool dir_has(int dir_fd, uint64_t id, unsigned int depth)
{
	_cleanup_close_ int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 || depth == WALK_DEPTH_MAX ? NULL : fdopendir(fd);
	struct dirent *entry;
	bool is_found = false;

	if (!dir)
		return false;
	while (!is_found && (entry = readdir(dir))) {
		_cleanup_close_ int child_fd = -1;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		is_found = entry->d_ino == id;
		child_fd = is_found ? -1 : openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		is_found = is_found || (child_fd >= 0 && dir_has(child_fd, id, depth + 1));
	}
	fd = -1;
	closedir(dir);
	return is_found;
}

bool cgroup_has(int dir_fd, uint64_t own_id, uint64_t id)
{
	return id == own_id || (dir_fd >= 0 && dir_has(dir_fd, id, 0));
}
