/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the checks ask of the host and of the files of a cgroup beside the knobs. Reads only. */
#ifndef FORESTALL_ACT_HOST_H
#define FORESTALL_ACT_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_NAME_MAX 32

struct place;

uint64_t host_memory_bytes(void);

/* More CPUs than a mask of 64 bits names. */
bool host_has_many_cpus(void);

/* The mask of all CPUs that there are or may be plugged in. */
uint64_t host_cpus(void);

/* The mask of all memory nodes that there are or may be plugged in; without sysfs the first. */
uint64_t host_nodes(void);

/* cgroup2 is mounted with memory_recursiveprot: protection that children do not claim is shared out among them. */
bool host_protects_recursively(void);

/* Something can still be swapped out of this cgroup: the host has swap left, and no swap.max up to the root is used up. */
bool place_can_swap(const struct place *place);

/* The cgroup, or one below it, has a process. */
bool place_has_processes(const struct place *place);

/* The controller's cgroup v1 name in /proc/self/cgroup says that v1 has it. */
bool host_has_in_v1(const char *controller);

/* The directory's cgroup.controllers names it. */
bool controller_is_here(int dir_fd, const char *controller);

/* Where sysfs has the block device, a relative path that ends in its name. -ENODEV when there is no such device. */
int device_link(uint32_t device, char *ret_target, size_t size);

/* 0 for a whole disk, 1 for a partition with the disk's name in ret_disk, -ENODEV when there is no such device. */
int disk_find(uint32_t device, char ret_disk[DISK_NAME_MAX]);

/* Reads a file of the cgroup that holds one number or "max" (UINT64_MAX). 0 or -errno. */
int place_number(const struct place *place, const char *name, uint64_t *ret);

/* Reads a value from text of lines "KEY VALUE"; 0 when the key is not there. Pure. */
uint64_t stat_find(const char *text, const char *key);

/*
 * Goes down from the root's child to the parent of the cgroup, and says which is the first whose `file` (memory.low
 * or memory.min) is 0.
 * `first_only` looks at the topmost alone. 1 with its path in `ret_path`, 0 when there is none, or -errno.
 */
int place_unprotected_find(const struct place *place, const char *file, bool first_only, char *ret_path, size_t size);

#endif
