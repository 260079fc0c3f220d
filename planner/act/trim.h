/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process gives back the pages of its program and libraries that only its start needed: relocating, parsing, loading. They stay in
 * the page cache, from where each comes back when it is used. What was changed in a mapping (relocations, breakpoints) is left alone.
 * Not for hands that may act: what they need when memory is short should be mapped already, and stays so while trim_hold() is on.
 */
#ifndef FORESTALL_TRIM_H
#define FORESTALL_TRIM_H

#include <stdbool.h>

/*
 * Before the first allocation. A large array is then always pages of its own, which cost nothing until they are touched: without, once
 * one that large was freed, malloc takes the next from its heap, and calloc writes all of it. All threads share one heap.
 */
void trim_arrays(void);

/* Once, when the start is over. That it cannot be done costs memory and nothing else. */
void trim_code(void);

/*
 * While it is on, what this process has touched and will touch stays in memory (mlock2(2), MLOCK_ONFAULT): who acts when memory is short
 * should not wait for a disk to do so. Before privileges are given up. 0 or -errno: -EPERM without CAP_IPC_LOCK or CAP_SYS_RESOURCE.
 */
int trim_hold(bool is_on);

#endif
