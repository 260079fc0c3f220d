/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the hands refuse of a message, whatever the mind says. */
#include "hands_world.h"

#include "act/dispatch.h"

#define NOW_NS (100 * NS_PER_SECOND)
#define WEIGHT (struct action){ .path = "/web", .cgroup_id = web_id(), .knob = KNOB_CPU_WEIGHT, .value = 50, .lease_ms = 1000 }

static struct dispatch dispatch;
static struct message message;
static struct result result;

static int hands_make(void **state)
{
	static char none[96];
	char web[128];

	if (world_make(state))
		return 1;
	snprintf(none, sizeof(none), "%s/none", run_dir);
	snprintf(web, sizeof(web), "%s/web", root);
	file_write(web, "cpu.weight", "100\n");
	file_write(web, "cpu.idle", "0\n");
	dispatch.run_fd = run_fd;
	dispatch.apply = (struct apply){ .root_fd = root_fd, .inotify_fd = -1, .mode = MODE_SHADOW, .disable_file = none, .systemd_dir = none };
	dispatch.apply.journal.fd = -1;
	return 0;
}

static enum outcome outcome_of(uint64_t time_ns, struct action action)
{
	size_t size = offsetof(struct message, action) + sizeof(action);

	message = (struct message){ .version = PROTOCOL_VERSION, .kind = MESSAGE_PLAN, .time_ns = time_ns, .count = 1 };
	message.action[0] = action;
	dispatch_message(&dispatch, &message, size, (struct now){ NOW_NS, NOW_NS }, &result);
	assert_int_equal(result.count, 1);
	return (enum outcome)result.item[0].outcome;
}

static void a_plan_is_of_now(void **state)
{
	(void)state;
	assert_int_equal(outcome_of(NOW_NS, WEIGHT), OUTCOME_WOULD);
	assert_int_equal(outcome_of(NOW_NS - NS_PER_SECOND, WEIGHT), OUTCOME_WOULD);
	assert_int_equal(outcome_of(NOW_NS - NS_PER_SECOND - 1, WEIGHT), OUTCOME_REFUSED);
	assert_int_equal(outcome_of(NOW_NS + NS_PER_SECOND / 10, WEIGHT), OUTCOME_WOULD);
	assert_int_equal(outcome_of(NOW_NS + NS_PER_SECOND / 10 + 1, WEIGHT), OUTCOME_REFUSED);
}

static void a_lease_is_neither_shorter_nor_longer(void **state)
{
	static const struct {
		uint32_t ms;
		enum outcome outcome;
	} leases[] = { { 99, OUTCOME_REFUSED }, { 100, OUTCOME_WOULD }, { 60000, OUTCOME_WOULD }, { 60001, OUTCOME_REFUSED } };

	(void)state;
	for (size_t i = 0; i < sizeof(leases) / sizeof(leases[0]); i++) {
		struct action action = WEIGHT;

		action.lease_ms = leases[i].ms;
		assert_int_equal(outcome_of(NOW_NS, action), leases[i].outcome);
	}
}

static void bytes_that_are_no_message_do_nothing(void **state)
{
	const size_t whole = offsetof(struct message, action) + sizeof(struct action);
	const struct message good = { .version = PROTOCOL_VERSION, .kind = MESSAGE_PLAN, .time_ns = NOW_NS, .count = 1, .action = { WEIGHT } };
	const struct {
		uint32_t version, kind, count;
		size_t size;
	} wrong[] = {
		{ PROTOCOL_VERSION + 1, MESSAGE_PLAN, 1, whole }, { PROTOCOL_VERSION, MESSAGE_RESULT, 1, whole },
		{ PROTOCOL_VERSION, MESSAGE_PLAN, ACTIONS_MAX + 1, sizeof(message) }, { PROTOCOL_VERSION, MESSAGE_PLAN, 1, whole - 1 },
		{ PROTOCOL_VERSION, MESSAGE_PLAN, 1, sizeof(message) + 1 }, { PROTOCOL_VERSION, MESSAGE_PLAN, 1, 7 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		message = good;
		message.version = wrong[i].version;
		message.kind = wrong[i].kind;
		message.count = wrong[i].count;
		dispatch_message(&dispatch, &message, wrong[i].size, (struct now){ NOW_NS, NOW_NS }, &result);
		assert_int_equal(result.count, 1);
		assert_int_equal(result.item[0].outcome, OUTCOME_REFUSED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plan_is_of_now),
		cmocka_unit_test(a_lease_is_neither_shorter_nor_longer),
		cmocka_unit_test(bytes_that_are_no_message_do_nothing),
	};

	return cmocka_run_group_tests_name("dispatch", tests, hands_make, world_remove);
}
