/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The questions of signal.h to the kernel: its BTF, and trial loads, which are the only sure way to learn what it allows. */
#include "signal_table.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))

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

/* The struct that an argument points to, or its own type's name; "" when there is no such argument. */
static const char *arg_name(const struct btf *btf, const struct btf_type *proto, int idx)
{
	const struct btf_type *type = NULL;

	if (idx < btf_vlen(proto))
		type = pointee(btf, btf_params(proto)[idx].type) ?: type_skip(btf, btf_params(proto)[idx].type);
	return type ? btf__name_by_offset(btf, type->name_off) : "";
}

/* Whether the arguments from `first` on are those that `args` names; "*" is any. */
static bool args_match(const struct btf *btf, const struct btf_type *proto, int first, const char *args)
{
	for (; *args; first++) {
		size_t length = strcspn(args, " ");
		const char *name = arg_name(btf, proto, first);

		if (first >= btf_vlen(proto))
			return false;
		if (*args != '*' && (strlen(name) != length || strncmp(name, args, length)))
			return false;
		args += length + (args[length] == ' ');
	}
	return true;
}

static bool tracepoint_takes(const struct btf *btf, const char *name, const char *args)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF);
	const struct btf_type *proto = id > 0 ? pointee(btf, (__u32)id) : NULL;

	return proto && btf_is_func_proto(proto) && args_match(btf, proto, 1, args);
}

/* Loads a program of one instruction. 0 or -errno. */
static int program_try(enum bpf_prog_type type, enum bpf_attach_type attach_type, int btf_id, struct bpf_insn first)
{
	const struct bpf_insn insns[] = { first, { .code = BPF_JMP | BPF_EXIT } };
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = attach_type, .attach_btf_id = (__u32)btf_id);
	int fd = bpf_prog_load(type, "forestall_try", "GPL", insns, ARRAY_COUNT(insns), &opts);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static struct bpf_insn insn_value(int value)
{
	return (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = value };
}

/* Whether tracing programs may call a helper: where they may, what the verifier objects to is that we give it no map. */
static bool helper_try(const struct btf *btf, enum bpf_func_id helper)
{
	const struct bpf_insn call = { .code = BPF_JMP | BPF_CALL, .imm = (int)helper };
	int id = btf__find_by_name_kind(btf, "btf_trace_sched_switch", BTF_KIND_TYPEDEF);

	return id > 0 && program_try(BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, id, call) == -EACCES;
}

static int traced_try(const struct btf *btf, const struct signal_hook *hook, char reason[SIGNAL_REASON_MAX])
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
	r = program_try(BPF_PROG_TYPE_TRACING, is_function ? BPF_TRACE_FENTRY : BPF_TRACE_RAW_TP, id,
			insn_value(0));
	if (r)
		snprintf(reason, SIGNAL_REASON_MAX, "no program loads on %s: %s", hook->target, strerror(-r));
	return r;
}

static int field_try(const struct btf *btf, const struct signal_hook *hook, char reason[SIGNAL_REASON_MAX])
{
	int id = btf__find_by_name_kind(btf, hook->target, BTF_KIND_STRUCT);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;

	for (int i = 0; type && i < btf_vlen(type); i++)
		if (!strcmp(btf__name_by_offset(btf, btf_members(type)[i].name_off), hook->args))
			return 0;
	snprintf(reason, SIGNAL_REASON_MAX, "this kernel's %s has no %s", hook->target, hook->args);
	return -ENOENT;
}

static int hook_try(const struct btf *btf, const struct signal_hook *hook, char reason[SIGNAL_REASON_MAX])
{
	int r;

	if (hook->kind == HOOK_FIELD)
		return field_try(btf, hook, reason);
	if (hook->kind != HOOK_CGROUP)
		return traced_try(btf, hook, reason);
	r = program_try(BPF_PROG_TYPE_CGROUP_SKB,
			!strcmp(hook->target, "ingress") ? BPF_CGROUP_INET_INGRESS : BPF_CGROUP_INET_EGRESS, 0,
			insn_value(1));
	if (r)
		snprintf(reason, SIGNAL_REASON_MAX, "no program loads on cgroup %s: %s", hook->target, strerror(-r));
	return r;
}


