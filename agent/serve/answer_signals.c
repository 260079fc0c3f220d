/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "answer_signals.h"

#include <stdio.h>

#include "predict/predictor.h"
#include "value.h"

#define RUNNERS_MAX 8

/* < 0: not measured. */
struct told {
	double now, total;
	enum measure_from from;
};

static const struct delayed {
	enum measure_id p50, p99;
	uint32_t signal;
	enum wire_delay delay;
} delayed[] = {
	{ MEASURE_io_delay_p50_ns, MEASURE_io_delay_p99_ns, NERVE_IO, WIRE_DELAY_IO },
	{ MEASURE_io_device_p50_ns, MEASURE_io_device_p99_ns, NERVE_IO_DEVICE, WIRE_DELAY_DEVICE },
	{ MEASURE_net_response_p50_ns, MEASURE_net_response_p99_ns, NERVE_RESPONSES, WIRE_DELAY_RESPONSE },
};

static uint64_t counter_at(const struct wire_counters *counters, size_t offset)
{
	return *(const __u64 *)((const char *)counters + offset);
}

static void counted_tell(const struct answer_world *world, const struct window *window, struct told told[MEASURE_COUNT])
{
	for (size_t i = 0; i < MEASURE_COUNT; i++) {
		const struct measure *measure = &measures[i];

		told[i] = (struct told){ -1, -1, measure->from };
		if (measure->counter == MEASURE_NO_COUNTER || !answer_is_measured(world, measure->signal) || !window->last_ns)
			continue;
		told[i].now = (double)counter_at(&window->last, measure->counter) * 1e9 / (double)window->last_ns;
		told[i].total = (double)counter_at(&window->total, measure->counter);
	}
}

static void delayed_tell(const struct answer_world *world, const struct window *window, struct told told[MEASURE_COUNT])
{
	for (size_t i = 0; i < sizeof(delayed) / sizeof(delayed[0]); i++) {
		const struct window_delay delay = window_delay(window, delayed[i].delay);

		if (!answer_is_measured(world, delayed[i].signal) || !window->last_ns)
			continue;
		told[delayed[i].p50].now = delay.p50_ns;
		told[delayed[i].p99].now = delay.p99_ns;
	}
}

/* Bios that were queued and of which no end was seen: how deep the queues are now. */
static void depth_tell(const struct answer_world *world, const struct window *window, struct told told[MEASURE_COUNT])
{
	const struct wire_counters *total = &window->total;
	double depth = (double)total->io_begun - (double)total->io_done - (double)total->io_lost;

	/* Row by row and CPU by CPU the counters are read at slightly different moments. */
	if (answer_is_measured(world, NERVE_IO))
		told[MEASURE_io_in_flight].now = depth < 0 ? 0 : depth;
}

static void file_tell(struct told *told, uint64_t last, uint64_t total)
{
	told->now = (double)last;
	told->total = (double)total;
}

static void files_tell(const struct window *window, struct told told[MEASURE_COUNT])
{
	static const enum measure_id events[] = {
		[MEMORY_EVENT_LOW] = MEASURE_memory_event_low, [MEMORY_EVENT_HIGH] = MEASURE_memory_event_high,
		[MEMORY_EVENT_MAX] = MEASURE_memory_event_max, [MEMORY_EVENT_OOM] = MEASURE_memory_event_oom,
		[MEMORY_EVENT_OOM_KILL] = MEASURE_memory_event_oom_kill,
	};
	const struct observe_memory *last = &window->rare->memory_last, *total = &window->rare->memory_total;

	_Static_assert(sizeof(events) / sizeof(events[0]) == MEMORY_EVENT_COUNT, "a signal for each");
	if (!window->rare->memory_told)
		return;
	file_tell(&told[MEASURE_memory_refaults], last->refaults, total->refaults);
	file_tell(&told[MEASURE_memory_swap_ins], last->swap_ins, total->swap_ins);
	for (int i = 0; i < MEMORY_EVENT_COUNT; i++)
		file_tell(&told[events[i]], last->events[i], total->events[i]);
}

