/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "signal.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum hook_kind { HOOK_TRACEPOINT, HOOK_FUNCTION, HOOK_CGROUP };

/* args: the structs that the first arguments point to, as our program takes them; "" takes none. */
static const struct hook {
	enum nerve_signal signal;
	uint8_t way;
	enum hook_kind kind;
	const char *program, *target, *args;
} hooks[] = {
	{ NERVE_RECLAIM, 0, HOOK_TRACEPOINT, "on_group_reclaim", "mm_vmscan_memcg_reclaim_begin", "" },
	{ NERVE_RECLAIM, 0, HOOK_TRACEPOINT, "on_group_reclaimed", "mm_vmscan_memcg_reclaim_end", "" },
	{ NERVE_RECLAIM, 0, HOOK_TRACEPOINT, "on_host_reclaim", "mm_vmscan_direct_reclaim_begin", "" },
	{ NERVE_RECLAIM, 0, HOOK_TRACEPOINT, "on_host_reclaimed", "mm_vmscan_direct_reclaim_end", "" },
	{ NERVE_OOM, 0, HOOK_TRACEPOINT, "on_oom_victim", "mark_victim", "task_struct" },
	{ NERVE_OOM_LIMIT, 0, HOOK_TRACEPOINT, "on_oom_victim", "mark_victim", "task_struct" },
	{ NERVE_OOM_LIMIT, 0, HOOK_FUNCTION, "on_out_of_memory", "out_of_memory", "oom_control" },
	{ NERVE_SWAP, 0, HOOK_TRACEPOINT, "on_folio_write", "mm_vmscan_write_folio", "folio" },
	{ NERVE_IO, 0, HOOK_TRACEPOINT, "on_bio_queue", "block_bio_queue", "bio" },
	{ NERVE_IO, 0, HOOK_TRACEPOINT, "on_bio_complete", "block_bio_complete", "request_queue bio" },
	{ NERVE_IO, 0, HOOK_TRACEPOINT, "on_request_complete", "block_rq_complete", "request" },
	{ NERVE_IO_DEVICE, 0, HOOK_TRACEPOINT, "on_request_issue", "block_rq_issue", "request" },
	{ NERVE_IO_DEVICE, 0, HOOK_TRACEPOINT, "on_bio_queue", "block_bio_queue", "bio" },
	{ NERVE_IO_DEVICE, 0, HOOK_TRACEPOINT, "on_request_complete", "block_rq_complete", "request" },
	{ NERVE_IO_HELD, 0, HOOK_FUNCTION, "on_bio_throttle", "__blk_throtl_bio", "bio" },
	{ NERVE_IO_HELD, 0, HOOK_TRACEPOINT, "on_bio_queue", "block_bio_queue", "bio" },
	{ NERVE_IO_HELD, 0, HOOK_TRACEPOINT, "on_bio_complete", "block_bio_complete", "request_queue bio" },
	{ NERVE_IO_HELD, 0, HOOK_TRACEPOINT, "on_request_complete", "block_rq_complete", "request" },
	{ NERVE_PACKETS, 0, HOOK_CGROUP, "on_packet_in", "ingress", "" },
	{ NERVE_PACKETS, 0, HOOK_CGROUP, "on_packet_out", "egress", "" },
	{ NERVE_RETRANSMITS, 0, HOOK_TRACEPOINT, "on_retransmit", "tcp_retransmit_skb", "sock sk_buff" },
	{ NERVE_RETRANSMITS, 0, HOOK_TRACEPOINT, "on_retransmit_accept", "tcp_retransmit_synack", "sock" },
	{ NERVE_DROPS, 0, HOOK_TRACEPOINT, "on_drop_known", "kfree_skb", "sk_buff * * sock" },
	{ NERVE_DROPS, 1, HOOK_TRACEPOINT, "on_drop", "kfree_skb", "sk_buff" },
	{ NERVE_RTT, 0, HOOK_TRACEPOINT, "on_socket_read", "tcp_rcv_space_adjust", "sock" },
	{ NERVE_RESPONSES, 0, HOOK_TRACEPOINT, "on_socket_state", "inet_sock_set_state", "sock" },
	{ NERVE_RESPONSES, 0, HOOK_TRACEPOINT, "on_socket_read", "tcp_rcv_space_adjust", "sock" },
	{ NERVE_RESPONSES, 0, HOOK_CGROUP, "on_packet_in", "ingress", "" },
	{ NERVE_RESPONSES, 0, HOOK_CGROUP, "on_packet_out", "egress", "" },
};

static const struct {
	const char *name, *lost;
} signals[] = {
#define SIGNAL_ROW(id, name, lost) [NERVE_##id] = { name, lost },
	SIGNAL_TABLE(SIGNAL_ROW)
#undef SIGNAL_ROW
};

const char *signal_name(enum nerve_signal signal) { return signals[signal].name; }
const char *signal_lost(enum nerve_signal signal) { return signals[signal].lost; }

bool signal_owns(const char *program)
{
	for (size_t i = 0; i < ARRAY_COUNT(hooks); i++)
		if (!strcmp(hooks[i].program, program))
			return true;
	return false;
}

