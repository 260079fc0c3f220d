/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Block IO of one cgroup against what the task, the cgroup's io.stat and fio say. In guests on /dev/nullb0, natively on a file
 * below build/ where its file system does direct IO.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "predict/hist.h"
#include "sense/host.h"
#include "sense/load_internal.h"
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
	assert_int_equal(TOTAL(&world, io_begun), done->count);
	assert_int_equal(TOTAL(&world, io_lost), 0);
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
	assert_int_equal(TOTAL(&world, io_charged), TOTAL(&world, io_done));
	world_close(&world);
}

/* No room for what is queued: as when the kernel leaves out a call, it is known by its end alone. */
static void what_was_not_seen_queued_is_counted_when_it_ends(void **state)
{
	struct done *done = done_new();
	char none[64] = { 0 };
	struct world world;
	uint64_t key = 1;
	int bios;

	(void)state;
	world_open_io(&world);
	needs_disk(&world);
	bios = bpf_map__fd(world.nerve->skel->maps.bios);
	assert_true(bpf_map__value_size(world.nerve->skel->maps.bios) <= sizeof(none));
	/* No bio has an odd address. */
	while (!bpf_map_update_elem(bios, &key, none, BPF_ANY))
		key += 2;
	done->count = 200;
	assert_int_equal(in_cgroup(&world, blocks_read, done), 0);
	assert_int_equal(TOTAL(&world, io_read_bytes), done->read_bytes);
	assert_int_equal(TOTAL(&world, io_done), done->count);
	assert_int_equal(TOTAL(&world, io_begun), done->count);
	assert_int_equal(TOTAL(&world, io_charged), done->count);
	assert_in_range(TOTAL(&world, io_ns), 1, done->own_ns);
	verdict_check(&world, WIRE_DELAY_IO, done->count);
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
	assert_int_equal(TOTAL(&world, io_charged), 0);
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

/* A disk that works on one request at a time and takes SLOW_NS for each; SLOW_JOBS tasks wait for it. */
#define SLOW_DISK_NAME "FORESTALL_SLOW_DISK"
#define SLOW_NS 20000000ull
#define SLOW_JOBS 4
#define FIO_RESULT "/tmp/fio.json"

static void fio_run(void *disk)
{
	char command[512];

	snprintf(command, sizeof(command), "fio --name=reads --filename=%s --rw=randread --direct=1 --bs=4k --ioengine=psync "
		 "--number_ios=50 --size=16m --numjobs=%d --thread --group_reporting --percentile_list=45:50:55:87:90:93:98:99:100 "
		 "--output-format=json --output=" FIO_RESULT
		 " >/dev/null", (const char *)disk, SLOW_JOBS);
	if (system(command))
		_exit(94);
}

/* In flight now. */
static int64_t depth_of(const struct world *world)
{
	return (int64_t)(TOTAL(world, io_begun) - TOTAL(world, io_done) - TOTAL(world, io_lost));
}

/* Runs fio and returns the deepest that the queue was seen. */
static int64_t fio_watch(struct world *world, const char *disk)
{
	pid_t pid = in_cgroup_start(world, fio_run, (void *)disk);
	int64_t deepest = 0;
	int status;

	while (!waitpid(pid, &status, WNOHANG)) {
		int64_t depth = depth_of(world);

		deepest = depth > deepest ? depth : deepest;
		usleep(2000);
	}
	assert_int_equal(status, 0);
	return deepest;
}

static uint64_t fio_ns(const json_t *percentiles, double percent)
{
	char name[16];

	snprintf(name, sizeof(name), "%.6f", percent);
	assert_non_null(json_object_get(percentiles, name));
	return (uint64_t)json_number_value(json_object_get(percentiles, name));
}

/*
 * Each quantile of our delays against fio's, which begin a little earlier and end a little later. Delays are about multiples of the
 * disk's time: where a quantile lies between two of them a few requests decide which it is, so it is fio's of some rank close by.
 */
static void quantiles_check(const struct hist *hist, const json_t *percentiles)
{
	static const struct {
		double below, asked, above;
	} rank[] = { { 45, 50, 55 }, { 87, 90, 93 }, { 98, 99, 100 } };

	for (size_t i = 0; i < sizeof(rank) / sizeof(rank[0]); i++) {
		uint64_t ours = hist_quantile(hist, rank[i].asked / 100), least = fio_ns(percentiles, rank[i].below),
			 most = fio_ns(percentiles, rank[i].above);

		print_message("# p%.0f %.2f ms, fio %.2f (%.2f to %.2f close by)\n", rank[i].asked, (double)ours / 1e6,
			      (double)fio_ns(percentiles, rank[i].asked) / 1e6, (double)least / 1e6, (double)most / 1e6);
		assert_in_range(ours, least - least / 10, most + most / 10);
	}
}

static void delays_are_fios_and_device_times_the_devices(void **state)
{
	const char *disk = getenv(SLOW_DISK_NAME);
	struct hist hist, device;
	json_t *root, *reads;
	struct world world;
	int64_t deepest;

	(void)state;
	world_open_io(&world);
	needs_disk(&world);
	if (!disk || !nerve_has(world.nerve, NERVE_IO_DEVICE))
		world_skip(&world, "needs a slow disk, as tests/vm/guest_signals.sh makes one");
	deepest = fio_watch(&world, disk);
	root = json_load_file(FIO_RESULT, JSON_DISABLE_EOF_CHECK, NULL);
	assert_non_null(root);
	reads = json_object_get(json_array_get(json_object_get(root, "jobs"), 0), "read");
	assert_true((json_int_t)TOTAL(&world, io_read_bytes) >= json_integer_value(json_object_get(reads, "io_bytes")));
	hist_load(&world, WIRE_DELAY_IO, &hist);
	hist_load(&world, WIRE_DELAY_DEVICE, &device);
	quantiles_check(&hist, json_object_get(json_object_get(reads, "clat_ns"), "percentile"));
	print_message("# device %.2f ms each, p50 %.2f, p99 %.2f; deepest queue %d\n",
		      (double)TOTAL(&world, device_ns) / (double)TOTAL(&world, device_done) / 1e6,
		      (double)hist_quantile(&device, .5) / 1e6, (double)hist_quantile(&device, .99) / 1e6, (int)deepest);
	assert_int_equal(TOTAL(&world, device_done), TOTAL(&world, io_done));
	assert_true(TOTAL(&world, device_ns) <= TOTAL(&world, io_ns));
	assert_true(hist_quantile(&device, 0) >= hist_bucket_floor(hist_bucket(SLOW_NS)));	/* its timer is never early */
	near(hist_quantile(&device, .5), SLOW_NS, 10);
	assert_int_equal(deepest, SLOW_JOBS);
	assert_int_equal(depth_of(&world), 0);
	assert_int_equal(TOTAL(&world, io_lost), 0);
	json_decref(root);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_are_what_the_task_read_and_no_longer_than_it_waited),
		cmocka_unit_test(writeback_is_the_writers),
		cmocka_unit_test(what_was_not_seen_queued_is_counted_when_it_ends),
		cmocka_unit_test(io_below_a_cgroup_without_controller_is_attributed),
		cmocka_unit_test(time_held_back_by_io_max_is_in_the_delay),
		cmocka_unit_test(delays_are_fios_and_device_times_the_devices),
	};

	return cmocka_run_group_tests_name("io", tests, NULL, NULL);
}
