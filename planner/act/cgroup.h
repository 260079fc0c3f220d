/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads and writes the knobs of one cgroup directory. A cgroup that is gone is told apart from every other error by
 * cgroup_is_gone(); it is a normal thing to meet at any step.
 */
#ifndef FORESTALL_ACT_CGROUP_H
#define FORESTALL_ACT_CGROUP_H

#include <errno.h>

#include "child.h"
#include "knob.h"

/* The path is absolute below the cgroup root, in its one normal form: no "//", "." or "..", no control character. */
bool cgroup_path_is_plain(const char *path);

/* Finds the first cgroup2 mount in /proc/mounts. -ENOENT when there is none, -ENAMETOOLONG. */
int cgroup_root_find(char *ret_path, size_t size);

/* Reads this process' own path below the cgroup2 root. -ENOENT, -ENAMETOOLONG. */
int cgroup_self_find(char *ret_path, size_t size);

/* Opens the root for the functions below; the caller closes it. */
int cgroup_root_open(const char *root);

/*
 * Opens the directory without following links or crossing mounts. With id != 0 its inode must be that, else -ESTALE.
 * Returns a descriptor good for the calls below only (O_PATH), which the caller closes.
 */
int cgroup_open(int root_fd, const char *path, uint64_t id);

/* -ENOENT: the kernel has no such knob here (controller off, kernel too old) or the cgroup went away. A deed reads 0. */
int cgroup_read(int dir_fd, enum knob knob, uint32_t device, struct knob_value *ret);

/*
 * Writes the value alone; restoring a weight after cpu.idle is the business of undo. A memory.high or
 * memory.max is written in a child: the kernel sets it at once and reclaims then, which is given up after CHILD_UNDO_MS.
 */
int cgroup_write(int dir_fd, enum knob knob, uint32_t device, const struct knob_value *value);

/* Starts to write in a child and returns at once; its end says what came of it (child.h). */
int cgroup_write_start(int dir_fd, enum knob knob, uint32_t device, const struct knob_value *value, struct child *ret);

/* Reads a whole file of the cgroup as text. -EMSGSIZE when it does not fit. */
int cgroup_file_read(int dir_fd, const char *name, char *buf, size_t size);

static inline bool cgroup_is_gone(int error)
{
	return error == -ENOENT || error == -ESTALE || error == -ENODEV;
}

#endif