/* Where memory.stat does not tell what was swapped out, the hook does. */
static void swap_tell(const struct answer_world *world, const struct window *window, struct told told[MEASURE_COUNT])
{
	const struct observe_memory *last = &window->rare->memory_last, *total = &window->rare->memory_total;
	struct told *out = &told[MEASURE_memory_swap_outs];

	if (!window->rare->memory_told)
		return;
	if (last->has_swap) {
		file_tell(out, last->swap_outs, total->swap_outs);
	} else if (answer_is_measured(world, NERVE_SWAP) && window->last_ns) {
		*out = (struct told){ (double)window->last.swap_outs * 1e9 / (double)window->last_ns,
				      (double)window->total.swap_outs, MEASURE_HOOK };
	}
}

static void signals_tell(const struct answer_world *world, const struct predictor_instance *instance,
			 struct told told[MEASURE_COUNT])
{
	const struct window *window = &instance->window;
	const struct wire_counters *last = &window->last;

	counted_tell(world, window, told);
	delayed_tell(world, window, told);
	depth_tell(world, window, told);
	files_tell(window, told);
	swap_tell(world, window, told);
	if (answer_is_measured(world, NERVE_RTT) && last->rtt_samples)
		told[MEASURE_net_rtt_ns].now = (double)last->rtt_ns / (double)last->rtt_samples;
	if (world->runnable)
		told[MEASURE_cpu_runnable].now = world->runnable(world->context, instance->info.slot);
	if (world->starved)
		told[MEASURE_cpu_starved].now = world->starved(world->context, instance->info.slot);
}

json_t *answer_signals(const struct answer_world *world, const struct predictor_instance *instance)
{
	struct told told[MEASURE_COUNT];
	json_t *out = json_object();

	signals_tell(world, instance, told);
	for (size_t i = 0; i < MEASURE_COUNT; i++) {
		const struct measure *measure = &measures[i];

		if (measure->shown)
			continue;
		if (!json_object_get(out, measure->family))
			json_object_set_new(out, measure->family, json_object());
		json_object_set_new(json_object_get(out, measure->family), measure->name,
				    json_pack("{s:o, s:o, s:s, s:s}", "now", value_measured(told[i].now), "total",
					      value_measured(told[i].total), "unit", measure->unit, "from",
					      measure_from_name(told[i].from)));
	}
	return out;
}

json_t *answer_signal_values(const struct answer_world *world, const struct predictor_instance *instance)
{
	struct told told[MEASURE_COUNT];
	json_t *out = json_object();

	signals_tell(world, instance, told);
	for (size_t i = 0; i < MEASURE_COUNT; i++) {
		double value = measures[i].is_gauge ? told[i].now : told[i].total;
		char name[MEASURE_METRIC_MAX];

		if (measures[i].shown || value < 0)
			continue;
		measure_metric(&measures[i], name);
		json_object_set_new(out, name, value_number(value));
	}
	return out;
}

/* Path of a cgroup that is followed, else null: it is gone, or there was no slot for it. */
static json_t *path_of(const struct predictor *predictor, uint64_t cgroup_id)
{
	for (uint32_t i = 0; i < predictor->live_count; i++) {
		const struct observe_instance *info = &predictor->instance[predictor->live[i]].info;

		if (info->cgroup_id == cgroup_id)
			return value_text(info->path);
	}
	return json_null();
}

json_t *answer_runners(const struct answer_world *world, const struct predictor_instance *instance)
{
	struct nerve_runner runner[RUNNERS_MAX];
	uint64_t total_ns = 0;
	json_t *out;
	uint32_t count;

	if (!world->runners || instance->info.slo.source == SLO_FROM_DEFAULT)
		return json_null();
	count = world->runners(world->context, instance->info.cgroup_id, runner, RUNNERS_MAX, &total_ns);
	out = json_array();
	for (uint32_t i = 0; i < count; i++)
		json_array_append_new(out, json_pack("{s:o, s:I, s:I, s:o}", "path",
						     path_of(world->mind->predictor, runner[i].cgroup_id), "cgroup_id",
						     (json_int_t)runner[i].cgroup_id, "ns", (json_int_t)runner[i].ns, "share",
						     value_number((double)runner[i].ns / (double)total_ns)));
	return out;
}
