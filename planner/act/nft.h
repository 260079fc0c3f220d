/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net.share: a weight among the servers of this host that share a local TCP port. place->device names the two ports,
 * SHARE_FRONT: where clients connect to, SHARE_PORT: where this cgroup listens. Of the new connections to the first, each
 * server with a weight gets its part of the sum, drawn at random; a connection stays with its server, whatever becomes of
 * the weights. Who listens on the front port itself is one of them, or gets all while nobody has a weight.
 *
 * net.priority (place->device 0): the class, 1..7, that packets of the cgroup's sockets have for the queues of a device: pfifo_fast,
 * prio, mqprio, and fq from Linux 6.7 on serve them by it, fq_codel does not look.
 *
 * The original is always 0: no share, no priority. What is set is in the kernel alone (nft_table.h). Hands that are killed take it
 * along, where the kernel knows owners of tables; else the undo of the journal does. When the last share goes, the kernel
 * stops translating addresses if nothing else on this host does it, and the connections that were sent elsewhere break:
 * a weight of 0 first, while others have some, lets them end.
 */
#ifndef FORESTALL_ACT_NFT_H
#define FORESTALL_ACT_NFT_H

#include "place.h"

/* Before the mode comes into force; unless `acts`, closes for good: nothing is shared then, and nothing can be. */
void nft_prepare(bool acts);

/* The weight or priority in force, 0 for none. */
int nft_read(const struct place *place, struct knob_value *ret);

/*
 * Whether the cgroup serves its port, for IPv4 and, where the host has it, IPv6, on all addresses. -EOPNOTSUPP with the
 * reason in ret_text, or -errno.
 */
int nft_check_port(const struct place *place, char ret_text[ACT_TEXT_MAX]);

/* The first cgroup that listens on the front port and is not in `place`: its id, 0 for none, or -errno. */
int64_t nft_front_stranger(const struct place *place);

/* Sets it; 0 takes it away, which needs neither process nor cgroup. On error all is as before. */
int nft_write(const struct place *place, const struct knob_value *value);

/* What nft_write() stumbled over last. */
const char *nft_fault(void);

#endif
