/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "nft_send.h"
#include "nft_table.h"

#define TYPE_INTEGER 4		/* as nft numbers them, to show the map to people */
#define TYPE_PORT 13
#define BYTEORDER_HOST 1
#define PORT_OFFSET 2		/* of the destination in a TCP header */
#define MAP_NAME "__map%d"	/* the kernel numbers it */

static const struct {
	const char *name, *type;
	uint32_t hook;
	int32_t order;		/* dstnat, mangle */
} CHAINS[] = {
	{ "prerouting", "nat", NF_INET_PRE_ROUTING, -100 },
	{ "output", "nat", NF_INET_LOCAL_OUT, -100 },
	{ "priority", "filter", NF_INET_LOCAL_OUT, -150 },
};
#define CHAIN_COUNT (sizeof(CHAINS) / sizeof(*CHAINS))
#define NAT_CHAINS 2

static void table_put(struct nft_batch *batch, uint16_t type)
{
	struct nftnl_table *table = nftnl_table_alloc();

	nftnl_table_set_str(table, NFTNL_TABLE_NAME, NFT_TABLE_NAME);
	if (type == NFT_MSG_NEWTABLE)
		nftnl_table_set_u32(table, NFTNL_TABLE_FLAGS, batch->is_owned ? NFT_TABLE_F_OWNER : 0);
	nftnl_table_nlmsg_build_payload(nft_batch_put(batch, type, "the table"), table);
	nftnl_table_free(table);
}

static void chain_put(struct nft_batch *batch, size_t i)
{
	struct nftnl_chain *chain = nftnl_chain_alloc();

	nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, NFT_TABLE_NAME);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, CHAINS[i].name);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, CHAINS[i].type);
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, CHAINS[i].hook);
	nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, CHAINS[i].order);
	nftnl_chain_nlmsg_build_payload(nft_batch_put(batch, NFT_MSG_NEWCHAIN, "a chain (nft_chain_nat)"), chain);
	nftnl_chain_free(chain);
}

/* Without a handle: all rules of the chain, and the maps with them. */
static void rules_flush(struct nft_batch *batch, const char *chain)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();

	nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, NFT_TABLE_NAME);
	nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chain);
	nftnl_rule_nlmsg_build_payload(nft_batch_put(batch, NFT_MSG_DELRULE, "to take rules out"), rule);
	nftnl_rule_free(rule);
}

/* An interval reaches from its element to the next. */
static void element_add(struct nftnl_set *map, uint32_t key, const uint16_t *port)
{
	struct nftnl_set_elem *element = nftnl_set_elem_alloc();
	uint32_t bytes = htonl(key);
	uint16_t data;

	nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, &bytes, sizeof(bytes));
	if (port) {
		data = htons(*port);
		nftnl_set_elem_set(element, NFTNL_SET_ELEM_DATA, &data, sizeof(data));
	} else {
		nftnl_set_elem_set_u32(element, NFTNL_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
	}
	nftnl_set_elem_add(map, element);
}

/* Returns the sum of the weights of the `count` shares. */
static uint32_t map_put(struct nft_batch *batch, uint32_t id, const struct share *share, uint32_t count)
{
	struct nftnl_set *map = nftnl_set_alloc();
	struct nftnl_udata_buf *note = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);
	uint32_t sum = 0;

	nftnl_set_set_str(map, NFTNL_SET_TABLE, NFT_TABLE_NAME);
	nftnl_set_set_str(map, NFTNL_SET_NAME, MAP_NAME);
	nftnl_set_set_u32(map, NFTNL_SET_FAMILY, NFPROTO_INET);
	nftnl_set_set_u32(map, NFTNL_SET_ID, id);
	nftnl_set_set_u32(map, NFTNL_SET_FLAGS, NFT_SET_ANONYMOUS | NFT_SET_CONSTANT | NFT_SET_INTERVAL | NFT_SET_MAP);
	nftnl_set_set_u32(map, NFTNL_SET_KEY_TYPE, TYPE_INTEGER);
	nftnl_set_set_u32(map, NFTNL_SET_KEY_LEN, sizeof(uint32_t));
	nftnl_set_set_u32(map, NFTNL_SET_DATA_TYPE, TYPE_PORT);
	nftnl_set_set_u32(map, NFTNL_SET_DATA_LEN, sizeof(uint16_t));
	nftnl_udata_put_u32(note, NFTNL_UDATA_SET_KEYBYTEORDER, BYTEORDER_HOST);
	nftnl_set_set_data(map, NFTNL_SET_USERDATA, nftnl_udata_buf_data(note), nftnl_udata_buf_len(note));
	for (uint32_t i = 0; i < count; sum += share[i++].weight)
		element_add(map, sum, &share[i].port);
	element_add(map, sum, NULL);
	nftnl_set_nlmsg_build_payload(nft_batch_put(batch, NFT_MSG_NEWSET, "a map of intervals"), map);
	nftnl_set_elems_nlmsg_build_payload(nft_batch_put(batch, NFT_MSG_NEWSETELEM, "the weights"), map);
	nftnl_udata_buf_free(note);
	nftnl_set_free(map);
	return sum;
}

