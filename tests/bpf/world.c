/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "predict/hist.h"
#include "sense/host.h"

static const uint32_t bound_bucket[WIRE_DELAY_COUNT] = { QUEUE_BUCKET, IO_BUCKET, RESPONSE_BUCKET };

void skip_because(const char *reason)
{
	print_message("skipped: %s\n", reason);
	if (getenv("FORESTALL_MUST_RUN"))
		fail();
	skip();
}

static void record(void *context, const struct wire_head *head, size_t bytes)
{
	struct seen *seen = context;

	(void)bytes;
	seen->delivered[head->kind]++;
	if (head->kind == WIRE_WINDOW && head->slot == SLOT) {
		for (size_t i = 0; i < WIRE_TOLD; i++)
			seen->moved[i] += ((const struct wire_window *)head)->moved[i];
	}
	if (head->kind == WIRE_EXEC && head->slot == SLOT)
		memcpy(seen->exec_name, ((const struct wire_task *)head)->comm, WIRE_COMM_LEN);
	if (head->kind == WIRE_OOM && head->slot == SLOT)
		memcpy(&seen->oom, head, sizeof(seen->oom));
	if (head->kind == WIRE_EXIT && head->slot == SLOT)
		seen->exit_value = ((const struct wire_task *)head)->value;
	if (head->kind == WIRE_CGROUP_MADE)
		seen->made[seen->made_count++ % IDS_MAX] = head->cgroup_id;
	if (head->kind == WIRE_CGROUP_GONE)
		seen->gone[seen->gone_count++ % IDS_MAX] = head->cgroup_id;
}

uint64_t id_of(const char *cgroup)
{
	struct stat st;

	assert_int_equal(stat(cgroup, &st), 0);
	return st.st_ino;
}

static void slot_set(struct world *world)
{
	struct wire_bound bound = { .detail = DETAIL };

	world->cgroup_id = bound.cgroup_id = id_of(world->cgroup);
	for (int delay = 0; delay < WIRE_DELAY_COUNT; delay++)
		bound.delay_ns_max[delay] = hist_bucket_floor(bound_bucket[delay] + 1) - 1;
	assert_int_equal(nerve_detail_reset(world->nerve, DETAIL), 0);
	assert_int_equal(nerve_slot_set(world->nerve, SLOT, &bound), 0);
}

void world_open(struct world *world, uint32_t ring_bytes)
{
	struct nerve_config config = { .slots_max = SLOTS_MAX, .ring_bytes = ring_bytes, .window_ns = 100000000,
				       .flush_hz = 10, .cgroup_root = world->root };
	static int number;
	char error[NERVE_ERROR_MAX];

	memset(world, 0, sizeof(*world));
	if (host_cgroup_root(world->root, sizeof(world->root)) || geteuid() != 0)
		skip_because("needs root and a cgroup v2 mount");
	snprintf(world->cgroup, sizeof(world->cgroup), "%s/forestall-test-%d-%d", world->root, getpid(), ++number);
	if (nerve_open(&config, record, &world->seen, &world->nerve, error))
		skip_because(error);
	assert_int_equal(mkdir(world->cgroup, 0755), 0);
	slot_set(world);
}

void world_forget(struct world *world)
{
	struct wire_bound none = { .cgroup_id = world->cgroup_id };

	assert_int_equal(nerve_slot_set(world->nerve, SLOT, &none), 0);
}

void world_follow(struct world *world, const char *below)
{
	nerve_slot_clear(world->nerve, world->cgroup_id, SLOT);
	strncat(world->cgroup, below, sizeof(world->cgroup) - strlen(world->cgroup) - 1);
	assert_int_equal(mkdir(world->cgroup, 0755), 0);
	slot_set(world);
}

void world_close(struct world *world)
{
	/* What world_follow made below goes first. */
	while (strcmp(world->cgroup, world->root)) {
		for (int i = 0; i < 500 && rmdir(world->cgroup) && errno == EBUSY; i++)
			usleep(10000);
		*strrchr(world->cgroup, '/') = '\0';
	}
	nerve_close(world->nerve);
}

void world_skip(struct world *world, const char *reason)
{
	char kept[256];

	snprintf(kept, sizeof(kept), "%s", reason);
	world_close(world);
	skip_because(kept);
}

static int file_open(const struct world *world, const char *file, int flags)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/%s", world->cgroup, file);
	return open(path, flags | O_CLOEXEC);
}

void cgroup_write(const struct world *world, const char *file, const char *text)
{
	int fd = file_open(world, file, O_WRONLY);
	ssize_t n = write(fd, text, strlen(text));

	if (n < 0)
		fail_msg("%s: %s", file, strerror(errno));
	close(fd);
}

