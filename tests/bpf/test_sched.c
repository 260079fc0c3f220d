/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scheduling as the kernel side counts it, against the stage's reference, in the same run. Loads are in CPU time and counts, so what
 * else happens on the machine is part of the load. In a guest also with a CPU quota.
 */
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stage.h"

/* `tasks` processes that each use cpu_ms of a CPU in pieces, with pauses; of a stranger nobody annotated the instance. */
struct crowd {
	int tasks, cpu_ms, burn_us, pause_us;
	bool is_stranger;
	bool is_free;		/* threads of one process, on all CPUs; else processes on one */
	double split_off;	/* how far the parts of the wait may be off, as a share of it; 0: a twentieth */
};

/* So often a thread that is free goes to another CPU, wherever else the kernel moves it. */
#define MOVES 12

static void cpu_change(void)
{
	cpu_set_t all, others;

	sched_getaffinity(0, sizeof(all), &all);
	others = all;
	CPU_CLR(sched_getcpu(), &others);
	sched_setaffinity(0, sizeof(others), &others);
	sched_setaffinity(0, sizeof(all), &all);
}

static void member_run(const struct crowd *crowd)
{
	uint64_t whole_ns = (uint64_t)crowd->cpu_ms * 1000000, moves = 0;

	while (cpu_now_ns() < whole_ns) {
		burn((uint64_t)crowd->burn_us * 1000);
		if (crowd->pause_us)
			usleep((useconds_t)crowd->pause_us);
		if (crowd->is_free && moves < cpu_now_ns() * MOVES / whole_ns) {
			moves++;
			cpu_change();
		}
	}
}

static void *thread_run(void *crowd)
{
	member_run(crowd);
	return NULL;
}

static void threads_run(struct crowd *crowd)
{
	pthread_t thread[16];

	for (int i = 0; i < crowd->tasks; i++)
		if (pthread_create(&thread[i], NULL, thread_run, crowd))
			_exit(1);
	for (int i = 0; i < crowd->tasks; i++)
		pthread_join(thread[i], NULL);
}

static void crowd_run(void *argument)
{
	struct crowd *crowd = argument;
	int begin[2];
	char none;

	if (crowd->is_free) {
		threads_run(crowd);
		return;
	}
	stage_enter();
	/* They begin together: the part of a first wait that lies far back is an estimate. */
	if (pipe(begin))
		_exit(1);
	for (int i = 0; i < crowd->tasks; i++) {
		if (fork())
			continue;
		close(begin[1]);
		if (read(begin[0], &none, 1))
			_exit(1);
		member_run(crowd);
		_exit(0);
	}
	close(begin[1]);
	while (wait(NULL) > 0)
		;
}

static uint32_t quantile_bucket(const uint64_t *hist, uint64_t total, double q)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < WIRE_HIST_COUNT; i++)
		if ((sum += hist[i]) >= (uint64_t)(q * (double)total) && sum)
			return i;
	return WIRE_HIST_COUNT;
}

/* 8 sub-buckets are one octave; the first and the last bucket are octaves of their own. */
static uint32_t octave_of(uint32_t bucket) { return (bucket + 7) / 8; }

/* A stranger has octaves and no histogram, the annotated have it the other way round. */
static uint64_t waits_of(const struct stage *stage, bool is_stranger, uint64_t ret[WIRE_HIST_COUNT])
{
	uint64_t fine[WIRE_HIST_COUNT], octaves[WIRE_HIST_COUNT] = { 0 };
	uint64_t fines = hist_of(&stage->world, WIRE_DELAY_QUEUE, fine), total = octaves_of(&stage->world, octaves);

	assert_int_equal(is_stranger ? fines : total, 0);
	memcpy(ret, is_stranger ? octaves : fine, sizeof(fine));
	return is_stranger ? total : fines;
}

/* A wait that began on one CPU and ended on another is measured by two clocks: then a few may lie in a bucket beside. */
static void verdicts_check(const struct world *world, uint64_t good, uint64_t bad, uint64_t off)
{
	assert_in_range(total_of(world, FIELD(verdict)) + off, good, good + 2 * off);
	assert_in_range(total_of(world, FIELD(verdict) + 1) + off, bad, bad + 2 * off);
}

