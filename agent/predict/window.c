/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "window.h"

#include <string.h>

void window_reset(struct window *window)
{
	memset(window, 0, sizeof(*window));
	window->worst_bad = -1;
}

void window_push(struct window *window, const struct observe_sample *sample)
{
	const __u64 *from = (const __u64 *)&sample->moved;
	__u64 *to = (__u64 *)&window->sum;
	struct window_tick *tick = &window->tick[window->tick_idx % WINDOW_TICKS];

	for (size_t i = 0; i < sizeof(sample->moved) / sizeof(*from); i++)
		to[i] += from[i];
	for (uint32_t i = 0; i < sample->bucket_count; i++)
		hist_add(&window->hist, sample->bucket[i].idx, sample->bucket[i].count);
	tick->good += (uint32_t)sample->moved.good;
	tick->bad += (uint32_t)sample->moved.bad;
	if (sample->has_psi) {
		window->psi_some_ns += sample->psi_some_ns;
		window->has_psi = true;
	}
}

void window_tick(struct window *window)
{
	float bad = window_bad_share(window, WINDOW_REFLEX_TICKS, WINDOW_REFLEX_SAMPLES);

	if (bad > window->worst_bad)
		window->worst_bad = bad;
	window->tick_idx++;
	window->tick[window->tick_idx % WINDOW_TICKS] = (struct window_tick){ 0 };
}

static float share_or_missing(uint64_t part, uint64_t whole, uint64_t whole_min)
{
	return whole < whole_min ? -1.0f : (float)((double)part / (double)whole);
}

void window_second(struct window *window, uint64_t elapsed_ns)
{
	struct window_second *second = &window->second[window->second_count % WINDOW_SECONDS];
	const struct wire_counters *sum = &window->sum;
	double elapsed = (double)elapsed_ns;
	bool is_sampled = window->hist.total >= HIST_P99_SAMPLES_MIN;

	second->cpu = (float)((double)sum->oncpu_ns / elapsed);
	second->wait = (float)((double)sum->wait_ns / elapsed);
	second->sli_ns = is_sampled ? (float)hist_quantile(&window->hist, 0.99) : -1.0f;
	second->p50_ns = is_sampled ? (float)hist_quantile(&window->hist, 0.5) : -1.0f;
	second->bad_share = share_or_missing(sum->bad, sum->good + sum->bad, HIST_P99_SAMPLES_MIN);
	second->psi_some = window->has_psi ? (float)((double)window->psi_some_ns / elapsed) : -1.0f;
	second->worst_bad = window->worst_bad;
	window->worst_bad = -1;
	second->switches = (float)((double)sum->switches * 1e9 / elapsed);
	second->execs = (float)((double)sum->execs * 1e9 / elapsed);
	window->second_count++;
	memset(&window->sum, 0, sizeof(window->sum));
	hist_reset(&window->hist);
	window->psi_some_ns = 0;
	window->has_psi = false;
}

const struct window_second *window_at(const struct window *window, uint32_t age)
{
	if (age >= window->second_count || age >= WINDOW_SECONDS)
		return NULL;
	return &window->second[(window->second_count - 1 - age) % WINDOW_SECONDS];
}

float window_bad_share(const struct window *window, uint32_t ticks, uint32_t samples_min)
{
	uint32_t good = 0, bad = 0;

	for (uint32_t i = 0; i < ticks && i < WINDOW_TICKS && i <= window->tick_idx; i++) {
		good += window->tick[(window->tick_idx - i) % WINDOW_TICKS].good;
		bad += window->tick[(window->tick_idx - i) % WINDOW_TICKS].bad;
	}
	return share_or_missing(bad, (uint64_t)good + bad, samples_min);
}
