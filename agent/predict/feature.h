/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one table of features: what the model sees of an instance at one frame (1 s). Pure.
 *
 * Every value is scaled to about -1..4 here, so that the model file carries no normalisation of its own and the
 * same extractor serves training, live and replay. A missing value is masked: its input is 0 and its bit in
 * frame.missing is set; FEATURE_DATA_QUALITY tells the model how much was missing.
 *
 * "own" is the instance, "others" all that competes with it for the host's CPUs (host busy minus own).
 * *_expect_* come from recurrence (predict/recur.h) and from event responses (predict/announce.h): load seen at
 * this phase of a learned period, or at this age of an event of the same kind.
 */
#ifndef FORESTALL_FEATURE_H
#define FORESTALL_FEATURE_H

#include <stdint.h>

/* X(id, name, unit, source) */
#define FEATURE_TABLE(X)                                                                        \
	X(OWN_CPU, "own_cpu", "share of host", "bpf sched")                                      \
	X(OWN_CPU_MEAN, "own_cpu_mean", "share of host, 10 s mean", "bpf sched")                 \
	X(LEARNED_RISK_2, "learned_risk_2", "0..1, what the statistical forecaster says of 2 s", "statistical") \
	X(OWN_WAIT, "own_wait", "waiting seconds per second, log1p", "bpf sched")                \
	X(OWN_SLI, "own_sli", "log2 of runq p99 over bound (or 5 ms), /4", "bpf sched")          \
	X(OWN_SLI_MEAN, "own_sli_mean", "the same, 10 s mean", "bpf sched")                      \
	X(OWN_P50, "own_p50", "log2 of runq p50 over bound (or 5 ms), /4", "bpf sched")          \
	X(OWN_BAD, "own_bad", "share of waits above bound", "bpf sched")                         \
	X(OWN_PSI_SOME, "own_psi_some", "cpu.pressure some, share of time", "cpu.pressure")      \
	X(OWN_SWITCHES, "own_switches", "log10 of switches per second, /4", "bpf sched")         \
	X(LEARNED_RISK_5, "learned_risk_5", "0..1, the same of 5 s", "statistical")              \
	X(OWN_LIMIT, "own_limit", "cpu.max as share of host, 1 when unlimited", "cpu.max")       \
	X(OWN_TIER, "own_tier", "0 best-effort, .5 standard, 1 critical", "annotation")          \
	X(OWN_EXPECT_1, "own_expect_1", "own cpu expected in 1 s", "recur+announce")             \
	X(OWN_EXPECT_2, "own_expect_2", "own cpu expected in 2 s", "recur+announce")             \
	X(OWN_EXPECT_5, "own_expect_5", "own cpu expected in 3..5 s, peak", "recur+announce")    \
	X(OWN_CONFIDENCE, "own_confidence", "0..1, of own_expect", "recur+announce")             \
	X(OTHERS_CPU, "others_cpu", "share of host", "/proc/stat, bpf sched")                    \
	X(OTHERS_CPU_MEAN, "others_cpu_mean", "share of host, 10 s mean", "/proc/stat")          \
	X(OTHERS_CPU_SLOPE, "others_cpu_slope", "change over 3 s, share of host", "/proc/stat")  \
	X(OTHERS_WAIT, "others_wait", "waiting seconds per second, log1p", "bpf sched")          \
	X(OTHERS_EXECS, "others_execs", "log2(1 + execs), /4", "bpf sched")                      \
	X(OTHERS_EXPECT_1, "others_expect_1", "others' cpu expected in 1 s", "recur+announce")   \
	X(OTHERS_EXPECT_2, "others_expect_2", "others' cpu expected in 2 s", "recur+announce")   \
	X(OTHERS_EXPECT_5, "others_expect_5", "others' cpu expected in 3..5 s, peak", "recur+announce") \
	X(OTHERS_EXPECT_15, "others_expect_15", "others' cpu expected in 6..15 s, peak", "recur+announce") \
	X(OTHERS_CONFIDENCE, "others_confidence", "0..1, of others_expect", "recur+announce")    \
	X(OTHERS_LIMIT, "others_limit", "share of host that others' cpu.max leaves them", "cpu.max") \
	X(HOST_IDLE, "host_idle", "share of host", "/proc/stat")                                 \
	X(HOST_CPUS, "host_cpus", "log2 of CPUs, /4", "sysconf")                                 \
	X(OWN_STARVED, "own_starved", "own wait over wait+cpu", "bpf sched")                     \
	X(DATA_QUALITY, "data_quality", "0..1: share of values present", "agent")

enum feature {
#define FEATURE_ENUM(id, name, unit, source) FEATURE_##id,
	FEATURE_TABLE(FEATURE_ENUM)
#undef FEATURE_ENUM
	FEATURE_COUNT
};
_Static_assert(FEATURE_COUNT == 32, "the shipped model's input width; retrain when this moves");

struct frame {
	float value[FEATURE_COUNT];
	uint32_t missing;	/* bit per enum feature */
	float quality;		/* 0..1 */
};
_Static_assert(FEATURE_COUNT <= 32, "frame.missing has one bit per feature");

/* Never NULL for id < FEATURE_COUNT; static storage. */
const char *feature_name(enum feature id);
const char *feature_unit(enum feature id);
const char *feature_source(enum feature id);

#endif
