/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the mind (forestalld), the CLI and the hands (forestall-act) say to each other over the seqpacket socket
 * /run/forestall/act.sock (root only, peer credentials checked). One message is one struct, native byte order.
 *
 * A plan never takes a value on trust: act checks every action against its own bounds, exclusions, mode and the
 * disable file, reads the knob, journals, writes, reads back, and holds it for lease_ms unless renewed.
 * Silence of the mind undoes: a lease that is not renewed expires in act.
 *
 * A message may be cut after the last action used, a result after the last item used; both are zero beyond it.
 * Each message gets exactly one result; item[i] answers action[i]. A message that cannot be read gets a result with
 * one item, OUTCOME_REFUSED. MESSAGE_UNDO_ALL is answered with one item for each knob undone, at most ACTIONS_MAX,
 * MESSAGE_MODE_SET with one item (OUTCOME_APPLIED: act ends with status 75 to be started again in the new mode).
 */
#ifndef FORESTALL_PROTOCOL_H
#define FORESTALL_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

#define PROTOCOL_VERSION 4u
#define ACTIONS_MAX 64
#define ACT_PATH_MAX 256
#define ACT_TEXT_MAX 96

enum mode { MODE_OBSERVE, MODE_SHADOW, MODE_CANARY, MODE_ENFORCE, MODE_COUNT };

enum knob {
	KNOB_CPU_WEIGHT,	/* cpu.weight: value = weight 1..10000 */
	KNOB_CPU_MAX,		/* cpu.max: value = quota in us per period_us, UINT64_MAX = max */
	KNOB_CPU_IDLE,		/* cpu.idle: value = 0 or 1 */
	KNOB_CPUSET_CPUS,	/* cpuset.cpus: value = mask of CPUs 0..63, 0 = empty (the parent's) */
	KNOB_MEMORY_LOW,	/* memory.low: value = bytes, UINT64_MAX = max */
	KNOB_MEMORY_HIGH,	/* memory.high: the same */
	/*
	 * memory.reclaim: value = bytes to take now, at most 64 MiB; nothing to undo. PENDING while it is going on. Each
	 * action from 0.4 s after the last step on is the next step; one before that only renews the claim.
	 */
	KNOB_MEMORY_RECLAIM,
	KNOB_IO_WEIGHT,		/* io.weight: value = the default weight 1..10000 */
	KNOB_IO_RBPS,		/* io.max of `device`, one key each: value = bytes/s or IO/s, UINT64_MAX = max */
	KNOB_IO_WBPS,
	KNOB_IO_RIOPS,
	KNOB_IO_WIOPS,
	/* The planner has no use for these but the share; people ask for them (`forestall action hold`). */
	KNOB_CPU_BURST,		/* cpu.max.burst: value = us that unused quota may save up for one period */
	KNOB_MEMORY_MIN,	/* memory.min: value = bytes, UINT64_MAX = max */
	KNOB_CPUSET_MEMS,	/* cpuset.mems: value = mask of memory nodes 0..63, 0 = empty (the parent's) */
	KNOB_FREEZE,		/* cgroup.freeze: value = 0 or 1 */
	KNOB_NET_EGRESS,	/* what its sockets may send: value = bytes/s, UINT64_MAX = no limit */
	KNOB_NET_SHARE,		/* of the new connections to a local port (nft.h): value = weight, 0 = none */
	KNOB_NET_PRIORITY,	/* of what its sockets send: value = 1..7, 0 = none of ours */
	KNOB_MEMORY_MAX,	/* memory.max: value = bytes, UINT64_MAX = max; never below what is used without ACTION_MAY_KILL */
	KNOB_IO_LATENCY,	/* io.latency of `device`: value = target in us, UINT64_MAX = none */
	KNOB_CPUSET_EXCLUSIVE,	/* cpuset.cpus.exclusive: value = mask as in cpuset.cpus */
	KNOB_CPUSET_PARTITION,	/* cpuset.cpus.partition: value = enum partition; of the CPUs that the two masks name */
	KNOB_NET_INGRESS,	/* what arrives for its sockets: value = bytes/s, UINT64_MAX = no limit */
	/*
	 * io.cost of `device`, for the sake of this cgroup: value = us within which 19 of 20 requests of whoever end, UINT64_MAX = off.
	 * The kernel divides the disk by io.weight while they do not. Of a disk for which somebody else set it up: OWNED.
	 */
	KNOB_IO_COST,
	KNOB_NET_FIRST,		/* what it and all with a net.egress on its device may send together, it before them: value = bytes/s, UINT64_MAX = none */
	KNOB_COUNT
};

enum partition { PARTITION_MEMBER, PARTITION_ROOT, PARTITION_ISOLATED, PARTITION_COUNT };

/*
 * Without swap a new memory.high leaves at least this part of itself beyond what cannot be reclaimed: below that the kernel would put the
 * cgroup to sleep for good.
 */
