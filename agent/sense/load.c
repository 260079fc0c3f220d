/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load_internal.h"

static char last_words[NERVE_ERROR_MAX];	/* libbpf's last warning: the reason behind an errno */

static int words_keep(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN)
		vsnprintf(last_words, sizeof(last_words), format, args);
	last_words[strcspn(last_words, "\n")] = '\0';
	return 0;
}

static int fail(char error[NERVE_ERROR_MAX], int r, const char *what, const char *remedy)
{
	snprintf(error, NERVE_ERROR_MAX, "%s: %s%s%.100s; %s", what, strerror(-r), last_words[0] ? ": " : "", last_words,
		 remedy);
	return r;
}

static int record_forward(void *context, void *data, size_t bytes)
{
	struct nerve *nerve = context;

	if (bytes >= sizeof(struct wire_head))
		nerve->on_record(nerve->context, data, bytes);
	return 0;
}

static bool is_wanted(const struct nerve *nerve, const char *program)
{
	if (!signal_owns(program))
		return true;
	for (int signal = 0; signal < NERVE_SIGNAL_COUNT; signal++)
		if (signal_needs(signal, &nerve->signals, program))
			return true;
	return false;
}

/* Opens and loads what the signals that are there need, and what all need. 0 or -errno with nothing left open. */
static int skel_load(struct nerve *nerve, const struct nerve_config *config)
{
	struct bpf_program *program;
	int r;

	last_words[0] = '\0';
	nerve->skel = forestall_bpf__open();
	if (!nerve->skel)
		return -errno;
	bpf_object__for_each_program(program, nerve->skel->obj)
		bpf_program__set_autoload(program, is_wanted(nerve, bpf_program__name(program)));
	r = maps_load(nerve, config);
	if (r) {
		forestall_bpf__destroy(nerve->skel);
		nerve->skel = NULL;
	}
	return r;
}

/* With all that builds on it. */
static void signal_drop(struct nerve *nerve, enum nerve_signal signal, const char *what, int r)
{
	for (int other = 0; other < NERVE_SIGNAL_COUNT; other++) {
		struct signal_answer *answer = &nerve->signals.of[other];

		if (!answer->is_there || (other != (int)signal && signal_base(other) != signal))
			continue;
		answer->is_there = false;
		snprintf(answer->reason, SIGNAL_REASON_MAX, "%s: %s", what, strerror(-r));
	}
}

/* The kernel refused the whole for some program: each signal is tried alone, and those that it refuses are given up. */
static void signals_try(struct nerve *nerve, const struct nerve_config *config)
{
	struct signal_answer asked[NERVE_SIGNAL_COUNT];

	memcpy(asked, nerve->signals.of, sizeof(asked));
	for (int signal = 0; signal < NERVE_SIGNAL_COUNT; signal++) {
		int r;

		if (!asked[signal].is_there)
			continue;
		memset(nerve->signals.of, 0, sizeof(nerve->signals.of));
		nerve->signals.of[signal] = asked[signal];
		nerve->signals.of[signal_base(signal)] = asked[signal_base(signal)];
		r = skel_load(nerve, config);
		forestall_bpf__destroy(nerve->skel);
		nerve->skel = NULL;
		if (!r)
			continue;
		memcpy(nerve->signals.of, asked, sizeof(asked));
		signal_drop(nerve, signal, "the kernel refuses its programs", r);
		memcpy(asked, nerve->signals.of, sizeof(asked));
	}
	memcpy(nerve->signals.of, asked, sizeof(asked));
}

static struct bpf_link *program_attach(const struct bpf_program *program, const char *cgroup_root)
{
	struct bpf_link *link;
	int fd;

