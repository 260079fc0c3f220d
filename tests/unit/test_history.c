/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is kept of the past: bounded, whole, the youngest of it; and what happens when it cannot be written. */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "learn/writer.h"

#define BOUND (1u << 20)
#define FILE_BYTES 100000

static char dir[64];

static int dir_make(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test_history.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int dir_remove(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* Bytes that do not get smaller, another for each number. */
static void bytes_make(uint32_t number, uint8_t ret[FILE_BYTES])
{
	uint64_t x = number;

	for (int i = 0; i < FILE_BYTES; i++) {
		x = x * 6364136223846793005ull + 1442695040888963407ull;
		ret[i] = (uint8_t)(x >> 56);
	}
}

static void file_write(struct writer *writer, uint32_t number)
{
	static uint8_t bytes[FILE_BYTES];

	bytes_make(number, bytes);
	assert_int_equal(writer_start(writer, 1000 + number), 0);
	for (int at = 0; at < FILE_BYTES; at += FILE_BYTES / 10)
		assert_int_equal(writer_push(writer, bytes + at, FILE_BYTES / 10), 0);
}

static uint64_t bytes_on_disk(void)
{
	struct dirent *entry;
	DIR *d = opendir(dir);
	uint64_t sum = 0;

	while ((entry = readdir(d))) {
		char path[400];
		struct stat stat;

		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (entry->d_name[0] != '.' && !lstat(path, &stat))
			sum += (uint64_t)stat.st_size;
	}
	closedir(d);
	return sum;
}

static bool file_is_whole(uint32_t file, uint32_t number)
{
	static uint8_t wanted[FILE_BYTES], found[FILE_BYTES + 1];
	char path[128];
	gzFile gz;
	int n;

	snprintf(path, sizeof(path), "%s/%010u-%u.rec", dir, file, 1000 + number);
	gz = gzopen(path, "rb");
	if (!gz)
		return false;
	n = gzread(gz, found, sizeof(found));
	gzclose(gz);
	bytes_make(number, wanted);
	return n == FILE_BYTES && !memcmp(wanted, found, FILE_BYTES);
}

static void the_youngest_are_kept_within_the_bound(void **state)
{
	struct writer *writer;
	struct writer_state now;

	(void)state;
	assert_int_equal(writer_open(dir, BOUND, &writer), 0);
	for (uint32_t i = 0; i < 30; i++)
		file_write(writer, i);
	writer_close(writer);
	assert_in_range(bytes_on_disk(), BOUND * 8 / 10, BOUND);
	for (uint32_t i = 0; i < 30; i++)
		assert_int_equal(file_is_whole(i + 1, i), i >= 20);
	/* One that starts later goes on counting and still keeps the bound. */
	assert_int_equal(writer_open(dir, BOUND / 2, &writer), 0);
	writer_state(writer, &now);
	assert_true(now.files > 0 && now.bytes <= BOUND / 2);
	file_write(writer, 30);
	writer_close(writer);
	assert_true(bytes_on_disk() <= BOUND / 2);
	assert_true(file_is_whole(31, 30));
}

static void a_file_that_has_its_share_is_said_to_be_long(void **state)
{
	struct writer *writer;
	struct writer_state now = { .is_long = false };

	(void)state;
	assert_int_equal(writer_open(dir, BOUND, &writer), 0);
	file_write(writer, 1);
	for (int i = 0; i < 200 && !now.is_long; i++) {
		static uint8_t bytes[FILE_BYTES];

		bytes_make(2, bytes);
		assert_int_equal(writer_push(writer, bytes, i < 2 ? FILE_BYTES : 0), 0);
		writer_flush(writer);
		usleep(10000);
		writer_state(writer, &now);
	}
	assert_true(now.is_long);
	writer_close(writer);
}

static void who_is_too_fast_for_the_disk_is_told(void **state)
{
	static uint8_t bytes[FILE_BYTES];
	struct writer *writer;
	uint64_t pushed = 0;
	int r;

	(void)state;
	assert_int_equal(writer_open(dir, BOUND, &writer), 0);
	assert_int_equal(writer_start(writer, 1), 0);
	bytes_make(1, bytes);
	/* The thread is far slower: it compresses. */
	while (!(r = writer_push(writer, bytes, FILE_BYTES)) && pushed < (4ull << 30))
		pushed += FILE_BYTES;
	assert_int_equal(r, -ENOBUFS);
	writer_close(writer);
}

static void a_directory_that_cannot_be_had_is_an_error(void **state)
{
	struct writer *writer = NULL;
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/not/there", dir);
	assert_int_equal(writer_open(path, BOUND, &writer), -ENOENT);
	assert_null(writer);
}

#define DIR_TEST(test) cmocka_unit_test_setup_teardown(test, dir_make, dir_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DIR_TEST(the_youngest_are_kept_within_the_bound),
		DIR_TEST(a_file_that_has_its_share_is_said_to_be_long),
		DIR_TEST(who_is_too_fast_for_the_disk_is_told),
		DIR_TEST(a_directory_that_cannot_be_had_is_an_error),
	};

	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
