// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The end of a task's account, where it does not go with the task by itself. */
#include "task.bpf.h"
#include <bpf/bpf_tracing.h>

/* Comes after the task's last switch and after its reaping (delayed_put_task_struct in kernel/exit.c). */
SEC("tp_btf/sched_process_free")
int BPF_PROG(on_task_free, struct task_struct *task)
{
	__u64 key = (__u64)task;

	place_forget(task);
	if (!has_task_storage)
		bpf_map_delete_elem(&task_table, &key);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
