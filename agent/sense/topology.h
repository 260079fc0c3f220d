/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPUs, cores, caches and memory nodes of the host (hwloc), and which CPUs those that give may be confined to. */
#ifndef FORESTALL_TOPOLOGY_H
#define FORESTALL_TOPOLOGY_H

#include <stdint.h>

struct topology {
	uint32_t cpus;		/* hardware threads that this process may see */
	uint32_t cores;
	uint32_t l3_groups;	/* sets of cores that share a last-level cache; 1 when none is known */
	uint32_t numa_nodes;
	/*
	 * Mask of CPUs 0..63: half of the cores, rounded up, of the last L3 group, whole cores with all their hardware threads,
	 * so that no core is shared between those that give and the others. 0: nothing to set apart, with one core or with a
	 * CPU beyond 63.
	 */
	uint64_t giver_cpus;
};

/* What may be named by its number, in the order that lstopo shows: "core:3", "l3:0", "node:1", "package:0". */
struct topology_part {
	uint64_t cpus;		/* mask of its CPUs 0..63 */
	uint64_t nodes;		/* mask of the memory nodes 0..63 that it has, or lies in */
};

/* -EINVAL: no such word; -ENOENT: this machine has no such part; -ERANGE: it is not within the masks. `synthetic` as below. */
int topology_part_read(const char *synthetic, const char *word, struct topology_part *ret);

/* `synthetic`: a machine as hwloc describes it, hwloc_topology_set_synthetic(); NULL: this one. 0 or -errno. */
int topology_read(const char *synthetic, struct topology *ret);

/*
 * Those of this machine, for who asks once a second: read again when other CPUs are online, or when this process may use others. 0 where
 * the topology is not to be read.
 */
uint64_t topology_giver_cpus(void);

#endif
