// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Records without what makes them: the rows, the ring and the accounts are those of a nerve that is open, and what writes them is
 * what its hooks are made of (emit.bpf.h). Run as a test of a raw tracepoint on another CPU than the caller's, which is an
 * interrupt there: as in a switch, nothing else that writes the CPU's rows comes between. See tests/bench/bench_flood.c.
 */
#include "account.bpf.h"
#include <bpf/bpf_tracing.h>

const volatile __u32 flood_slot = 1;
const volatile __u64 flood_cgroup_id = 0;

struct flood_run {
	__u32 cpu, is_told;
};

static long flood_step(__u32 idx, struct flood_run *run)
{
	struct wire_row *row = row_of(run->cpu, flood_slot);

	if (!row)
		return 1;
	row->now.switches++;
	if (run->is_told)
		window_emit(row, run->cpu, flood_slot, flood_cgroup_id, row->sent_ns + window_ns);
	return 0;
}

/* Arguments: how many, and whether they are told or only counted. */
SEC("raw_tp/forestall_flood")
int flood(__u64 *argument)
{
	struct flood_run run = { .cpu = bpf_get_smp_processor_id(), .is_told = argument[1] };

	bpf_loop(argument[0], flood_step, &run, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
