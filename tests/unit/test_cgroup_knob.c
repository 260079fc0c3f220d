/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "act/cgroup.h"
#include "act/host.h"
#include "act/refault.h"

#define DISK (8u << 20 | 16)

static void assert_parses(enum knob knob, const char *text, uint64_t value, uint64_t aux)
{
	struct knob_value ret = { 1, 1 };

	assert_int_equal(knob_parse(knob, DISK, text, &ret), 0);
	assert_true(ret.value == value);
	assert_true(ret.aux == aux);
}

static void assert_is_odd(enum knob knob, const char *text)
{
	struct knob_value ret = { 42, 43 };

	assert_int_equal(knob_parse(knob, DISK, text, &ret), -EINVAL);
	assert_true(ret.value == 42 && ret.aux == 43);
}

static void what_the_kernel_shows_is_read(void **state)
{
	(void)state;
	assert_parses(KNOB_CPU_WEIGHT, "100\n", 100, 0);
	assert_parses(KNOB_CPU_MAX, "max 100000\n", KNOB_MAX, 100000);
	assert_parses(KNOB_CPU_MAX, "20000 50000\n", 20000, 50000);
	assert_parses(KNOB_CPU_IDLE, "1\n", 1, 0);
	assert_parses(KNOB_CPU_WEIGHT, "0", 0, 0);
	assert_parses(KNOB_CPUSET_CPUS, "\n", 0, 0);
	assert_parses(KNOB_CPUSET_CPUS, "0-3,8,62-63\n", 0xc00000000000010f, 0);
	assert_parses(KNOB_CPUSET_CPUS, "0-63", UINT64_MAX, 0);
	assert_parses(KNOB_MEMORY_HIGH, "max\n", KNOB_MAX, 0);
	assert_parses(KNOB_MEMORY_LOW, "0\n", 0, 0);
	assert_parses(KNOB_IO_WEIGHT, "default 100\n8:16 50\n", 100, 0);
	assert_parses(KNOB_CPUSET_PARTITION, "member\n", PARTITION_MEMBER, 0);
	assert_parses(KNOB_CPUSET_PARTITION, "isolated\n", PARTITION_ISOLATED, 0);
	assert_parses(KNOB_CPUSET_PARTITION, "root invalid (Cpu list in cpuset.cpus not exclusive)\n", PARTITION_ROOT, 1);
	assert_parses(KNOB_CPUSET_PARTITION, "root invalid\n", PARTITION_ROOT, 1);
}

static void a_key_of_a_disk_is_found_and_a_missing_line_means_max(void **state)
{
	static const char LINES[] = "8:1 rbps=1 wbps=1 riops=1 wiops=1\n8:16 rbps=max wbps=2097152 riops=77 wiops=5\n"
				    "18:16 rbps=9 wbps=9 riops=9 wiops=9\n";

	(void)state;
	assert_parses(KNOB_IO_RBPS, LINES, KNOB_MAX, 0);
	assert_parses(KNOB_IO_WBPS, LINES, 2097152, 0);
	assert_parses(KNOB_IO_RIOPS, LINES, 77, 0);
	assert_parses(KNOB_IO_WIOPS, LINES, 5, 0);
	assert_parses(KNOB_IO_WIOPS, "8:1 rbps=1 wbps=1 riops=1 wiops=1\n", KNOB_MAX, 0);
	assert_parses(KNOB_IO_WIOPS, "", KNOB_MAX, 0);
	assert_parses(KNOB_IO_LATENCY, "8:1 target=1\n8:16 target=5000\n", 5000, 0);
	assert_parses(KNOB_IO_LATENCY, "8:1 target=1\n", KNOB_MAX, 0);
}

