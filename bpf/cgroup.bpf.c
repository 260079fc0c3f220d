// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Cgroups of the v2 hierarchy as they come and go. Urgent: user space gives out a slot within one wakeup. */
#include "maps.bpf.h"
#include "emit.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

/* kernel/cgroup/cgroup.c gives hierarchy id 0 to the default (v2) hierarchy, the "0::" of /proc/PID/cgroup. */
static __always_inline void cgroup_emit(enum wire_kind kind, struct cgroup *cgrp)
{
	struct wire_cgroup *record;
	__u64 id = cgrp->kn->id;

	if (cgrp->root->hierarchy_id != 0)
		return;
	record = emit_reserve(kind, sizeof(*record), bpf_get_smp_processor_id());
	if (!record)
		return;
	emit_head(&record->head, kind, WIRE_SLOT_OTHER, id);
	record->parent_id = 0;
	bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(on_cgroup_mkdir, struct cgroup *cgrp)
{
	cgroup_emit(WIRE_CGROUP_MADE, cgrp);
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(on_cgroup_rmdir, struct cgroup *cgrp)
{
	cgroup_emit(WIRE_CGROUP_GONE, cgrp);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
