/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The values of knobs: text of the kernel, text of the journal, comparison, bounds. Pure. */
#ifndef FORESTALL_ACT_KNOB_H
#define FORESTALL_ACT_KNOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol.h"

#define KNOB_MAX UINT64_MAX		/* no limit: "max" */
#define KNOB_TEXT_MAX 256		/* a list of 64 CPUs at its longest, with room */

#define DEVICE_MAJOR(device) ((device) >> 20)
#define DEVICE_MINOR(device) ((device) & 0xfffffu)
#define SHARE_FRONT(device) ((uint16_t)((device) >> 16))
#define SHARE_PORT(device) ((uint16_t)(device))

enum knob_kind {
	KIND_NUMBER,		/* "100" */
	KIND_LIMIT,		/* "max" or a number */
	KIND_BYTES,		/* the same, rounded by the kernel to its pages */
	KIND_QUOTA,		/* "max 100000", "20000 100000" */
	KIND_IDLE,		/* "0" or "1", with the weight that 1 makes the kernel forget */
	KIND_CPUS,		/* "0-3,8" or nothing: CPUs, or memory nodes */
	KIND_DEFAULT,		/* "default 100", with lines of single devices below it */
	KIND_PARTITION,		/* "member", "root", "isolated", and what the kernel says of one that it broke */
	KIND_DEVICE_KEY,	/* one key of the line of a device: "8:0 rbps=1048576 wbps=max ..." */
	KIND_SHARE,		/* a number for a pair of ports, in no file */
	KIND_COST,		/* the line of a device in io.cost.qos of the root; aux = 1: as nobody but somebody else would set it */
	KIND_DEED,		/* can be written only; what it does cannot be undone and reads as 0 */
};

struct knob_spec {
	const char *file;	/* in the cgroup's directory; NULL when the knob is no file */
	const char *controller;	/* which cgroup.subtree_control has to name */
	enum knob_kind kind;
	const char *key;	/* KIND_DEVICE_KEY only */
	uint64_t min, max;	/* of the value; KNOB_MAX is allowed besides where the kind knows "max" */
	const char *fault;	/* says that a value lies outside */
	const char *since;	/* what a kernel needs to have it */
};

struct knob_value {
	uint64_t value;		/* weight; quota in us; bytes; mask of CPUs; bytes/s or IO/s; us; KNOB_MAX = max */
	/*
	 * cpu.max: period in us. cpu.idle read as 0: the cpu.weight at that time, since the kernel forgets the weight
	 * when a group becomes idle and undo has to bring it back. cpuset.cpus.partition: 1 when the kernel calls it
	 * invalid. io.cost: see KIND_COST. Otherwise 0.
	 */
	uint64_t aux;
};

/* `knob` is below KNOB_COUNT. */
const struct knob_spec *knob_spec(enum knob knob);

/*
 * Reads what the kernel shows in the knob's file, with or without a last newline. `device` picks the line of a
 * KIND_DEVICE_KEY, and one that is not there means max. -EINVAL, *ret untouched, if it is odd.
 */
int knob_parse(enum knob knob, uint32_t device, const char *text, struct knob_value *ret);

/* Writes what the kernel takes in the knob's file. Returns the length, or -ENOSPC. */
int knob_format(enum knob knob, uint32_t device, const struct knob_value *value, char *buf, size_t size);

/* The same value as one word of the journal: "100", "max", "max/100000", "0/300", "0-3,8", "none", "isolated". */
int knob_word_parse(enum knob knob, const char *text, struct knob_value *ret);
int knob_word_format(enum knob knob, const struct knob_value *value, char *buf, size_t size);

/* Both are the same setting. cpu.idle is compared without the weight it remembers, a partition whether valid or not. */
bool knob_equal(enum knob knob, const struct knob_value *a, const struct knob_value *b);

/* Both may be the same setting before and after the kernel rounded it. */
bool knob_close(enum knob knob, const struct knob_value *a, const struct knob_value *b);

/* Part of what is changed is named by `device`: a disk or a pair of ports. */
bool knob_has_device(enum knob knob);

/* It is a class of a network device. */
bool knob_is_class(enum knob knob);

/* It is set by a rule of nftables. */
bool knob_is_rule(enum knob knob);

/* What is wrong with the value an action asks for, or NULL when it is within the bounds of the hands. */
const char *knob_fault(enum knob knob, const struct knob_value *value);

/* "0-3,8" or "" to a mask of CPUs 0..63 and back. -EINVAL, -ENOSPC. */
int cpus_parse(const char *text, uint64_t *ret);
int cpus_format(uint64_t cpus, char *buf, size_t size);

/* Parses digits only, up to `end`, which must be the next character. -EINVAL on anything else or overflow. */
int number_parse(const char *text, char end, uint64_t *ret);

#endif
