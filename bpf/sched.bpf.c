// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Scheduler: on-CPU time, queue wait with its histogram and parts, switches, migrations, major faults, forks, execs, exits
 * per cgroup; tasks that are runnable now.
 *
 * No wakeup hook. The kernel already keeps sched_info.run_delay (kernel/sched/stats.h: time between becoming
 * runnable and running) and se.sum_exec_runtime per task; at sched_switch the task that leaves has had exactly one
 * arrival, so the growth of its run_delay is one wait. Needs SCHED_INFO (on with TASKSTATS or SCHEDSTATS).
 *
 * The time is that of the run queue, read where the scheduler has just put it: no clock is read at a switch.
 *
 * on_flush runs ten times a second on each CPU (queue.bpf.h): it settles the task that runs there, so that a hog that never
 * switches is seen, counts what is runnable, and tells of waits that last.
 */
#include "wait.bpf.h"
#include <bpf/bpf_tracing.h>
#include "queue.bpf.h"

#define ROW_WORDS (sizeof(struct wire_row) / sizeof(__u32))
#define LONG_WAITS_WORD (offsetof(struct wire_row, long_waits) / sizeof(__u32))
_Static_assert((ROW_WORDS & (ROW_WORDS - 1)) == 0, "an index is masked");

/* The row's counter of the octave, without a branch: a compiler would put together what the verifier wants apart. */
static __always_inline __u32 *octave_at(struct wire_row *row, __u64 ns)
{
	__u64 octave = octave_of(ns), word = octave + (octave >= WIRE_OCTAVES_SHORT) * (LONG_WAITS_WORD - WIRE_OCTAVES_SHORT);

	barrier_var(word);
	return (__u32 *)row + (word & (ROW_WORDS - 1));
}

static __always_inline void wait_count(struct wire_row *row, const struct wire_bound *bound, __u64 wait_ns, bool is_judged)
{
	__u32 *count = hist_at(bound, WIRE_DELAY_QUEUE, wait_ns);

	if (!count)
		count = octave_at(row, wait_ns);
	(*count)++;
	if (is_judged || !bound || !bound->delay_ns_max[WIRE_DELAY_QUEUE])
		return;
	if (wait_ns <= bound->delay_ns_max[WIRE_DELAY_QUEUE])
		row->now.verdict[WIRE_DELAY_QUEUE].good++;
	else
		row->now.verdict[WIRE_DELAY_QUEUE].bad++;
}

/* Moves what the kernel has counted for `task` while it ran into the row of its instance. */
static __always_inline void run_settle(struct task_struct *task, struct task_account *account, struct wire_row *row)
{
	__u64 oncpu_ns = TASK_READ(task, se.sum_exec_runtime);
	__u32 major_faults = TASK_READ(task, maj_flt);

	row->now.oncpu_ns += oncpu_ns - account->oncpu_ns;
	account->oncpu_ns = oncpu_ns;
	/* Seldom, and in another cache line than the rest. */
	if (major_faults != account->major_faults) {
		row->now.major_faults += (__u32)(major_faults - account->major_faults);
		account->major_faults = major_faults;
	}
}

/* What is known of a wait of `ns` that ended at arrival_ns, for wait_split(). */
static __always_inline void wait_tell(const struct task_account *account, struct lane *lane, const struct wire_row *row,
				      __u64 arrival_ns, __u64 ns)
{
	__u64 end_ns = lane_run(lane, 0)->end_ns;
	/* Since its arrival a flush may have told of its own run. */
	__u64 own_run_ns = end_ns > arrival_ns ? end_ns - arrival_ns : 0;

	lane->wait.since_ns = arrival_ns - ns;
	lane->wait.until_ns = arrival_ns;
	lane->wait.left_ns = account->left_ns;
	lane->wait.own_ns = row->ran_ns - own_run_ns - account->left_own_ns;
	lane->wait.busy_ns = lane->busy_ns - own_run_ns - account->left_busy_ns;
	lane->wait.cgroup_id = account->cgroup_id;
}

