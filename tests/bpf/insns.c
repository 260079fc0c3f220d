/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Says how many instructions the verifier walks for each program that forestall loads on this kernel: one line each, "NAME COUNT".
 * The counts come from the verifier's own statistics, which 5.10 has as well (bpf_prog_info.verified_insns is younger).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sense/host.h"
#include "sense/load_internal.h"

#define LOG_BYTES 16384

static void ignore(void *context, const struct wire_head *head, size_t bytes)
{
	(void)context;
	(void)head;
	(void)bytes;
}

/* A second object with everything that nerve_open() chose for this kernel. */
static struct forestall_bpf *skel_like(const struct nerve *nerve)
{
	struct forestall_bpf *skel = forestall_bpf__open();
	struct bpf_program *program;
	struct bpf_map *map;

	if (!skel)
		return NULL;
	bpf_object__for_each_program(program, skel->obj) {
		const char *name = bpf_program__name(program);

		bpf_program__set_autoload(program,
					  bpf_program__autoload(bpf_object__find_program_by_name(nerve->skel->obj, name)));
		bpf_program__set_log_level(program, 4);
		bpf_program__set_log_buf(program, calloc(1, LOG_BYTES), LOG_BYTES);
	}
	bpf_object__for_each_map(map, skel->obj) {
		const struct bpf_map *like = bpf_object__find_map_by_name(nerve->skel->obj, bpf_map__name(map));

		bpf_map__set_autocreate(map, bpf_map__autocreate(like));
		bpf_map__set_max_entries(map, bpf_map__max_entries(like));
		if (bpf_map__type(map) == BPF_MAP_TYPE_ARRAY_OF_MAPS)
			bpf_map__reuse_fd(map, bpf_map__fd(like));
	}
	memcpy(skel->rodata, nerve->skel->rodata, sizeof(*skel->rodata));
	return skel;
}

static void insns_print(const struct bpf_program *program)
{
	size_t bytes;
	const char *log = bpf_program__log_buf(program, &bytes);
	const char *at = log ? strstr(log, "processed ") : NULL;
	unsigned long insns = 0;

	/* Functions of their own are verified apart, each with its own line. */
	for (; at; at = strstr(at + 1, "processed "))
		insns += strtoul(at + strlen("processed "), NULL, 10);
	if (bpf_program__autoload(program))
		printf("%s %lu\n", bpf_program__name(program), insns);
}

int main(void)
{
	char root[256], error[NERVE_ERROR_MAX];
	struct nerve_config config = { .slots_max = 1024, .ring_bytes = 1 << 18, .window_ns = 1000000000, .flush_hz = 10,
				       .cgroup_root = root };
	struct bpf_program *program;
	struct forestall_bpf *skel;
	struct nerve *nerve;

	if (host_cgroup_root(root, sizeof(root)) || nerve_open(&config, ignore, NULL, &nerve, error)) {
		fprintf(stderr, "insns: %s\n", error);
		return 1;
	}
	skel = skel_like(nerve);
	if (!skel || forestall_bpf__load(skel)) {
		fprintf(stderr, "insns: the second load failed\n");
		return 1;
	}
	bpf_object__for_each_program(program, skel->obj)
		insns_print(program);
	nerve_close(nerve);
	return 0;
}
