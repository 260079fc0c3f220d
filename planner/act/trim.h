/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process gives back the pages of its program and libraries that only its start needed: relocating, parsing, loading. They stay in
 * the page cache, from where each comes back when it is used. What was changed in a mapping (relocations, breakpoints) is left alone.
 * Not for hands that may act: what they need when memory is short should be mapped already.
 */
#ifndef FORESTALL_TRIM_H
#define FORESTALL_TRIM_H

/*
 * Before the first allocation. A large array is then always pages of its own, which cost nothing until they are touched: without, once
 * one that large was freed, malloc takes the next from its heap, and calloc writes all of it. All threads share one heap.
 */
void trim_arrays(void);

/* Once, when the start is over. That it cannot be done costs memory and nothing else. */
void trim_code(void);

#endif