static void hist_check(struct stage *stage, const struct crowd *crowd)
{
	static const double quantiles[] = { 0.5, 0.9, 0.99 };
	uint64_t ours[WIRE_HIST_COUNT], theirs[WIRE_HIST_COUNT] = { 0 }, good = 0, bad = 0, total, moved = 0;

	total = waits_of(stage, crowd->is_stranger, ours);
	for (uint32_t i = 0; i < WIRE_HIST_COUNT; i++) {
		theirs[crowd->is_stranger ? octave_of(i) : i] += stage->reference->bss->hist[i];
		*(i <= QUEUE_BUCKET ? &good : &bad) += stage->reference->bss->hist[i];
	}
	for (uint32_t i = 0; i < WIRE_HIST_COUNT; i++)
		moved += ours[i] > theirs[i] ? ours[i] - theirs[i] : 0;
	print_message("# %llu waits, %llu of them in another bucket\n", (unsigned long long)total, (unsigned long long)moved);
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
		int a = (int)quantile_bucket(ours, total, quantiles[i]), b = (int)quantile_bucket(theirs, good + bad, quantiles[i]);

		assert_in_range(a - b + 1, 0, 2);
	}
	assert_int_equal(total, TOTAL(&stage->world, switches));
	if (crowd->is_stranger)
		return;
	verdict_check(&stage->world, WIRE_DELAY_QUEUE, total);
	verdicts_check(&stage->world, good, bad, crowd->is_free ? moved : 0);
}

static uint64_t parts_of(const struct world *world)
{
	return TOTAL(world, wait_quota_ns) + TOTAL(world, wait_sibling_ns) + TOTAL(world, wait_other_ns);
}

static void totals_check(struct stage *stage, const struct crowd *crowd)
{
	const struct reference_bpf__bss *reference = stage->reference->bss;
	const struct world *world = &stage->world;

	/* Ours begin with those of the child on its way into its cgroup, since it last left a CPU. */
	within("migrations", TOTAL(world, migrations), reference->migrations, crowd->is_free ? 4 : 2, 1);
	assert_true(reference->migrations >= (crowd->is_free ? (uint64_t)crowd->tasks * MOVES / 2 : 0));
	within("switches", TOTAL(world, switches), reference->switches, 0, reference->switches);
	within("on CPU", TOTAL(world, oncpu_ns), reference->oncpu_ns, 0.01, reference->oncpu_ns);
	/* On its way from one CPU's queue to another's a task is in none, which the kernel calls no wait: in emulation that may be percents. */
	print_message("# in no queue   %12llu\n", (unsigned long long)reference->between_ns);
	within("wait", TOTAL(world, wait_ns) + reference->between_ns, reference->wait_ns, 0.01, reference->wait_ns);
	assert_true(parts_of(world) <= TOTAL(world, wait_ns));
}

static void split_check(struct stage *stage, double off)
{
	const struct reference_bpf__bss *reference = stage->reference->bss;
	const struct world *world = &stage->world;

	within("for siblings", TOTAL(world, wait_sibling_ns), reference->sibling_ns, off, reference->wait_ns);
	within("for others", TOTAL(world, wait_other_ns), reference->other_ns, off, reference->wait_ns);
	within("in no part", TOTAL(world, wait_ns) - parts_of(world), reference->moved_ns - reference->between_ns, off,
	       reference->wait_ns);
	print_message("# %.2f %% of the wait are in no part\n",
		      100 - 100 * (double)parts_of(world) / (double)(TOTAL(world, wait_ns) ?: 1));
}

/* What the kernel says that the cgroup was throttled, for one task; all of the wait is its quota's but for siblings and others. */
static void quota_check(struct stage *stage, int tasks)
{
	const struct world *world = &stage->world;
	uint64_t quota = TOTAL(world, wait_quota_ns), wait = TOTAL(world, wait_ns);

	if (!nerve_has(world->nerve, NERVE_WAIT_QUOTA)) {
		assert_int_equal(quota, 0);
		return;
	}
	if (tasks == 1)
		within("throttled", quota, cgroup_read(world, "cpu.stat", "throttled_usec ") * 1000, 0.05, wait);
	assert_true(quota > wait / 2);
	within("all parts", parts_of(world), wait, 0.02, wait);
}

/*
 * Runs the crowd in the instance, beside a hog or under a quota. While programs come and go on sched_switch some kernels lose
 * switches, which nobody then can time: a run in which that happened says nothing, and the next one is looked at.
 */