static void odd_text_is_refused_and_leaves_the_result_alone(void **state)
{
	static const char *const ODD[] = { "", "\n", "-1", " 100", "100 ", "0x10", "1e3", "100\n200\n", "max",
					   "18446744073709551616", "100 max" };

	(void)state;
	for (size_t i = 0; i < sizeof(ODD) / sizeof(*ODD); i++) {
		assert_is_odd(KNOB_CPU_WEIGHT, ODD[i]);
		assert_is_odd(KNOB_CPU_MAX, ODD[i]);
	}
	assert_is_odd(KNOB_CPU_MAX, "max max");
	assert_is_odd(KNOB_CPU_MAX, "maximal 100000");
	assert_is_odd(KNOB_CPU_MAX, "1 2 3");
	assert_is_odd(KNOB_CPU_IDLE, "2");
	assert_is_odd(KNOB_CPUSET_CPUS, "64");
	assert_is_odd(KNOB_CPUSET_CPUS, "3-1");
	assert_is_odd(KNOB_CPUSET_CPUS, "0,");
	assert_is_odd(KNOB_CPUSET_CPUS, ",0");
	assert_is_odd(KNOB_CPUSET_CPUS, "0--3");
	assert_is_odd(KNOB_CPUSET_CPUS, "0-3:1/2");
	assert_is_odd(KNOB_CPUSET_CPUS, "100");
	assert_is_odd(KNOB_MEMORY_HIGH, "maximum");
	assert_is_odd(KNOB_IO_WEIGHT, "100");
	assert_is_odd(KNOB_CPUSET_PARTITION, "");
	assert_is_odd(KNOB_CPUSET_PARTITION, "roo");
	assert_is_odd(KNOB_CPUSET_PARTITION, "rooted");
	assert_is_odd(KNOB_CPUSET_PARTITION, "root invali");
	assert_is_odd(KNOB_IO_LATENCY, "8:16 use_delay=1\n");
	assert_is_odd(KNOB_IO_RBPS, "8:16 wbps=max riops=77 wiops=5\n18:16 rbps=9\n");
	assert_is_odd(KNOB_IO_RBPS, "8:16 rbps=7x wbps=max\n");
	assert_is_odd(KNOB_IO_RBPS, "8:16 rbps= wbps=max\n");
	assert_is_odd(KNOB_CPU_WEIGHT, "1111111111111111111111111111111111111111111111111111111");
}

static void assert_round_trip(enum knob knob, uint64_t value, uint64_t aux, const char *file, const char *word)
{
	struct knob_value before = { value, aux }, after;
	char text[KNOB_TEXT_MAX];

	assert_int_equal(knob_format(knob, DISK, &before, text, sizeof(text)), strlen(file));
	assert_string_equal(text, file);
	assert_int_equal(knob_word_format(knob, &before, text, sizeof(text)), strlen(word));
	assert_string_equal(text, word);
	assert_int_equal(knob_word_parse(knob, text, &after), 0);
	assert_true(after.value == value && after.aux == aux);
}

static void what_is_written_reads_back(void **state)
{
	(void)state;
	assert_round_trip(KNOB_CPU_WEIGHT, 10000, 0, "10000", "10000");
	assert_round_trip(KNOB_CPU_MAX, KNOB_MAX, 100000, "max 100000", "max/100000");
	assert_round_trip(KNOB_CPU_MAX, 1000, 1000000, "1000 1000000", "1000/1000000");
	assert_round_trip(KNOB_CPU_IDLE, 0, 317, "0", "0/317");
	assert_round_trip(KNOB_CPUSET_CPUS, 0, 0, "\n", "none");
	assert_round_trip(KNOB_CPUSET_CPUS, 0x8000000000000105, 0, "0,2,8,63", "0,2,8,63");
	assert_round_trip(KNOB_CPUSET_CPUS, UINT64_MAX, 0, "0-63", "0-63");
	assert_round_trip(KNOB_MEMORY_LOW, 1 << 20, 0, "1048576", "1048576");
	assert_round_trip(KNOB_MEMORY_HIGH, KNOB_MAX, 0, "max", "max");
	assert_round_trip(KNOB_MEMORY_RECLAIM, 4096, 0, "4096", "4096");
	assert_round_trip(KNOB_IO_WEIGHT, 250, 0, "default 250", "250");
	assert_round_trip(KNOB_IO_RBPS, 2097152, 0, "8:16 rbps=2097152", "2097152");
	assert_round_trip(KNOB_IO_WIOPS, KNOB_MAX, 0, "8:16 wiops=max", "max");
	assert_round_trip(KNOB_NET_EGRESS, KNOB_MAX, 0, "max", "max");
	assert_round_trip(KNOB_NET_FIRST, 2500000, 0, "2500000", "2500000");
	assert_round_trip(KNOB_CPU_BURST, 0, 0, "0", "0");
	assert_round_trip(KNOB_MEMORY_MIN, KNOB_MAX, 0, "max", "max");
	assert_round_trip(KNOB_CPUSET_MEMS, 5, 0, "0,2", "0,2");
	assert_round_trip(KNOB_FREEZE, 1, 0, "1", "1");
	assert_round_trip(KNOB_MEMORY_MAX, KNOB_MAX, 0, "max", "max");
	assert_round_trip(KNOB_IO_LATENCY, 5000, 0, "8:16 target=5000", "5000");
	assert_round_trip(KNOB_IO_LATENCY, KNOB_MAX, 0, "8:16 target=max", "max");
	assert_round_trip(KNOB_CPUSET_EXCLUSIVE, 0, 0, "\n", "none");
	assert_round_trip(KNOB_CPUSET_PARTITION, PARTITION_MEMBER, 0, "member", "member");
	assert_round_trip(KNOB_CPUSET_PARTITION, PARTITION_ISOLATED, 0, "isolated", "isolated");
	assert_round_trip(KNOB_NET_INGRESS, KNOB_MAX, 0, "max", "max");
}

