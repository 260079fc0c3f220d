/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The senses over real cgroups: what an annotated cgroup is told about, tick by tick. Controllers and a disk as in a guest. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "sense/cgroupfile.h"
#include "sense/host.h"
#include "told.h"

#define BLOCK 4096
#define READS 100

static void disk_read(void *path)
{
	void *block = aligned_alloc(BLOCK, BLOCK);
	int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);

	for (int i = 0; i < READS; i++)
		if (fd < 0 || pread(fd, block, BLOCK, (off_t)i * BLOCK) != BLOCK)
			_exit(96);
}

static void delays_come_with_their_histograms(void **state)
{
	struct told told = { 0 };
	struct world world;
	struct tree *tree;
	char root[512];

	(void)state;
	tree = tree_of(&world, &told, root);
	assert_int_equal(in_cgroup(&world, disk_read, (void *)disk_path(READS * BLOCK)), 0);
	disk_done();
	tree_tick(tree, false);
	assert_true(told.moved.io_done >= READS);
	assert_int_equal(told.bucket_sum[WIRE_DELAY_IO], told.moved.io_done);
	assert_int_equal(told.bucket_sum[WIRE_DELAY_QUEUE], told.moved.switches);
	assert_int_equal(told.moved.verdict[WIRE_DELAY_IO].good + told.moved.verdict[WIRE_DELAY_IO].bad, told.moved.io_done);
	tree_tick(tree, false);
	assert_int_equal(told.bucket_sum[WIRE_DELAY_IO], told.moved.io_done);
	tree_close(tree);
	world_close(&world);
}

static void sleep_often(void *none)
{
	(void)none;
	for (int i = 0; i < 300; i++)
		usleep(300);
}

/* Whatever the annotation was when a wait ended, it is told once. */
static void no_wait_is_lost_when_an_annotation_comes_or_goes(void **state)
{
	struct told told = { 0 };
	struct world world;
	struct tree *tree;
	char root[512];

	(void)state;
	tree = tree_of(&world, &told, root);
	for (int i = 0; i < 4; i++) {
		in_cgroup(&world, sleep_often, NULL);
		if (i % 2)
			annotate(world.cgroup, "runq_p99<5ms");
		else
			assert_int_equal(removexattr(world.cgroup, "trusted.forestall.slo"), 0);
		assert_int_equal(tree_refresh(tree, told.slot), 0);
		tree_active(tree, told.slot);
		tree_tick(tree, true);
		/* On a slow host a sleep may be over before it began. */
		assert_true(told.moved.switches >= 100u * ((unsigned)i + 1));
		assert_int_equal(told.bucket_sum[WIRE_DELAY_QUEUE], told.moved.switches);
	}
	tree_close(tree);
	world_close(&world);
}

static void sleep_long(void *unused)
{
	(void)unused;
	if (unshare(CLONE_NEWNET))
		_exit(96);
	for (;;)
		pause();
}

static uint32_t bit(enum observe_has has) { return 1u << has; }

/* As the hands switch it on; see act/knob.c. */
#define COST_OURS "enable=1 ctrl=user rpct=95.00 rlat=5000 wpct=95.00 wlat=5000 min=10.00 max=10000.00"

