/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What holds for each knob that is a file: lease, read-back, undo, undo after a crash, and yield; on plain files. */
#include "knob_samples.h"

/* Whoever adds a knob is asked for a sample of it. */
static void every_knob_that_is_a_file_is_here(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < KNOB_COUNT; i++) {
		bool is_found = !knob_spec((enum knob)i)->file || knob_spec((enum knob)i)->kind == KIND_DEED;

		FOR_EACH_SAMPLE(sample)
			is_found = is_found || sample->knob == i;
		if (!is_found)
			print_message("# no sample of %s\n", knob_name((enum knob)i));
		assert_true(is_found);
	}
	assert_true(disk != 0);
}

static void a_lease_that_ends_restores_what_was_there(void **state)
{
	(void)state;
	FOR_EACH_SAMPLE(sample) {
		struct action action = sample_hold(sample);
		struct knob_value before = first_of(sample), now = web_read(sample);

		assert_true(now.value == sample->value);
		assert_outcome(ask(&action, START_NS + 1), OUTCOME_RENEWED);
		apply_expire(&apply, (struct now){ .mono_ns = AFTER_NS });
		now = web_read(sample);
		assert_true(knob_equal(sample->knob, &now, &before));
		assert_int_equal(apply.leases.count, 0);
	}
}

static void what_somebody_else_wrote_stays(void **state)
{
	(void)state;
	FOR_EACH_SAMPLE(sample) {
		struct knob_value foreign, now;
		struct action action;

		/* Between 0 and 1 there is only what was there before. */
		if (!sample->foreign)
			continue;
		action = sample_hold(sample);
		web_write(knob_spec(sample->knob)->file, sample->foreign);
		foreign = web_read(sample);
		assert_outcome(ask(&action, START_NS + 1), OUTCOME_CONTENDED);
		assert_outcome(ask(&action, START_NS + 2), OUTCOME_CONTENDED);
		apply_expire(&apply, (struct now){ .mono_ns = AFTER_NS });
		now = web_read(sample);
		assert_true(knob_equal(sample->knob, &now, &foreign));
		assert_int_equal(apply.leases.count, 0);
	}
}

/* The hands are killed with the change made, or in the middle of it: the next ones know what to do from the journal. */
static void killed_hands_leave_a_journal_that_restores(void **state)
{
	(void)state;
	for (int is_torn = 0; is_torn < 2; is_torn++)
		FOR_EACH_SAMPLE(sample) {
			struct knob_value before = first_of(sample), now;
			struct takeover takeover;
			char path[128];
			uint32_t line;

			sample_hold(sample);
			snprintf(path, sizeof(path), "%s/journal", run_dir);
			if (is_torn)
				assert_int_equal(truncate(path, (off_t)(apply.journal.bytes - 4)), 0);
			journal_close(&apply.journal);
			apply.leases.count = 0;
			assert_int_equal(act_takeover_undo(run_dir, root, NULL, NULL, &takeover), 0);
			now = web_read(sample);
			assert_true(knob_equal(sample->knob, &now, &before));
			assert_int_equal(journal_open(&apply.journal, run_fd, &apply.leases, &line), 0);
			assert_int_equal(apply.leases.count, 0);
		}
}

static const struct sample *sample_of(enum knob knob)
{
	FOR_EACH_SAMPLE(sample)
		if (sample->knob == knob)
			return sample;
	return NULL;
}

static void assert_refused(const struct action *action, const char *why)
{
	struct result_item item = ask(action, START_NS);

	assert_outcome(item, OUTCOME_REFUSED);
	if (!strstr(item.text, why))
		print_message("# %s\n", item.text);
	assert_non_null(strstr(item.text, why));
	/* A line that just fills the text may have been cut. */
	assert_true(strlen(item.text) < ACT_TEXT_MAX - 1);
	assert_int_equal(apply.leases.count, 0);
}

/* In use are 128 MiB. */
static void nothing_that_kills_is_done_without_the_word(void **state)
{
	struct action action = sample_begin(sample_of(KNOB_MEMORY_MAX));

	(void)state;
	action.value = 128 * MIB - 1;
	assert_refused(&action, "below memory.current, 128 MiB");
	web_write("memory.max", "209715200\n");
	action.value = 300 * MIB;
	assert_refused(&action, "back at 200 MiB");
	action.value = UINT64_MAX;
	assert_refused(&action, "back at 200 MiB");
	action.flags = ACTION_MAY_KILL;
	assert_outcome(ask(&action, START_NS), OUTCOME_APPLIED);
	apply_expire(&apply, (struct now){ .mono_ns = AFTER_NS });
	action.flags = 2;
	assert_refused(&action, "flags 0x2 are unknown");
	action.flags = 0;
	web_write("memory.low", "268435457\n");
	action.value = 150 * MIB;
	assert_refused(&action, "memory.max below memory.low");
}

