/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes a small recording, not compressed, to stdout: what fuzz_recording starts from. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decide/policy.h"
#include "serve/recording.h"

#define TICK_NS 100000000ull

static int sink(void *context, const void *bytes, size_t size)
{
	return fwrite(bytes, 1, size, context) == size ? 0 : -1;
}

static void tell(struct mind *mind, struct recording *recording, const struct observation *observation)
{
	recording_observe(recording, observation);
	predictor_observe(mind->predictor, observation);
}

static void instance_tell(struct mind *mind, struct recording *recording, uint32_t slot)
{
	struct observation observation = { .kind = OBSERVE_INSTANCE, .instance = { .slot = slot, .cgroup_id = 70 + slot } };
	struct slo_error error;

	slo_parse(slot == 1 ? "runq_p99<5ms mem_some<1% app.queue<10 tier=critical cpu=0.1..2 concurrency=2 share=80:8081" :
				     "tier=best-effort kind=batch data=1M duration=5s", &observation.instance.slo, &error);
	observation.instance.slo.source = SLO_FROM_CONFIG;
	snprintf(observation.instance.path, OBSERVE_PATH_MAX, "/app/%u", slot);
	tell(mind, recording, &observation);
}

static void tick(struct mind *mind, struct recording *recording, uint64_t now_ns)
{
	static struct observation sample, other;
	static struct plan plan;

	for (uint32_t slot = 1; slot <= 2; slot++) {
		sample = (struct observation){ .kind = OBSERVE_SAMPLE };
		sample.sample.slot = slot;
		sample.sample.moved.oncpu_ns = TICK_NS / 2;
		sample.sample.moved.verdict[WIRE_DELAY_QUEUE].good = 60;
		sample.sample.moved.verdict[WIRE_DELAY_QUEUE].bad = 40;
		sample.sample.bucket_count = 1;
		sample.sample.bucket[0] = (struct observe_bucket){ .idx = 90, .count = 100 };
		tell(mind, recording, &sample);
	}
	other = (struct observation){ .kind = OBSERVE_EVENT, .event = { 1, 12345, now_ns } };
	tell(mind, recording, &other);
	other = (struct observation){ .kind = OBSERVE_PROFILE, .profile = { 1, RESOURCE_CPU, now_ns + TICK_NS, { 1, 1, 1 }, { 2, 2, 2 }, { 2, 2, 2 }, 0 } };
	tell(mind, recording, &other);
	other = (struct observation){ .kind = OBSERVE_HOST, .host = { .time_ns = now_ns, .busy_ns = TICK_NS, .elapsed_ns = TICK_NS, .cpus = 2 } };
	tell(mind, recording, &other);
	other = (struct observation){ .kind = OBSERVE_TICK, .time_ns = now_ns };
	recording_observe(recording, &other);
	if (mind_tick(mind, now_ns, &plan))
		recording_forecasts(recording, mind);
	recording_plan(recording, &plan);
}

int main(void)
{
	struct predictor_config config = { .slots_max = 4, .host_cpus = 2, .second_ns = 10 * TICK_NS, .tick_ns = TICK_NS,
					   .forecaster = FORECAST_STATISTICAL };
	struct recording_wish wish = { .label = "seed" };
	struct cohort_order setting = { .knob = KNOB_CPU_WEIGHT, .value = 77, .share = 0.5f, .block_ns = 10 * TICK_NS,
					.max_ns = 1000 * TICK_NS, .glob = "/*" };
	struct canary_order order = { .policy = POLICY_REACTIVE, .share = 0.5f, .block_ns = 10 * TICK_NS, .max_ns = 1000 * TICK_NS };
	struct recording *recording = NULL;
	struct plan_policy policy;
	struct mind *mind;

	plan_policy_init(&policy);
	mind = mind_new(&config, &policy);
	if (!mind)
		return 1;
	for (uint32_t slot = 1; slot <= 2; slot++)
		instance_tell(mind, NULL, slot);
	for (int i = 1; i < 60; i++) {
		if (i == 30 && recording_start(sink, stdout, mind, &wish, &recording))
			return 1;
		if (i == 40 && !canary_order(&mind->canary, &mind->policy, &order, mind->tick_ns))
			recording_order(recording, &order);
		if (i == 42 && !cohort_order(&mind->cohort, &policy, &setting, mind->tick_ns))
			recording_cohort(recording, &setting);
		tick(mind, recording, (uint64_t)i * TICK_NS);
	}
	mind_free(mind);
	return recording_close(recording) || fclose(stdout) ? 1 : 0;
}
