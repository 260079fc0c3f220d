/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel says no to a write, for each knob that is a file and in every way that it has; on plain files. Real ones: tests/system/act_errors.sh. */
#include "knob_samples.h"

#include <sys/syscall.h>

/* What the kernel says to a write to this file from now on; 0: it takes it. */
static int write_error;
static const char *write_file;
static char write_kept[160];	/* what it says; a plain file was emptied when it was opened */

/* In the place of libc's, for all of this program and its children. */
ssize_t write(int fd, const void *bytes, size_t size)
{
	char link[64], path[512] = "";
	const char *name;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (write_error && readlink(link, path, sizeof(path) - 1) > 0 && (name = strrchr(path, '/')) && !strcmp(name + 1, write_file)) {
		syscall(SYS_write, fd, write_kept, strlen(write_kept));
		errno = write_error;
		return -1;
	}
	return syscall(SYS_write, fd, bytes, size);
}

static void kernel_refuses(const struct sample *sample, int error)
{
	char path[160];
	int fd;

	write_file = knob_spec(sample->knob)->file;
	write_error = error;
	snprintf(path, sizeof(path), "%s/%s", dir_of(write_file), write_file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	memset(write_kept, 0, sizeof(write_kept));
	assert_true(read(fd, write_kept, sizeof(write_kept) - 1) >= 0);
	close(fd);
}

static bool is_as_before(const struct sample *sample)
{
	struct knob_value before = first_of(sample), now = web_read(sample);

	return knob_equal(sample->knob, &now, &before);
}

static void assert_nothing_is_held(void)
{
	assert_int_equal(apply.leases.count, 0);
	assert_file_says(run_dir, "journal", "");
}

/* A child that a busy host gives no time is killed between emptying a plain file and writing it: then once more. */
static bool is_torn(const struct sample *sample)
{
	char path[160];
	struct stat now;

	snprintf(path, sizeof(path), "%s/%s", dir_of(knob_spec(sample->knob)->file), knob_spec(sample->knob)->file);
	write_error = 0;
	if (stat(path, &now) || now.st_size || !sample->first[0])
		return false;
	apply.leases.count = 0;
	assert_int_equal(journal_empty(&apply.journal), 0);
	return true;
}

static struct result_item ask_refused(const struct sample *sample, int error)
{
	struct result_item item;

	do {
		struct action action = sample_begin(sample);

		kernel_refuses(sample, error);
		item = ask(&action, START_NS);
	} while (is_torn(sample));
	return item;
}

/* Nothing is half applied, and the next one is made as if nothing had been. */
static void what_the_kernel_refuses_is_told_and_changes_nothing(void **state)
{
	static const struct {
		int error;
		enum outcome outcome;
	} answers[] = { { EBUSY, OUTCOME_FAILED }, { EINVAL, OUTCOME_FAILED }, { EACCES, OUTCOME_FAILED }, { EIO, OUTCOME_FAILED },
			{ ENODEV, OUTCOME_GONE }, { EOPNOTSUPP, OUTCOME_UNAVAILABLE } };

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		FOR_EACH_SAMPLE(sample) {
			struct result_item item = ask_refused(sample, answers[i].error);

			assert_outcome(item, answers[i].outcome);
			assert_true(item.text[0]);
			assert_true(is_as_before(sample));
			assert_nothing_is_held();
		}
}

static void an_undo_that_the_kernel_refuses_is_made_when_it_is_taken(void **state)
{
	(void)state;
	FOR_EACH_SAMPLE(sample) {
		do {
			sample_hold(sample);
			kernel_refuses(sample, EBUSY);
			apply_expire(&apply, (struct now){ .mono_ns = AFTER_NS });
		} while (is_torn(sample));
		assert_int_equal(apply.leases.count, 1);
		assert_true(web_read(sample).value == sample->value);
		for (uint64_t tries = 1; tries < 20 && apply.leases.count; tries++)
			apply_expire(&apply, (struct now){ .mono_ns = AFTER_NS + tries * 10 * NS_PER_SECOND });
		assert_true(is_as_before(sample));
		assert_nothing_is_held();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_kernel_refuses_is_told_and_changes_nothing),
		cmocka_unit_test(an_undo_that_the_kernel_refuses_is_made_when_it_is_taken),
	};

	return cmocka_run_group_tests(tests, hands_make, world_remove);
}