#define MEMORY_HIGH_SPARE 8
/*
 * One that they hold may come to leave less, but where tasks are put to sleep for it they let go of it after so long: a batch job loses this much at
 * a time, and a service is not held still for longer. It begins anew where it is widened by MEMORY_LET_ON, which lets the tasks on.
 */
#define MEMORY_STUCK_MS 10000
#define MEMORY_LET_ON (2ull << 20)

#define ACTION_MAY_KILL 1u	/* the operator's word that the kernel may kill for it: memory.max alone asks */

struct action {
	char path[ACT_PATH_MAX];	/* below the cgroup root, starts with '/', no trailing '/' */
	uint64_t cgroup_id;		/* inode of that directory: a restarted unit is another cgroup */
	uint64_t value;
	uint64_t period_us;		/* cpu.max only */
	uint32_t knob;			/* enum knob */
	uint32_t lease_ms;		/* 100..60000 */
	uint32_t reason;		/* enum plan_reason, opaque to act, journalled */
	/*
	 * io.max, io.latency: dev_t of the whole disk as major << 20 | minor; net.share: the clients' port << 16 | its own;
	 * else 0
	 */
	uint32_t device;
	uint32_t flags;			/* ACTION_*; what is unknown is refused */
	uint32_t pad;
};

enum message_kind {
	MESSAGE_PLAN = 1,	/* mind -> act: apply or renew these, leave others to their leases */
	MESSAGE_RELEASE,	/* mind -> act: undo these now (path, id, knob used) */
	MESSAGE_MODE_GET,	/* anyone -> act */
	MESSAGE_MODE_SET,	/* cli -> act: value = enum mode */
	MESSAGE_UNDO_ALL,	/* cli -> act */
	MESSAGE_RESULT,		/* act -> asker, always the answer to one message above */
};

enum outcome {
	OUTCOME_NONE,
	OUTCOME_APPLIED,	/* written now and read back */
	OUTCOME_RENEWED,	/* value already held, lease extended */
	OUTCOME_RELEASED,	/* undone */
	OUTCOME_WOULD,		/* shadow or observe: checked, not written */
	OUTCOME_GONE,		/* cgroup vanished or is another one now: normal */
	OUTCOME_CONTENDED,	/* somebody else wrote it: yielded */
	OUTCOME_EXCLUDED,	/* never touched by rule */
	OUTCOME_OWNED,		/* belongs to a manager that has its own way to change it */
	OUTCOME_UNAVAILABLE,	/* knob not there: controller not enabled or kernel without it */
	OUTCOME_REFUSED,	/* bounds, mode, disable file */
	OUTCOME_FAILED,		/* the kernel said no */
	OUTCOME_PENDING,	/* held, a child is writing it: ask again (renew) to hear what became of it */
	OUTCOME_COUNT
};

struct message {
	uint32_t version;	/* PROTOCOL_VERSION */
	uint32_t kind;		/* enum message_kind */
	uint64_t plan_id;	/* echoed */
	uint64_t time_ns;	/* CLOCK_MONOTONIC when the plan was decided; a plan older than 1 s is refused */
	uint32_t count;		/* actions used */
	uint32_t value;		/* mode */
	struct action action[ACTIONS_MAX];
};

struct result_item {
	uint64_t value;		/* as the kernel reads it back; the foreign value when contended */
	uint64_t period_us;
	uint32_t outcome;	/* enum outcome */
	int32_t error;		/* -errno when FAILED */
	char text[ACT_TEXT_MAX];	/* one line for people when not applied */
};

struct result {
	uint32_t version;
	uint32_t kind;		/* MESSAGE_RESULT */
	uint64_t plan_id;
	uint32_t mode;		/* enum mode in force */
	uint32_t count;
	struct result_item item[ACTIONS_MAX];
};

_Static_assert(sizeof(struct action) == ACT_PATH_MAX + 48, "struct action has no implicit padding");
_Static_assert(sizeof(struct message) == 32 + ACTIONS_MAX * sizeof(struct action), "no implicit padding");
_Static_assert(sizeof(struct result) == 24 + ACTIONS_MAX * (24 + ACT_TEXT_MAX), "no implicit padding");

/* Names as they stand in logs and flags, "?" for a number out of range. */
const char *mode_name(enum mode mode);
const char *knob_name(enum knob knob);		/* unique: the file's name, with the key of an io.max */
enum knob knob_find(const char *name);		/* KNOB_COUNT: none is called so */
const char *outcome_name(enum outcome outcome);

/* In others nothing is written. */
static inline bool mode_acts(enum mode mode) { return mode == MODE_CANARY || mode == MODE_ENFORCE; }

/* Returns the mode of that name, or MODE_COUNT when there is none. */
enum mode mode_parse(const char *name);

#endif
