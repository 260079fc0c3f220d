/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "window.h"

#include <math.h>
#include <string.h>

/* Where an SLI comes from: a histogram of delays, or a pressure total. */
static const int sli_delay[SLI_COUNT] = {
	[SLI_RUNQ_P99] = WIRE_DELAY_QUEUE, [SLI_CPU_SOME] = -1, [SLI_MEM_SOME] = -1, [SLI_MEM_FULL] = -1,
	[SLI_IO_P99] = WIRE_DELAY_IO, [SLI_RESP_P99] = WIRE_DELAY_RESPONSE, [SLI_RETRANS] = -1,
	[SLI_APP ... SLI_COUNT - 1] = -1,
};
static const int sli_psi[SLI_COUNT] = {
	[SLI_RUNQ_P99] = -1, [SLI_CPU_SOME] = PSI_CPU_SOME, [SLI_MEM_SOME] = PSI_MEMORY_SOME,
	[SLI_MEM_FULL] = PSI_MEMORY_FULL, [SLI_IO_P99] = -1, [SLI_RESP_P99] = -1, [SLI_RETRANS] = -1,
	[SLI_APP ... SLI_COUNT - 1] = -1,
};

static void worst_reset(struct window *window)
{
	for (int sli = 0; sli < SLI_COUNT; sli++)
		window->worst_bad[sli] = -1;
}

static const struct window_delay delay_missing = { -1, -1 };

void window_reset(struct window *window, struct window_rare *rare)
{
	memset(window, 0, sizeof(*window));
	window->rare = rare;
	window->queue = delay_missing;
	worst_reset(window);
}

void window_remember(struct window *window)
{
	if (window->is_rare)
		return;
	window->is_rare = true;
	window->rare_since = window->second_count;
}

static struct window_delay delay_of(const struct hist *hist)
{
	if (hist->total < HIST_P99_SAMPLES_MIN)
		return delay_missing;
	return (struct window_delay){ (float)hist_quantile(hist, 0.5), (float)hist_quantile(hist, 0.99) };
}

/* Of who has no histograms of its own: it has one sample a second, mostly too small to tell anything. */
static void queue_push(struct window *window, const struct observe_bucket *bucket, uint32_t count)
{
	struct hist queue;
	uint32_t total = 0;

	for (uint32_t i = 0; i < count; i++)
		total += bucket[i].delay == WIRE_DELAY_QUEUE ? bucket[i].count : 0;
	if (total < HIST_P99_SAMPLES_MIN)
		return;
	hist_reset(&queue);
	for (uint32_t i = 0; i < count; i++)
		if (bucket[i].delay == WIRE_DELAY_QUEUE)
			hist_add(&queue, bucket[i].idx, bucket[i].count);
	window->queue = delay_of(&queue);
}

static void buckets_push(struct window *window, const struct observe_sample *sample)
{
	uint32_t count = sample->bucket_count < OBSERVE_BUCKETS_MAX ? sample->bucket_count : OBSERVE_BUCKETS_MAX;

	for (uint32_t i = 0; i < count; i++)
		if (sample->bucket[i].delay != WIRE_DELAY_QUEUE && sample->bucket[i].delay < WIRE_DELAY_ALL)
			window_remember(window);
	for (uint32_t i = 0; window->is_rare && i < count; i++)
		if (sample->bucket[i].delay < WIRE_DELAY_ALL)
			hist_add(&window->rare->hist[sample->bucket[i].delay], sample->bucket[i].idx, sample->bucket[i].count);
	if (!window->is_rare)
		queue_push(window, sample->bucket, count);
}

static void counters_add(struct wire_counters *to, const struct wire_counters *from)
{
	for (size_t i = 0; i < sizeof(*to) / sizeof(__u64); i++)
		((__u64 *)to)[i] += ((const __u64 *)from)[i];
}

