/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "topology.h"

#include <errno.h>
#include <fcntl.h>
#include <hwloc.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

/* The caller destroys it. 0 or -errno. */
static int machine_load(const char *synthetic, hwloc_topology_t *ret)
{
	int r;

	if (hwloc_topology_init(ret))
		return -errno;
	r = synthetic ? hwloc_topology_set_synthetic(*ret, synthetic) : 0;
	r = r ? r : hwloc_topology_load(*ret);
	if (!r)
		return 0;
	r = errno ? -errno : -EINVAL;
	hwloc_topology_destroy(*ret);
	return r;
}

int topology_read(const char *synthetic, struct topology *ret)
{
	hwloc_topology_t machine;
	int r = machine_load(synthetic, &machine);

	if (r)
		return r;
	topology_fill(machine, ret);
	hwloc_topology_destroy(machine);
	return 0;
}

/* "core:3" to a kind and a number. */
static int part_parse(const char *word, hwloc_obj_type_t *ret_type, unsigned int *ret_idx)
{
	static const struct {
		const char *name;
		hwloc_obj_type_t type;
	} PARTS[] = {
		{ "core", HWLOC_OBJ_CORE }, { "l3", HWLOC_OBJ_L3CACHE }, { "node", HWLOC_OBJ_NUMANODE },
		{ "package", HWLOC_OBJ_PACKAGE },
	};
	const char *colon = strchr(word, ':');
	size_t length = colon ? (size_t)(colon - word) : 0;
	char end;

	if (!colon || colon[1] < '0' || colon[1] > '9' || sscanf(colon + 1, "%u%c", ret_idx, &end) != 1)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(PARTS) / sizeof(*PARTS); i++)
		if (strlen(PARTS[i].name) == length && !strncmp(PARTS[i].name, word, length)) {
			*ret_type = PARTS[i].type;
			return 0;
		}
	return -EINVAL;
}

static int mask_of(hwloc_const_bitmap_t bits, uint64_t *ret)
{
	uint64_t mask = 0;
	unsigned int bit;

	if (hwloc_bitmap_last(bits) >= 64)
		return -ERANGE;
	hwloc_bitmap_foreach_begin(bit, bits)
		mask |= 1ull << bit;
	hwloc_bitmap_foreach_end();
	*ret = mask;
	return 0;
}

int topology_part_read(const char *synthetic, const char *word, struct topology_part *ret)
{
	hwloc_topology_t machine;
	struct topology_part part;
	hwloc_obj_type_t type;
	unsigned int idx;
	hwloc_obj_t found;
	int r = part_parse(word, &type, &idx);

	r = r ? r : machine_load(synthetic, &machine);
	if (r)
		return r;
	found = hwloc_get_obj_by_type(machine, type, idx);
	r = found ? mask_of(found->cpuset, &part.cpus) : -ENOENT;
	if (r == 0)
		r = mask_of(found->nodeset, &part.nodes);
	hwloc_topology_destroy(machine);
	if (r == 0)
		*ret = part;
	return r;
}

/* What the topology was read for: a CPU that another one stands in for changes the list and not the count. */
struct seen {
	cpu_set_t allowed;
	char online[512];
};

static void seen_fill(struct seen *ret)
{
	static int fd = -1;

	memset(ret, 0, sizeof(*ret));
	if (fd < 0)
		fd = open("/sys/devices/system/cpu/online", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && pread(fd, ret->online, sizeof(ret->online) - 1, 0) < 0)
		ret->online[0] = '\0';
	sched_getaffinity(0, sizeof(ret->allowed), &ret->allowed);
}

uint64_t topology_giver_cpus(void)
{
	static struct seen before;
	static uint64_t giver_cpus;
	struct topology topology = { 0 };
	struct seen now;

	seen_fill(&now);
	if (!memcmp(&now, &before, sizeof(now)))
		return giver_cpus;
	before = now;
	giver_cpus = topology_read(NULL, &topology) ? 0 : topology.giver_cpus;
	return giver_cpus;
}
