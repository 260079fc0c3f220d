/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scheduling as the kernel side counts it, against a reference that timestamps every wakeup and switch (reference.bpf.c), in the
 * same run. Loads are in CPU time and counts, so what else happens on the machine is part of the load. In a guest also with a
 * CPU quota.
 */
#include <bpf/libbpf.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "predict/hist.h"
#include "reference.skel.h"
#include "world.h"

#define CPU 0

struct stage {
	struct world world;
	struct reference_bpf *reference;
	pid_t hog;
	char hog_cgroup[600];
};

/* `tasks` processes that each use cpu_ms of a CPU in pieces, with pauses; of a stranger nobody annotated the instance. */
struct crowd {
	int tasks, cpu_ms, burn_us, pause_us;
	bool is_stranger;
};

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void crowd_run(void *argument)
{
	const struct crowd *crowd = argument;
	int begin[2];
	char none;

	pin(CPU);
	/* They begin together: the part of a first wait that lies far back is an estimate. */
	if (pipe(begin))
		_exit(1);
	for (int i = 0; i < crowd->tasks; i++) {
		if (fork())
			continue;
		close(begin[1]);
		if (read(begin[0], &none, 1))
			_exit(1);
		while (cpu_now_ns() < (uint64_t)crowd->cpu_ms * 1000000) {
			burn((uint64_t)crowd->burn_us * 1000);
			if (crowd->pause_us)
				usleep((useconds_t)crowd->pause_us);
		}
		_exit(0);
	}
	close(begin[1]);
	while (wait(NULL) > 0)
		;
}

/* A process outside of the instance, in a cgroup beside it, that only spins; policy as for sched_setscheduler. */
static void hog_start(struct stage *stage, int policy)
{
	struct sched_param param = { .sched_priority = policy == SCHED_FIFO };
	struct world beside = stage->world;

	snprintf(beside.cgroup, sizeof(beside.cgroup), "%.500s-hog", stage->world.cgroup);
	snprintf(stage->hog_cgroup, sizeof(stage->hog_cgroup), "%s", beside.cgroup);
	assert_int_equal(mkdir(beside.cgroup, 0755), 0);
	stage->hog = fork();
	if (stage->hog)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	cgroup_enter(&beside);
	pin(CPU);
	if (sched_setscheduler(0, policy, &param))
		_exit(1);
	for (;;)
		;
}

static void hog_end(struct stage *stage)
{
	if (!stage->hog)
		return;
	kill(stage->hog, SIGKILL);
	waitpid(stage->hog, NULL, 0);
	for (int i = 0; i < 500 && rmdir(stage->hog_cgroup); i++)
		usleep(10000);
	stage->hog = 0;
}

static void stage_open(struct stage *stage)
{
	memset(stage, 0, sizeof(*stage));
	world_open(&stage->world, 1 << 18);
	stage->reference = reference_bpf__open();
	assert_non_null(stage->reference);
	for (uint32_t i = 0; i < WIRE_HIST_COUNT; i++)
		((uint64_t *)stage->reference->rodata->bucket_floor)[i] = (uint64_t)hist_bucket_floor(i);
	stage->reference->bss->cgroup_id = stage->world.cgroup_id;
	assert_int_equal(reference_bpf__load(stage->reference), 0);
	assert_int_equal(reference_bpf__attach(stage->reference), 0);
}

static void stage_close(struct stage *stage)
{
	hog_end(stage);
	reference_bpf__destroy(stage->reference);
	world_close(&stage->world);
}

