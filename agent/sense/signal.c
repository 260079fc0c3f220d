/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "signal_table.h"

#include <stdio.h>
#include <string.h>

#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))

const struct signal_hook signal_hooks[] = {
	{ NERVE_WAIT_QUOTA, 0, 0, HOOK_FIELD, "", "cfs_rq", "throttled_clock_self_time", 0 },
	{ NERVE_RECLAIM, 0, 0, HOOK_TRACEPOINT, "on_group_reclaim", "mm_vmscan_memcg_reclaim_begin", "", 0 },
	{ NERVE_RECLAIM, 0, 0, HOOK_TRACEPOINT, "on_group_reclaimed", "mm_vmscan_memcg_reclaim_end", "", 0 },
	{ NERVE_RECLAIM, 0, 0, HOOK_TRACEPOINT, "on_host_reclaim", "mm_vmscan_direct_reclaim_begin", "", 0 },
	{ NERVE_RECLAIM, 0, 0, HOOK_TRACEPOINT, "on_host_reclaimed", "mm_vmscan_direct_reclaim_end", "", 0 },
	{ NERVE_OOM, 0, 0, HOOK_TRACEPOINT, "on_oom_victim", "mark_victim", "task_struct", 0 },
	{ NERVE_OOM, 0, 1, HOOK_TRACEPOINT, "on_oom_number", "mark_victim", "int", 0 },
	{ NERVE_OOM, 0, 1, HOOK_TRACEPOINT, "on_oom_end", "sched_process_exit", "task_struct", 0 },
	{ NERVE_OOM_LIMIT, 0, 0, HOOK_FUNCTION, "on_out_of_memory", "out_of_memory", "oom_control", 0 },
	{ NERVE_SWAP, 0, 0, HOOK_TRACEPOINT, "on_folio_write", "mm_vmscan_write_folio", "folio", 0 },
	{ NERVE_IO, 0, 0, HOOK_TRACEPOINT, "on_bio_queue", "block_bio_queue", "bio", 0 },
	{ NERVE_IO, 0, 1, HOOK_TRACEPOINT, "on_bio_queue_of", "block_bio_queue", "request_queue bio", 0 },
	{ NERVE_IO, 1, 0, HOOK_TRACEPOINT, "on_request_complete", "block_rq_complete", "request", ABLE_LOOP },
	{ NERVE_IO, 1, 1, HOOK_TRACEPOINT, "on_request_complete_few", "block_rq_complete", "request", 0 },
	{ NERVE_IO, 2, 0, HOOK_TRACEPOINT, "on_bio_complete", "block_bio_complete", "request_queue bio", 0 },
	{ NERVE_IO_DEVICE, 0, 0, HOOK_TRACEPOINT, "on_request_issue", "block_rq_issue", "request", 0 },
	{ NERVE_IO_HELD, 0, 0, HOOK_FUNCTION, "on_bio_throttle", "__blk_throtl_bio", "bio", 0 },
	{ NERVE_IO_HELD, 0, 1, HOOK_FUNCTION, "on_bio_throttle_of", "blk_throtl_bio", "bio", 0 },
	{ NERVE_PACKETS, 0, 0, HOOK_CGROUP, "on_packet_in", "ingress", "", 0 },
	{ NERVE_PACKETS, 0, 0, HOOK_CGROUP, "on_packet_out", "egress", "", 0 },
	{ NERVE_RETRANSMITS, 0, 0, HOOK_TRACEPOINT, "on_retransmit", "tcp_retransmit_skb", "sock sk_buff", 0 },
	{ NERVE_RETRANSMITS, 0, 0, HOOK_TRACEPOINT, "on_retransmit_accept", "tcp_retransmit_synack", "sock", 0 },
	{ NERVE_DROPS, 0, 0, HOOK_TRACEPOINT, "on_drop_known", "kfree_skb", "sk_buff * * sock", 0 },
	{ NERVE_DROPS, 0, 1, HOOK_TRACEPOINT, "on_drop", "kfree_skb", "sk_buff", 0 },
	{ NERVE_RTT, 0, 0, HOOK_TRACEPOINT, "on_socket_read", "tcp_rcv_space_adjust", "sock", 0 },
	{ NERVE_RESPONSES, 0, 0, HOOK_TRACEPOINT, "on_socket_state", "inet_sock_set_state", "sock", 0 },
	{ NERVE_RESPONSES, 0, 0, HOOK_TRACEPOINT, "on_socket_read", "tcp_rcv_space_adjust", "sock", 0 },
	{ NERVE_RESPONSES, 1, 0, HOOK_CGROUP, "on_packet_in", "ingress", "", 0 },
	{ NERVE_RESPONSES, 2, 0, HOOK_CGROUP, "on_packet_out", "egress", "", 0 },
};
const size_t signal_hooks_count = ARRAY_COUNT(signal_hooks);