/* The longest list there is must fit the buffers of all that hold one. */
static void every_second_cpu_fits_a_word(void **state)
{
	struct knob_value cpus = { 0x5555555555555555, 0 }, after;
	char text[KNOB_TEXT_MAX];

	(void)state;
	assert_true(knob_word_format(KNOB_CPUSET_CPUS, &cpus, text, sizeof(text)) > 80);
	assert_int_equal(knob_word_parse(KNOB_CPUSET_CPUS, text, &after), 0);
	assert_true(after.value == cpus.value);
	for (uint64_t seed = 1; seed < 2000; seed++) {
		cpus.value = seed * 0x9e3779b97f4a7c15 & seed * 0xd1b54a32d192ed03;
		assert_true(knob_word_format(KNOB_CPUSET_CPUS, &cpus, text, sizeof(text)) > 0);
		assert_int_equal(knob_word_parse(KNOB_CPUSET_CPUS, text, &after), 0);
		assert_true(after.value == cpus.value);
	}
}

static void a_short_buffer_is_noticed(void **state)
{
	struct knob_value value = { 12345, 100000 };
	char text[8];

	(void)state;
	assert_int_equal(knob_format(KNOB_CPU_MAX, 0, &value, text, sizeof(text)), -ENOSPC);
	assert_int_equal(knob_word_format(KNOB_CPU_MAX, &value, text, sizeof(text)), -ENOSPC);
}

static void equal_looks_at_the_period_but_not_at_the_forgotten_weight(void **state)
{
	struct knob_value a = { 5000, 100000 }, b = { 5000, 50000 };

	(void)state;
	assert_false(knob_equal(KNOB_CPU_MAX, &a, &b));
	assert_true(knob_equal(KNOB_CPU_IDLE, &a, &b));
	b.aux = a.aux;
	assert_true(knob_equal(KNOB_CPU_MAX, &a, &b));
	b.value++;
	assert_false(knob_equal(KNOB_CPU_MAX, &a, &b));
}

static void close_allows_for_rounding_only(void **state)
{
	struct knob_value a = { 5000, 0 }, b = { 5001, 0 }, c = { 5002, 0 }, max = { KNOB_MAX, 0 },
			  below = { KNOB_MAX - 1, 0 };

	(void)state;
	assert_true(knob_close(KNOB_CPU_WEIGHT, &a, &b));
	assert_false(knob_close(KNOB_CPU_WEIGHT, &a, &c));
	assert_false(knob_close(KNOB_CPU_MAX, &max, &below));
	assert_false(knob_close(KNOB_CPU_IDLE, &a, &b));
	assert_false(knob_close(KNOB_CPUSET_CPUS, &a, &b));
	assert_false(knob_close(KNOB_CPUSET_PARTITION, &a, &b));
	assert_true(knob_close(KNOB_IO_RIOPS, &a, &b));
	assert_false(knob_close(KNOB_IO_RIOPS, &a, &c));
	/* The kernel takes memory in pages, of up to 64 KiB. */
	b.value = a.value + 65535;
	assert_true(knob_close(KNOB_MEMORY_HIGH, &a, &b));
	b.value++;
	assert_false(knob_close(KNOB_MEMORY_HIGH, &a, &b));
	assert_false(knob_close(KNOB_MEMORY_LOW, &max, &below));
}

