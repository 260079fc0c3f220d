/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One place to write to and the way there. The value is always read from the kernel itself, whoever writes it.
 *
 *   VIA_FILE	reads and writes the cgroup's file (cgroup.h)
 *   VIA_SYSTEMD	reads the cgroup's file, asks the manager of the unit to write it
 *   VIA_TC	reads and writes a class of a network device; knows the cgroup by its id
 *   VIA_BPF	reads and writes a program attached to the cgroup, and what it goes by
 *   VIA_NFT	reads and writes a table of nftables; knows the cgroup by its id, or by the ports in `device`
 *   VIA_DISK	reads and writes what a file of the cgroup root says of a disk
 */
#ifndef FORESTALL_ACT_PLACE_H
#define FORESTALL_ACT_PLACE_H

#include "child.h"
#include "knob.h"

enum via { VIA_FILE, VIA_SYSTEMD, VIA_TC, VIA_NFT, VIA_BPF, VIA_DISK, VIA_COUNT };

struct place {
	int root_fd;		/* the cgroup root (O_PATH), not owned */
	int dir_fd;		/* the cgroup's directory (O_PATH); negative when the cgroup is gone */
	const char *path;	/* below the root, not owned */
	uint64_t cgroup_id;
	uint32_t device;	/* as in struct action; 0 = none */
	enum via via;
};

/* The word of the journal, "?" for a number out of range; VIA_COUNT when there is no such word. */
const char *via_name(enum via via);
enum via via_parse(const char *name);

/*
 * Opens dir_fd; all else is filled in. -ESTALE: the path is another cgroup now, -ENOENT: it is gone, or -errno. A
 * place not reached by VIA_FILE outlives its cgroup and opens without it, dir_fd being that error: a class of a device
 * has to be put away, and the properties of a unit come back with its next start.
 */
int place_open(struct place *place);

/* Closes what place_open() opened; harmless otherwise, as long as dir_fd is -1 then. */
void place_close(struct place *place);
#define _cleanup_place_ __attribute__((cleanup(place_close)))

/* The directory in which the knob's file lies: the cgroup's, or of what is said of a disk the root. */
static inline int place_dir(const struct place *place) { return place->via == VIA_DISK ? place->root_fd : place->dir_fd; }

/*
 * 0 or -errno, *ret untouched then. cgroup_is_gone() knows the errors of a cgroup, or a device, that went away.
 * -EOPNOTSUPP: this host has no such way, which makes the knob unavailable.
 */
int place_read(const struct place *place, enum knob knob, struct knob_value *ret);

/* VIA_FILE only: starts the write in a child, for one that may block for long. 0 or -errno. */
int place_write_start(const struct place *place, enum knob knob, const struct knob_value *value, struct child *ret);

/* Writes the value alone and returns when it can be read back. Errors as above. */
int place_write(const struct place *place, enum knob knob, const struct knob_value *value);

#endif