/* The wait before the run that ends now. is_moved: the task changed its CPU or cgroup since it last left one. */
static __always_inline void wait_settle(struct task_struct *task, struct task_account *account, struct lane *lane,
					struct wire_row *row, __u32 slot, bool is_moved)
{
	const struct wire_bound *bound = row->is_bound ? bound_of(slot) : 0;
	__u64 run_delay = task->sched_info.run_delay, arrival_ns = task->sched_info.last_arrival;
	__u64 ns = run_delay - account->wait_ns, throttled_ns = throttled_of(task), quota_ns = throttled_ns - account->throttled_ns;
	struct lane_run *run = lane_run(lane, 0);
	struct starved told = { 0 };
	bool is_blamed = wait_is_blamed(lane, bound, arrival_ns, ns);

	account->wait_ns = run_delay;
	if (ns >= STARVED_NS)
		starved_end(task->pid, task->sched_info.pcount, &told);
	if (told.told_ns > ns)
		told.told_ns = ns;
	wait_count(row, bound, ns, told.is_bad);
	row->now.wait_ns += ns - told.told_ns;
	if (quota_ns)
		account->throttled_ns = throttled_ns;
	/* The kernel did not tell of a switch before: who ran then is not known. */
	if (run->end_ns < arrival_ns) {
		lane_push(lane, 0, arrival_ns, 0);
		run = lane_run(lane, 0);
	}
	if (is_moved)
		return;
	/* Nearly always: in one run. */
	if (!quota_ns && !is_blamed && run->end_ns == arrival_ns && lane_run(lane, 1)->end_ns <= arrival_ns - ns) {
		if (run->cgroup_id == account->cgroup_id)
			row->now.wait_sibling_ns += ns;
		else if (run->cgroup_id)
			row->now.wait_other_ns += ns;
		return;
	}
	wait_tell(account, lane, row, arrival_ns, ns);
	lane->wait.quota_ns = quota_ns;
	lane->wait.told_ns = told.told_ns;
	wait_split(bpf_get_smp_processor_id(), slot, is_blamed);
}

/* `task` leaves the CPU at now_ns. */
static __always_inline void task_leave(struct task_struct *task, struct task_account *account, struct lane *lane,
				       struct wire_row *row, __u32 slot, bool is_moved)
{
	__u32 migrations = task->se.nr_migrations;

	row->now.switches++;
	run_settle(task, account, row);
	wait_settle(task, account, lane, row, slot, is_moved || migrations != account->migrations);
	if (migrations != account->migrations) {
		row->now.migrations += (__u32)(migrations - account->migrations);
		account->migrations = migrations;
	}
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_sched_switch, bool preempt, struct task_struct *prev)
{
	__u32 cpu = bpf_get_smp_processor_id(), slot;
	struct lane *lane = bpf_map_lookup_elem(&lanes, &cpu);
	__u64 now_ns = prev->se.cfs_rq->rq->clock, cgroup_id;
	struct task_account *account;
	struct wire_row *row;
	bool is_moved;

	if (!lane)
		return 0;
	lane->switches++;
	if (!prev->pid) {
		lane_push(lane, 0, now_ns, 0);
		return 0;
	}
	cgroup_id = cgroup_id_of(prev);
	account = task_make(prev);
	if (!account) {
		lane_push(lane, row_of(cpu, WIRE_SLOT_OTHER), now_ns, cgroup_id);
		return 0;
	}
	is_moved = account->cgroup_id && account->cgroup_id != cgroup_id;
	slot = slot_of(account, cgroup_id);
	row = row_of(cpu, slot);
	if (!row)
		return 0;
	task_leave(prev, account, lane, row, slot, is_moved);
	lane_push(lane, row, now_ns, cgroup_id);
	account->left_ns = now_ns;
	account->left_own_ns = row->ran_ns;
	account->left_busy_ns = lane->busy_ns;
	window_emit(row, cpu, slot, slot ? cgroup_id : 0, now_ns);
	return 0;
}

