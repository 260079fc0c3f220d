/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "answer_signals.h"

#include "sense/signal.h"
#include "value.h"

#define ALWAYS NERVE_SIGNAL_COUNT	/* scheduling is what all need */

/* From where, and how often it is looked at. A hook counts each event; the annotated are read at each tick. */
#define HOOK "hook, 100 ms"
#define KERNEL "in-kernel read, 100 ms"	/* a counter of the kernel's own, read at sched_switch */
#define FILES "file, 1 s"

static const struct counted {
	const char *family, *name, *unit, *from;
	uint32_t signal;	/* enum nerve_signal */
	size_t offset;		/* in struct wire_counters */
} counted[] = {
#define COUNTED(family, name, unit, from, signal, field) \
	{ family, name, unit, from, signal, offsetof(struct wire_counters, field) }
	COUNTED("memory", "major_faults", "faults", KERNEL, ALWAYS, major_faults),
	COUNTED("memory", "reclaims", "entries", HOOK, NERVE_RECLAIM, reclaims),
	COUNTED("memory", "reclaim_ns", "ns", HOOK, NERVE_RECLAIM, reclaim_ns),
	COUNTED("memory", "oom_victims", "processes", HOOK, NERVE_OOM, oom_kills),
	COUNTED("io", "done", "bios", HOOK, NERVE_IO, io_done),
	COUNTED("io", "read_bytes", "bytes", HOOK, NERVE_IO, io_read_bytes),
	COUNTED("io", "write_bytes", "bytes", HOOK, NERVE_IO, io_write_bytes),
	COUNTED("io", "charged", "bios", HOOK, NERVE_IO, io_charged),
	COUNTED("io", "lost", "bios", HOOK, NERVE_IO, io_lost),
	COUNTED("net", "rx_bytes", "bytes", HOOK, NERVE_PACKETS, rx_bytes),
	COUNTED("net", "rx_packets", "packets", HOOK, NERVE_PACKETS, rx_packets),
	COUNTED("net", "tx_bytes", "bytes", HOOK, NERVE_PACKETS, tx_bytes),
	COUNTED("net", "tx_packets", "packets", HOOK, NERVE_PACKETS, tx_segments),
	COUNTED("net", "retransmits", "segments", HOOK, NERVE_RETRANSMITS, retransmits),
	COUNTED("net", "drops", "packets", HOOK, NERVE_DROPS, drops),
	COUNTED("net", "responses", "answers", HOOK, NERVE_RESPONSES, responses),
#undef COUNTED
};

static const struct delayed {
	const char *family, *name;
	uint32_t signal;
	enum wire_delay delay;
} delayed[] = {
	{ "io", "delay", NERVE_IO, WIRE_DELAY_IO },
	{ "io", "device", NERVE_IO_DEVICE, WIRE_DELAY_DEVICE },
	{ "net", "response", NERVE_RESPONSES, WIRE_DELAY_RESPONSE },
};

static bool is_measured(const struct answer_world *world, uint32_t signal)
{
	return signal == ALWAYS || world->signals >> signal & 1;
}

static uint64_t counter_at(const struct wire_counters *counters, size_t offset)
{
	return *(const __u64 *)((const char *)counters + offset);
}

/* What came in seconds, as per second; total < 0 or now < 0: null. */
static void signal_put(json_t *out, const char *family, const char *name, double now, double total, const char *unit,
		       const char *from)
{
	json_object_set_new(json_object_get(out, family), name,
			    json_pack("{s:o, s:o, s:s, s:s}", "now", value_measured(now), "total", value_measured(total),
				      "unit", unit, "from", from));
}

static void counted_put(json_t *out, const struct answer_world *world, const struct window *window)
{
	for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++) {
		const struct counted *row = &counted[i];
		bool is_known = is_measured(world, row->signal) && window->last_ns;
		double now = (double)counter_at(&window->last, row->offset) * 1e9 / (double)window->last_ns;

		signal_put(out, row->family, row->name, is_known ? now : -1,
			   is_known ? (double)counter_at(&window->total, row->offset) : -1, row->unit, row->from);
	}
}

