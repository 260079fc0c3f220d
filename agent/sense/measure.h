/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything that is measured of an instance: name, unit, from where and how often. What `forestall instance show`,
 * `forestall signal list` and forestall-web's /metrics say and what docs/SIGNALS.md holds comes from this table and, for the
 * hooks, from that of signal.h.
 */
#ifndef FORESTALL_MEASURE_H
#define FORESTALL_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "signal.h"

enum measure_from {
	MEASURE_HOOK,		/* a program of ours counts each event; the annotated are read at each tick */
	MEASURE_DETAIL,		/* the same, of the annotated alone: who has histograms of its own */
	MEASURE_KERNEL,		/* a counter of the kernel's own, read by a hook and settled by the flush */
	MEASURE_TICK_FILE,	/* a file of the annotated cgroup, at each tick */
	MEASURE_BOUND_FILE,	/* the same where the annotation bounds it, else once a second */
	MEASURE_CPU_FILE,	/* the same; of who is not annotated the mean of ten seconds in which it moved */
	MEASURE_FILE,		/* a file of the annotated cgroup, once a second */
	MEASURE_FROM_COUNT
};

#define NERVE_ALWAYS NERVE_SIGNAL_COUNT	/* as a signal: scheduling, without which nothing starts */
#define MEASURE_NO_COUNTER SIZE_MAX

/*
 * COUNTED(family, name, unit, from, signal, field, source): a field of struct wire_counters.
 * TOTAL: a count that is no such field. GAUGE: what is now. SHOWN: what has a metric, and a place in the answers, of its own.
 */
