/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How soon user space hears of a stall: by a trigger of the kernel's (Documentation/accounting/psi.rst), and by reading the totals. */
#ifndef FORESTALL_FLOOD_PRESSURE_H
#define FORESTALL_FLOOD_PRESSURE_H

#define PRESSURE_ROUNDS 12

struct pressure_told {
	double trigger_ms[PRESSURE_ROUNDS], read_ms[PRESSURE_ROUNDS];	/* after the stall began; ascending */
	double trigger_first;		/* the share of rounds in which the trigger was the first */
};

/*
 * Makes hogs stall each other in a cgroup below `group`, round by round; both are asked in each for 20 ms of stall: a trigger over
 * 500 ms, the shortest window that the kernel takes, and the total of cpu.pressure ten times a second, as the mind reads it. 0, or -errno: -ENOENT
 * where this kernel accounts no pressure.
 */
int pressure_measure(const char *group, struct pressure_told *ret);

#endif
