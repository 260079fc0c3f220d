/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A place that one of several CPUs may have, by a counter of claims that is 0 while it is nobody's. Without compare-and-exchange, which
 * kernels before 5.12 do not let BPF programs do. tests/unit/test_claim.c runs it in every order of its steps.
 */
#ifndef FORESTALL_CLAIM_H
#define FORESTALL_CLAIM_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#include <stdbool.h>
#endif

#ifndef CLAIM_STEP
#define CLAIM_STEP()
#endif

/* Of several that come at once at most one finds no claim but its own; of those that race all may go without. */
static inline __attribute__((always_inline)) bool claim_take(__u32 *claims)
{
	__sync_fetch_and_add(claims, 1);
	CLAIM_STEP();
	if (*(volatile __u32 *)claims == 1)
		return true;
	CLAIM_STEP();
	__sync_fetch_and_add(claims, -1);
	return false;
}

/* Only who took it. */
static inline __attribute__((always_inline)) void claim_give(__u32 *claims)
{
	__sync_fetch_and_add(claims, -1);
}

#endif