/* Storage of a task can be made: newer kernels have the map and yet fail to fill it where the CPU has no 16 byte exchange. */
static bool task_storage_try(void)
{
	struct btf *btf = btf__new_empty();
	int key = btf ? btf__add_int(btf, "int", 4, BTF_INT_SIGNED) : -ENOMEM;
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC, .btf_key_type_id = (__u32)key,
		    .btf_value_type_id = (__u32)key);
	int task_fd = (int)syscall(SYS_pidfd_open, getpid(), 0), map_fd = -1, value = 0;
	bool is_there = false;

	if (key > 0 && btf__load_into_kernel(btf) == 0) {
		opts.btf_fd = (__u32)btf__fd(btf);
		map_fd = bpf_map_create(BPF_MAP_TYPE_TASK_STORAGE, "forestall_try", sizeof(int), sizeof(int), 0, &opts);
	}
	if (map_fd >= 0 && task_fd >= 0)
		is_there = bpf_map_update_elem(map_fd, &task_fd, &value, BPF_ANY) == 0;
	if (map_fd >= 0)
		close(map_fd);
	if (task_fd >= 0)
		close(task_fd);
	btf__free(btf);
	return is_there;
}

static bool able_try(const struct signal_answers *able, const struct signal_hook *hook, char reason[SIGNAL_REASON_MAX])
{
	if (!hook->needs || able->able[hook->needs])
		return true;
	snprintf(reason, SIGNAL_REASON_MAX, "this kernel has no %s", ability_name(hook->needs));
	return false;
}

/* Every hook of the way is there. False as well when the part has no such way, with *ret_known false. */
static bool way_try(const struct btf *btf, const struct signal_answers *able, const struct signal_hook *like,
		    bool *ret_known, char reason[SIGNAL_REASON_MAX])
{
	bool is_there = true;

	*ret_known = false;
	for (size_t i = 0; is_there && i < signal_hooks_count; i++) {
		const struct signal_hook *hook = &signal_hooks[i];

		if (hook->signal != like->signal || hook->part != like->part || hook->way != like->way)
			continue;
		*ret_known = true;
		is_there = able_try(able, hook, reason) && !hook_try(btf, hook, reason);
	}
	return is_there && *ret_known;
}

/* Finds a way for each part; bases stand before what builds on them. Of a part that has none, the reason says why not the first. */
static void signal_ask(const struct btf *btf, enum nerve_signal signal, struct signal_answers *ret)
{
	const struct signal_answer *base = &ret->of[signal_base(signal)];
	struct signal_answer *answer = &ret->of[signal];

	if (base != answer && !base->is_there) {
		snprintf(answer->reason, SIGNAL_REASON_MAX, "%s", base->reason);
		return;
	}
	answer->is_there = true;
	for (uint8_t part = 0; answer->is_there && part < SIGNAL_PARTS_MAX; part++) {
		struct signal_hook like = { .signal = signal, .part = part };
		char later[SIGNAL_REASON_MAX];
		bool is_known;

		while (!way_try(btf, ret, &like, &is_known, like.way ? later : answer->reason) && is_known)
			like.way++;
		answer->is_there = is_known || (like.way == 0 && part > 0);
		answer->way[part] = like.way;
	}
	if (answer->is_there)
		answer->reason[0] = '\0';
}

void signals_ask(struct signal_answers *ret)
{
	libbpf_print_fn_t print = libbpf_set_print(NULL);	/* a trial that fails is an answer, not news */
	struct btf *btf = btf__load_vmlinux_btf();

	memset(ret, 0, sizeof(*ret));
	ret->able[ABLE_TASK_STORAGE] = btf && task_storage_try() && helper_try(btf, BPF_FUNC_task_storage_get);
	ret->able[ABLE_SOCKET_STORAGE] = btf && helper_try(btf, BPF_FUNC_sk_storage_get);
	ret->able[ABLE_LOOP] = btf && helper_try(btf, BPF_FUNC_loop);
	ret->tells_failed_retransmits = btf && tracepoint_takes(btf, "btf_trace_tcp_retransmit_skb", "sock sk_buff int");
	for (int signal = 0; signal < NERVE_SIGNAL_COUNT; signal++) {
		if (btf)
			signal_ask(btf, signal, ret);
		else
			snprintf(ret->of[signal].reason, SIGNAL_REASON_MAX, "the kernel's BTF cannot be read");
	}
	btf__free(btf);
	libbpf_set_print(print);
}
