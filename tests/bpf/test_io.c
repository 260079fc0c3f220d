/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Block IO of one cgroup against what the task, the cgroup's io.stat and fio say. In guests on /dev/nullb0, natively on a file
 * below build/ where its file system does direct IO.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "predict/hist.h"
#include "sense/host.h"
#include "world.h"

#define BLOCK 4096

/* Filled by the child, read by the parent. */
struct done {
	uint64_t read_bytes, own_ns;
	uint32_t count, block_bytes;
	const char *path;
	int flags;
};

static struct done *done_new(void)
{
	struct done *done = mmap(NULL, sizeof(*done), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(done != MAP_FAILED);
	done->path = DISK;
	done->block_bytes = BLOCK;
	return done;
}

static uint64_t own_read_bytes(void)
{
	char text[512];
	int fd = open("/proc/self/io", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	const char *at;

	close(fd);
	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, "read_bytes: ");
	return at ? strtoull(at + strlen("read_bytes: "), NULL, 10) : 0;
}

static void blocks_read(void *argument)
{
	struct done *done = argument;
	void *block = aligned_alloc(BLOCK, done->block_bytes);
	int fd = open(done->path, O_RDONLY | O_DIRECT | O_CLOEXEC);

	if (fd < 0)
		_exit(97);
	for (uint32_t i = 0; i < done->count; i++) {
		uint64_t start_ns = host_now_ns();

		if (pread(fd, block, done->block_bytes, (off_t)i * done->block_bytes) != (ssize_t)done->block_bytes)
			_exit(96);
		done->own_ns += host_now_ns() - start_ns;
	}
	done->read_bytes = own_read_bytes();
}

static void blocks_write(void *argument)
{
	struct done *done = argument;
	char *block = calloc(1, done->block_bytes);
	int fd = open(done->path, O_WRONLY | O_CLOEXEC);

	for (uint32_t i = 0; i < done->count; i++)
		if (pwrite(fd, block, done->block_bytes, (off_t)i * done->block_bytes) != (ssize_t)done->block_bytes)
			_exit(96);
}

static void world_open_io(struct world *world)
{
	world_open(world, 1 << 18);
	if (!nerve_has(world->nerve, NERVE_IO))
		world_skip(world, nerve_lacks(world->nerve, NERVE_IO));
}

static uint64_t io_stat(const struct world *world, const char *key)
{
	char line[64];
	struct stat st;

	if (stat(DISK, &st))
		return 0;
	snprintf(line, sizeof(line), "%u:%u ", major(st.st_rdev), minor(st.st_rdev));
	return cgroup_read_in(world, "io.stat", line, key);
}

static void reads_are_what_the_task_read_and_no_longer_than_it_waited(void **state)
{
	struct done *done = done_new();
	struct world world;
	int status;

	(void)state;
	world_open_io(&world);
	done->count = 200;
	done->path = disk_path(done->count * BLOCK);
	status = in_cgroup(&world, blocks_read, done);
	if (status && !has_disk())
		world_skip(&world, "the file system of build/ does no direct IO");
	assert_int_equal(status, 0);
	print_message("# %u reads, %.3f ms each, task waited %.3f\n", done->count,
		      (double)TOTAL(&world, io_ns) / (double)TOTAL(&world, io_done) / 1e6,
		      (double)done->own_ns / done->count / 1e6);
	assert_int_equal(TOTAL(&world, io_read_bytes), done->read_bytes);
	assert_int_equal(TOTAL(&world, io_write_bytes), 0);
	assert_int_equal(TOTAL(&world, io_done), done->count);
	assert_true(TOTAL(&world, io_ns) <= done->own_ns);
	verdict_check(&world, WIRE_DELAY_IO, TOTAL(&world, io_done));
	if (has_disk())
		assert_int_equal(io_stat(&world, "rbytes="), done->read_bytes);
	nerve_stop(world.nerve);
	nerve_consume(world.nerve);
	accounting_check(&world);
	world_close(&world);
	disk_done();
}

static void needs_disk(struct world *world)
{
	if (!has_disk() || cgroup_lacks(world, "io.stat"))
		world_skip(world, "needs " DISK " and the io controller, as in a guest");
}

/* Written back by a kernel thread, charged to the writer. We hold the disk open: its last user would write back itself. */
static void writeback_is_the_writers(void **state)
{
	struct done *done = done_new();
	int held_fd = open(DISK, O_RDONLY | O_CLOEXEC);
	struct world world;

	(void)state;
	world_open_io(&world);
	needs_disk(&world);
	done->count = 2048;
	assert_int_equal(in_cgroup(&world, blocks_write, done), 0);
	sync();
	close(held_fd);
	print_message("# %llu bytes written\n", (unsigned long long)io_stat(&world, "wbytes="));
	assert_int_equal(io_stat(&world, "wbytes="), 2048 * BLOCK);
	assert_int_equal(TOTAL(&world, io_write_bytes), io_stat(&world, "wbytes="));
	world_close(&world);
}

/* Without the io controller the kernel charges an ancestor; the IO still is its cgroup's. */
static void io_below_a_cgroup_without_controller_is_attributed(void **state)
{
	struct done *done = done_new();
	struct world world;

	(void)state;
	world_open_io(&world);
	needs_disk(&world);
	world_follow(&world, "/inner");
	assert_true(cgroup_lacks(&world, "io.stat"));
	done->count = 100;
	assert_int_equal(in_cgroup(&world, blocks_read, done), 0);
	assert_int_equal(TOTAL(&world, io_read_bytes), done->read_bytes);
	world_close(&world);
}

static void time_held_back_by_io_max_is_in_the_delay(void **state)
{
	struct done *done = done_new();
	struct world world;
	struct stat st;
	char text[64];

	(void)state;
	world_open_io(&world);
	needs_disk(&world);
	if (!nerve_has(world.nerve, NERVE_IO_HELD))
		world_skip(&world, nerve_lacks(world.nerve, NERVE_IO_HELD));
	assert_int_equal(stat(DISK, &st), 0);
	snprintf(text, sizeof(text), "%u:%u rbps=1048576", major(st.st_rdev), minor(st.st_rdev));
	cgroup_write(&world, "io.max", text);
	done->count = 16;
	done->block_bytes = 65536;
	assert_int_equal(in_cgroup(&world, blocks_read, done), 0);
	print_message("# %.1f ms each, task waited %.1f\n", (double)TOTAL(&world, io_ns) / 16e6, (double)done->own_ns / 16e6);
	assert_in_range(TOTAL(&world, io_ns), done->own_ns * 9 / 10, done->own_ns);
	world_close(&world);
}

static void fio_run(void *unused)
{
	(void)unused;
	if (system("fio --name=reads --filename=" DISK " --rw=randread --direct=1 --bs=4k --ioengine=psync --number_ios=500 "
		   "--size=64m --output-format=json --output=/tmp/fio.json >/dev/null"))
		_exit(94);
}

static void delays_are_fios(void **state)
{
	uint64_t bucket[WIRE_HIST_COUNT], io_bytes;
	json_t *root, *job, *reads, *latency;
	struct hist hist = { 0 };
	struct world world;
	double p50, fio_p50;

	(void)state;
	world_open_io(&world);
	needs_disk(&world);
	assert_int_equal(in_cgroup(&world, fio_run, NULL), 0);
	root = json_load_file("/tmp/fio.json", JSON_DISABLE_EOF_CHECK, NULL);
	assert_non_null(root);
	job = json_array_get(json_object_get(root, "jobs"), 0);
	reads = json_object_get(job, "read");
	latency = json_object_get(json_object_get(reads, "clat_ns"), "percentile");
	fio_p50 = json_number_value(json_object_get(latency, "50.000000"));
	io_bytes = (uint64_t)json_integer_value(json_object_get(reads, "io_bytes"));
	hist_of(&world, WIRE_DELAY_IO, bucket);
	for (uint32_t i = 0; i < WIRE_HIST_COUNT; i++)
		hist_add(&hist, i, (uint32_t)bucket[i]);
	p50 = (double)hist_quantile(&hist, .5);
	print_message("# p50 %.3f ms, fio's %.3f, the disk's 0.200; %llu bytes\n", p50 / 1e6, fio_p50 / 1e6,
		      (unsigned long long)io_bytes);
	assert_int_equal(TOTAL(&world, io_read_bytes), io_stat(&world, "rbytes="));
	assert_true(TOTAL(&world, io_read_bytes) >= io_bytes);
	assert_true(p50 >= 200e3 * 7 / 8 && p50 <= fio_p50 * 9 / 8);
	json_decref(root);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_are_what_the_task_read_and_no_longer_than_it_waited),
		cmocka_unit_test(writeback_is_the_writers),
		cmocka_unit_test(io_below_a_cgroup_without_controller_is_attributed),
		cmocka_unit_test(time_held_back_by_io_max_is_in_the_delay),
		cmocka_unit_test(delays_are_fios),
	};

	return cmocka_run_group_tests_name("io", tests, NULL, NULL);
}
