/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include "act/tc_plan.h"

#define ROOT UINT32_MAX
#define LEAF(n) (n)			/* below the kernel's own mq, whose handle is 0 */
#define HANDLE(major) ((uint32_t)(major) << 16)
#define CLSACT { "clsact", HANDLE(0xffff), 0xfffffff1u }
#define CHOOSE(text, ...) \
	choose((const struct tc_qdisc[]){ __VA_ARGS__ }, sizeof((const struct tc_qdisc[]){ __VA_ARGS__ }) / \
	       sizeof(struct tc_qdisc), text)

/* Returns the method; a refusal has to say `text`. */
static enum tc_method choose(const struct tc_qdisc *qdiscs, size_t count, const char *text)
{
	char said[ACT_TEXT_MAX] = "";
	enum tc_method method = tc_method_choose("eth0", qdiscs, count, "fq_codel", said);

	assert_int_equal(method == TC_REFUSED, text != NULL);
	if (text && !strstr(said, text))
		fail_msg("\"%s\" does not say \"%s\"", said, text);
	return method;
}

static void the_kernels_own_default_makes_room_for_htb(void **state)
{
	(void)state;
	assert_int_equal(CHOOSE(NULL, { "fq_codel", 0, ROOT }), TC_HTB);
	assert_int_equal(CHOOSE(NULL, { "noqueue", 0, ROOT }), TC_HTB);
	assert_int_equal(CHOOSE(NULL, { "fq_codel", 0, ROOT }, CLSACT), TC_HTB);
	assert_int_equal(CHOOSE(NULL, { "mq", 0, ROOT }, { "fq_codel", 0, LEAF(1) }, { "fq_codel", 0, LEAF(2) }), TC_HTB);
}

static void fq_paces(void **state)
{
	(void)state;
	assert_int_equal(CHOOSE(NULL, { "fq", 0, ROOT }), TC_EDT);
	assert_int_equal(CHOOSE(NULL, { "fq", HANDLE(0x8001), ROOT }), TC_EDT);
	assert_int_equal(CHOOSE(NULL, { "mq", 0, ROOT }, { "fq", 0, LEAF(1) }, { "fq", HANDLE(7), LEAF(2) }), TC_EDT);
	assert_int_equal(CHOOSE(NULL, { "mq", HANDLE(1), ROOT }, { "fq", 0, HANDLE(1) | 1 }), TC_EDT);
}

static void our_own_root_is_known_again(void **state)
{
	const struct tc_qdisc ours = { "htb", TC_ROOT, ROOT }, theirs = { "htb", HANDLE(1), ROOT },
			      other = { "prio", TC_ROOT, ROOT };

	(void)state;
	assert_int_equal(CHOOSE(NULL, { "htb", TC_ROOT, ROOT }, { "fq_codel", HANDLE(0x8001), TC_CLASS_REST }), TC_HTB);
	assert_true(tc_root_is_ours(&ours, 1));
	assert_false(tc_root_is_ours(&theirs, 1));
	assert_false(tc_root_is_ours(&other, 1));
}

static void what_somebody_configured_is_refused_by_name(void **state)
{
	(void)state;
	CHOOSE("htb 1:", { "htb", HANDLE(1), ROOT });
	CHOOSE("fq_codel 8001:", { "fq_codel", HANDLE(0x8001), ROOT });
	CHOOSE("prio 464f:", { "prio", TC_ROOT, ROOT });
	CHOOSE("mq 1:", { "mq", HANDLE(1), ROOT }, { "fq_codel", 0, HANDLE(1) | 1 });
	CHOOSE("sfq 9:", { "mq", 0, ROOT }, { "fq_codel", 0, LEAF(1) }, { "sfq", HANDLE(9), LEAF(2) });
	CHOOSE("ingress", { "fq_codel", 0, ROOT }, { "ingress", HANDLE(0xffff), 0xfffffff1u });
	CHOOSE("tc qdisc del dev eth0 root", { "tbf", HANDLE(0x8001), ROOT });
}

