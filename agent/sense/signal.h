/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel side measures beside scheduling, and which of it this kernel has hooks for. One table: a signal is made of
 * parts, a part has one or more ways, a way is a set of BPF programs with their hooks, and the first way of which every hook is
 * there is taken. Nothing is derived from version numbers: the kernel's BTF says which hooks there are and what their arguments
 * are, an empty program on each shows whether this process may use it. docs/SIGNALS.md lists the same for people.
 */
#ifndef FORESTALL_SIGNAL_H
#define FORESTALL_SIGNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIGNAL_REASON_MAX 128
#define SIGNAL_PARTS_MAX 4

/*
 * X(id, name, what it is for: what is lost without it, what is lost where not the first way is taken). What builds on another stands
 * after it.
 */
#define SIGNAL_TABLE(X) \
	X(WAIT_QUOTA, "wait.quota", "the part of queue waits that the own quota caused (it is told of none of the three parts)", \
	  "") \
	X(RECLAIM, "reclaim", "reclaims and the time in them (pressure and refaults are read from files)", \
	  "") \
	X(OOM, "oom", "OOM kills at once (memory.events is read once a second)", \
	  "told when the victim ends, not when it is chosen") \
	X(OOM_LIMIT, "oom.limit", "whose limit it was that an OOM kill was for", \
	  "") \
	X(SWAP, "swap", "pages swapped out, where memory.stat does not tell them", \
	  "") \
	X(IO, "io", "io_p99 and IO demand (pressure is read from files)", \
	  "of a request of more than 256 bios the first 256 are measured") \
	X(IO_DEVICE, "io.device", "how much of an IO's delay its device took", \
	  "") \
	X(IO_HELD, "io.held", "the time that io.max holds IO back, as part of io_p99", \
	  "") \
	X(PACKETS, "packets", "network demand, and retrans as a share of what is sent", \
	  "") \
	X(RETRANSMITS, "retransmits", "retrans", \
	  "") \
	X(DROPS, "drops", "packets that this host threw away", \
	  "most of what is dropped on the way in is nobody's") \
	X(RTT, "rtt", "round trip times", \
	  "") \
	X(RESPONSES, "responses", "resp_p99", \
	  "")

enum nerve_signal {
#define SIGNAL_ENUM(id, name, lost, fallback) NERVE_##id,
	SIGNAL_TABLE(SIGNAL_ENUM)
#undef SIGNAL_ENUM
	NERVE_SIGNAL_COUNT
};

/*
 * What newer kernels are able to do, and what is done without it. X(id, name, without it)
 */
#define SIGNAL_ABILITIES(X)                                                                                          \
	X(TASK_STORAGE, "task storage", "each task's account lies in a hash table of fixed size")                   \
	X(SOCKET_STORAGE, "socket storage", "each socket's account lies in a table that forgets the oldest")        \
	X(LOOP, "bpf_loop", "of a disk request the first 256 bios are measured")

enum nerve_ability {
	ABLE_NOTHING = 0,
#define SIGNAL_ENUM(id, name, without) ABLE_##id,
	SIGNAL_ABILITIES(SIGNAL_ENUM)
#undef SIGNAL_ENUM
	ABLE_COUNT
};

/* What the kernel said. */
struct signal_answer {
	bool is_there;
	uint8_t way[SIGNAL_PARTS_MAX];		/* of those in the table, when it is there */
	char reason[SIGNAL_REASON_MAX];		/* why not; "" when it is there */
};

struct signal_answers {
	bool able[ABLE_COUNT];
	bool tells_failed_retransmits;	/* tcp_retransmit_skb comes for those too, with an error after its arguments: from 6.15 on */
	struct signal_answer of[NERVE_SIGNAL_COUNT];
};

const char *signal_name(enum nerve_signal signal);
const char *signal_lost(enum nerve_signal signal);

/* What is lost where not the first way of each part is taken; "" when nothing is, or there is but one. */
const char *signal_fallback(enum nerve_signal signal);

/* The hooks of a way taken, or with NULL all ways, "|" between them, as "tcp_data_ready + tcp_sendmsg (fentry)". */
void signal_hooks_format(enum nerve_signal signal, const struct signal_answer *answer, char *text, size_t size);

/* The way taken is not the first in some part. */
bool signal_is_fallback(const struct signal_answer *answer);

const char *ability_name(enum nerve_ability ability);
const char *ability_without(enum nerve_ability ability);

/* Asks this kernel about all signals. Needs the rights to load BPF programs. */
void signals_ask(struct signal_answers *ret);

/* The program belongs to a signal. What does not is needed by all. */
bool signal_owns(const char *program);

/* The signal that this one is a part of and is lost with; itself when it stands alone. */
enum nerve_signal signal_base(enum nerve_signal signal);

/* The program is needed for a signal or its base, taken the way of its answer; false when the answer is no. */
bool signal_needs(enum nerve_signal signal, const struct signal_answers *answers, const char *program);

#endif