static void a_limit_under_which_the_kernel_killed_is_let_go(void **state)
{
	struct action action = sample_hold(sample_of(KNOB_MEMORY_MAX));
	struct result_item item;

	(void)state;
	web_write("memory.events", "oom_kill 5\n");
	item = ask(&action, START_NS + 1);
	assert_outcome(item, OUTCOME_REFUSED);
	assert_non_null(strstr(item.text, "killed 2 in it"));
	action.flags = ACTION_MAY_KILL;
	assert_outcome(ask(&action, START_NS + 2), OUTCOME_RENEWED);
	apply_expire(&apply, (struct now){ .mono_ns = AFTER_NS });
	assert_int_equal(apply.leases.count, 0);
}

static void a_partition_that_the_kernel_breaks_is_let_go(void **state)
{
	struct action action = sample_begin(sample_of(KNOB_CPUSET_PARTITION));
	struct result_item item;
	char web[128];

	(void)state;
	assert_outcome(ask(&action, START_NS), OUTCOME_APPLIED);
	web_write("cpuset.cpus.partition", "root invalid (Parent unable to distribute cpu downstream)\n");
	item = ask(&action, START_NS + 1);
	assert_outcome(item, OUTCOME_REFUSED);
	assert_non_null(strstr(item.text, "root invalid (Parent unable to distribute cpu downstream)"));
	apply_expire(&apply, (struct now){ .mono_ns = AFTER_NS });
	snprintf(web, sizeof(web), "%s/web", root);
	assert_file_says(web, "cpuset.cpus.partition", "member");
	assert_int_equal(apply.leases.count, 0);
}

static void what_somebody_made_a_partition_of_stays_one(void **state)
{
	struct action action = sample_begin(sample_of(KNOB_CPUSET_PARTITION));

	(void)state;
	web_write("cpuset.cpus.partition", "isolated\n");
	assert_refused(&action, "somebody made a partition of it");
	web_write("cpuset.cpus.partition", "root invalid (Cpu list in cpuset.cpus is empty)\n");
	assert_refused(&action, "somebody made a partition of it");
}

/* Whatever is let go first. */
static void the_cpus_of_a_partition_go_back_after_it(void **state)
{
	struct action cpus = sample_begin(sample_of(KNOB_CPUSET_CPUS)), partition = sample_action(sample_of(KNOB_CPUSET_PARTITION));
	struct result_item item;
	struct action other;

	(void)state;
	assert_outcome(ask(&cpus, START_NS), OUTCOME_APPLIED);
	assert_outcome(ask(&partition, START_NS), OUTCOME_APPLIED);
	/* What is its own is in the parent's no more, and that is as it should be. */
	file_write(root, "cpuset.cpus.effective", "0,2-3\n");
	assert_outcome(ask(&cpus, START_NS + 1), OUTCOME_RENEWED);
	other = cpus;
	other.value = 4;
	item = ask(&other, START_NS + 1);
	assert_outcome(item, OUTCOME_REFUSED);
	assert_non_null(strstr(item.text, "cpuset partition"));
	apply_release(&apply, &cpus, (struct now){ .mono_ns = START_NS + 2 }, &item);
	assert_outcome(item, OUTCOME_RELEASED);
	assert_int_equal(apply.leases.count, 0);
	assert_int_equal(web_read(sample_of(KNOB_CPUSET_PARTITION)).value, PARTITION_MEMBER);
	assert_int_equal(web_read(sample_of(KNOB_CPUSET_CPUS)).value, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_knob_that_is_a_file_is_here),
		cmocka_unit_test(a_lease_that_ends_restores_what_was_there),
		cmocka_unit_test(what_somebody_else_wrote_stays),
		cmocka_unit_test(killed_hands_leave_a_journal_that_restores),
		cmocka_unit_test(nothing_that_kills_is_done_without_the_word),
		cmocka_unit_test(a_limit_under_which_the_kernel_killed_is_let_go),
		cmocka_unit_test(a_partition_that_the_kernel_breaks_is_let_go),
		cmocka_unit_test(what_somebody_made_a_partition_of_stays_one),
		cmocka_unit_test(the_cpus_of_a_partition_go_back_after_it),
	};

	return cmocka_run_group_tests(tests, hands_make, world_remove);
}
