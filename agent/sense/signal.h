/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel side measures beside scheduling, and which of it this kernel has hooks for. One table: a signal has one
 * or more ways, a way is a set of BPF programs with their hooks, and the first way of which every hook is there is taken.
 * Nothing is derived from version numbers: the kernel's BTF says which hooks there are and what their arguments are, an
 * empty program on each shows whether this process may use it. docs/SIGNALS.md lists the same for people.
 */
#ifndef FORESTALL_SIGNAL_H
#define FORESTALL_SIGNAL_H

#include <stdbool.h>
#include <stdint.h>

#define SIGNAL_REASON_MAX 128

/* X(id, name, what it is for: what is lost without it) */
#define SIGNAL_TABLE(X)                                                                                      \
	X(RECLAIM, "reclaim", "reclaims and the time in them (pressure and refaults are read from files)")  \
	X(OOM, "oom", "OOM kills at once (memory.events is read once a second)")                            \
	X(OOM_LIMIT, "oom.limit", "whose limit it was that an OOM kill was for")                            \
	X(SWAP, "swap", "pages swapped out, where memory.stat does not tell them")                          \
	X(IO, "io", "io_p99 and IO demand (pressure is read from files)")                                   \
	X(IO_DEVICE, "io.device", "how much of an IO's delay its device took")                              \
	X(IO_HELD, "io.held", "the time that io.max holds IO back, as part of io_p99")                      \
	X(PACKETS, "packets", "network demand, and retrans as a share of what is sent")                     \
	X(RETRANSMITS, "retransmits", "retrans")                                                            \
	X(DROPS, "drops", "packets that this host threw away")                                              \
	X(RTT, "rtt", "round trip times")                                                                   \
	X(RESPONSES, "responses", "resp_p99")

enum nerve_signal {
#define SIGNAL_ENUM(id, name, lost) NERVE_##id,
	SIGNAL_TABLE(SIGNAL_ENUM)
#undef SIGNAL_ENUM
	NERVE_SIGNAL_COUNT
};

/* What the kernel said. */
struct signal_answer {
	bool is_there;
	uint8_t way;				/* of those in the table, when it is there */
	char reason[SIGNAL_REASON_MAX];		/* why not; "" when it is there */
};

const char *signal_name(enum nerve_signal signal);
const char *signal_lost(enum nerve_signal signal);

/* Asks this kernel about all signals. Needs the rights to load BPF programs. */
void signals_ask(struct signal_answer answers[NERVE_SIGNAL_COUNT]);

/* The program belongs to a signal. What does not is needed by all. */
bool signal_owns(const char *program);

/* The program is needed for a signal, taken the way of its answer; false when the answer is no. */
bool signal_needs(enum nerve_signal signal, const struct signal_answer *answer, const char *program);

#endif
