/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "act/cgroup.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_kernel_shows_is_read),
		cmocka_unit_test(odd_text_is_refused_and_leaves_the_result_alone),
		cmocka_unit_test(what_is_written_reads_back),
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