/* The two differ by no more than that share of `whole`. */
static void within(const char *what, uint64_t ours, uint64_t reference, double share, uint64_t whole)
{
	double off = ((double)ours - (double)reference) / (double)(whole ?: 1);

	print_message("# %-16s %12llu, reference %12llu, %+.3f %%\n", what, (unsigned long long)ours,
		      (unsigned long long)reference, off * 100);
	if (off > share || off < -share)
		fail_msg("%s: %llu, the reference says %llu", what, (unsigned long long)ours, (unsigned long long)reference);
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

static void hist_check(struct stage *stage, bool is_stranger)
{
	static const double quantiles[] = { 0.5, 0.9, 0.99 };
	uint64_t ours[WIRE_HIST_COUNT], theirs[WIRE_HIST_COUNT] = { 0 }, good = 0, bad = 0, total, moved = 0;

	total = waits_of(stage, is_stranger, ours);
	for (uint32_t i = 0; i < WIRE_HIST_COUNT; i++) {
		theirs[is_stranger ? octave_of(i) : i] += stage->reference->bss->hist[i];
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
	if (is_stranger)
		return;
	verdict_check(&stage->world, WIRE_DELAY_QUEUE, total);
	assert_int_equal(total_of(&stage->world, FIELD(verdict)), good);
	assert_int_equal(total_of(&stage->world, FIELD(verdict) + 1), bad);
}

static void totals_check(struct stage *stage)
{
	const struct reference_bpf__bss *reference = stage->reference->bss;
	const struct world *world = &stage->world;
	uint64_t wait = TOTAL(world, wait_ns);

	within("migrations", TOTAL(world, migrations), reference->migrations, 1, 4);
	within("switches", TOTAL(world, switches), reference->switches, 0, reference->switches);
	within("on CPU", TOTAL(world, oncpu_ns), reference->oncpu_ns, 0.01, reference->oncpu_ns);
	within("wait", wait, reference->wait_ns, 0.01, reference->wait_ns);
	assert_true(TOTAL(world, wait_quota_ns) + TOTAL(world, wait_sibling_ns) + TOTAL(world, wait_other_ns) <= wait);
}

static void split_check(struct stage *stage)
{
	const struct reference_bpf__bss *reference = stage->reference->bss;

	within("for siblings", TOTAL(&stage->world, wait_sibling_ns), reference->sibling_ns, 0.05, reference->wait_ns);
	within("for others", TOTAL(&stage->world, wait_other_ns), reference->other_ns, 0.05, reference->wait_ns);
}

/* What the kernel says that the cgroup was throttled, for one task; all of the wait is its quota's but for siblings and others. */
static void quota_check(struct stage *stage, int tasks)
{
	const struct world *world = &stage->world;
	uint64_t quota = TOTAL(world, wait_quota_ns), wait = TOTAL(world, wait_ns), none = TOTAL(world, wait_sibling_ns);

	if (!nerve_has(world->nerve, NERVE_WAIT_QUOTA)) {
		assert_int_equal(quota, 0);
		return;
	}
	if (tasks == 1)
		within("throttled", quota, cgroup_read(world, "cpu.stat", "throttled_usec ") * 1000, 0.05, wait);
	assert_true(quota > wait / 2);
	within("all parts", quota + none + TOTAL(world, wait_other_ns), wait, 0.02, wait);
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
		is_whole = stage.reference->bss->lost == 0;
		if (is_whole) {
			totals_check(&stage);
			hist_check(&stage, crowd->is_stranger);
			if (quota)
				quota_check(&stage, crowd->tasks);
			else
				split_check(&stage);
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

static void a_stranger_is_counted_by_octave(void **state)
{
	struct crowd crowd = { .tasks = 4, .cpu_ms = 60, .burn_us = 500, .pause_us = 300, .is_stranger = true };

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

static void spin(void *none)
{
	(void)none;
	pin(CPU);
	for (;;)
		;
}

/* A real-time hog lets nobody else run: only the flush can see who waits. Then that wait is not counted again. */
static void a_starved_task_is_seen_while_it_waits_and_counted_once(void **state)
{
	struct nerve_runner runner[8] = { 0 };
	struct stage stage;
	bool is_seen = false, is_told = false;
	uint64_t wait = 0, switches = 0, total_ns;
	pid_t pid;

	(void)state;
	stage_open(&stage);
	pid = in_cgroup_start(&stage.world, spin, NULL);
	hog_start(&stage, SCHED_FIFO);
	/* There may be one CPU alone: who looks on must not starve as well. */
	sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 2 });
	for (int i = 0; i < 600 && !is_seen; i++) {
		uint64_t waited = TOTAL(&stage.world, wait_ns);

		/* In this order: a switch is counted before its wait. */
		if (TOTAL(&stage.world, switches) != switches) {
			switches = TOTAL(&stage.world, switches);
			wait = TOTAL(&stage.world, wait_ns);
		}
		is_seen = waited > wait + 150000000;
		is_told = is_told || nerve_starved(stage.world.nerve, SLOT) == 1;
		usleep(50000);
	}
	sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){ 0 });
	assert_true(is_seen && is_told);
	assert_true(nerve_runners(stage.world.nerve, stage.world.cgroup_id, runner, 8, &total_ns) > 0);
	assert_int_equal(runner[0].cgroup_id, id_of(stage.hog_cgroup));
	switches = TOTAL(&stage.world, switches);
	hog_end(&stage);
	/* A wait counts when the task leaves the CPU after it; that of one which is killed before it runs again does not. */
	for (int i = 0; i < 100 && TOTAL(&stage.world, switches) == switches; i++)
		usleep(50000);
	in_cgroup_end(&stage.world, pid);
	if (!stage.reference->bss->lost)
		within("wait", TOTAL(&stage.world, wait_ns), stage.reference->bss->wait_ns, 0.01, stage.reference->bss->wait_ns);
	stage_close(&stage);
}

static void who_ran_in_long_waits_is_named(void **state)
{
	struct crowd crowd = { .tasks = 1, .cpu_ms = 300, .burn_us = 20000 };
	struct nerve_runner runner[8] = { 0 };
	struct stage stage;
	uint64_t total_ns, sum_ns = 0;
	uint32_t count, hog = 0;

	(void)state;
	stage_open(&stage);
	hog_start(&stage, SCHED_OTHER);
	in_cgroup(&stage.world, crowd_run, &crowd);
	count = nerve_runners(stage.world.nerve, stage.world.cgroup_id, runner, 8, &total_ns);
	assert_in_range(count, 1, 8);
	/* Whatever else this machine does meanwhile may have run more. */
	while (hog < count && runner[hog].cgroup_id != id_of(stage.hog_cgroup))
		hog++;
	assert_true(hog < count);
	for (uint32_t i = 1; i < count; i++)
		assert_true(runner[i].ns <= runner[i - 1].ns);
	for (uint32_t i = 0; i < count; i++)
		sum_ns += runner[i].ns;
	assert_true(count == 8 ? total_ns >= sum_ns : total_ns == sum_ns);
	stage_close(&stage);
}

static void what_is_runnable_now_is_counted(void **state)
{
	struct world world;
	bool is_seen = false;
	pid_t pid[3];

	(void)state;
	world_open(&world, 1 << 18);
	for (int i = 0; i < 3; i++)
		pid[i] = in_cgroup_start(&world, spin, NULL);
	for (int i = 0; i < 600 && !is_seen; i++) {
		usleep(50000);
		is_seen = nerve_runnable(world.nerve, SLOT) == 3;
	}
	for (int i = 0; i < 3; i++)
		in_cgroup_end(&world, pid[i]);
	assert_true(is_seen);
	for (int i = 0; i < 600 && nerve_runnable(world.nerve, SLOT); i++)
		usleep(50000);
	assert_int_equal(nerve_runnable(world.nerve, SLOT), 0);
	world_close(&world);
}

/* Of /proc/stat: all switches of all CPUs. */
static uint64_t host_switches(void)
{
	FILE *file = fopen("/proc/stat", "re");
	char line[4096];
	uint64_t count = 0;

	while (file && !count && fgets(line, sizeof(line), file))
		if (!strncmp(line, "ctxt ", 5))
			count = strtoull(line + 5, NULL, 10);
	assert_true(count);
	fclose(file);
	return count;
}

/* The kernel's count is somewhere between the two: a flush of each CPU lies between them. */
struct coverage {
	uint64_t before, after;
	struct wire_loss loss;
};

static struct coverage coverage_read(const struct nerve *nerve)
{
	struct coverage coverage = { .before = host_switches() };

	usleep(500000);
	nerve_losses(nerve, &coverage.loss);
	coverage.after = host_switches();
	return coverage;
}

/* All that the kernel switched between the two was told, or is said not to have been. Returns how many were not. */
static uint64_t coverage_check(const struct coverage *a, const struct coverage *b)
{
	uint64_t told = b->loss.switches - a->loss.switches, unseen = b->loss.switches_unseen - a->loss.switches_unseen;

	print_message("%lu switches told, %lu not; the kernel made %lu to %lu\n", told, unseen, b->before - a->after, b->after - a->before);
	assert_in_range(told + unseen, b->before - a->after, b->after - a->before);
	return unseen;
}

static void yield(void *argument)
{
	(void)argument;
	pin(CPU);
	for (;;)
		usleep(100);
}

static void switches_that_the_kernel_does_not_tell_are_counted(void **state)
{
	struct coverage begin, quiet, end;
	struct stage stage;
	pid_t pid;

	(void)state;
	stage_open(&stage);
	pid = in_cgroup_start(&stage.world, yield, NULL);
	usleep(500000);
	begin = coverage_read(stage.world.nerve);
	sleep(2);
	quiet = coverage_read(stage.world.nerve);
	/* Nobody comes or goes here; elsewhere on this host somebody may, and some kernels never tell of some tasks. */
	assert_true(coverage_check(&begin, &quiet) * 20 <= quiet.loss.switches - begin.loss.switches);
	/* 6.1 refuses a program that left a moment ago: then there is one round. */
	for (int i = 0, r = 0; i < 30 && !r; i++) {
		reference_bpf__detach(stage.reference);
		r = reference_bpf__attach(stage.reference);
	}
	end = coverage_read(stage.world.nerve);
	coverage_check(&quiet, &end);
	in_cgroup_end(&stage.world, pid);
	stage_close(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_thread_beside_a_hog_is_counted_as_the_reference_does),
		cmocka_unit_test(many_threads_are_counted_as_the_reference_does),
		cmocka_unit_test(a_stranger_is_counted_by_octave),
		cmocka_unit_test(one_thread_under_quota_waits_for_its_quota),
		cmocka_unit_test(many_threads_under_quota_wait_for_their_quota),
		cmocka_unit_test(a_starved_task_is_seen_while_it_waits_and_counted_once),
		cmocka_unit_test(who_ran_in_long_waits_is_named),
		cmocka_unit_test(what_is_runnable_now_is_counted),
		cmocka_unit_test(switches_that_the_kernel_does_not_tell_are_counted),
	};

	return cmocka_run_group_tests_name("sched", tests, NULL, NULL);
}