/* The task that runs at a flush: its time so far, told as a run of its own, so that who waits now can be told who runs. */
static __always_inline void task_flush(struct task_struct *task, struct lane *lane, __u32 cpu, __u64 now_ns)
{
	struct task_account *account = task_make(task);
	__u64 cgroup_id = cgroup_id_of(task);
	struct wire_row *row;
	__u32 slot;

	if (!account)
		return;
	slot = slot_of(account, cgroup_id);
	row = row_of(cpu, slot);
	if (!row)
		return;
	run_settle(task, account, row);
	runnable_add(row, lane->flush);
	lane_push(lane, row, now_ns, cgroup_id);
	window_emit(row, cpu, slot, slot ? cgroup_id : 0, now_ns);
}

/*
 * While other programs come to and go from a tracepoint the kernel may lose calls of it. It counts its switches itself, and on this
 * CPU none is under way now: what it counted and did not tell of is exact.
 */
static __always_inline void switches_compare(struct lane *lane, struct rq *rq, __u32 cpu)
{
	struct wire_loss *loss = bpf_map_lookup_elem(&losses, &cpu);
	__u64 made;

	if (!loss || !lane->switches || !bpf_core_field_exists(rq->nr_switches))
		return;
	made = BPF_CORE_READ(rq, nr_switches);
	if (!lane->switches_before)
		lane->switches_before = made - lane->switches;
	loss->switches = lane->switches;
	loss->switches_unseen = made - lane->switches_before - lane->switches;
}

SEC("perf_event")
int on_flush(struct bpf_perf_event_data *ctx)
{
	struct task_struct *task = task_current();
	__u32 cpu = bpf_get_smp_processor_id();
	struct lane *lane = bpf_map_lookup_elem(&lanes, &cpu);
	struct wire_row *other = row_of(cpu, WIRE_SLOT_OTHER);
	struct rq *rq = BPF_CORE_READ(task, se.cfs_rq, rq);
	__u64 now_ns = BPF_CORE_READ(rq, clock);

	if (!lane || !other)
		return 0;
	switches_compare(lane, rq, cpu);
	other->flush = ++lane->flush;
	other->runnable = 0;
	other->starved = 0;
	if (TASK_READ(task, pid))
		task_flush(task, lane, cpu, now_ns);
	queue_walk(rq, cpu, now_ns);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	__u64 cgroup_id;
	__u32 slot;
	struct wire_row *row = row_of_task(parent, &cgroup_id, &slot);

	/* Where the end of the one before it was not told. */
	place_forget(child);
	if (row)
		row->now.forks++;
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task)
{
	__u64 cgroup_id;
	__u32 slot;
	struct wire_row *row = row_of_task(task, &cgroup_id, &slot);

	if (!row)
		return 0;
	row->now.execs++;
	task_emit(WIRE_EXEC, task, slot, cgroup_id, 0);
	return 0;
}

/*
 * kernel/exit.c, do_exit(): the end of each thread is told after it was taken off `live`, so of threads that end together all find nobody else. Who
 * is first says so at the process's first thread, which is there until all have ended.
 */
static __always_inline bool is_end_of_process(struct task_struct *task)
{
	struct task_account *first;

	if (task->signal->live.counter > 0)
		return false;
	first = task_get(task->group_leader);
	if (first && first->is_over)
		return false;
	if (first)
		first->is_over = 1;
	return true;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	__u64 cgroup_id;
	__u32 slot, code;
	struct wire_row *row;

	if (!is_end_of_process(task))
		return 0;
	row = row_of_task(task, &cgroup_id, &slot);
	if (!row)
		return 0;
	code = task->signal->group_exit_code ?: task->exit_code;
	row->now.exits++;
	if (code)
		row->now.failed_exits++;
	task_emit(WIRE_EXIT, task, slot, cgroup_id, code);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