/* Where io.cost is not built in there is no io.weight either. */
static void weight_switches_on(const struct world *world, const struct stat *disk)
{
	const struct {
		const char *words;
		uint32_t has;
	} steps[] = {
		{ "enable=1 ctrl=auto", bit(OBSERVE_HAS_IO_WEIGHT) | bit(OBSERVE_HAS_IO_COST_ON) },
		{ "enable=0 ctrl=user rlat=7000", 0 },
		{ COST_OURS, bit(OBSERVE_HAS_IO_WEIGHT) | bit(OBSERVE_HAS_IO_COST_ON) | bit(OBSERVE_HAS_IO_COST) },
		{ "enable=0 ctrl=auto", bit(OBSERVE_HAS_IO_COST) },
	};
	int root_fd = open(world->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int dir_fd = open(world->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = cgroup_lacks(world, "io.weight") ? -1 : openat(root_fd, "io.cost.qos", O_WRONLY | O_CLOEXEC);
	struct cgroup_files files = { 0 };
	struct observe_limits limits;

	cgroup_files_open_all(&files, dir_fd);
	for (size_t step = 0; fd >= 0 && step < sizeof(steps) / sizeof(steps[0]); step++) {
		assert_true(dprintf(fd, "%u:%u %s\n", major(disk->st_rdev), minor(disk->st_rdev), steps[step].words) > 0);
		for (int i = 0; i < CGROUP_SLOW_READS; i++)
			cgroup_files_limits(&files, root_fd, &limits);
		assert_int_equal(limits.has & (bit(OBSERVE_HAS_IO_WEIGHT) | bit(OBSERVE_HAS_IO_COST) | bit(OBSERVE_HAS_IO_COST_ON)), steps[step].has);
	}
	cgroup_files_close(&files);
	close(fd);
	close(dir_fd);
	close(root_fd);
}

static void limits_say_what_the_files_say(void **state)
{
	struct told told = { 0 };
	struct world world;
	struct tree *tree;
	char root[512], text[64];
	struct stat st;
	pid_t pid;

	(void)state;
	tree = tree_of(&world, &told, root);
	guest_needed(&world, tree, true);
	assert_int_equal(told.limits.memory_high, LIMIT_NONE);
	assert_int_equal(told.limits.has, bit(OBSERVE_HAS_CPU) | bit(OBSERVE_HAS_CPUSET) | bit(OBSERVE_HAS_MEMORY) |
						  bit(OBSERVE_HAS_IO));
	assert_int_equal(in_cgroup(&world, disk_read, (void *)DISK), 0);
	assert_int_equal(stat(DISK, &st), 0);
	snprintf(text, sizeof(text), "%u:%u rbps=9000000 wbps=8000000 riops=700 wiops=max", major(st.st_rdev), minor(st.st_rdev));
	cgroup_write(&world, "io.max", text);
	cgroup_write(&world, "memory.high", "104857600");
	cgroup_write(&world, "memory.low", "8388608");
	cgroup_write(&world, "cpu.weight", "77");
	cgroup_write(&world, "cpu.max", "30000 60000");
	pid = in_cgroup_start(&world, sleep_long, NULL);
	usleep(200000);
	tree_tick(tree, true);
	assert_int_equal(told.limits.memory_high, 104857600);
	assert_int_equal(told.limits.memory_low, 8388608);
	assert_int_equal(told.limits.memory_max, LIMIT_NONE);
	assert_int_equal(told.limits.weight, 77);
	assert_int_equal(told.limits.quota_us, 30000);
	assert_int_equal(told.limits.period_us, 60000);
	assert_int_equal(told.limits.device, major(st.st_rdev) << 20 | minor(st.st_rdev));
	assert_int_equal(told.limits.io_bps, 8000000);
	assert_int_equal(told.limits.io_iops, 700);
	assert_true(told.limits.has & bit(OBSERVE_HAS_PROCESS));
	assert_true(told.limits.has & bit(OBSERVE_HAS_NETNS));
	assert_true(told.memories > 0 && told.has_memory && told.memory_bytes > 0);
	assert_false(told.limits.has & bit(OBSERVE_HAS_IO_WEIGHT));
	told.limits_count = 0;
	tree_tick(tree, true);
	assert_int_equal(told.limits_count, 0);
	weight_switches_on(&world, &st);
	in_cgroup_end(&world, pid);
	tree_tick(tree, true);
	assert_false(told.limits.has & (bit(OBSERVE_HAS_PROCESS) | bit(OBSERVE_HAS_NETNS)));
	tree_close(tree);
	world_close(&world);
}

/* At the tick of its slot, or when the second closes before that; a controller that comes and goes between is no gap. */
static void what_is_due_once_a_second_is_read_once(void **state)
{
	const uint32_t lengths[] = { 10, 10, 3, 1, 12 };
	struct told told = { 0 };
	struct world world;
	struct tree *tree;
	char root[512];

	(void)state;
	tree = tree_of(&world, &told, root);
	guest_needed(&world, tree, false);
	for (size_t second = 0; second < sizeof(lengths) / sizeof(lengths[0]); second++) {
		uint32_t due = told.slot % 10 ? told.slot % 10 : 10;

		told.memories = 0;
		for (uint32_t tick = 1; tick <= lengths[second]; tick++) {
			tree_tick(tree, tick == lengths[second]);
			assert_int_equal(told.memories, tick >= due || tick == lengths[second]);
		}
	}
	cgroup_write(&world, "../cgroup.subtree_control", "-memory");
	tree_tick(tree, true);
	assert_false(told.has_memory || told.limits.has & bit(OBSERVE_HAS_MEMORY));
	cgroup_write(&world, "../cgroup.subtree_control", "+memory");
	told.memories = 0;
	tree_tick(tree, true);
	assert_true(told.has_memory && told.limits.has & bit(OBSERVE_HAS_MEMORY) && told.memories == 1);
	tree_close(tree);
	world_close(&world);
}

/* More page cache than it may have. */
static void cache_overflow(void *unused)
{
	static char block[1 << 20];
	int fd = open(DISK, O_RDONLY | O_CLOEXEC);

	(void)unused;
	for (int i = 0; i < 32; i++)
		if (pread(fd, block, sizeof(block), (off_t)i << 20) != (ssize_t)sizeof(block))
			_exit(96);
}

static void memory_overflow(struct world *world)
{
	cgroup_write(world, "memory.max", "8388608");
	assert_int_equal(in_cgroup(world, cache_overflow, NULL), 0);
}

static void memory_events_check(struct world *world, struct tree *tree, const struct told *told)
{
	uint64_t before = cgroup_read(world, "memory.events", "\nmax ");

	memory_overflow(world);
	tree_tick(tree, true);
	assert_true(told->memory.events[MEMORY_EVENT_MAX] > 0);
	assert_int_equal(told->memory.events[MEMORY_EVENT_MAX], cgroup_read(world, "memory.events", "\nmax ") - before);
}

/* With io, which needs it, off as well, what the memory controller has counted goes; when it is on again all begins at 0. */
static void what_memory_gained_is_told_when_its_controller_comes_again(void **state)
{
	struct told told = { 0 };
	struct world world;
	struct tree *tree;
	char root[512];

	(void)state;
	tree = tree_of(&world, &told, root);
	guest_needed(&world, tree, true);
	tree_tick(tree, true);
	memory_events_check(&world, tree, &told);
	for (int is_seen_off = 0; is_seen_off < 2; is_seen_off++) {
		cgroup_write(&world, "../cgroup.subtree_control", "-io -memory");
		if (is_seen_off)
			tree_tick(tree, true);
		cgroup_write(&world, "../cgroup.subtree_control", "+memory +io");
		/* More than before it was off: the counts alone do not say that they began anew. */
		for (int i = 0; i < 2 * is_seen_off; i++)
			memory_overflow(&world);
		told.memories = 0;
		tree_tick(tree, true);
		assert_int_equal(told.memories, 1);
		assert_int_equal(told.memory.refaults | told.memory.swap_ins | told.memory.swap_outs, 0);
		for (int i = 0; i < MEMORY_EVENT_COUNT; i++)
			assert_int_equal(told.memory.events[i], 0);
		memory_events_check(&world, tree, &told);
	}
	tree_close(tree);
	world_close(&world);
}

/* What holds the directories above it holds the annotated. */
static void limits_above_the_annotated_are_told(void **state)
{
	struct told told = { 0 };
	struct world world;
	struct tree *tree;
	char root[512], path[600], io_max[64];
	struct stat st;

	(void)state;
	tree = tree_of(&world, &told, root);
	guest_needed(&world, tree, true);
	assert_int_equal(in_cgroup(&world, disk_read, (void *)DISK), 0);
	assert_int_equal(stat(DISK, &st), 0);
	snprintf(io_max, sizeof(io_max), "%u:%u wbps=8000000 riops=700", major(st.st_rdev), minor(st.st_rdev));
	assert_int_equal(stat(world.cgroup, &st), 0);
	told.slot = tree_slot(tree, st.st_ino);
	cgroup_write(&world, "cgroup.subtree_control", "+cpu +memory");
	snprintf(path, sizeof(path), "%s/inner", world.cgroup);
	assert_int_equal(removexattr(world.cgroup, "trusted.forestall.slo"), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	tree_refresh(tree, told.slot);
	cgroup_write(&world, "cpu.max", "30000 60000");
	cgroup_write(&world, "memory.max", "104857600");
	cgroup_write(&world, "io.max", io_max);
	tree_scan(tree, host_now_ns());
	told.samples = told.limits_count = 0;
	annotate(path, "tier=critical");
	assert_int_equal(stat(path, &st), 0);
	tree_refresh(tree, tree_slot(tree, st.st_ino));
	tree_tick(tree, true);
	assert_int_equal(told.limits_count, 1);
	assert_int_equal(told.limits.quota_us, 30000);
	assert_int_equal(told.limits.memory_max, 104857600);
	assert_int_equal(told.limits.io_bps, 8000000);
	assert_int_equal(told.limits.io_iops, 700);
	assert_true(told.samples == 1 && told.has_memory);
	assert_int_equal(rmdir(path), 0);
	tree_close(tree);
	world_close(&world);
}

static void the_last_of_too_many_annotated_is_told_so(void **state)
{
	struct told told = { 0 };
	struct world world;
	struct tree *tree;
	char root[512], path[600];
	uint32_t without = 0, slot_without = 0;
	struct rlimit files;

	(void)state;
	/* As forestalld does: each has a dozen files and more open. */
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = files.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	tree = tree_of(&world, &told, root);
	for (int i = 0; i < NERVE_DETAILS_MAX - 1; i++) {
		snprintf(path, sizeof(path), "%s/%d", root, i);
		assert_int_equal(mkdir(path, 0755), 0);
		annotate(path, "tier=best-effort");
	}
	tree_scan(tree, host_now_ns());
	for (uint32_t slot = 1; slot < SLOTS_MAX; slot++)
		if (strstr(tree_problem(tree, slot), "annotated")) {
			without++;
			slot_without = slot;
		}
	assert_int_equal(without, 1);
	for (int i = 0; i < NERVE_DETAILS_MAX - 1; i++) {
		snprintf(path, sizeof(path), "%s/%d", root, i);
		if (i < 10 || i > 200)
			rmdir(path);
	}
	rmdir(world.cgroup);
	tree_scan(tree, host_now_ns());
	tree_refresh(tree, slot_without);
	assert_string_equal(tree_problem(tree, slot_without), "");
	tree_close(tree);
	for (int i = 10; i <= 200; i++) {
		snprintf(path, sizeof(path), "%s/%d", root, i);
		rmdir(path);
	}
	world_close(&world);
}

/* Nobody tells this tree of directories that come and go: its walk finds them, in one that had none before as well. */
static void a_walk_finds_who_came_and_who_went(void **state)
{
	const char *const below[] = { "/job/leaf", "/job/leaf/first", "/job/leaf/first/second", "/other" };
	const int count = sizeof(below) / sizeof(below[0]);
	struct told told = { 0 };
	struct world world;
	struct tree *tree;
	char root[512], path[600];
	uint32_t followed;

	(void)state;
	tree = tree_of(&world, &told, root);
	followed = tree_scan(tree, host_now_ns());
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s%s", root, below[i]);
		assert_int_equal(mkdir(path, 0755), 0);
		assert_int_equal(tree_scan(tree, host_now_ns()), ++followed);
	}
	for (int i = count; i-- > 0;) {
		snprintf(path, sizeof(path), "%s%s", root, below[i]);
		assert_int_equal(rmdir(path), 0);
		assert_int_equal(tree_scan(tree, host_now_ns()), --followed);
	}
	tree_close(tree);
	world_close(&world);
}

/* A walk for who has no path would be made each second, and would not find one. */
static void a_path_that_is_too_long_makes_no_room(void **state)
{
	struct told told = { 0 };
	struct world world;
	struct tree *tree;
	char root[512], path[1024], name[200];
	uint64_t unfollowed;

	(void)state;
	tree = tree_of(&world, &told, root);
	unfollowed = tree_unfollowed(tree);
	memset(name, 'x', sizeof(name));
	snprintf(path, sizeof(path), "%s/%.*s", world.cgroup, 150, name);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path + strlen(path), sizeof(path) - strlen(path), "/%.*s", 150, name);
	assert_int_equal(mkdir(path, 0755), 0);
	tree_scan(tree, host_now_ns());
	assert_int_equal(tree_unfollowed(tree), unfollowed + 1);
	assert_false(tree_has_room(tree, host_now_ns()));
	rmdir(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	tree_close(tree);
	world_close(&world);
}

static void who_holds_no_annotated_one_any_more_is_a_stranger_again(void **state)
{
	struct told told = { 0 };
	struct world world;
	struct tree *tree;
	char root[512], path[600];

	(void)state;
	tree = tree_of(&world, &told, root);
	snprintf(path, sizeof(path), "%s/inner", world.cgroup);
	assert_int_equal(mkdir(path, 0755), 0);
	annotate(path, "tier=critical");
	assert_int_equal(removexattr(world.cgroup, "trusted.forestall.slo"), 0);
	tree_scan(tree, host_now_ns());
	tree_refresh(tree, told.slot);
	assert_int_equal(rmdir(path), 0);
	assert_true(tree_has_annotated(tree));
	tree_scan(tree, host_now_ns());
	assert_false(tree_has_annotated(tree));
	tree_close(tree);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delays_come_with_their_histograms),
		cmocka_unit_test(no_wait_is_lost_when_an_annotation_comes_or_goes),
		cmocka_unit_test(limits_say_what_the_files_say),
		cmocka_unit_test(what_is_due_once_a_second_is_read_once),
		cmocka_unit_test(what_memory_gained_is_told_when_its_controller_comes_again),
		cmocka_unit_test(limits_above_the_annotated_are_told),
		cmocka_unit_test(the_last_of_too_many_annotated_is_told_so),
		cmocka_unit_test(a_walk_finds_who_came_and_who_went),
		cmocka_unit_test(a_path_that_is_too_long_makes_no_room),
		cmocka_unit_test(who_holds_no_annotated_one_any_more_is_a_stranger_again),
	};

	return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