static const struct {
	const char *name, *lost, *fallback;
} signals[] = {
#define SIGNAL_ROW(id, name, lost, fallback) [NERVE_##id] = { name, lost, fallback },
	SIGNAL_TABLE(SIGNAL_ROW)
#undef SIGNAL_ROW
};

static const struct {
	const char *name, *without;
} abilities[] = {
#define ABILITY_ROW(id, name, without) [ABLE_##id] = { name, without },
	SIGNAL_ABILITIES(ABILITY_ROW)
#undef ABILITY_ROW
};

const char *ability_name(enum nerve_ability ability) { return abilities[ability].name; }
const char *ability_without(enum nerve_ability ability) { return abilities[ability].without; }
const char *signal_name(enum nerve_signal signal) { return signals[signal].name; }
const char *signal_lost(enum nerve_signal signal) { return signals[signal].lost; }
const char *signal_fallback(enum nerve_signal signal) { return signals[signal].fallback; }

bool signal_is_fallback(const struct signal_answer *answer)
{
	for (int part = 0; part < SIGNAL_PARTS_MAX; part++)
		if (answer->is_there && answer->way[part])
			return true;
	return false;
}

static void text_add(char *text, size_t size, const char *more)
{
	size_t at = strlen(text);

	snprintf(text + at, size - at, "%s", more);
}

static void hook_add(const struct signal_hook *hook, char *text, size_t size)
{
	static const char *const prefix[] = { [HOOK_TRACEPOINT] = "", [HOOK_FUNCTION] = "fentry ", [HOOK_CGROUP] = "cgroup_skb ",
					      [HOOK_FIELD] = "field of " };

	text_add(text, size, prefix[hook->kind]);
	text_add(text, size, hook->target);
	if (hook->args[0]) {
		text_add(text, size, "(");
		text_add(text, size, hook->args);
		text_add(text, size, ")");
	}
	if (hook->needs) {
		text_add(text, size, " with ");
		text_add(text, size, ability_name(hook->needs));
	}
}

void signal_hooks_format(enum nerve_signal signal, const struct signal_answer *answer, char *text, size_t size)
{
	const struct signal_hook *last = NULL;

	text[0] = '\0';
	for (size_t i = 0; i < ARRAY_COUNT(signal_hooks); i++) {
		const struct signal_hook *hook = &signal_hooks[i];

		if (hook->signal != signal || (answer && hook->way != answer->way[hook->part]))
			continue;
		if (last)
			text_add(text, size, last->part != hook->part ? "; " : last->way != hook->way ? " | " : " + ");
		hook_add(hook, text, size);
		last = hook;
	}
}

enum nerve_signal signal_base(enum nerve_signal signal)
{
	switch (signal) {
	case NERVE_IO_DEVICE:
	case NERVE_IO_HELD:
		return NERVE_IO;
	case NERVE_OOM_LIMIT:
		return NERVE_OOM;
	default:
		return signal;
	}
}

bool signal_owns(const char *program)
{
	for (size_t i = 0; i < ARRAY_COUNT(signal_hooks); i++)
		if (!strcmp(signal_hooks[i].program, program))
			return true;
	return false;
}

static bool way_has(enum nerve_signal signal, const struct signal_answer *answer, const char *program)
{
	for (size_t i = 0; i < ARRAY_COUNT(signal_hooks); i++) {
		const struct signal_hook *hook = &signal_hooks[i];

		if (hook->signal == signal && hook->way == answer->way[hook->part] && !strcmp(hook->program, program))
			return true;
	}
	return false;
}

bool signal_needs(enum nerve_signal signal, const struct signal_answers *answers, const char *program)
{
	enum nerve_signal base = signal_base(signal);

	if (!answers->of[signal].is_there)
		return false;
	return way_has(signal, &answers->of[signal], program) || (base != signal && signal_needs(base, answers, program));
}
