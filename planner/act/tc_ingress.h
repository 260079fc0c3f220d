/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net.ingress: what may arrive for the sockets of a cgroup and its descendants, in bytes/s as they are on the wire, on
 * all devices but lo. What is above is dropped: TCP sends less then, others lose it (bpf/shape.bpf.c, on_ingress).
 *
 * A limit is a bpf_link on the cgroup, and its only holder is the descriptor of these hands: whatever way they end, the
 * kernel takes it off, and nothing is left to undo. What reads as no limit in hands that start anew is none.
 */
#ifndef FORESTALL_ACT_TC_INGRESS_H
#define FORESTALL_ACT_TC_INGRESS_H

#include "place.h"

/* Descriptors of the program and of its buckets, which stay the caller's; negative where this kernel has no such thing. */
void ingress_open(int program_fd, int map_fd);

/* Takes all limits off. */
void ingress_close(void);

/* The rate in force, KNOB_MAX for none. A link that somebody detached, or whose cgroup is gone, is put away and none. */
int ingress_read(const struct place *place, struct knob_value *ret);

/* Whether a limit could be set: -EOPNOTSUPP with the remedy in ret_text. Changes nothing. */
int ingress_check(char ret_text[ACT_TEXT_MAX]);

/*
 * Sets the rate, or with KNOB_MAX takes the limit away. After an error all is as before. -EOPNOTSUPP: ingress_fault()
 * says why the kernel does not take it.
 */
int ingress_write(const struct place *place, const struct knob_value *value);

/* What ingress_write() stumbled over last, one line, good until the next call. */
const char *ingress_fault(void);

#endif
