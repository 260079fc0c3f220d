/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stage.h"

#include <bpf/libbpf.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CPU 0

void stage_enter(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(CPU, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

void hog_start(struct stage *stage, int policy)
{
	struct sched_param param = { .sched_priority = policy == SCHED_FIFO };
	struct world beside = stage->world;

	snprintf(beside.cgroup, sizeof(beside.cgroup), "%.500s-hog", stage->world.cgroup);
	snprintf(stage->hog_cgroup, sizeof(stage->hog_cgroup), "%s", beside.cgroup);
	assert_int_equal(mkdir(beside.cgroup, 0755), 0);
	stage->hog = fork();
	if (stage->hog)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	cgroup_enter(&beside);
	stage_enter();
	if (sched_setscheduler(0, policy, &param))
		_exit(1);
	for (;;)
		;
}

void hog_end(struct stage *stage)
{
	if (!stage->hog)
		return;
	kill(stage->hog, SIGKILL);
	waitpid(stage->hog, NULL, 0);
	for (int i = 0; i < 500 && rmdir(stage->hog_cgroup); i++)
		usleep(10000);
	stage->hog = 0;
}

void stage_open(struct stage *stage)
{
	memset(stage, 0, sizeof(*stage));
	world_open(&stage->world, 1 << 18);
	stage->reference = reference_bpf__open();
	assert_non_null(stage->reference);
	for (uint32_t i = 0; i < WIRE_HIST_COUNT; i++)
		((uint64_t *)stage->reference->rodata->bucket_floor)[i] = (uint64_t)hist_bucket_floor(i);
	stage->reference->bss->cgroup_id = stage->world.cgroup_id;
	assert_int_equal(reference_bpf__load(stage->reference), 0);
	assert_int_equal(reference_bpf__attach(stage->reference), 0);
}

void stage_close(struct stage *stage)
{
	hog_end(stage);
	reference_bpf__destroy(stage->reference);
	world_close(&stage->world);
}

void within(const char *what, uint64_t ours, uint64_t reference, double share, uint64_t whole)
{
	double off = ((double)ours - (double)reference) / (double)(whole ?: 1);

	print_message("# %-16s %12llu, reference %12llu, %+.3f %%\n", what, (unsigned long long)ours,
		      (unsigned long long)reference, off * 100);
	if (off > share || off < -share)
		fail_msg("%s: %llu, the reference says %llu", what, (unsigned long long)ours, (unsigned long long)reference);
}
