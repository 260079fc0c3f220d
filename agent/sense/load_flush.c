/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One software clock per CPU drives on_flush; a CPU that is offline has none. The kernel takes a clock away with its CPU and does
 * not bring it back, and a CPU may go and come between two looks: so what is looked at is whether each clock still counts.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "load_internal.h"

#define ONLINE_PATH "/sys/devices/system/cpu/online"

/* 0 with no clock where the CPU is offline, or -errno. */
static int clock_start(struct nerve *nerve, uint32_t cpu)
{
	struct flush_clock *clock = &nerve->flush.clock[cpu];
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = 1000000000ull / nerve->flush.hz,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC), r;

	if (fd < 0)
		return errno == ENODEV ? 0 : -errno;
	clock->link = bpf_program__attach_perf_event(nerve->skel->progs.on_flush, fd);
	if (clock->link)
		return 0;
	r = -errno;
	close(fd);
	return r;
}

int flush_start(struct nerve *nerve, uint32_t hz)
{
	int r = 0;

	nerve->flush.hz = hz;
	nerve->flush.online_fd = open(ONLINE_PATH, O_RDONLY | O_CLOEXEC);
	nerve->flush.clock = calloc(nerve->cpus, sizeof(*nerve->flush.clock));
	if (!nerve->flush.clock)
		return -ENOMEM;
	for (uint32_t cpu = 0; !r && cpu < nerve->cpus; cpu++)
		r = clock_start(nerve, cpu);
	return r;
}

void flush_stop(struct nerve *nerve)
{
	if (!nerve->flush.clock)
		return;
	for (uint32_t cpu = 0; cpu < nerve->cpus; cpu++)
		bpf_link__destroy(nerve->flush.clock[cpu].link);
	free(nerve->flush.clock);
	nerve->flush.clock = NULL;
	if (nerve->flush.online_fd >= 0)
		close(nerve->flush.online_fd);
}

/* The list of CPUs that are online reads otherwise than at the last look. */
static bool online_moved(struct flush *flush)
{
	char text[sizeof(flush->online)] = "";

	if (flush->online_fd < 0 || pread(flush->online_fd, text, sizeof(text) - 1, 0) < 0)
		return true;
	if (!strcmp(text, flush->online))
		return false;
	memcpy(flush->online, text, sizeof(text));
	return true;
}

void nerve_second(struct nerve *nerve)
{
	bool has_moved = online_moved(&nerve->flush);

	for (uint32_t cpu = 0; cpu < nerve->cpus; cpu++) {
		struct flush_clock *clock = &nerve->flush.clock[cpu];
		uint32_t count = nerve_row(nerve, cpu, WIRE_SLOT_OTHER)->flush;

		if (clock->link && count == clock->count) {
			bpf_link__destroy(clock->link);
			clock->link = NULL;
			has_moved = true;
		}
		clock->count = count;
		if (!clock->link && has_moved)
			clock_start(nerve, cpu);
	}
}