	if (bpf_program__type(program) != BPF_PROG_TYPE_CGROUP_SKB)
		return bpf_program__attach(program);
	fd = open(cgroup_root ?: "", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	link = bpf_program__attach_cgroup(program, fd);
	close(fd);
	return link;
}

static void links_destroy(struct nerve *nerve)
{
	for (int i = 0; i < PROGRAMS_MAX; i++) {
		bpf_link__destroy(nerve->link[i]);
		nerve->link[i] = NULL;
	}
}

/* Attaches all but the flush. A signal whose program cannot be attached is lost alone; -errno when it is one that all need. */
static int programs_attach(struct nerve *nerve, const char *cgroup_root)
{
	struct bpf_program *program;
	int i = 0;

	bpf_object__for_each_program(program, nerve->skel->obj) {
		const char *name = bpf_program__name(program);
		int r;

		if (!bpf_program__autoload(program) || program == nerve->skel->progs.on_flush || !is_wanted(nerve, name))
			continue;
		if (i == PROGRAMS_MAX)
			return -E2BIG;
		nerve->link[i] = program_attach(program, cgroup_root);
		if (nerve->link[i++])
			continue;
		r = -errno;
		if (!signal_owns(name))
			return r;
		for (int signal = 0; signal < NERVE_SIGNAL_COUNT; signal++)
			if (signal_needs(signal, &nerve->signals, name))
				signal_drop(nerve, signal, "its programs cannot be attached", r);
	}
	return 0;
}

static int nerve_load(struct nerve *nerve, const struct nerve_config *config, char error[NERVE_ERROR_MAX])
{
	int r;

	if (access("/sys/kernel/btf/vmlinux", R_OK))
		return fail(error, -ENOENT, "/sys/kernel/btf/vmlinux",
			    "the kernel was built without BTF: boot one with CONFIG_DEBUG_INFO_BTF=y");
	signals_ask(&nerve->signals);
	r = skel_load(nerve, config);
	if (r && r != -E2BIG) {
		signals_try(nerve, config);
		r = skel_load(nerve, config);
	}
	if (r == -E2BIG)
		return fail(error, r, "BPF map sizes", "lower instances_max in forestall.conf");
	if (r == -EPERM)
		return fail(error, r, "loading BPF programs", "run as root or with CAP_BPF and CAP_PERFMON");
	if (r)
		return fail(error, r, "loading BPF programs", "`forestall doctor` names what this kernel lacks");
	r = programs_attach(nerve, config->cgroup_root);
	if (r)
		return fail(error, r, "attaching BPF programs", "`forestall doctor` names what this kernel lacks");
	r = flush_start(nerve, config->flush_hz);
	if (r)
		return fail(error, r, "perf_event cpu-clock", "allow perf events: CAP_PERFMON, sysctl kernel.perf_event_paranoid");
	r = maps_mmap(nerve);
	return r ? fail(error, r, "mapping BPF arrays", "lower instances_max in forestall.conf") : 0;
}

int nerve_open(const struct nerve_config *config, nerve_record_fn on_record, void *context, struct nerve **ret_nerve,
	       char error[NERVE_ERROR_MAX])
{
	struct nerve *nerve = calloc(1, sizeof(*nerve));
	int r;

	if (!nerve)
		return -ENOMEM;
	libbpf_set_print(words_keep);
	nerve->cpus = (uint32_t)libbpf_num_possible_cpus();
	nerve->slots_max = config->slots_max;
	nerve->on_record = on_record;
	nerve->context = context;
	r = nerve_load(nerve, config, error);
	if (!r) {
		nerve->ring = ring_buffer__new(bpf_map__fd(nerve->skel->maps.events), record_forward, nerve, NULL);
		if (!nerve->ring)
			r = fail(error, -errno, "ring buffer", "free some memory");
	}
	if (!r && config->pin_dir)
		pins_make(nerve, config->pin_dir);
	if (r) {
		nerve_close(nerve);
		return r;
	}
	*ret_nerve = nerve;
	return 0;
}

void nerve_stop(struct nerve *nerve)
{
	flush_stop(nerve);
	links_destroy(nerve);
}

void nerve_close(struct nerve *nerve)
{
	if (!nerve)
		return;
	if (nerve->pin_dir[0])
		pins_remove(nerve->skel->obj, nerve->pin_dir);
	nerve_stop(nerve);
	ring_buffer__free(nerve->ring);
	maps_unmap(nerve);
	forestall_bpf__destroy(nerve->skel);
	free(nerve);
}

int nerve_fd(const struct nerve *nerve) { return ring_buffer__epoll_fd(nerve->ring); }
int nerve_consume(struct nerve *nerve) { return ring_buffer__consume(nerve->ring); }
bool nerve_is_pinned(const struct nerve *nerve) { return nerve->pin_dir[0]; }
uint32_t nerve_cpus(const struct nerve *nerve) { return nerve->cpus; }

bool nerve_has(const struct nerve *nerve, enum nerve_signal signal) { return nerve->signals.of[signal].is_there; }
const char *nerve_lacks(const struct nerve *nerve, enum nerve_signal signal) { return nerve->signals.of[signal].reason; }

uint64_t nerve_skipped(const struct nerve *nerve)
{
	struct bpf_program *program;
	uint64_t skipped = 0;

	bpf_object__for_each_program(program, nerve->skel->obj) {
		struct bpf_prog_info info = { 0 };
		__u32 bytes = sizeof(info);

		if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &bytes))
			continue;
		if (bytes < offsetof(struct bpf_prog_info, recursion_misses) + sizeof(info.recursion_misses))
			return UINT64_MAX;
		skipped += info.recursion_misses;
	}
	return skipped;
}

void nerve_run_stats(const struct nerve *nerve, uint64_t *ret_ns, uint64_t *ret_runs)
{
	struct bpf_program *program;

	*ret_ns = *ret_runs = 0;
	bpf_object__for_each_program(program, nerve->skel->obj) {
		struct bpf_prog_info info = { 0 };
		__u32 bytes = sizeof(info);

		if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &bytes))
			continue;
		*ret_ns += info.run_time_ns;
		*ret_runs += info.run_cnt;
	}
}