static void delayed_put(json_t *out, const struct answer_world *world, const struct window *window)
{
	for (size_t i = 0; i < sizeof(delayed) / sizeof(delayed[0]); i++) {
		const struct window_delay delay = window_delay(window, delayed[i].delay);
		bool is_known = is_measured(world, delayed[i].signal) && window->last_ns;
		char name[32];

		snprintf(name, sizeof(name), "%s_p50_ns", delayed[i].name);
		signal_put(out, delayed[i].family, name, is_known ? delay.p50_ns : -1, -1, "ns", HOOK);
		snprintf(name, sizeof(name), "%s_p99_ns", delayed[i].name);
		signal_put(out, delayed[i].family, name, is_known ? delay.p99_ns : -1, -1, "ns", HOOK);
	}
}

/* Bios that were queued and of which no end was seen: how deep the queues are now. */
static void depth_put(json_t *out, const struct answer_world *world, const struct window *window)
{
	const struct wire_counters *total = &window->total;
	double depth = (double)total->io_begun - (double)total->io_done - (double)total->io_lost;

	/* Row by row and CPU by CPU the counters are read at slightly different moments. */
	signal_put(out, "io", "in_flight", !is_measured(world, NERVE_IO) ? -1 : depth < 0 ? 0 : depth, -1, "bios", HOOK);
}

static void swap_put(json_t *out, const struct answer_world *world, const struct window *window)
{
	const struct observe_memory *last = &window->rare->memory_last, *total = &window->rare->memory_total;
	bool is_told = window->rare->memory_told, is_filed = is_told && last->has_swap;
	bool is_hooked = is_told && !is_filed && is_measured(world, NERVE_SWAP) && window->last_ns;
	double hooked = is_hooked ? (double)window->last.swap_outs * 1e9 / (double)window->last_ns : -1;

	signal_put(out, "memory", "swap_ins", is_told ? (double)last->swap_ins : -1, is_told ? (double)total->swap_ins : -1,
		   "pages", FILES);
	signal_put(out, "memory", "swap_outs", is_filed ? (double)last->swap_outs : hooked,
		   is_filed ? (double)total->swap_outs : is_hooked ? (double)window->total.swap_outs : -1, "pages",
		   is_hooked ? HOOK : FILES);
}

static void files_put(json_t *out, const struct window *window)
{
	static const char *const names[] = {
#define EVENT_NAME(id, name) [MEMORY_EVENT_##id] = "event_" name,
		MEMORY_EVENT_TABLE(EVENT_NAME)
#undef EVENT_NAME
	};
	const struct observe_memory *last = &window->rare->memory_last, *total = &window->rare->memory_total;
	bool is_told = window->rare->memory_told;

	signal_put(out, "memory", "refaults", is_told ? (double)last->refaults : -1, is_told ? (double)total->refaults : -1,
		   "pages", FILES);
	for (int i = 0; i < MEMORY_EVENT_COUNT; i++)
		signal_put(out, "memory", names[i], is_told ? (double)last->events[i] : -1,
			   is_told ? (double)total->events[i] : -1, "events", FILES);
}

static void rtt_put(json_t *out, const struct answer_world *world, const struct window *window)
{
	const struct wire_counters *last = &window->last;
	bool is_known = is_measured(world, NERVE_RTT) && last->rtt_samples;

	signal_put(out, "net", "rtt_ns", is_known ? (double)last->rtt_ns / (double)last->rtt_samples : -1, -1, "ns", HOOK);
}

json_t *answer_signals(const struct answer_world *world, const struct window *window)
{
	json_t *out = json_pack("{s:{}, s:{}, s:{}}", "memory", "io", "net");

	counted_put(out, world, window);
	swap_put(out, world, window);
	files_put(out, window);
	delayed_put(out, world, window);
	depth_put(out, world, window);
	rtt_put(out, world, window);
	return out;
}
