/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "measure.h"

#include <string.h>

#include "wire.h"

#define COUNTED(family, name, unit, from, signal, field, source) \
	{ family, name, unit, from, signal, offsetof(struct wire_counters, field), source }
#define OTHER(family, name, unit, from, signal, source) { family, name, unit, from, signal, MEASURE_NO_COUNTER, source }

const struct measure measures[] = {
	COUNTED("cpu", "oncpu_ns", "ns", MEASURE_KERNEL, MEASURE_ALWAYS, oncpu_ns, "se.sum_exec_runtime"),
	COUNTED("cpu", "wait_ns", "ns", MEASURE_KERNEL, MEASURE_ALWAYS, wait_ns, "sched_info.run_delay"),
	COUNTED("cpu", "wait_other_ns", "ns", MEASURE_KERNEL, MEASURE_ALWAYS, wait_other_ns, "run_delay, by who ran meanwhile"),
	COUNTED("cpu", "wait_sibling_ns", "ns", MEASURE_KERNEL, MEASURE_ALWAYS, wait_sibling_ns, "run_delay, by who ran meanwhile"),
	COUNTED("cpu", "wait_quota_ns", "ns", MEASURE_KERNEL, NERVE_WAIT_QUOTA, wait_quota_ns, "run_delay while throttled"),
	COUNTED("cpu", "switches", "switches", MEASURE_HOOK, MEASURE_ALWAYS, switches, ""),
	COUNTED("cpu", "migrations", "migrations", MEASURE_KERNEL, MEASURE_ALWAYS, migrations, "se.nr_migrations"),
	COUNTED("cpu", "forks", "forks", MEASURE_HOOK, MEASURE_ALWAYS, forks, ""),
	COUNTED("cpu", "execs", "execs", MEASURE_HOOK, MEASURE_ALWAYS, execs, ""),
	COUNTED("cpu", "exits", "processes", MEASURE_HOOK, MEASURE_ALWAYS, exits, ""),
	COUNTED("cpu", "failed_exits", "processes", MEASURE_HOOK, MEASURE_ALWAYS, failed_exits, ""),
	COUNTED("memory", "major_faults", "faults", MEASURE_KERNEL, MEASURE_ALWAYS, major_faults, "maj_flt"),
	COUNTED("memory", "reclaims", "entries", MEASURE_HOOK, NERVE_RECLAIM, reclaims, ""),
	COUNTED("memory", "reclaim_ns", "ns", MEASURE_HOOK, NERVE_RECLAIM, reclaim_ns, ""),
	COUNTED("memory", "oom_victims", "processes", MEASURE_HOOK, NERVE_OOM, oom_kills, ""),
	OTHER("memory", "swap_ins", "pages", MEASURE_FILE, MEASURE_ALWAYS, "memory.stat pswpin, else workingset_refault_anon"),
	OTHER("memory", "swap_outs", "pages", MEASURE_FILE, NERVE_SWAP, "memory.stat pswpout"),
	OTHER("memory", "refaults", "pages", MEASURE_FILE, MEASURE_ALWAYS, "memory.stat workingset_refault_*"),
	OTHER("memory", "event_low", "events", MEASURE_FILE, MEASURE_ALWAYS, "memory.events low"),
	OTHER("memory", "event_high", "events", MEASURE_FILE, MEASURE_ALWAYS, "memory.events high"),
	OTHER("memory", "event_max", "events", MEASURE_FILE, MEASURE_ALWAYS, "memory.events max"),
	OTHER("memory", "event_oom", "events", MEASURE_FILE, MEASURE_ALWAYS, "memory.events oom"),
	OTHER("memory", "event_oom_kill", "events", MEASURE_FILE, MEASURE_ALWAYS, "memory.events oom_kill"),
	COUNTED("io", "done", "bios", MEASURE_HOOK, NERVE_IO, io_done, ""),
	COUNTED("io", "read_bytes", "bytes", MEASURE_HOOK, NERVE_IO, io_read_bytes, ""),
	COUNTED("io", "write_bytes", "bytes", MEASURE_HOOK, NERVE_IO, io_write_bytes, ""),
	COUNTED("io", "charged", "bios", MEASURE_HOOK, NERVE_IO, io_charged, ""),
	COUNTED("io", "lost", "bios", MEASURE_HOOK, NERVE_IO, io_lost, ""),
	OTHER("io", "in_flight", "bios", MEASURE_HOOK, NERVE_IO, ""),
	OTHER("io", "delay_p50_ns", "ns", MEASURE_HOOK, NERVE_IO, ""),
	OTHER("io", "delay_p99_ns", "ns", MEASURE_HOOK, NERVE_IO, ""),
	OTHER("io", "device_p50_ns", "ns", MEASURE_HOOK, NERVE_IO_DEVICE, ""),
	OTHER("io", "device_p99_ns", "ns", MEASURE_HOOK, NERVE_IO_DEVICE, ""),
	COUNTED("net", "rx_bytes", "bytes", MEASURE_HOOK, NERVE_PACKETS, rx_bytes, ""),
	COUNTED("net", "rx_packets", "packets", MEASURE_HOOK, NERVE_PACKETS, rx_packets, ""),
	COUNTED("net", "tx_bytes", "bytes", MEASURE_HOOK, NERVE_PACKETS, tx_bytes, ""),
	COUNTED("net", "tx_packets", "packets", MEASURE_HOOK, NERVE_PACKETS, tx_segments, ""),
	COUNTED("net", "retransmits", "segments", MEASURE_HOOK, NERVE_RETRANSMITS, retransmits, ""),
	COUNTED("net", "drops", "packets", MEASURE_HOOK, NERVE_DROPS, drops, ""),
	OTHER("net", "rtt_ns", "ns", MEASURE_HOOK, NERVE_RTT, ""),
	COUNTED("net", "responses", "answers", MEASURE_HOOK, NERVE_RESPONSES, responses, ""),
	OTHER("net", "response_p50_ns", "ns", MEASURE_HOOK, NERVE_RESPONSES, ""),
	OTHER("net", "response_p99_ns", "ns", MEASURE_HOOK, NERVE_RESPONSES, ""),
	OTHER("pressure", "cpu_some", "us", MEASURE_TICK_FILE, MEASURE_ALWAYS, "cpu.pressure"),
	OTHER("pressure", "memory_some", "us", MEASURE_TICK_FILE, MEASURE_ALWAYS, "memory.pressure"),
	OTHER("pressure", "memory_full", "us", MEASURE_TICK_FILE, MEASURE_ALWAYS, "memory.pressure"),
	OTHER("pressure", "io_some", "us", MEASURE_TICK_FILE, MEASURE_ALWAYS, "io.pressure"),
	OTHER("pressure", "io_full", "us", MEASURE_TICK_FILE, MEASURE_ALWAYS, "io.pressure"),
	OTHER("memory", "charged", "bytes", MEASURE_TICK_FILE, MEASURE_ALWAYS, "memory.current"),
};
const size_t measures_count = sizeof(measures) / sizeof(measures[0]);

const struct measure *measure_find(const char *family, const char *name)
{
	for (size_t i = 0; i < measures_count; i++)
		if (!strcmp(measures[i].family, family) && !strcmp(measures[i].name, name))
			return &measures[i];
	return NULL;
}

const char *measure_from_name(enum measure_from from)
{
	static const char *const names[] = { "hook, 100 ms", "in-kernel read, 100 ms", "file, 100 ms", "file, 1 s" };

	_Static_assert(sizeof(names) / sizeof(names[0]) == MEASURE_FROM_COUNT, "a name for each");
	return names[from];
}