static void crowd_compare(struct crowd *crowd, bool has_hog, const char *quota)
{
	for (int i = 0; i < 20; i++) {
		struct stage stage;
		bool is_whole;

		stage_open(&stage);
		if (crowd->is_stranger)
			world_forget(&stage.world);
		if (quota)
			cgroup_write(&stage.world, "cpu.max", quota);
		if (has_hog)
			hog_start(&stage, SCHED_OTHER);
		in_cgroup(&stage.world, crowd_run, crowd);
		/* Switches of others spoil the parts of who stays on one CPU; on all CPUs of a busy host there always are some. */
		is_whole = !stage.reference->bss->lost_own && (crowd->is_free || !stage.reference->bss->lost);
		if (is_whole) {
			totals_check(&stage, crowd);
			hist_check(&stage, crowd);
			if (quota)
				quota_check(&stage, crowd->tasks);
			else
				split_check(&stage, crowd->split_off ?: 0.05);
		}
		stage_close(&stage);
		if (is_whole)
			return;
	}
	skip_because("the kernel lost switches in every run: other programs come and go on sched_switch");
}

static void one_thread_beside_a_hog_is_counted_as_the_reference_does(void **state)
{
	struct crowd crowd = { .tasks = 1, .cpu_ms = 200, .burn_us = 700, .pause_us = 300 };

	(void)state;
	crowd_compare(&crowd, true, NULL);
}

static void many_threads_are_counted_as_the_reference_does(void **state)
{
	struct crowd crowd = { .tasks = 8, .cpu_ms = 60, .burn_us = 500, .pause_us = 300 };

	(void)state;
	crowd_compare(&crowd, false, NULL);
}

/* Their waits lie much further back than the runs that are looked at; of who is runnable all the time running sums tell the parts exactly. */
static void a_crowd_beside_a_hog_is_split_as_the_reference_does(void **state)
{
	struct crowd crowd = { .tasks = 8, .cpu_ms = 30, .burn_us = 500 };

	(void)state;
	crowd_compare(&crowd, true, NULL);
}

/* Of who sleeps the parts of such a wait are an estimate. */
static void a_crowd_that_sleeps_beside_a_hog_is_split_nearly_so(void **state)
{
	struct crowd crowd = { .tasks = 20, .cpu_ms = 12, .burn_us = 100, .pause_us = 100, .split_off = 0.1 };

	(void)state;
	crowd_compare(&crowd, true, NULL);
}

/* More than there are CPUs, one of which has a hog as well. A wait before or in which a task changed its CPU is in no part. */
static void threads_on_all_cpus_are_counted_as_the_reference_does(void **state)
{
	struct crowd crowd = { .tasks = 8, .cpu_ms = 60, .burn_us = 500, .pause_us = 100, .is_free = true };

	(void)state;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		print_message("skipped: needs two CPUs, as in tests/vm/guest_cpus.sh\n");
		skip();
	}
	crowd_compare(&crowd, true, NULL);
}

static void a_stranger_is_counted_by_octave(void **state)
{
	struct crowd crowd = { .tasks = 4, .cpu_ms = 60, .burn_us = 500, .pause_us = 300, .is_stranger = true, .split_off = 0.1 };

	(void)state;
	crowd_compare(&crowd, false, NULL);
}

static void quota_needs_a_controller(void)
{
	struct world world;

	world_open(&world, 1 << 18);
	if (cgroup_lacks(&world, "cpu.max"))
		world_skip(&world, "needs the cpu controller, as in a guest");
	world_close(&world);
}

static void one_thread_under_quota_waits_for_its_quota(void **state)
{
	struct crowd crowd = { .tasks = 1, .cpu_ms = 300, .burn_us = 5000 };

	(void)state;
	quota_needs_a_controller();
	crowd_compare(&crowd, false, "20000 100000");
}

static void many_threads_under_quota_wait_for_their_quota(void **state)
{
	struct crowd crowd = { .tasks = 4, .cpu_ms = 100, .burn_us = 5000 };

	(void)state;
	quota_needs_a_controller();
	crowd_compare(&crowd, false, "20000 100000");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_thread_beside_a_hog_is_counted_as_the_reference_does),
		cmocka_unit_test(many_threads_are_counted_as_the_reference_does),
		cmocka_unit_test(a_crowd_beside_a_hog_is_split_as_the_reference_does),
		cmocka_unit_test(a_crowd_that_sleeps_beside_a_hog_is_split_nearly_so),
		cmocka_unit_test(threads_on_all_cpus_are_counted_as_the_reference_does),
		cmocka_unit_test(a_stranger_is_counted_by_octave),
		cmocka_unit_test(one_thread_under_quota_waits_for_its_quota),
		cmocka_unit_test(many_threads_under_quota_wait_for_their_quota),
	};

	/* Of the cases those that are named like it. */
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("sched", tests, NULL, NULL);
}
