/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the hands never exceed, whatever a plan says. These are not configuration: a mind that is wrong, or a
 * configuration that is wrong, must not be able to widen them.
 */
#ifndef FORESTALL_ACT_BOUNDS_H
#define FORESTALL_ACT_BOUNDS_H

#define NS_PER_MS 1000000ull
#define NS_PER_S 1000000000ull

#define CPU_WEIGHT_DEFAULT 100		/* what the kernel sets when cpu.idle goes back to 0 */
#define CPU_QUOTA_MIN_US 1000
#define CPU_PERIOD_MIN_US 1000
#define CPU_PERIOD_MAX_US 1000000
#define LIMIT_MAX (1ull << 60)		/* above it a limit is no limit, and arithmetic near its end */
#define PAGE_BYTES_MAX (64u << 10)	/* the largest page of any machine: what the kernel may round memory to */
#define MEMORY_HIGH_MIN (32ull << 20)
#define MEMORY_LOW_MARGIN (64ull << 20)	/* protection may exceed a quarter more than what is used by this */
#define MEMORY_LOW_SHARE 2		/* the hands protect at most one part of this of the host's memory, together */
#define RECLAIM_STEP_MAX (64ull << 20)
#define RECLAIM_PAUSE_NS (400 * NS_PER_MS)	/* between two steps in one cgroup */
#define RECLAIM_REST_NS (10 * NS_PER_S)	/* after a step whose pages were read back */
#define RECLAIM_GROUPS_MAX 64
#define REFAULT_SHARE 8			/* of what is reclaimed, one part of this may be read back */
#define REFAULT_FREE_PAGES 64		/* and this besides: a few pages tell nothing */
#define CHILD_WRITE_NS NS_PER_S		/* a write that blocks longer is given up */
#define CHILD_UNDO_MS 200		/* a write that undoes: the value is set at once, what follows can be given up */
#define CHILD_DEATH_MS 100		/* how long the loop waits for a killed child; else it looks again later */
#define CHILDREN_DYING_MAX 64
#define CHILD_RETRY_NS (100 * NS_PER_MS)
#define IO_BYTES_MIN (1ull << 20)
#define IO_COUNT_MIN 16
#define IO_LATENCY_MIN_US 100		/* below it no disk would ever reach its target, and all others would stand still */
#define IO_LATENCY_MAX_US 60000000
#define NET_BYTES_MIN (16ull << 10)
#define SHARE_MAX 1000			/* a weight; the sum of 64 of them is far from where 32 bits end */

#define LEASE_MIN_MS 100
#define LEASE_MAX_MS 60000
#define PLAN_AGE_MAX_NS NS_PER_S	/* a plan decided longer ago than this belongs to a mind that slept */
#define PLAN_AHEAD_MAX_NS (100 * NS_PER_MS)
#define HANDS_OFF_NS (600 * NS_PER_S)	/* how long a knob is left alone after somebody else wrote it */
#define UNDO_RETRY_NS NS_PER_S		/* an undo the kernel refused is tried again after this */
#define SHARES_LOOK_NS NS_PER_S		/* how soon a share is taken from a server that has gone */
#define DISABLE_POLL_NS NS_PER_S	/* how soon the disable file undoes what is held */

#define HOLDS_MAX 1024
#define HOLDS_CANARY_MAX 8		/* canary mode: as many knobs as this, never more */
#define HANDS_OFF_MAX 1024
#define WRITES_PER_S_MAX 200
#define CLIENTS_MAX 16

#define WALK_DIRS_MAX 4096		/* a subtree larger than this is not searched but excluded */
#define WALK_DEPTH_MAX 32
#ifdef FORESTALL_STEPS
#define JOURNAL_COMPACT_BYTES (1u << 12)	/* a test wants to see it happen */
#else
#define JOURNAL_COMPACT_BYTES (1u << 20)
#endif
#define JOURNAL_BYTES_MAX (16u << 20)
#define CONTENDED_BYTES_MAX (64 << 10)	/* some 400 lines; then it begins anew */

#define EXIT_MODE_CHANGED 75
#define UNDO_ANSWER_MS 500		/* a hand that does not answer within this is killed */
#define UNDO_DEATH_MS 5000		/* and must be gone within this */
#define LOCK_WAIT_MS 2000		/* a hand that starts waits this long for another to end */

#define RUN_DIR_DEFAULT "/run/forestall"
#define DISABLE_FILE_DEFAULT "/etc/forestall/disable"
#define SYSTEMD_DIR_DEFAULT "/run/systemd/system"
#define ACT_COMM "forestall-act"

#endif
