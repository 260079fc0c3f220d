/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads our table of nftables back: the rules of one chain, and the intervals of the map of each. */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "nft_send.h"
#include "nft_table.h"

#define NAME_MAX_BYTES 64

/* Sends a request and hands each answer to `take`. 0 or -errno. */
static int ask(struct mnl_socket *sock, struct nlmsghdr *request, mnl_cb_t take, void *arg)
{
	unsigned int port = mnl_socket_get_portid(sock);
	char buf[32768];
	int r = 1;

	if (mnl_socket_sendto(sock, request, request->nlmsg_len) < 0)
		return -errno;
	while (r > 0) {
		ssize_t size = mnl_socket_recvfrom(sock, buf, sizeof(buf));

		if (size < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		r = mnl_cb_run(buf, (size_t)size, request->nlmsg_seq, port, take, arg);
	}
	return r < 0 ? -errno : 0;
}

static int table_take(const struct nlmsghdr *header, void *arg)
{
	(void)header;
	*(bool *)arg = true;
	return MNL_CB_OK;
}

static int table_find(struct mnl_socket *sock)
{
	struct nftnl_table *table = nftnl_table_alloc();
	char buf[512];
	struct nlmsghdr *request = nftnl_nlmsg_build_hdr(buf, NFT_MSG_GETTABLE, NFPROTO_INET, NLM_F_ACK, nft_seq_next());
	bool is_there = false;
	int r;

	nftnl_table_set_str(table, NFTNL_TABLE_NAME, NFT_TABLE_NAME);
	nftnl_table_nlmsg_build_payload(request, table);
	nftnl_table_free(table);
	r = ask(sock, request, table_take, &is_there);
	return r == -ENOENT ? 0 : r < 0 ? r : is_there;
}

/* What one rule says: whose map decides about which port, or which priority whose packets get. */
struct rule_words {
	uint16_t front;
	char map[NAME_MAX_BYTES];
	struct mark mark;
};

struct rules {
	uint32_t count;
	struct rule_words rule[SHARES_MAX > MARKS_MAX ? SHARES_MAX : MARKS_MAX];
};
#define RULES_MAX (sizeof(((struct rules *)NULL)->rule) / sizeof(struct rule_words))

static int expr_take(struct nftnl_expr *expr, void *arg)
{
	struct rule_words *words = arg;
	const char *name = nftnl_expr_get_str(expr, NFTNL_EXPR_NAME);
	const void *data;
	uint32_t size;

	if (strcmp(name, "lookup") == 0) {
		strncpy(words->map, nftnl_expr_get_str(expr, NFTNL_EXPR_LOOKUP_SET), NAME_MAX_BYTES - 1);
	} else if (strcmp(name, "cmp") == 0) {
		data = nftnl_expr_get(expr, NFTNL_EXPR_CMP_DATA, &size);
		if (size == sizeof(words->front)) {
			memcpy(&words->front, data, size);
			words->front = ntohs(words->front);
		} else if (size == sizeof(words->mark.cgroup_id)) {
			memcpy(&words->mark.cgroup_id, data, size);
		}
	} else if (strcmp(name, "socket") == 0) {
		words->mark.level = nftnl_expr_get_u32(expr, NFTNL_EXPR_SOCKET_LEVEL);
	} else if (strcmp(name, "immediate") == 0) {
		data = nftnl_expr_get(expr, NFTNL_EXPR_IMM_DATA, &size);
		if (size == sizeof(words->mark.priority))
			memcpy(&words->mark.priority, data, size);
	}
	return 0;
}

static int rule_take(const struct nlmsghdr *header, void *arg)
{
	struct rules *rules = arg;
	struct nftnl_rule *rule = nftnl_rule_alloc();
	int r = rule ? nftnl_rule_nlmsg_parse(header, rule) : -1;

	if (r >= 0 && rules->count < RULES_MAX) {
		memset(&rules->rule[rules->count], 0, sizeof(*rules->rule));
		nftnl_expr_foreach(rule, expr_take, &rules->rule[rules->count++]);
	}
	nftnl_rule_free(rule);
	return r < 0 ? MNL_CB_ERROR : MNL_CB_OK;
}

static int rules_load(struct mnl_socket *sock, const char *chain, struct rules *ret)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();
	char buf[512];
	struct nlmsghdr *request = nftnl_nlmsg_build_hdr(buf, NFT_MSG_GETRULE, NFPROTO_INET, NLM_F_DUMP, nft_seq_next());

	nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, NFT_TABLE_NAME);
	nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chain);
	nftnl_rule_nlmsg_build_payload(request, rule);
	nftnl_rule_free(rule);
	ret->count = 0;
	return ask(sock, request, rule_take, ret);
}

