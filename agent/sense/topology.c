/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "topology.h"

#include <errno.h>
#include <hwloc.h>
#include <string.h>

static uint32_t count(hwloc_topology_t machine, hwloc_obj_type_t type)
{
	int n = hwloc_get_nbobjs_by_type(machine, type);

	return n > 0 ? (uint32_t)n : 0;
}

/* The CPUs, all below 64, of the last half of the cores inside `group`. */
static uint64_t last_half(hwloc_topology_t machine, hwloc_const_cpuset_t group, hwloc_obj_type_t core_type)
{
	int cores = hwloc_get_nbobjs_inside_cpuset_by_type(machine, group, core_type);
	uint64_t mask = 0;

	for (int i = cores / 2; i < cores; i++) {
		hwloc_obj_t core = hwloc_get_obj_inside_cpuset_by_type(machine, group, core_type, (unsigned int)i);
		unsigned int cpu;

		hwloc_bitmap_foreach_begin(cpu, core->cpuset)
			mask |= 1ull << cpu;
		hwloc_bitmap_foreach_end();
	}
	return mask;
}

static void topology_fill(hwloc_topology_t machine, struct topology *ret)
{
	hwloc_obj_type_t core_type = count(machine, HWLOC_OBJ_CORE) ? HWLOC_OBJ_CORE : HWLOC_OBJ_PU;
	uint32_t groups = count(machine, HWLOC_OBJ_L3CACHE);
	hwloc_obj_t group = groups ? hwloc_get_obj_by_type(machine, HWLOC_OBJ_L3CACHE, groups - 1) :
				     hwloc_get_root_obj(machine);

	*ret = (struct topology){
		.cpus = count(machine, HWLOC_OBJ_PU),
		.cores = count(machine, core_type),
		.l3_groups = groups ? groups : 1,
		.numa_nodes = count(machine, HWLOC_OBJ_NUMANODE),
	};
	if (ret->cores > 1 && hwloc_bitmap_last(hwloc_topology_get_topology_cpuset(machine)) < 64)
		ret->giver_cpus = last_half(machine, group->cpuset, core_type);
}

int topology_read(const char *synthetic, struct topology *ret)
{
	hwloc_topology_t machine;
	int r;

	if (hwloc_topology_init(&machine))
		return -errno;
	r = synthetic ? hwloc_topology_set_synthetic(machine, synthetic) : 0;
	r = r ? r : hwloc_topology_load(machine);
	if (r)
		r = errno ? -errno : -EINVAL;
	else
		topology_fill(machine, ret);
	hwloc_topology_destroy(machine);
	return r;
}
