/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of a process is given back, and what must not be. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit.h"
#include "act/trim.h"

#define PAGES 64

static size_t page_bytes(void) { return (size_t)sysconf(_SC_PAGESIZE); }

/* A file of `PAGES` pages, each begins with its number + 1. */
static char *map_file(int protection)
{
	char path[] = "/tmp/test_trim.XXXXXX", *at;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	for (int i = 0; i < PAGES; i++)
		assert_int_equal(pwrite(fd, &(char){ (char)(i + 1) }, 1, (off_t)((size_t)i * page_bytes())), 1);
	assert_int_equal(ftruncate(fd, (off_t)(PAGES * page_bytes())), 0);
	at = mmap(NULL, PAGES * page_bytes(), protection, MAP_PRIVATE, fd, 0);
	assert_true(at != MAP_FAILED);
	close(fd);
	return at;
}

static int touched(const char *at)
{
	int sum = 0;

	for (int i = 0; i < PAGES; i++)
		sum += ((const volatile char *)at)[(size_t)i * page_bytes()];
	return sum;
}

/* Pages of the mapping that are in this process's table: bit 63 in /proc/self/pagemap. */
static int mapped(const char *at)
{
	uint64_t entry[PAGES];
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), count = 0;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, entry, sizeof(entry), (off_t)((uintptr_t)at / page_bytes() * sizeof(entry[0]))), sizeof(entry));
	close(fd);
	for (int i = 0; i < PAGES; i++)
		count += (int)(entry[i] >> 63);
	return count;
}

static void what_lies_in_a_file_is_given_back_and_comes_again(void **state)
{
	char *at = map_file(PROT_READ);
	int sum = touched(at);

	(void)state;
	assert_int_equal(mapped(at), PAGES);
	trim_code();
	assert_int_equal(mapped(at), 0);
	assert_int_equal(touched(at), sum);
	munmap(at, PAGES * page_bytes());
}

/* As the loader does: it relocates, and then makes read-only. */
static void what_was_changed_stays(void **state)
{
	char *at = map_file(PROT_READ | PROT_WRITE);

	(void)state;
	at[5 * page_bytes()] = 99;
	assert_int_equal(mprotect(at, PAGES * page_bytes(), PROT_READ), 0);
	trim_code();
	assert_int_equal(at[5 * page_bytes()], 99);
	munmap(at, PAGES * page_bytes());
}

static long locked_kb(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];
	long kb = -1;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		sscanf(line, "VmLck: %ld", &kb);
	fclose(file);
	return kb;
}

/* Only what is touched counts: a table that is large and empty costs nothing still. */
static void what_is_held_stays_and_what_comes_later_too(void **state)
{
	size_t bytes = PAGES * page_bytes();
	char *at;
	int r = trim_hold(true);

	(void)state;
	if (r == -EPERM)
		skip();
	assert_int_equal(r, 0);
	assert_true(locked_kb() > 0);
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(at != MAP_FAILED);
	assert_int_equal(mapped(at), 0);
	at[0] = 1;
	assert_int_equal(mapped(at), 1);
	/* The kernel refuses to take it: it is locked. */
	assert_int_equal(madvise(at, bytes, MADV_DONTNEED), -1);
	assert_int_equal(trim_hold(false), 0);
	assert_int_equal(locked_kb(), 0);
	assert_int_equal(madvise(at, bytes, MADV_DONTNEED), 0);
	munmap(at, bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_lies_in_a_file_is_given_back_and_comes_again),
		cmocka_unit_test(what_was_changed_stays),
		cmocka_unit_test(what_is_held_stays_and_what_comes_later_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