/* One expression of a rule; pairs of attribute and value, at the end 0 (no attribute that we set is). */
static void expr_add(struct nftnl_rule *rule, const char *name, const uint32_t *pairs)
{
	struct nftnl_expr *expr = nftnl_expr_alloc(name);

	for (; *pairs; pairs += 2)
		nftnl_expr_set_u32(expr, (uint16_t)pairs[0], pairs[1]);
	nftnl_rule_add_expr(rule, expr);
}

#define EXPR(rule, name, ...) expr_add(rule, name, (const uint32_t[]){ __VA_ARGS__, 0 })

static void equal_add(struct nftnl_rule *rule, const void *data, uint32_t size)
{
	struct nftnl_expr *expr = nftnl_expr_alloc("cmp");

	nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
	nftnl_expr_set(expr, NFTNL_EXPR_CMP_DATA, data, size);
	nftnl_rule_add_expr(rule, expr);
}

/* fib daddr type local tcp dport FRONT */
static void match_add(struct nftnl_rule *rule, uint16_t front)
{
	uint32_t local = RTN_LOCAL;
	uint16_t port = htons(front);
	uint8_t tcp = IPPROTO_TCP;

	EXPR(rule, "fib", NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR,
	     NFTNL_EXPR_FIB_DREG, NFT_REG_1);
	equal_add(rule, &local, sizeof(local));
	EXPR(rule, "meta", NFTNL_EXPR_META_KEY, NFT_META_L4PROTO, NFTNL_EXPR_META_DREG, NFT_REG_1);
	equal_add(rule, &tcp, sizeof(tcp));
	EXPR(rule, "payload", NFTNL_EXPR_PAYLOAD_BASE, NFT_PAYLOAD_TRANSPORT_HEADER, NFTNL_EXPR_PAYLOAD_OFFSET, PORT_OFFSET,
	     NFTNL_EXPR_PAYLOAD_LEN, sizeof(port), NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
	equal_add(rule, &port, sizeof(port));
}

/* redirect to :numgen random mod SUM map @ID */
static void redirect_add(struct nftnl_rule *rule, uint32_t map_id, uint32_t sum)
{
	struct nftnl_expr *lookup = nftnl_expr_alloc("lookup");

	EXPR(rule, "numgen", NFTNL_EXPR_NG_TYPE, NFT_NG_RANDOM, NFTNL_EXPR_NG_MODULUS, sum, NFTNL_EXPR_NG_DREG, NFT_REG_1);
	/* Intervals are ordered by their bytes. */
	EXPR(rule, "byteorder", NFTNL_EXPR_BYTEORDER_OP, NFT_BYTEORDER_HTON, NFTNL_EXPR_BYTEORDER_LEN, sizeof(sum),
	     NFTNL_EXPR_BYTEORDER_SIZE, sizeof(sum), NFTNL_EXPR_BYTEORDER_SREG, NFT_REG_1, NFTNL_EXPR_BYTEORDER_DREG,
	     NFT_REG_1);
	nftnl_expr_set_str(lookup, NFTNL_EXPR_LOOKUP_SET, MAP_NAME);
	nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_SET_ID, map_id);
	nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_1);
	nftnl_rule_add_expr(rule, lookup);
	EXPR(rule, "redir", NFTNL_EXPR_REDIR_REG_PROTO_MIN, NFT_REG_1);
}

