/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"
#include "tools/corpus_run.h"

static void label_of_the_corpus_is_read(void **state)
{
	struct corpus_run run;

	(void)state;
	assert_true(corpus_run_parse("family=noisy-net group=step role=look-alike part=unseen-shape seed=29003 seconds=75", &run));
	assert_string_equal(run.family, "noisy-net");
	assert_int_equal(run.group, CORPUS_GROUP_STEP);
	assert_int_equal(run.part, CORPUS_PART_UNSEEN_SHAPE);
	assert_false(run.is_harmful);
	assert_int_equal(run.seed, 29003);
}

static void other_labels_are_refused_and_change_nothing(void **state)
{
	static const char *const labels[] = {
		"", "demo cpu", "family=leak group=irreversible role=harmful part=train",
		"family=leak group=sudden role=harmful part=train seed=1", "family=leak group=step role=bad part=train seed=1",
		"family=leak group=step role=harmful part=test seed=1", "family=leak group=step role=harmful part=train seed=1x",
		"family= group=step role=harmful part=train seed=1", "group=step role=harmful part=train seed=1",
	};
	struct corpus_run run = { .seed = 7 };

	(void)state;
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		assert_false(corpus_run_parse(labels[i], &run));
	assert_int_equal(run.seed, 7);
}

static void names_are_whole_words(void **state)
{
	struct corpus_run run;

	(void)state;
	assert_true(corpus_run_parse("subfamily=x family=leak xgroup=step group=ramp role=harmful part=train seed=1", &run));
	assert_string_equal(run.family, "leak");
	assert_int_equal(run.group, CORPUS_GROUP_RAMP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(label_of_the_corpus_is_read),
		cmocka_unit_test(other_labels_are_refused_and_change_nothing),
		cmocka_unit_test(names_are_whole_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