static void tick_push(struct window_tick *tick, const struct observe_sample *sample)
{
	for (int i = 0; i < WIRE_DELAY_COUNT; i++) {
		tick->delay[i].good += (uint32_t)sample->moved.verdict[i].good;
		tick->delay[i].bad += (uint32_t)sample->moved.verdict[i].bad;
	}
	tick->segments += (uint32_t)sample->moved.tx_segments;
	tick->retransmits += (uint32_t)sample->moved.retransmits;
	for (int i = 0; i < PSI_COUNT; i++)
		tick->psi_ns[i] += sample->psi_ns[i];
	tick->psi_known |= sample->psi_known;
}

static struct window_tick *tick_of(const struct window *window, uint32_t ticks_ago)
{
	return &window->rare->tick[(window->tick_idx - ticks_ago) % WINDOW_TICKS];
}

void window_push(struct window *window, const struct observe_sample *sample)
{
	counters_add(&window->sum, &sample->moved);
	buckets_push(window, sample);
	if (window->is_rare)
		tick_push(tick_of(window, 0), sample);
	for (int i = 0; i < PSI_COUNT; i++)
		window->psi_ns[i] += sample->psi_ns[i];
	window->psi_known |= sample->psi_known;
	if (sample->has_memory) {
		window->memory_bytes = sample->memory_bytes;
		window->has_memory = true;
	}
}

void window_memory(struct window *window, const struct observe_memory *memory)
{
	struct observe_memory *total = &window->rare->memory_total;

	window->refaults += memory->refaults;
	window->has_refaults = true;
	window_remember(window);
	window->rare->memory_last = *memory;
	window->rare->memory_told++;
	total->refaults += memory->refaults;
	total->swap_ins += memory->swap_ins;
	total->swap_outs += memory->swap_outs;
	for (int i = 0; i < MEMORY_EVENT_COUNT; i++)
		total->events[i] += memory->events[i];
}

static float share_or_missing(uint64_t part, uint64_t whole, uint64_t whole_min)
{
	return whole < whole_min || !whole ? -1.0f : (float)((double)part / (double)whole);
}

/* Who is starved answers seldom: a few are enough where so many of them are late that no 99th percentile within the bound could be behind it. */
static float late_or_missing(uint64_t bad, uint64_t good, uint64_t whole_min)
{
	return share_or_missing(bad, good + bad, bad >= WINDOW_BAD_MIN ? 1 : whole_min);
}

/* Without a bound nothing is over it. */
static float pressure_bad(float share, uint64_t bound_ppm)
{
	return share < 0 || !bound_ppm ? -1.0f : share * 1e6f > (float)bound_ppm;
}

static void app_add(struct window_app *to, const struct observe_app *app, bool has_value)
{
	to->good += app->good;
	to->bad += app->bad;
	if (!has_value)
		return;
	to->value = app->value;
	to->is_told = true;
}

/* The percentile of a timer is of a second: in a tick its single values count. */
void window_app(struct window *window, const struct observe_app *app)
{
	if (app->idx >= SLO_APP_MAX)
		return;
	app_add(&window->app[app->idx], app, app->value >= 0);
	window_remember(window);
	app_add(&tick_of(window, 0)->app[app->idx], app, app->value >= 0 && app->kind != APP_TIMER);
}

static float app_judge(const struct window_app *app, uint64_t bound_micro, uint32_t samples_min)
{
	if (app->good + app->bad)
		return late_or_missing(app->bad, app->good, samples_min);
	return app->is_told ? pressure_bad(app->value, bound_micro) : -1;
}

/* Of the last ticks together. */
static float app_bad(const struct window *window, const struct slo *slo, enum sli sli)
{
	struct window_app sum = { 0 };

	for (uint32_t ticks = WINDOW_REFLEX_TICKS; ticks-- > 0;) {
		const struct window_app *app;

		if (ticks > window->tick_idx)
			continue;
		app = &tick_of(window, ticks)->app[sli - SLI_APP];
		app_add(&sum, &(struct observe_app){ .good = app->good, .bad = app->bad, .value = app->value }, app->is_told);
	}
	return app_judge(&sum, slo->bound[sli], WINDOW_REFLEX_SAMPLES);
}

