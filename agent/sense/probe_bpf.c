/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Trial loads: the only sure way to learn what this kernel lets this process do. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe_table.h"

static const struct signal_answers *answers_get(void)
{
	static struct signal_answers answers;
	static bool is_asked;

	if (!is_asked)
		signals_ask(&answers);
	is_asked = true;
	return &answers;
}

/* Loads a program that returns 0 on the tracepoint sched_switch. 0 or -errno. */
static int tracepoint_try(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_RAW_TP);
	int id = libbpf_find_vmlinux_btf_id("sched_switch", BPF_TRACE_RAW_TP), fd;

	if (id <= 0)
		return id ? id : -ENOENT;
	opts.attach_btf_id = (__u32)id;
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "forestall_try", "GPL", insns, sizeof(insns) / sizeof(insns[0]),
			   &opts);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

void probe_tracepoint(const struct probe_roots *roots, struct probe_result *ret)
{
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	int r = tracepoint_try();

	(void)roots;
	libbpf_set_print(print);
	if (r == 0)
		probe_say(ret, PROBE_OK, "a program on tp_btf/sched_switch loads");
	else
		probe_say(ret, PROBE_MISSING, "no program loads on tp_btf/sched_switch: %s", strerror(-r));
}

static void map_try(enum bpf_map_type type, const char *name, struct probe_result *ret)
{
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	int r = libbpf_probe_bpf_map_type(type, NULL);

	libbpf_set_print(print);
	if (r == 1)
		probe_say(ret, PROBE_OK, "a %s map can be made", name);
	else
		probe_say(ret, PROBE_MISSING, "no %s map can be made: %s", name,
			  r ? strerror(-r) : "the kernel has none");
}

void probe_ringbuf(const struct probe_roots *roots, struct probe_result *ret)
{
	(void)roots;
	map_try(BPF_MAP_TYPE_RINGBUF, "ring buffer", ret);
}

void probe_abilities(const struct probe_roots *roots, struct probe_result *ret)
{
	const struct signal_answers *answers = answers_get();
	char lacking[PROBE_TEXT_MAX] = "";

	(void)roots;
	for (int ability = ABLE_NOTHING + 1; ability < ABLE_COUNT; ability++)
		if (!answers->able[ability])
			snprintf(lacking + strlen(lacking), sizeof(lacking) - strlen(lacking), "%sno %s: %s", lacking[0] ? "; " : "",
				 ability_name(ability), ability_without(ability));
	if (lacking[0])
		probe_say(ret, PROBE_DEGRADED, "%s", lacking);
	else
		probe_say(ret, PROBE_OK, "task storage, socket storage, bpf_loop");
}

void probe_perf_event(const struct probe_roots *roots, struct probe_result *ret)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_freq = 10,
		.freq = 1,
		.disabled = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);

	(void)roots;
	if (fd < 0) {
		probe_say(ret, PROBE_MISSING, "no CPU clock can be opened: %s", strerror(errno));
		return;
	}
	close(fd);
	probe_say(ret, PROBE_OK, "a CPU clock per CPU can be opened");
}

static void signal_probe(enum nerve_signal signal, struct probe_result *ret)
{
	const struct signal_answers *answers = answers_get();
	char hooks[512];

	signal_hooks_format(signal, &answers->of[signal], hooks, sizeof(hooks));
	if (signal_is_fallback(&answers->of[signal]) && signal_fallback(signal)[0])
		probe_say(ret, PROBE_DEGRADED, "%.100s; %s", hooks, signal_fallback(signal));
	else if (answers->of[signal].is_there)
		probe_say(ret, PROBE_OK, "%.240s", hooks);
	else
		probe_say(ret, PROBE_MISSING, "%s", answers->of[signal].reason);
}

#define SIGNAL_PROBE(id, name, lost, fallback)                                                              \
	void probe_signal_##id(const struct probe_roots *roots, struct probe_result *ret)         \
	{                                                                                         \
		(void)roots;                                                                      \
		signal_probe(NERVE_##id, ret);                                                    \
	}
SIGNAL_TABLE(SIGNAL_PROBE)