bool signal_needs(enum nerve_signal signal, const struct signal_answer *answer, const char *program)
{
	for (size_t i = 0; answer->is_there && i < ARRAY_COUNT(hooks); i++)
		if (hooks[i].signal == signal && hooks[i].way == answer->way && !strcmp(hooks[i].program, program))
			return true;
	return false;
}

static const struct btf_type *type_skip(const struct btf *btf, __u32 id)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	while (type && (btf_is_mod(type) || btf_is_typedef(type)))
		type = btf__type_by_id(btf, type->type);
	return type;
}

static const struct btf_type *pointee(const struct btf *btf, __u32 id)
{
	const struct btf_type *type = type_skip(btf, id);

	return type && btf_is_ptr(type) ? type_skip(btf, type->type) : NULL;
}

/* Whether the arguments from `first` on point to the structs that `args` names; "*" is any argument. */
static bool args_match(const struct btf *btf, const struct btf_type *proto, int first, const char *args)
{
	for (; *args; first++) {
		size_t length = strcspn(args, " ");
		const struct btf_type *type =
			first < btf_vlen(proto) ? pointee(btf, btf_params(proto)[first].type) : NULL;
		const char *name = type ? btf__name_by_offset(btf, type->name_off) : "";

		if (first >= btf_vlen(proto))
			return false;
		if (*args != '*' && (strlen(name) != length || strncmp(name, args, length)))
			return false;
		args += length + (args[length] == ' ');
	}
	return true;
}

/* Loads a program that does nothing but return `value`. 0 or -errno. */
static int program_try(enum bpf_prog_type type, enum bpf_attach_type attach_type, int btf_id, int value)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = value },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = attach_type, .attach_btf_id = (__u32)btf_id);
	int fd = bpf_prog_load(type, "forestall_try", "GPL", insns, ARRAY_COUNT(insns), &opts);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int traced_try(const struct btf *btf, const struct hook *hook, char reason[SIGNAL_REASON_MAX])
{
	bool is_function = hook->kind == HOOK_FUNCTION;
	const struct btf_type *proto;
	char name[96];
	int id, r;

	snprintf(name, sizeof(name), "%s%s", is_function ? "" : "btf_trace_", hook->target);
	id = btf__find_by_name_kind(btf, name, is_function ? BTF_KIND_FUNC : BTF_KIND_TYPEDEF);
	if (id < 0) {
		snprintf(reason, SIGNAL_REASON_MAX, "this kernel has no %s", hook->target);
		return -ENOENT;
	}
	proto = is_function ? btf__type_by_id(btf, btf__type_by_id(btf, (__u32)id)->type) : pointee(btf, (__u32)id);
	if (!proto || !btf_is_func_proto(proto) || !args_match(btf, proto, !is_function, hook->args)) {
		snprintf(reason, SIGNAL_REASON_MAX, "%s has other arguments on this kernel", hook->target);
		return -EPROTO;
	}
	r = program_try(BPF_PROG_TYPE_TRACING, is_function ? BPF_TRACE_FENTRY : BPF_TRACE_RAW_TP, id, 0);
	if (r)
		snprintf(reason, SIGNAL_REASON_MAX, "no program loads on %s: %s", hook->target, strerror(-r));
	return r;
}

static int hook_try(const struct btf *btf, const struct hook *hook, char reason[SIGNAL_REASON_MAX])
{
	int r;

	if (hook->kind != HOOK_CGROUP)
		return traced_try(btf, hook, reason);
	r = program_try(BPF_PROG_TYPE_CGROUP_SKB,
			!strcmp(hook->target, "ingress") ? BPF_CGROUP_INET_INGRESS : BPF_CGROUP_INET_EGRESS, 0, 1);
	if (r)
		snprintf(reason, SIGNAL_REASON_MAX, "no program loads on cgroup %s: %s", hook->target, strerror(-r));
	return r;
}

/* False when the signal has no such way. The reason kept is that of the last way that was tried. */
static bool way_try(const struct btf *btf, enum nerve_signal signal, uint8_t way, struct signal_answer *ret)
{
	bool is_known = false;

	ret->is_there = true;
	ret->way = way;
	for (size_t i = 0; ret->is_there && i < ARRAY_COUNT(hooks); i++) {
		if (hooks[i].signal != signal || hooks[i].way != way)
			continue;
		is_known = true;
		ret->is_there = !hook_try(btf, &hooks[i], ret->reason);
	}
	ret->is_there &= is_known;
	if (ret->is_there)
		ret->reason[0] = '\0';
	return is_known;
}

void signals_ask(struct signal_answer answers[NERVE_SIGNAL_COUNT])
{
	libbpf_print_fn_t print = libbpf_set_print(NULL);	/* a trial that fails is an answer, not news */
	struct btf *btf = btf__load_vmlinux_btf();

	memset(answers, 0, NERVE_SIGNAL_COUNT * sizeof(*answers));
	for (int signal = 0; signal < NERVE_SIGNAL_COUNT; signal++) {
		if (!btf)
			snprintf(answers[signal].reason, SIGNAL_REASON_MAX, "the kernel's BTF cannot be read");
		for (uint8_t way = 0; btf && !answers[signal].is_there; way++)
			if (!way_try(btf, signal, way, &answers[signal]))
				break;
	}
	btf__free(btf);
	libbpf_set_print(print);
}