static const char *fault(enum knob knob, uint64_t value, uint64_t aux)
{
	struct knob_value knob_value = { value, aux };

	return knob_fault(knob, &knob_value);
}

static void bounds_are_where_they_should_be(void **state)
{
	(void)state;
	assert_non_null(fault(KNOB_CPU_WEIGHT, 0, 0));
	assert_null(fault(KNOB_CPU_WEIGHT, 1, 0));
	assert_null(fault(KNOB_CPU_WEIGHT, 10000, 0));
	assert_non_null(fault(KNOB_CPU_WEIGHT, 10001, 0));
	assert_non_null(fault(KNOB_CPU_MAX, 999, 100000));
	assert_null(fault(KNOB_CPU_MAX, 1000, 100000));
	assert_null(fault(KNOB_CPU_MAX, KNOB_MAX, 1000));
	assert_non_null(fault(KNOB_CPU_MAX, KNOB_MAX, 999));
	assert_null(fault(KNOB_CPU_MAX, 5000, 1000000));
	assert_non_null(fault(KNOB_CPU_MAX, 5000, 1000001));
	assert_non_null(fault(KNOB_CPU_MAX, KNOB_MAX - 1, 100000));
	assert_null(fault(KNOB_CPU_IDLE, 1, 0));
	assert_non_null(fault(KNOB_CPU_IDLE, 2, 0));
	assert_null(fault(KNOB_CPUSET_CPUS, 0, 0));
	assert_null(fault(KNOB_CPUSET_CPUS, UINT64_MAX, 0));
	assert_null(fault(KNOB_MEMORY_LOW, 0, 0));
	assert_non_null(fault(KNOB_MEMORY_LOW, (1ull << 60) + 1, 0));
	assert_non_null(fault(KNOB_MEMORY_HIGH, (32 << 20) - 1, 0));
	assert_null(fault(KNOB_MEMORY_HIGH, 32 << 20, 0));
	assert_null(fault(KNOB_MEMORY_HIGH, KNOB_MAX, 0));
	assert_non_null(fault(KNOB_MEMORY_RECLAIM, 0, 0));
	assert_null(fault(KNOB_MEMORY_RECLAIM, 64 << 20, 0));
	assert_non_null(fault(KNOB_MEMORY_RECLAIM, (64 << 20) + 1, 0));
	assert_non_null(fault(KNOB_MEMORY_RECLAIM, KNOB_MAX, 0));
	assert_non_null(fault(KNOB_IO_WEIGHT, 0, 0));
	assert_null(fault(KNOB_IO_WEIGHT, 10000, 0));
	assert_non_null(fault(KNOB_IO_WBPS, (1 << 20) - 1, 0));
	assert_null(fault(KNOB_IO_WBPS, KNOB_MAX, 0));
	assert_non_null(fault(KNOB_IO_WIOPS, 15, 0));
	assert_non_null(fault(KNOB_IO_WIOPS, UINT32_MAX, 0));
	assert_null(fault(KNOB_IO_WIOPS, UINT32_MAX - 1, 0));
	assert_non_null(fault(KNOB_MEMORY_MAX, (32 << 20) - 1, 0));
	assert_null(fault(KNOB_MEMORY_MAX, KNOB_MAX, 0));
	assert_non_null(fault(KNOB_IO_LATENCY, 99, 0));
	assert_null(fault(KNOB_IO_LATENCY, KNOB_MAX, 0));
	assert_non_null(fault(KNOB_CPUSET_PARTITION, PARTITION_COUNT, 0));
	assert_non_null(fault(KNOB_CPUSET_PARTITION, KNOB_MAX, 0));
	assert_non_null(fault(KNOB_NET_INGRESS, (16 << 10) - 1, 0));
}

static void only_plain_paths_pass(void **state)
{
	char path[ACT_PATH_MAX + 8];

	(void)state;
	assert_true(cgroup_path_is_plain("/a"));
	assert_true(cgroup_path_is_plain("/a.b/..c/d.."));
	assert_false(cgroup_path_is_plain(""));
	assert_false(cgroup_path_is_plain("/"));
	assert_false(cgroup_path_is_plain("a"));
	assert_false(cgroup_path_is_plain("/a/"));
	assert_false(cgroup_path_is_plain("/a//b"));
	assert_false(cgroup_path_is_plain("/a/./b"));
	assert_false(cgroup_path_is_plain("/.."));
	assert_false(cgroup_path_is_plain("/a/../b"));
	assert_false(cgroup_path_is_plain("/a\nb"));
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[ACT_PATH_MAX] = '\0';
	assert_false(cgroup_path_is_plain(path));
	path[ACT_PATH_MAX - 1] = '\0';
	assert_true(cgroup_path_is_plain(path));
}