static void what_would_not_come_back_is_refused(void **state)
{
	(void)state;
	CHOOSE("pfifo_fast would not come back", { "pfifo_fast", 0, ROOT });
	CHOOSE("pfifo_fast would not come back", { "mq", 0, ROOT }, { "fq_codel", 0, LEAF(1) }, { "pfifo_fast", 0, LEAF(2) });
	/* Pacing needs every queue. */
	CHOOSE("fq would not come back", { "mq", 0, ROOT }, { "fq", 0, LEAF(1) }, { "fq_codel", 0, LEAF(2) });
	CHOOSE("set it up", CLSACT);
	CHOOSE("set it up", { "noop", 0, ROOT });
}

static void a_refusal_has_room_for_the_longest_names(void **state)
{
	const struct tc_qdisc root = { "fifteen_letters", HANDLE(0xffff), ROOT };
	char text[ACT_TEXT_MAX];

	(void)state;
	assert_int_equal(tc_method_choose("fifteen_letters", &root, 1, "fq_codel", text), TC_REFUSED);
	assert_non_null(strstr(text, "fifteen_letters ffff: is configured"));
	assert_true(strlen(text) < sizeof(text));
}

static void the_bucket_holds_milliseconds_and_two_packets(void **state)
{
	(void)state;
	/* 10 ms are 156250 ticks of 64 ns; at 1 GB/s a packet is 1.5 us. */
	assert_int_equal(tc_buffer_ticks(1000000000, 10), 156250 + 2 * 1514 / 64);
	/* At 20 Mbit/s: 10 ms and 2 * 605.6 us. */
	assert_int_equal(tc_buffer_ticks(2500000, 10), (10000000 + 2 * 605600) / 64);
	assert_int_equal(tc_buffer_ticks(TC_RATE_REST, 10), 156250);
	assert_int_equal(tc_buffer_ticks(2500000, 2), (2000000 + 2 * 605600) / 64);
	assert_true(tc_buffer_ticks(1, 10) > 0 && tc_buffer_ticks(0, 10) > 0);
}

static void who_is_first_waits_for_nobody_and_the_others_for_the_total(void **state)
{
	struct tc_class rest = tc_class_rest(), all = tc_class_all(2500000), first = tc_class_first(TC_CLASS_LOWEST),
			behind = tc_class_behind(TC_CLASS_LOWEST + 1, 1000000);

	(void)state;
	assert_int_equal(rest.parent, TC_ROOT);
	assert_int_equal(all.parent, TC_ROOT);
	assert_int_equal(all.ceil, 2500000);
	assert_true(first.parent == all.id && behind.parent == all.id);
	assert_true(first.rate == TC_RATE_REST && first.priority < behind.priority);
	assert_int_equal(behind.ceil, 1000000);
	assert_int_equal(behind.rate, 16384);
	assert_int_equal(tc_class_behind(TC_CLASS_LOWEST, 16384).rate, 16384);
}

static void a_turn_is_a_packet_at_least(void **state)
{
	(void)state;
	assert_int_equal(tc_quantum(16384), 1514);
	assert_int_equal(tc_quantum(2500000), 25000);
	assert_int_equal(tc_quantum(TC_RATE_REST), 60000);
}

static void codel_waits_for_a_packet_and_a_half(void **state)
{
	(void)state;
	assert_int_equal(tc_codel_target_us(2500000), 5000);
	assert_int_equal(tc_codel_interval_us(2500000), 100000);
	/* At 16 KiB/s a packet takes 92 ms. */
	assert_in_range(tc_codel_target_us(16384), 138000, 139000);
	assert_int_equal(tc_codel_interval_us(16384), 20 * tc_codel_target_us(16384));
	assert_int_equal(tc_codel_target_us(1), 2000000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernels_own_default_makes_room_for_htb),
		cmocka_unit_test(fq_paces),
		cmocka_unit_test(our_own_root_is_known_again),
		cmocka_unit_test(what_somebody_configured_is_refused_by_name),
		cmocka_unit_test(what_would_not_come_back_is_refused),
		cmocka_unit_test(a_refusal_has_room_for_the_longest_names),
		cmocka_unit_test(the_bucket_holds_milliseconds_and_two_packets),
		cmocka_unit_test(who_is_first_waits_for_nobody_and_the_others_for_the_total),
		cmocka_unit_test(a_turn_is_a_packet_at_least),
		cmocka_unit_test(codel_waits_for_a_packet_and_a_half),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
