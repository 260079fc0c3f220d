/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net.egress: what the sockets of a cgroup and its descendants may send, in bytes/s as they are on the wire.
 * net.first: what this cgroup and all with a net.egress on the same device may send together; it is never held back by that, the others
 * have what it leaves. The kernel sees to it packet by packet: below HTB a class above theirs, of a lower priority number. Of several the
 * least counts. Under fq it leaves at once and puts the clock forward by which theirs leave. A cgroup has one of the two.
 *
 * Where: on the device by which packets to far away leave the network namespace of the cgroup's first process: the
 * host's NIC for a service, the container's own end of its veth for a container. How: what that device offers decides
 * (tc_plan.h). A BPF filter (bpf/shape.bpf.c) on clsact egress knows a packet's cgroup by its socket and gives it an
 * HTB class, or under fq a departure time. A root qdisc that somebody configured is never replaced.
 *
 * What is limited is in the kernel alone: class, filter and the filter's map, found again by their names. When the last
 * limit on a device goes (either kind), filter, our root, and clsact if it is ours and nobody else uses it, go with it. A device or a
 * namespace that is gone took its limit along.
 *
 * The rate is stored as it is written (HTB keeps 64 bit): read back, it is exactly the same.
 */
#ifndef FORESTALL_ACT_TC_H
#define FORESTALL_ACT_TC_H

#include "place.h"

/*
 * Before the capabilities go. When `acts`: opens what needs them, so that CAP_NET_ADMIN is enough afterwards, and puts
 * away what hands that were killed left on the host's device and nobody holds. Otherwise closes everything for good:
 * nothing is limited then, and nothing can be. -errno and a line in ret_text: egress cannot be limited on this host.
 */
int tc_prepare(bool acts, char ret_text[ACT_TEXT_MAX]);

/*
 * `is_first` tells net.first from net.egress, here and below.
 * The rate in force, KNOB_MAX for none. -ENODEV, once: the limit's device is gone, and the limit is forgotten with it.
 * A limit that somebody has broken (class or filter deleted, root replaced) is put away whole and reads KNOB_MAX.
 */
int tc_read(const struct place *place, bool is_first, struct knob_value *ret);

/*
 * Whether a limit could be set: -EOPNOTSUPP with the remedy in ret_text. Changes nothing; kernel modules that are
 * missing show only in tc_write().
 */
int tc_check(const struct place *place, bool is_first, char ret_text[ACT_TEXT_MAX]);

/*
 * Sets the rate, or with KNOB_MAX takes the limit away, which needs neither a process nor the cgroup. After an error
 * all is as before. -ENODEV: the device went away meanwhile; -EOPNOTSUPP: as above, or the kernel lacks a module.
 */
int tc_write(const struct place *place, bool is_first, const struct knob_value *value);

/* What tc_read() or tc_write() stumbled over last, one line, good until the next call. */
const char *tc_fault(void);

#endif