static char root[] = "/tmp/test_cgroup_knob.XXXXXX";
static int root_fd;

static void file_write(const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int tree_make(void **state)
{
	char path[256];

	(void)state;
	assert_non_null(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/a", root);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/link", root);
	assert_int_equal(symlink("a", path), 0);
	file_write("a/cpu.weight", "250\n");
	file_write("a/cpu.idle", "0\n");
	root_fd = cgroup_root_open(root);
	return root_fd < 0;
}

static int tree_remove(void **state)
{
	char command[300];

	(void)state;
	close(root_fd);
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

static void open_knows_the_directory_by_its_inode(void **state)
{
	char path[256];
	struct stat stat_buf;
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/a", root);
	assert_int_equal(stat(path, &stat_buf), 0);
	fd = cgroup_open(root_fd, "/a", stat_buf.st_ino);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(cgroup_open(root_fd, "/a", stat_buf.st_ino + 1), -ESTALE);
	assert_int_equal(cgroup_open(root_fd, "/b", 1), -ENOENT);
}

static void open_follows_no_link_and_never_leaves_the_root(void **state)
{
	(void)state;
	assert_int_equal(cgroup_open(root_fd, "/link", 0), -ELOOP);
	assert_int_equal(cgroup_open(root_fd, "/../../etc", 0), -EXDEV);
}

static void read_of_idle_remembers_the_weight(void **state)
{
	struct knob_value value;
	int fd = cgroup_open(root_fd, "/a", 0);

	(void)state;
	assert_int_equal(cgroup_read(fd, KNOB_CPU_IDLE, 0, &value), 0);
	assert_true(value.value == 0 && value.aux == 250);
	assert_int_equal(cgroup_read(fd, KNOB_CPU_MAX, 0, &value), -ENOENT);
	close(fd);
}

static void write_reads_back(void **state)
{
	struct knob_value value = { 33, 0 }, now;
	int fd = cgroup_open(root_fd, "/a", 0);

	(void)state;
	assert_int_equal(cgroup_write(fd, KNOB_CPU_WEIGHT, 0, &value), 0);
	assert_int_equal(cgroup_read(fd, KNOB_CPU_WEIGHT, 0, &now), 0);
	assert_int_equal(now.value, 33);
	assert_int_equal(cgroup_write(fd, KNOB_CPU_MAX, 0, &value), -ENOENT);
	close(fd);
}

static void high_is_written_by_a_child_that_is_gone_after(void **state)
{
	struct knob_value value = { 64 << 20, 0 }, now;
	int fd = cgroup_open(root_fd, "/a", 0), error = 1;
	struct child child;

	(void)state;
	file_write("a/memory.high", "max\n");
	assert_int_equal(cgroup_write(fd, KNOB_MEMORY_HIGH, 0, &value), 0);
	assert_int_equal(cgroup_read(fd, KNOB_MEMORY_HIGH, 0, &now), 0);
	assert_int_equal(now.value, value.value);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	value.value = 128 << 20;
	assert_int_equal(cgroup_write_start(fd, KNOB_MEMORY_HIGH, 0, &value, &child), 0);
	assert_int_equal(child_end(&child, 5000, &error), 0);
	assert_int_equal(error, 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	close(fd);
}

/* A pipe that is full stands in for a kernel that is busy: the write does not come back. */
static void a_child_that_does_not_end_is_killed(void **state)
{
	static char text[1 << 20];
	struct child child;
	int pipe_fd[2], error = 1;

	(void)state;
	assert_int_equal(pipe(pipe_fd), 0);
	assert_int_equal(child_start(pipe_fd[1], text, sizeof(text), &child), 0);
	assert_int_equal(child_poll(&child, &error), 0);
	assert_int_equal(child_end(&child, 0, &error), 0);
	assert_int_equal(error, -EINTR);
	assert_int_equal(child.pid_fd, -1);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
}

static void a_child_says_why_it_could_not_write(void **state)
{
	struct child child;
	int error = 1, fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(child_start(fd, "1", 1, &child), 0);
	assert_int_equal(child_end(&child, 5000, &error), 0);
	assert_int_equal(error, -ENOSPC);
	close(fd);
}

static void a_value_is_found_by_its_whole_key(void **state)
{
	static const char STAT[] = "anon 5\npgsteal:9\npgsteal_kswapd 9\npgsteal 12\nworkingset_refault_anon 3\n";

	(void)state;
	assert_int_equal(stat_find(STAT, "anon"), 5);
	assert_int_equal(stat_find(STAT, "workingset_refault_anon"), 3);
	assert_int_equal(stat_find(STAT, "refault_anon"), 0);
	assert_int_equal(stat_find(STAT, "pgsteal"), 12);
}

static struct refault_table refaults;

static enum refault_verdict judge(uint64_t id, uint64_t back, uint64_t taken, uint64_t now_ns)
{
	uint64_t ret_back = 0;

	return refault_judge(&refaults, id, (struct refault_count){ 1000 + back, 5000 + taken }, now_ns, &ret_back);
}

static void reclaim_stops_where_memory_is_read_back(void **state)
{
	uint64_t end_ns = 5 * NS_PER_S, next_ns = end_ns + RECLAIM_PAUSE_NS, free = REFAULT_FREE_PAGES;

	(void)state;
	assert_int_equal(judge(7, 0, 0, end_ns), REFAULT_GO);
	refault_note(&refaults, 7, (struct refault_count){ 1000, 5000 }, end_ns);
	assert_int_equal(judge(7, 0, 0, next_ns - 1), REFAULT_EARLY);
	assert_int_equal(judge(7, 0, 0, next_ns), REFAULT_GO);
	assert_int_equal(judge(7, free, 0, next_ns), REFAULT_GO);
	assert_int_equal(judge(7, free + 1, 0, next_ns), REFAULT_BACK);
	assert_int_equal(judge(7, free + 100, 800, next_ns), REFAULT_GO);
	assert_int_equal(judge(7, free + 101, 800, next_ns), REFAULT_BACK);
	assert_int_equal(judge(8, free + 101, 800, next_ns), REFAULT_GO);
	assert_int_equal(judge(7, free + 101, 800, end_ns + RECLAIM_REST_NS), REFAULT_GO);
	/* The table keeps the latest. */
	for (uint64_t id = 100; id < 100 + RECLAIM_GROUPS_MAX; id++)
		refault_note(&refaults, id, (struct refault_count){ 1000, 5000 }, next_ns);
	assert_int_equal(judge(7, 0, 0, end_ns), REFAULT_GO);
	assert_int_equal(judge(100, 0, 0, next_ns), REFAULT_EARLY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_kernel_shows_is_read),
		cmocka_unit_test(odd_text_is_refused_and_leaves_the_result_alone),
		cmocka_unit_test(what_is_written_reads_back),
		cmocka_unit_test(a_key_of_a_disk_is_found_and_a_missing_line_means_max),
		cmocka_unit_test(every_second_cpu_fits_a_word),
		cmocka_unit_test(high_is_written_by_a_child_that_is_gone_after),
		cmocka_unit_test(a_child_that_does_not_end_is_killed),
		cmocka_unit_test(a_child_says_why_it_could_not_write),
		cmocka_unit_test(a_value_is_found_by_its_whole_key),
		cmocka_unit_test(reclaim_stops_where_memory_is_read_back),
		cmocka_unit_test(a_short_buffer_is_noticed),
		cmocka_unit_test(equal_looks_at_the_period_but_not_at_the_forgotten_weight),
		cmocka_unit_test(close_allows_for_rounding_only),
		cmocka_unit_test(bounds_are_where_they_should_be),
		cmocka_unit_test(only_plain_paths_pass),
		cmocka_unit_test(open_knows_the_directory_by_its_inode),
		cmocka_unit_test(open_follows_no_link_and_never_leaves_the_root),
		cmocka_unit_test(read_of_idle_remembers_the_weight),
		cmocka_unit_test(write_reads_back),
	};

	return cmocka_run_group_tests(tests, tree_make, tree_remove);
}