uint32_t window_pressures(const struct slo *slo)
{
	uint32_t pressures = 0;

	for (int sli = 0; sli < SLI_COUNT; sli++)
		if (slo->bound[sli] && sli_psi[sli] >= 0)
			pressures |= 1u << sli_psi[sli];
	return pressures;
}

float window_bad(const struct window *window, const struct slo *slo, enum sli sli, uint64_t tick_ns)
{
	uint64_t good = 0, bad = 0, psi_ns = 0, segments = 0, retransmits = 0;
	bool is_known = false;
	uint32_t ticks = 0;

	if (sli >= SLI_APP)
		return app_bad(window, slo, sli);
	for (; ticks < WINDOW_REFLEX_TICKS && ticks <= window->tick_idx; ticks++) {
		const struct window_tick *tick = tick_of(window, ticks);

		if (sli_delay[sli] >= 0) {
			good += tick->delay[sli_delay[sli]].good;
			bad += tick->delay[sli_delay[sli]].bad;
		}
		if (sli_psi[sli] >= 0) {
			psi_ns += tick->psi_ns[sli_psi[sli]];
			is_known = is_known || tick->psi_known >> sli_psi[sli] & 1;
		}
		segments += tick->segments;
		retransmits += tick->retransmits;
	}
	if (sli_delay[sli] >= 0)
		return late_or_missing(bad, good, WINDOW_REFLEX_SAMPLES);
	if (sli_psi[sli] >= 0)
		return is_known ? pressure_bad((float)psi_ns / (float)(tick_ns * ticks), slo->bound[sli]) : -1;
	/* A retransmit rate is over its bound or not: the bound itself is a share. */
	return pressure_bad(share_or_missing(retransmits, segments, WINDOW_REFLEX_SAMPLES), slo->bound[sli]);
}

void window_tick(struct window *window, const struct slo *slo, uint64_t tick_ns)
{
	for (int sli = 0; sli < SLI_COUNT; sli++) {
		float bad = slo->bound[sli] ? window_bad(window, slo, (enum sli)sli, tick_ns) : -1;

		if (bad > window->worst_bad[sli])
			window->worst_bad[sli] = bad;
	}
	window->tick_idx++;
	if (window->is_rare)
		memset(tick_of(window, 0), 0, sizeof(struct window_tick));
}

static struct window_delay delay_open(const struct window *window, int delay)
{
	if (window->is_rare)
		return delay_of(&window->rare->hist[delay]);
	return delay == WIRE_DELAY_QUEUE ? window->queue : delay_missing;
}

/* The value of each SLI in the second, and how much of it was over the bound. */
static void second_slis(struct window *window, const struct slo *slo, struct window_second *second)
{
	const struct wire_counters *sum = &window->sum;
	struct window_judged *judged = &window->judged;

	for (int sli = SLI_APP; sli < SLI_COUNT; sli++) {
		const struct window_app *app = &window->app[sli - SLI_APP];

		second->sli[sli] = slo->bound[sli] && app->is_told ? app->value : -1;
		judged->bad[sli] = slo->bound[sli] ? app_judge(app, slo->bound[sli], HIST_P99_SAMPLES_MIN) : -1;
	}
	for (int sli = 0; sli < SLI_LEARNED_COUNT; sli++) {
		if (sli_delay[sli] >= 0) {
			const struct wire_verdict *verdict = &sum->verdict[sli_delay[sli]];

			second->sli[sli] = delay_open(window, sli_delay[sli]).p99_ns;
			judged->bad[sli] = late_or_missing(verdict->bad, verdict->good, HIST_P99_SAMPLES_MIN);
			continue;
		}
		second->sli[sli] = sli_psi[sli] >= 0 ? second->psi[sli_psi[sli]] :
						       share_or_missing(sum->retransmits, sum->tx_segments, HIST_P99_SAMPLES_MIN);
		judged->bad[sli] = pressure_bad(second->sli[sli], slo->bound[sli]);
	}
	memcpy(judged->worst_bad, window->worst_bad, sizeof(judged->worst_bad));
}