#define MEASURE_TABLE(COUNTED, TOTAL, GAUGE, SHOWN) \
	COUNTED(cpu, oncpu_ns, "ns", KERNEL, ALWAYS, oncpu_ns, "se.sum_exec_runtime") \
	COUNTED(cpu, wait_ns, "ns", KERNEL, ALWAYS, wait_ns, "sched_info.run_delay") \
	COUNTED(cpu, wait_other_ns, "ns", KERNEL, ALWAYS, wait_other_ns, "run_delay, by who ran meanwhile") \
	COUNTED(cpu, wait_sibling_ns, "ns", KERNEL, ALWAYS, wait_sibling_ns, "run_delay, by who ran meanwhile") \
	COUNTED(cpu, wait_quota_ns, "ns", KERNEL, WAIT_QUOTA, wait_quota_ns, "run_delay while throttled") \
	COUNTED(cpu, switches, "switches", HOOK, ALWAYS, switches, "") \
	COUNTED(cpu, migrations, "migrations", KERNEL, ALWAYS, migrations, "se.nr_migrations") \
	GAUGE(cpu, runnable, "tasks", KERNEL, ALWAYS, "rq->cfs_tasks and the current task") \
	GAUGE(cpu, starved, "tasks", KERNEL, ALWAYS, "of these, sched_info.last_queued 0.1 s ago or more") \
	COUNTED(cpu, forks, "forks", HOOK, ALWAYS, forks, "") \
	COUNTED(cpu, execs, "execs", HOOK, ALWAYS, execs, "") \
	COUNTED(cpu, exits, "processes", HOOK, ALWAYS, exits, "") \
	COUNTED(cpu, failed_exits, "processes", HOOK, ALWAYS, failed_exits, "") \
	COUNTED(memory, major_faults, "faults", KERNEL, ALWAYS, major_faults, "maj_flt") \
	COUNTED(memory, reclaims, "entries", HOOK, RECLAIM, reclaims, "") \
	COUNTED(memory, reclaim_ns, "ns", HOOK, RECLAIM, reclaim_ns, "") \
	COUNTED(memory, oom_victims, "processes", HOOK, OOM, oom_kills, "") \
	TOTAL(memory, swap_ins, "pages", FILE, ALWAYS, "memory.stat pswpin, else workingset_refault_anon") \
	TOTAL(memory, swap_outs, "pages", FILE, SWAP, "memory.stat pswpout") \
	TOTAL(memory, refaults, "pages", FILE, ALWAYS, "memory.stat workingset_refault_*") \
	TOTAL(memory, event_low, "events", FILE, ALWAYS, "memory.events low") \
	TOTAL(memory, event_high, "events", FILE, ALWAYS, "memory.events high") \
	TOTAL(memory, event_max, "events", FILE, ALWAYS, "memory.events max") \
	TOTAL(memory, event_oom, "events", FILE, ALWAYS, "memory.events oom") \
	TOTAL(memory, event_oom_kill, "events", FILE, ALWAYS, "memory.events oom_kill") \
	COUNTED(io, done, "bios", HOOK, IO, io_done, "") \
	COUNTED(io, read_bytes, "bytes", HOOK, IO, io_read_bytes, "") \
	COUNTED(io, write_bytes, "bytes", HOOK, IO, io_write_bytes, "") \
	COUNTED(io, charged, "bios", HOOK, IO, io_charged, "") \
	COUNTED(io, lost, "bios", HOOK, IO, io_lost, "") \
	GAUGE(io, in_flight, "bios", HOOK, IO, "") \
	GAUGE(io, delay_p50_ns, "ns", DETAIL, IO, "") \
	GAUGE(io, delay_p99_ns, "ns", DETAIL, IO, "") \
	GAUGE(io, device_p50_ns, "ns", DETAIL, IO_DEVICE, "") \
	GAUGE(io, device_p99_ns, "ns", DETAIL, IO_DEVICE, "") \
	COUNTED(net, rx_bytes, "bytes", HOOK, PACKETS, rx_bytes, "") \
	COUNTED(net, rx_packets, "packets", HOOK, PACKETS, rx_packets, "") \
	COUNTED(net, tx_bytes, "bytes", HOOK, PACKETS, tx_bytes, "") \
	COUNTED(net, tx_packets, "packets", HOOK, PACKETS, tx_segments, "") \
	COUNTED(net, retransmits, "segments", HOOK, RETRANSMITS, retransmits, "") \
	COUNTED(net, drops, "packets", HOOK, DROPS, drops, "") \
	GAUGE(net, rtt_ns, "ns", HOOK, RTT, "") \
	COUNTED(net, responses, "answers", HOOK, RESPONSES, responses, "") \
	GAUGE(net, response_p50_ns, "ns", DETAIL, RESPONSES, "") \
	GAUGE(net, response_p99_ns, "ns", DETAIL, RESPONSES, "") \
	SHOWN(pressure, cpu_some, "us", CPU_FILE, "cpu.pressure", "forestall_pressure_ratio") \
	SHOWN(pressure, memory_some, "us", BOUND_FILE, "memory.pressure", "forestall_pressure_ratio") \
	SHOWN(pressure, memory_full, "us", BOUND_FILE, "memory.pressure", "forestall_pressure_ratio") \
	SHOWN(pressure, io_some, "us", FILE, "io.pressure", "forestall_pressure_ratio") \
	SHOWN(pressure, io_full, "us", FILE, "io.pressure", "forestall_pressure_ratio") \
	SHOWN(memory, charged, "bytes", TICK_FILE, "memory.current", "forestall_used")

enum measure_id {
#define MEASURE_ID(family, name, ...) MEASURE_##family##_##name,
	MEASURE_TABLE(MEASURE_ID, MEASURE_ID, MEASURE_ID, MEASURE_ID)
#undef MEASURE_ID
	MEASURE_COUNT
};

struct measure {
	const char *family, *name, *unit;
	enum measure_from from;
	uint32_t signal;	/* enum nerve_signal that counts it; NERVE_ALWAYS; of a file: what is taken where the file lacks it */
	size_t counter;		/* its offset in struct wire_counters, MEASURE_NO_COUNTER when it is none or more than one */
	bool is_gauge;		/* has no total */
	const char *source;	/* the kernel's field, or file and key; of a hook: "" (its signal says) */
	const char *shown;	/* the metric that shows it; NULL: one that is called after it */
};

extern const struct measure measures[MEASURE_COUNT];

#define MEASURE_METRIC_MAX 64

/* As forestall-web calls it: forestall_FAMILY_NAME, in seconds instead of ns, _total when it only grows. */
void measure_metric(const struct measure *measure, char ret_name[MEASURE_METRIC_MAX]);

/* "hook, 100 ms" */
const char *measure_from_name(enum measure_from from);

#endif
