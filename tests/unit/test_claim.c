/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A place that several CPUs want at once, in every order that their steps can come in: one has it or none, and it is free again when
 * it was given back. Each claimant is a coroutine that gives way between any two accesses.
 */
#include <ucontext.h>

#include "unit.h"

static void give_way(void);
#define CLAIM_STEP() give_way()
#include "claim.h"

#define CLAIMANTS 3
#define STACK (64 << 10)

static struct {
	__u32 claims;
	uint32_t inside, most;		/* how many hold it now, and did at once */
	uint32_t turns[64], count;	/* who was let go on at each step */
	uint64_t orders, nobodys, owned;
	ucontext_t chooser, claimant[CLAIMANTS];
	bool is_done[CLAIMANTS];
	int running;
	char stack[CLAIMANTS][STACK];
} stage;

static void give_way(void)
{
	swapcontext(&stage.claimant[stage.running], &stage.chooser);
}

static void claim(void)
{
	if (claim_take(&stage.claims)) {
		if (++stage.inside > stage.most)
			stage.most = stage.inside;
		give_way();
		stage.inside--;
		claim_give(&stage.claims);
	}
	stage.is_done[stage.running] = true;
}

static void claimants_start(void)
{
	stage.claims = stage.inside = stage.most = 0;
	for (int i = 0; i < CLAIMANTS; i++) {
		stage.is_done[i] = false;
		getcontext(&stage.claimant[i]);
		stage.claimant[i].uc_stack.ss_sp = stage.stack[i];
		stage.claimant[i].uc_stack.ss_size = STACK;
		stage.claimant[i].uc_link = &stage.chooser;
		makecontext(&stage.claimant[i], claim, 0);
	}
}

static void go_on(uint32_t who)
{
	stage.running = (int)who;
	swapcontext(&stage.chooser, &stage.claimant[who]);
}

/* The next of those not done, from `who` on; CLAIMANTS: none. */
static uint32_t next_of(uint32_t who)
{
	while (who < CLAIMANTS && stage.is_done[who])
		who++;
	return who;
}

/* Runs all to their end: as written down in turns[], then always the first that can. */
static void order_run(uint32_t kept)
{
	claimants_start();
	for (stage.count = 0; stage.count < kept; stage.count++)
		go_on(stage.turns[stage.count]);
	for (uint32_t who; (who = next_of(0)) < CLAIMANTS; stage.count++) {
		assert_true(stage.count < sizeof(stage.turns) / sizeof(stage.turns[0]));
		stage.turns[stage.count] = who;
		go_on(who);
	}
	stage.orders++;
	*(stage.most ? &stage.owned : &stage.nobodys) += 1;
	assert_true(stage.most <= 1);
	assert_int_equal(stage.claims, 0);
}

/* Turns the last step that could have been another's into that; false when there is none. */
static bool order_next(uint32_t *ret_kept)
{
	for (uint32_t at = stage.count; at-- > 0;) {
		uint32_t who;

		claimants_start();
		for (uint32_t i = 0; i < at; i++)
			go_on(stage.turns[i]);
		who = next_of(stage.turns[at] + 1);
		if (who == CLAIMANTS)
			continue;
		stage.turns[at] = who;
		*ret_kept = at + 1;
		return true;
	}
	return false;
}

static void one_has_it_or_none(void **state)
{
	uint32_t kept = 0;

	(void)state;
	do
		order_run(kept);
	while (order_next(&kept));
	print_message("# %lu orders, in %lu of them somebody had it\n", (unsigned long)stage.orders, (unsigned long)stage.owned);
	assert_true(stage.orders > 1000 && stage.owned > 0 && stage.nobodys > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(one_has_it_or_none) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