static int elements_take(const struct nlmsghdr *header, void *arg)
{
	return nftnl_set_elems_nlmsg_parse(header, arg) < 0 ? MNL_CB_ERROR : MNL_CB_OK;
}

/* Where an interval begins; port 0: where the last one ends. */
struct bound {
	uint32_t key;
	uint16_t port;
};

struct bounds {
	uint32_t count;
	struct bound bound[SHARES_MAX + 1];
};

static int bound_take(struct nftnl_set_elem *element, void *arg)
{
	struct bounds *bounds = arg;
	const uint32_t *key;
	const uint16_t *port;
	uint32_t size;

	if (bounds->count == SHARES_MAX + 1)
		return -1;
	key = nftnl_set_elem_get(element, NFTNL_SET_ELEM_KEY, &size);
	port = nftnl_set_elem_is_set(element, NFTNL_SET_ELEM_DATA) ?
		nftnl_set_elem_get(element, NFTNL_SET_ELEM_DATA, &size) : NULL;
	bounds->bound[bounds->count++] = (struct bound){ ntohl(*key), port ? ntohs(*port) : 0 };
	return 0;
}

static int bound_compare(const void *a, const void *b)
{
	const struct bound *left = a, *right = b;

	return left->key < right->key ? -1 : left->key > right->key;
}

static int bounds_add(struct bounds *bounds, uint16_t front, struct shares *ret)
{
	qsort(bounds->bound, bounds->count, sizeof(*bounds->bound), bound_compare);
	for (uint32_t i = 0; i + 1 < bounds->count; i++) {
		const struct bound *at = &bounds->bound[i];

		if (at->port && shares_set(ret, front, at->port, at[1].key - at->key) < 0)
			return -EBADMSG;
	}
	return 0;
}

static int map_load(struct mnl_socket *sock, const struct rule_words *rule, struct shares *ret)
{
	struct nftnl_set *map = nftnl_set_alloc();
	struct bounds bounds = { 0 };
	char buf[512];
	struct nlmsghdr *request = nftnl_nlmsg_build_hdr(buf, NFT_MSG_GETSETELEM, NFPROTO_INET, NLM_F_DUMP, nft_seq_next());
	int r;

	nftnl_set_set_str(map, NFTNL_SET_TABLE, NFT_TABLE_NAME);
	nftnl_set_set_str(map, NFTNL_SET_NAME, rule->map);
	nftnl_set_nlmsg_build_payload(request, map);
	r = ask(sock, request, elements_take, map);
	if (r == 0 && nftnl_set_elem_foreach(map, bound_take, &bounds) < 0)
		r = -EBADMSG;
	nftnl_set_free(map);
	return r < 0 ? r : bounds_add(&bounds, rule->front, ret);
}

static int shares_load(struct mnl_socket *sock, struct shares *ret)
{
	struct rules rules;
	int r = rules_load(sock, "prerouting", &rules);

	for (uint32_t i = 0; r == 0 && i < rules.count; i++)
		r = rules.rule[i].map[0] && rules.rule[i].front ? map_load(sock, &rules.rule[i], ret) : -EBADMSG;
	return r;
}

static int marks_load(struct mnl_socket *sock, struct table_content *ret)
{
	struct rules rules;
	int r = rules_load(sock, "priority", &rules);

	for (uint32_t i = 0; r == 0 && i < rules.count; i++)
		r = rules.rule[i].mark.cgroup_id && rules.rule[i].mark.priority ? marks_set(ret, &rules.rule[i].mark) : -EBADMSG;
	return r;
}

int table_load(struct mnl_socket *sock, struct table_content *ret)
{
	struct table_content content = { 0 };
	int r = table_find(sock);

	if (r > 0) {
		r = shares_load(sock, &content.shares);
		if (r == 0)
			r = marks_load(sock, &content);
		r = r < 0 ? r : 1;
	}
	if (r >= 0)
		*ret = content;
	return r;
}