static void rule_put(struct nft_batch *batch, const char *chain, uint16_t front, uint32_t map_id, uint32_t sum)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();

	nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, NFT_TABLE_NAME);
	nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chain);
	match_add(rule, front);
	redirect_add(rule, map_id, sum);
	nftnl_rule_nlmsg_build_payload(nft_batch_put(batch, NFT_MSG_NEWRULE, "the rule (nft_fib_inet, nft_numgen, nft_redir)"),
				       rule);
	nftnl_rule_free(rule);
}

static void chain_fill(struct nft_batch *batch, size_t chain, const struct shares *shares)
{
	for (uint32_t i = 0, next; i < shares->count; i = next) {
		uint32_t id = (uint32_t)(chain * SHARES_MAX) + i + 1, sum;

		next = i;
		while (next < shares->count && shares->share[next].front == shares->share[i].front)
			next++;
		sum = map_put(batch, id, &shares->share[i], next - i);
		rule_put(batch, CHAINS[chain].name, shares->share[i].front, id, sum);
	}
}

/* The cgroup of the socket, at that level above it, is the one of that id. */
static void mark_put(struct nft_batch *batch, const struct mark *mark)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();
	struct nftnl_expr *value = nftnl_expr_alloc("immediate");

	nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, NFT_TABLE_NAME);
	nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, CHAINS[NAT_CHAINS].name);
	EXPR(rule, "socket", NFTNL_EXPR_SOCKET_KEY, NFT_SOCKET_CGROUPV2, NFTNL_EXPR_SOCKET_LEVEL, mark->level,
	     NFTNL_EXPR_SOCKET_DREG, NFT_REG_1);
	equal_add(rule, &mark->cgroup_id, sizeof(mark->cgroup_id));
	nftnl_expr_set_u32(value, NFTNL_EXPR_IMM_DREG, NFT_REG_1);
	nftnl_expr_set(value, NFTNL_EXPR_IMM_DATA, &mark->priority, sizeof(mark->priority));
	nftnl_rule_add_expr(rule, value);
	EXPR(rule, "meta", NFTNL_EXPR_META_KEY, NFT_META_PRIORITY, NFTNL_EXPR_META_SREG, NFT_REG_1);
	nftnl_rule_nlmsg_build_payload(nft_batch_put(batch, NFT_MSG_NEWRULE, "the rule (nft_socket, Linux 5.13)"), rule);
	nftnl_rule_free(rule);
}

static void store_build(struct nft_batch *batch, const struct table_content *content, bool has_table)
{
	if (content->shares.count + content->mark_count == 0) {
		table_put(batch, NFT_MSG_DELTABLE);
		return;
	}
	if (!has_table)
		table_put(batch, NFT_MSG_NEWTABLE);
	for (size_t i = 0; i < CHAIN_COUNT; i++) {
		if (has_table)
			rules_flush(batch, CHAINS[i].name);
		else
			chain_put(batch, i);
		if (i < NAT_CHAINS)
			chain_fill(batch, i, &content->shares);
	}
	for (uint32_t i = 0; i < content->mark_count; i++)
		mark_put(batch, &content->mark[i]);
}

int table_store(struct mnl_socket *sock, const struct table_content *content, bool has_table, char ret_text[ACT_TEXT_MAX])
{
	static struct nft_batch batch;
	int r = -EINVAL;

	if (content->shares.count + content->mark_count == 0 && !has_table)
		return 0;
	/* EINVAL from a kernel that knows no owner. */
	for (int is_owned = 1; is_owned >= 0 && r == -EINVAL; is_owned--) {
		nft_batch_start(&batch, is_owned);
		store_build(&batch, content, has_table);
		r = nft_batch_send(&batch, sock, ret_text);
		if (has_table)
			break;
	}
	return r;
}
