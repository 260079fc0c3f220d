/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel side as user space holds it: loaded, attached, pinned, mapped. With sense/signal.c and sense/probe_bpf.c the
 * only place that knows libbpf. Scheduling is what all need; any other signal that the kernel has no hook for, or refuses,
 * is lost alone (nerve_has). Links are held by descriptor: when the process ends, however it ends, no program of ours taxes the host.
 * Pins (for bpftool) are removed on close, and stale ones of a killed predecessor on open.
 */
#ifndef FORESTALL_LOAD_H
#define FORESTALL_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "signal.h"
#include "wire.h"

#define NERVE_ERROR_MAX 256
#define NERVE_DETAILS_MAX 256	/* sets of histograms that can be given out, with the 0 that none has */
#define NERVE_PIN_DIR "/sys/fs/bpf/forestall"

struct nerve_config {
	uint32_t slots_max;
	uint32_t ring_bytes;	/* power of two, multiple of the page size */
	uint64_t window_ns;	/* at most one window record per row in this time */
	uint32_t flush_hz;	/* how often a running task is settled */
	const char *pin_dir;	/* NULL: do not pin */
	const char *cgroup_root;	/* cgroup v2 mount, where packets are counted; NULL: they are not */
};

typedef void (*nerve_record_fn)(void *context, const struct wire_head *head, size_t bytes);

struct nerve;

/* 0 and *ret_nerve, or -errno and a line naming the thing and the remedy in error[]. */
int nerve_open(const struct nerve_config *config, nerve_record_fn on_record, void *context, struct nerve **ret_nerve,
	       char error[NERVE_ERROR_MAX]);
void nerve_close(struct nerve *nerve);

/* Detaches every program; maps and what waits in the ring stay readable. */
void nerve_stop(struct nerve *nerve);

/* Once a second: clocks of CPUs that came online, or went and came, are started anew. Rows of a CPU stay as they are without it. */
void nerve_second(struct nerve *nerve);

/* Readable when an urgent record waits. */
int nerve_fd(const struct nerve *nerve);

/* Hands every waiting record to on_record. Returns how many, or -errno. */
int nerve_consume(struct nerve *nerve);

/* True when maps and programs are to be seen under the pin directory. */
bool nerve_is_pinned(const struct nerve *nerve);

/* Whether a signal is measured, and if not, why not ("" when it is). */
bool nerve_has(const struct nerve *nerve, enum nerve_signal signal);
const char *nerve_lacks(const struct nerve *nerve, enum nerve_signal signal);

/* bound->cgroup_id -> slot, and the slot's bounds and histogram. 0 or -errno. */
int nerve_slot_set(struct nerve *nerve, uint32_t slot, const struct wire_bound *bound);
int nerve_slot_clear(struct nerve *nerve, uint64_t cgroup_id, uint32_t slot);

/* Rows of a slot, one per possible CPU: nerve_row(nerve, cpu, slot), cpu < nerve_cpus(). Read-only memory. */
uint32_t nerve_cpus(const struct nerve *nerve);
const volatile struct wire_row *nerve_row(const struct nerve *nerve, uint32_t cpu, uint32_t slot);

/* Queue waits by octave, of all rows of a slot. */
void nerve_waits(const struct nerve *nerve, uint32_t slot, uint32_t ret_count[WIRE_OCTAVES]);

/*
 * The same for the histograms of an annotated instance; 0 < detail < NERVE_DETAILS_MAX. The reset, after which they are empty, comes first:
 * it makes them where there are none yet. 0 or -errno.
 */
int nerve_detail_reset(struct nerve *nerve, uint32_t detail);
const volatile struct wire_detail *nerve_detail(const struct nerve *nerve, uint32_t cpu, uint32_t detail);

/* Starts the rows of a slot that was given back from zero. Only when no task can be counted there any more. */
void nerve_row_reset(struct nerve *nerve, uint32_t slot);

/* Tasks of a slot that ran or waited for a CPU at the last flush. */
uint32_t nerve_runnable(const struct nerve *nerve, uint32_t slot);

/* Of these, those that had waited 0.1 s and more. */
uint32_t nerve_starved(const struct nerve *nerve, uint32_t slot);

/*
 * Who ran in the waits of an annotated cgroup over WIRE_BLAME_NS, in the last minutes, most first, and what all did who ran then.
 * Returns how many, at most max.
 */
struct nerve_runner {
	uint64_t cgroup_id, ns;
};
uint32_t nerve_runners(const struct nerve *nerve, uint64_t cgroup_id, struct nerve_runner *ret, uint32_t max,
		       uint64_t *ret_total_ns);

/* Sums over CPUs. */
void nerve_losses(const struct nerve *nerve, struct wire_loss *ret);

/*
 * Calls of our programs that the kernel left out, because the program ran already on that CPU: a task was preempted in it, or
 * interrupted. What such a call would have counted is missing. UINT64_MAX where the kernel does not say (before 5.12).
 */
uint64_t nerve_skipped(const struct nerve *nerve);

/* Time the programs ran and how often, since load; zeros unless kernel.bpf_stats_enabled. */
void nerve_run_stats(const struct nerve *nerve, uint64_t *ret_ns, uint64_t *ret_runs);

#endif