static void second_rates(const struct window *window, double elapsed, struct window_second *second)
{
	const struct wire_counters *sum = &window->sum;
	double per_second = 1e9 / elapsed;

	second->cpu = (float)((double)sum->oncpu_ns / elapsed);
	second->wait = (float)((double)sum->wait_ns / elapsed);
	second->switches = (float)((double)sum->switches * per_second);
	second->execs = (float)((double)sum->execs * per_second);
	second->memory = window->has_memory ? (float)window->memory_bytes : -1;
	second->major_faults = (float)((double)sum->major_faults * per_second);
	second->reclaim = (float)((double)sum->reclaim_ns / elapsed);
	second->refaults = window->has_refaults ? (float)((double)window->refaults * per_second) : -1;
	second->io_bytes = (float)((double)(sum->io_read_bytes + sum->io_write_bytes) * per_second);
	second->io_done = (float)((double)sum->io_done * per_second);
	second->tx_bytes = (float)((double)sum->tx_bytes * per_second);
	second->rx_bytes = (float)((double)sum->rx_bytes * per_second);
	second->rtt_ns = sum->rtt_samples ? (float)((double)sum->rtt_ns / (double)sum->rtt_samples) : -1;
	second->p50_ns = delay_open(window, WIRE_DELAY_QUEUE).p50_ns;
	for (int i = 0; i < PSI_COUNT; i++)
		second->psi[i] = window->psi_known >> i & 1 ? fminf((float)((double)window->psi_ns[i] / elapsed), 1) : -1;
}

/* What is shown of the second beside its rates. */
static void second_keep(struct window *window, uint64_t elapsed_ns)
{
	counters_add(&window->total, &window->sum);
	window->last = window->sum;
	window->last_ns = elapsed_ns;
	/* Queue waits, which all have, are in window_second. */
	for (int i = WIRE_DELAY_IO; window->is_rare && i < WIRE_DELAY_ALL; i++)
		window->rare->delay[i - 1] = delay_open(window, i);
}

struct window_delay window_delay(const struct window *window, enum wire_delay delay)
{
	return window->is_rare ? window->rare->delay[delay - 1] : delay_missing;
}

/* Nothing has moved in the second that opens now. */
static void second_open(struct window *window)
{
	worst_reset(window);
	memset(&window->sum, 0, sizeof(window->sum));
	memset(window->app, 0, sizeof(window->app));
	window->queue = delay_missing;
	for (int i = 0; window->is_rare && i < WIRE_DELAY_ALL; i++)
		if (window->rare->hist[i].total)
			hist_reset(&window->rare->hist[i]);
	memset(window->psi_ns, 0, sizeof(window->psi_ns));
	window->psi_known = 0;
	window->refaults = 0;
	window->has_refaults = false;
}

void window_second(struct window *window, const struct slo *slo, uint64_t elapsed_ns)
{
	second_rates(window, (double)elapsed_ns, &window->second);
	second_slis(window, slo, &window->second);
	second_keep(window, elapsed_ns);
	if (window->is_rare)
		window->rare->second[window->second_count % WINDOW_SECONDS] = window->second;
	window->second_count++;
	second_open(window);
}

void window_resume(struct window *window, const struct slo *slo, uint32_t missed, uint64_t second_ns)
{
	second_open(window);
	if (window->is_rare)
		memset(window->rare->tick, 0, sizeof(window->rare->tick));
	window->has_memory = false;
	for (uint32_t i = 0; i < missed && i < WINDOW_SECONDS; i++)
		window_second(window, slo, second_ns);
}

const struct window_second *window_at(const struct window *window, uint32_t age)
{
	if (!age)
		return window->second_count ? &window->second : NULL;
	if (!window->is_rare || age >= window->second_count - window->rare_since || age >= WINDOW_SECONDS)
		return NULL;
	return &window->rare->second[(window->second_count - 1 - age) % WINDOW_SECONDS];
}