uint64_t cgroup_read_in(const struct world *world, const char *file, const char *line, const char *key)
{
	char text[8192];
	int fd = file_open(world, file, O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	const char *at;

	if (n < 0)
		fail_msg("%s: %s", file, strerror(errno));
	close(fd);
	text[n] = '\0';
	at = strstr(text, line);
	at = at ? strstr(at, key) : NULL;
	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

uint64_t cgroup_read(const struct world *world, const char *file, const char *key)
{
	return cgroup_read_in(world, file, "", key);
}

bool cgroup_lacks(const struct world *world, const char *file)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/%s", world->cgroup, file);
	return access(path, F_OK);
}

#define FILE_PATH "build/test/io.bin"

bool has_disk(void) { return !access(DISK, F_OK); }

const char *disk_path(size_t bytes)
{
	char block[4096] = "x";
	int fd;

	if (has_disk())
		return DISK;
	fd = open(FILE_PATH, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	for (size_t at = 0; at < bytes; at += sizeof(block))
		assert_int_equal(write(fd, block, sizeof(block)), sizeof(block));
	fsync(fd);
	close(fd);
	return FILE_PATH;
}

void disk_done(void) { unlink(FILE_PATH); }

void cgroup_enter(const struct world *world)
{
	int fd = file_open(world, "cgroup.procs", O_WRONLY);

	if (fd < 0 || write(fd, "0", 1) != 1)
		_exit(99);
	close(fd);
}

/* The parent may be told of the end before the child has left its CPU for the last time: its cgroup tells for sure. */
static void end_wait(const struct world *world)
{
	for (int i = 0; i < 500 && cgroup_read(world, "cgroup.events", "populated "); i++)
		usleep(10000);
	usleep(20000);
}

pid_t in_cgroup_start(struct world *world, void (*body)(void *), void *argument)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	cgroup_enter(world);
	body(argument);
	_exit(0);
}

static int child_wait(struct world *world, pid_t pid)
{
	int status;

	assert_int_equal(wait4(pid, &status, 0, &world->usage), pid);
	end_wait(world);
	return status;
}

void in_cgroup_end(struct world *world, pid_t pid)
{
	kill(pid, SIGKILL);
	child_wait(world, pid);
}

int in_cgroup(struct world *world, void (*body)(void *), void *argument)
{
	return child_wait(world, in_cgroup_start(world, body, argument));
}

uint64_t total_of(const struct world *world, size_t field)
{
	uint64_t sum = 0;

	for (uint32_t cpu = 0; cpu < nerve_cpus(world->nerve); cpu++)
		sum += ((const volatile uint64_t *)&nerve_row(world->nerve, cpu, SLOT)->now)[field];
	return sum;
}

uint64_t sent_of(const struct world *world, size_t field)
{
	uint64_t sum = 0;

	for (uint32_t cpu = 0; cpu < nerve_cpus(world->nerve); cpu++)
		sum += nerve_row(world->nerve, cpu, SLOT)->sent[field];
	return sum;
}

uint64_t hist_of(const struct world *world, enum wire_delay delay, uint64_t ret_count[WIRE_HIST_COUNT])
{
	uint64_t total = 0;

	memset(ret_count, 0, WIRE_HIST_COUNT * sizeof(*ret_count));
	for (uint32_t cpu = 0; cpu < nerve_cpus(world->nerve); cpu++) {
		const volatile __u32 *hist = nerve_detail(world->nerve, cpu, DETAIL)->hist[delay];

		for (int i = 0; i < WIRE_HIST_COUNT; i++) {
			ret_count[i] += hist[i];
			total += hist[i];
		}
	}
	return total;
}

uint64_t octaves_of(const struct world *world, uint64_t ret_count[WIRE_OCTAVES])
{
	uint32_t count[WIRE_OCTAVES];
	uint64_t total = 0;

	nerve_waits(world->nerve, SLOT, count);
	for (uint32_t octave = 0; octave < WIRE_OCTAVES; octave++)
		total += ret_count[octave] = count[octave];
	return total;
}

void hist_load(const struct world *world, enum wire_delay delay, struct hist *ret)
{
	uint64_t count[WIRE_HIST_COUNT];

	hist_of(world, delay, count);
	hist_reset(ret);
	for (uint32_t i = 0; i < WIRE_HIST_COUNT; i++)
		hist_add(ret, i, (uint32_t)count[i]);
}

uint64_t cpu_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

void burn(uint64_t ns)
{
	uint64_t end = cpu_now_ns() + ns;

	while (cpu_now_ns() < end)
		;
}

int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void near(uint64_t got, uint64_t wanted, uint32_t percent)
{
	assert_in_range(got, wanted - wanted * percent / 100, wanted + wanted * percent / 100);
}

void counted_check(const struct world *world, uint64_t counted, uint64_t made)
{
	uint64_t skipped = nerve_skipped(world->nerve);

	if (counted != made)
		print_message("# %llu counted of %llu, the kernel left out %lld calls\n", (unsigned long long)counted,
			      (unsigned long long)made, (long long)skipped);
	assert_in_range(counted, skipped == UINT64_MAX ? made : made - (skipped < made ? skipped : made), made);
}

void verdict_check(const struct world *world, enum wire_delay delay, uint64_t count)
{
	uint64_t hist[WIRE_HIST_COUNT], good = 0, bad = 0;

	assert_int_equal(hist_of(world, delay, hist), count);
	for (uint32_t i = 0; i < WIRE_HIST_COUNT; i++)
		*(i <= bound_bucket[delay] ? &good : &bad) += hist[i];
	assert_int_equal(total_of(world, FIELD(verdict) + 2 * delay), good);
	assert_int_equal(total_of(world, FIELD(verdict) + 2 * delay + 1), bad);
}

void accounting_check(struct world *world)
{
	struct wire_loss loss;

	nerve_losses(world->nerve, &loss);
	for (int kind = 1; kind < WIRE_KIND_COUNT; kind++)
		assert_int_equal(loss.produced[kind], world->seen.delivered[kind] + loss.dropped[kind]);
	/* What the ring told of a row is exactly what the row says it has told; the rest is still in the row. */
	for (size_t i = 0; i < WIRE_TOLD; i++) {
		assert_int_equal(world->seen.moved[i], sent_of(world, i));
		assert_true(total_of(world, i) >= world->seen.moved[i]);
	}
}
