/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "answer_signals.h"

#include <assert.h>

#include "sense/measure.h"
#include "value.h"

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
	return signal == MEASURE_ALWAYS || world->signals >> signal & 1;
}

static uint64_t counter_at(const struct wire_counters *counters, size_t offset)
{
	return *(const __u64 *)((const char *)counters + offset);
}

/* now < 0 or total < 0: null. */
static void measure_put(json_t *out, const struct measure *measure, double now, double total, enum measure_from from)
{
	json_object_set_new(json_object_get(out, measure->family), measure->name,
			    json_pack("{s:o, s:o, s:s, s:s}", "now", value_measured(now), "total", value_measured(total),
				      "unit", measure->unit, "from", measure_from_name(from)));
}

static void signal_put(json_t *out, const char *family, const char *name, double now, double total)
{
	const struct measure *measure = measure_find(family, name);

	assert(measure);
	measure_put(out, measure, now, total, measure->from);
}

static void counted_put(json_t *out, const struct answer_world *world, const struct window *window)
{
	for (size_t i = 0; i < measures_count; i++) {
		const struct measure *measure = &measures[i];
		bool is_known = is_measured(world, measure->signal) && window->last_ns;
		double now;

		if (measure->counter == MEASURE_NO_COUNTER)
			continue;
		now = (double)counter_at(&window->last, measure->counter) * 1e9 / (double)window->last_ns;
		measure_put(out, measure, is_known ? now : -1,
			    is_known ? (double)counter_at(&window->total, measure->counter) : -1, measure->from);
	}
}

static void delayed_put(json_t *out, const struct answer_world *world, const struct window *window)
{
	for (size_t i = 0; i < sizeof(delayed) / sizeof(delayed[0]); i++) {
		const struct window_delay delay = window_delay(window, delayed[i].delay);
		bool is_known = is_measured(world, delayed[i].signal) && window->last_ns;
		char name[32];

		snprintf(name, sizeof(name), "%s_p50_ns", delayed[i].name);
		signal_put(out, delayed[i].family, name, is_known ? delay.p50_ns : -1, -1);
		snprintf(name, sizeof(name), "%s_p99_ns", delayed[i].name);
		signal_put(out, delayed[i].family, name, is_known ? delay.p99_ns : -1, -1);
	}
}

/* Bios that were queued and of which no end was seen: how deep the queues are now. */
static void depth_put(json_t *out, const struct answer_world *world, const struct window *window)
{
	const struct wire_counters *total = &window->total;
	double depth = (double)total->io_begun - (double)total->io_done - (double)total->io_lost;

	/* Row by row and CPU by CPU the counters are read at slightly different moments. */
	signal_put(out, "io", "in_flight", !is_measured(world, NERVE_IO) ? -1 : depth < 0 ? 0 : depth, -1);
}

static void swap_put(json_t *out, const struct answer_world *world, const struct window *window)
{
	const struct observe_memory *last = &window->rare->memory_last, *total = &window->rare->memory_total;
	bool is_told = window->rare->memory_told, is_filed = is_told && last->has_swap;
	bool is_hooked = is_told && !is_filed && is_measured(world, NERVE_SWAP) && window->last_ns;
	double hooked = is_hooked ? (double)window->last.swap_outs * 1e9 / (double)window->last_ns : -1;

	signal_put(out, "memory", "swap_ins", is_told ? (double)last->swap_ins : -1, is_told ? (double)total->swap_ins : -1);
	measure_put(out, measure_find("memory", "swap_outs"), is_filed ? (double)last->swap_outs : hooked,
		    is_filed ? (double)total->swap_outs : is_hooked ? (double)window->total.swap_outs : -1,
		    is_hooked ? MEASURE_HOOK : MEASURE_FILE);
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

	signal_put(out, "memory", "refaults", is_told ? (double)last->refaults : -1, is_told ? (double)total->refaults : -1);
	for (int i = 0; i < MEMORY_EVENT_COUNT; i++)
		signal_put(out, "memory", names[i], is_told ? (double)last->events[i] : -1,
			   is_told ? (double)total->events[i] : -1);
}

static void rtt_put(json_t *out, const struct answer_world *world, const struct window *window)
{
	const struct wire_counters *last = &window->last;
	bool is_known = is_measured(world, NERVE_RTT) && last->rtt_samples;

	signal_put(out, "net", "rtt_ns", is_known ? (double)last->rtt_ns / (double)last->rtt_samples : -1, -1);
}

json_t *answer_signals(const struct answer_world *world, const struct window *window)
{
	json_t *out = json_pack("{s:{}, s:{}, s:{}, s:{}}", "cpu", "memory", "io", "net");

	counted_put(out, world, window);
	swap_put(out, world, window);
	files_put(out, window);
	delayed_put(out, world, window);
	depth_put(out, world, window);
	rtt_put(out, world, window);
	return out;
}
