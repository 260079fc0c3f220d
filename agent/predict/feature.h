/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one table of features: what the model sees of an instance at one frame (1 s). Pure.
 *
 * Every value is scaled to about -1..4 here, so that the model file carries no normalisation of its own and the
 * same extractor serves training, live and replay. A missing value is masked: its input is 0 and its bit in
 * frame.missing is set; FEATURE_DATA_QUALITY tells the model how much was missing.
 *
 * "own" is the instance, "others" all that competes with it (host minus own). "Capacity seen" is the highest rate that
 * this host has shown so far: disks and wires do not tell theirs.
 * *_expect_* come from recurrence (predict/recur.h) and from event responses (predict/announce.h): load seen at
 * this phase of a learned period, or at this age of an event of the same kind.
 */
#ifndef FORESTALL_FEATURE_H
#define FORESTALL_FEATURE_H

#include <stdint.h>

/* X(id, name, unit, source) */
#define FEATURE_TABLE(X)                                                                        \
	X(OWN_CPU, "own_cpu", "share of host", "bpf sched")                                      \
	X(OWN_EVENTS, "own_events", "log2(1 + execs, new log lines, jumps and failures), /4", "bpf sched, logs") \
	X(LEARNED_RISK_2, "learned_risk_2", "0..1, what the statistical forecaster says of 2 s, gravest SLO", "statistical") \
	X(OWN_WAIT, "own_wait", "waiting seconds per second, log1p", "bpf sched")                \
	X(OWN_SLI, "own_sli", "log2 of the leading SLI over its bound (or default), /4", "bpf, *.pressure") \
	X(OWN_FAILURE_DUE, "own_failure_due", "time since the last failure over that between them, up to 2", "exits, OOM, systemd") \
	X(OWN_FORKS_UP, "own_forks_up", "log2 of forks over the own baseline, /4", "bpf sched")  \
	X(OWN_BAD, "own_bad", "largest share of anything over its bound", "bpf, *.pressure")     \
	X(OWN_PSI_SOME, "own_psi_some", "cpu.pressure some, share of time", "cpu.pressure")      \
	X(OWN_SWITCHES, "own_switches", "log10 of switches per second, /4", "bpf sched")         \
	X(LEARNED_RISK_5, "learned_risk_5", "0..1, the same of 5 s", "statistical")              \
	X(OWN_LIMIT, "own_limit", "cpu.max as share of host, 1 when unlimited", "cpu.max")       \
	X(OWN_FAILED_EXITS, "own_failed_exits", "log2(1 + processes that failed), /4", "bpf sched") \
	X(OWN_PACKETS_UP, "own_packets_up", "log2 of packets received over the own baseline, /4", "bpf net") \
	X(OWN_EXPECT_2, "own_expect_2", "own cpu expected in 2 s", "recur+announce")             \
	X(OWN_EXPECT_5, "own_expect_5", "own cpu expected in 3..5 s, peak", "recur+announce")    \
	X(OWN_FOLLOWS, "own_follows", "own events of late, times how well load has followed them", "bpf sched, logs") \
	X(OTHERS_CPU, "others_cpu", "share of host", "/proc/stat, bpf sched")                    \
	X(OWN_FAILURES, "own_failures", "log2(1 + failures), each forgotten in a minute, /4", "exits, OOM, systemd") \
	X(OTHERS_CPU_SLOPE, "others_cpu_slope", "change over 3 s, share of host", "/proc/stat")  \
	X(OTHERS_WAIT, "others_wait", "waiting seconds per second, log1p", "bpf sched")          \
	X(OTHERS_EXECS, "others_execs", "log2(1 + execs), /4", "bpf sched")                      \
	X(OTHERS_EVENTS, "others_events", "log2(1 + events as in own_events), /4", "bpf sched, logs") \
	X(OTHERS_EXPECT_2, "others_expect_2", "others' cpu expected in 2 s", "recur+announce")   \
	X(OTHERS_EXPECT_5, "others_expect_5", "others' cpu expected in 3..5 s, peak", "recur+announce") \
	X(OTHERS_EXPECT_15, "others_expect_15", "others' cpu expected in 6..15 s, peak", "recur+announce") \
	X(OTHERS_CONFIDENCE, "others_confidence", "0..1, of others_expect", "recur+announce")    \
	X(OTHERS_FORKS_UP, "others_forks_up", "the largest of own_forks_up", "bpf sched")      \
	X(HOST_IDLE, "host_idle", "share of host", "/proc/stat")                                 \
	X(OTHERS_PACKETS_UP, "others_packets_up", "the largest of own_packets_up", "bpf net")   \
	X(OWN_STARVED, "own_starved", "own wait over wait+cpu", "bpf sched")                     \
	X(DATA_QUALITY, "data_quality", "0..1: share of values present", "agent")                \
	X(OWN_RUNQ, "own_runq", "log2 of runq p99 over bound (or 5 ms), /4", "bpf sched")        \
	X(OWN_IO_P99, "own_io_p99", "log2 of io p99 over bound (or 10 ms), /4", "bpf io")        \
	X(OWN_RESP_P99, "own_resp_p99", "log2 of response p99 over bound (or 20 ms), /4", "bpf net") \
	X(OWN_RETRANS, "own_retrans", "share of segments sent again, *20", "bpf net")            \
	X(OWN_MEM_SOME, "own_mem_some", "memory.pressure some, share of time", "memory.pressure") \
	X(OWN_MEM_FULL, "own_mem_full", "memory.pressure full, share of time", "memory.pressure") \
	X(OWN_IO_SOME, "own_io_some", "io.pressure some, share of time", "io.pressure")          \
	X(OWN_MEMORY, "own_memory", "share of host", "memory.current")                           \
	X(OWN_MEMORY_SLOPE, "own_memory_slope", "change over 3 s, share of host, *10", "memory.current") \
	X(OWN_MEMORY_LIMIT, "own_memory_limit", "memory over what memory.high, max or the host allow", "memory.*") \
	X(OWN_FAULTS, "own_faults", "log10 of major faults per second, /4", "bpf sched")         \
	X(OWN_REFAULTS, "own_refaults", "log10 of refaulted pages per second, /4", "memory.stat") \
	X(OWN_RECLAIM, "own_reclaim", "reclaiming seconds per second, log1p", "bpf memory")      \
	X(OWN_IO, "own_io", "share of capacity seen", "bpf io")                                  \
	X(OWN_TX, "own_tx", "share of capacity seen", "bpf net")                                 \
	X(OWN_RX, "own_rx", "log10 of bytes per second, /8", "bpf net")                          \
	X(OWN_RTT, "own_rtt", "log10 of RTT in ms, /4", "bpf net")                               \
	X(BOUND_CPU, "bound_cpu", "1 when a cpu SLO is annotated", "annotation")                 \
	X(BOUND_MEMORY, "bound_memory", "1 when a memory SLO is", "annotation")                  \
	X(BOUND_IO, "bound_io", "1 when an io SLO is", "annotation")                             \
	X(BOUND_NET, "bound_net", "1 when retrans or resp_p99 is", "annotation")                 \
	X(HOST_MEMORY_FREE, "host_memory_free", "available share of host", "/proc/meminfo")      \
	X(HOST_MEMORY_SLOPE, "host_memory_slope", "its change over 3 s, *10", "/proc/meminfo")   \
	X(HOST_MEMORY_LEFT, "host_memory_left", "seconds until it is gone at that slope, up to 60, /15", "/proc/meminfo") \
	X(OTHERS_MEMORY_EXPECT, "others_memory_expect", "others' memory expected within 5 s, share of host", "recur+announce") \
	X(OTHERS_IO, "others_io", "share of capacity seen", "bpf io")                            \
	X(OTHERS_IO_SLOPE, "others_io_slope", "change over 3 s", "bpf io")                       \
	X(OTHERS_IO_EXPECT, "others_io_expect", "expected within 2 s, share of capacity seen", "recur+announce") \
	X(OTHERS_TX, "others_tx", "share of capacity seen", "bpf net")                           \
	X(OTHERS_TX_SLOPE, "others_tx_slope", "change over 3 s", "bpf net")                      \
	X(OTHERS_TX_EXPECT, "others_tx_expect", "expected within 2 s, share of capacity seen", "recur+announce") \
	X(OTHERS_RECLAIM, "others_reclaim", "reclaiming seconds per second, log1p", "bpf memory")

enum feature {
#define FEATURE_ENUM(id, name, unit, source) FEATURE_##id,
	FEATURE_TABLE(FEATURE_ENUM)
#undef FEATURE_ENUM
	FEATURE_COUNT
};
_Static_assert(FEATURE_COUNT == 64, "the shipped model's input width; retrain when this moves");

struct frame {
	float value[FEATURE_COUNT];
	uint64_t missing;	/* bit per enum feature */
	float quality;		/* 0..1 */
};
_Static_assert(FEATURE_COUNT <= 64, "frame.missing has one bit per feature");

/* Never NULL for id < FEATURE_COUNT; static storage. */
const char *feature_name(enum feature id);
const char *feature_unit(enum feature id);
const char *feature_source(enum feature id);

#endif
