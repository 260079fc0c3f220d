/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#define TEXT_OF(number) #number
#define MAGIC_OF(version) "forestall-recording " TEXT_OF(version) "\n"
#define MAGIC MAGIC_OF(RECORDING_VERSION)
#define BLOCK_MAX (4u << 20)

struct recording {
	gzFile file;		/* or, while writing, a sink */
	recording_sink_fn sink;
	void *context;
	int error;		/* the first one while writing */
	int version;		/* reading */
	bool is_plan_open;	/* the last plan written was not empty */
	void *block;		/* reading: BLOCK_MAX bytes */
};

struct block_head {
	uint32_t kind, bytes;
};

static void bytes_write(struct recording *recording, const void *bytes, size_t size)
{
	if (recording->error || !size)
		return;
	if (recording->sink)
		recording->error = recording->sink(recording->context, bytes, size);
	else if (gzwrite(recording->file, bytes, (unsigned)size) != (int)size)
		recording->error = errno ? -errno : -EIO;
}

static void block_write(struct recording *recording, uint32_t kind, const void *payload, size_t bytes)
{
	struct block_head head = { kind, (uint32_t)bytes };

	if (!recording)
		return;
	bytes_write(recording, &head, sizeof(head));
	bytes_write(recording, payload, bytes);
}

static void setup_write(struct recording *recording, const struct mind *mind, const char *label)
{
	struct recording_setup setup;
	struct timespec now;

	memset(&setup, 0, sizeof(setup));
	setup.config = mind->predictor->config;
	setup.config.weights = NULL;
	setup.policy = mind->policy;
	clock_gettime(CLOCK_REALTIME, &now);
	setup.started_unix_ns = (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
	setup.memory_bytes = RECORDING_MEMORY_BYTES;
	setup.made_bytes = RECORDING_MADE_BYTES;
	snprintf(setup.label, sizeof(setup.label), "%s", label ? label : "");
	block_write(recording, RECORDING_SETUP, &setup, sizeof(setup));
}

static void parts_write(struct recording *recording, struct predictor *p, uint32_t place)
{
	for (uint32_t part = 0; part < MEMORY_PART_COUNT; part++) {
		struct recording_part head = { place, part };
		struct block_head block = { RECORDING_PART, 0 };
		const void *at;
		size_t bytes;

		if (!predictor_uses(&p->instance[place], (enum memory_part)part))
			continue;
		at = memory_part(&p->memory, place, (enum memory_part)part, &bytes);
		block.bytes = (uint32_t)(sizeof(head) + bytes);
		bytes_write(recording, &block, sizeof(block));
		bytes_write(recording, &head, sizeof(head));
		bytes_write(recording, at, bytes);
	}
}

static void place_write(struct recording *recording, const struct mind *mind, uint32_t place, bool is_live)
{
	struct recording_memory memory;

	memset(&memory, 0, sizeof(memory));
	memory.slot = place;
	memory.instance = mind->predictor->instance[place];
	memory.instance.window.rare = NULL;
	memory.instance.foresight = NULL;
	if (is_live)
		memory.view = mind->view[place];
	if (is_live)
		memory.peer = mind->peer[place];
	memory.view.path = NULL;	/* set anew at each tick */
	block_write(recording, is_live ? RECORDING_MEMORY : RECORDING_PARKED, &memory, sizeof(memory));
	parts_write(recording, mind->predictor, place);
}

static void memory_write(struct recording *recording, const struct mind *mind)
{
	const struct predictor *p = mind->predictor;
	struct recording_mind scalars;

	memset(&scalars, 0, sizeof(scalars));
	scalars.host = p->host;
	memcpy(scalars.knee, mind->knee, sizeof(scalars.knee));
	memcpy(scalars.disk, mind->disk, sizeof(scalars.disk));
	scalars.ledger = mind->ledger;
	scalars.advice = mind->advice;
	scalars.pace = mind->pace;
	scalars.canary = mind->canary;
	scalars.cohort = mind->cohort;
	scalars.trial = mind->trial;
	scalars.second_start_ns = p->second_start_ns;
	scalars.acted_ns = p->acted_ns;
	scalars.held_ns = p->held_ns;
	scalars.plan_id = mind->plan_id;
	scalars.tick_ns = mind->tick_ns;
	block_write(recording, RECORDING_MIND, &scalars, sizeof(scalars));
	for (uint32_t i = 0; i < p->live_count; i++)
		place_write(recording, mind, p->live[i], true);
	for (uint32_t i = 0; i < p->memory.parked_count; i++)
		place_write(recording, mind, p->memory.parked[i], false);
}

static void head_write(struct recording *recording, const struct mind *mind, const struct recording_wish *wish)
{
	bytes_write(recording, MAGIC, strlen(MAGIC));
	setup_write(recording, mind, wish->label);
	if (wish->model)
		block_write(recording, RECORDING_MODEL, wish->model, wish->model_bytes);
	memory_write(recording, mind);
}

int recording_start(recording_sink_fn sink, void *context, const struct mind *mind, const struct recording_wish *wish,
		    struct recording **ret_recording)
{
	struct recording *recording = calloc(1, sizeof(*recording));

	if (!recording)
		return -ENOMEM;
	recording->sink = sink;
	recording->context = context;
	head_write(recording, mind, wish);
	*ret_recording = recording;
	return 0;
}

int recording_create(const char *path, const struct mind *mind, const void *model, size_t model_bytes, const char *label,
		     struct recording **ret_recording)
{
	struct recording_wish wish = { .model = model, .model_bytes = model_bytes, .label = label };
	struct recording *recording = calloc(1, sizeof(*recording));

	if (!recording)
		return -ENOMEM;
	errno = 0;
	recording->file = gzopen(path, "wb1");
	if (!recording->file) {
		int r = errno ? -errno : -ENOMEM;

		free(recording);
		return r;
	}
	head_write(recording, mind, &wish);
	*ret_recording = recording;
	return 0;
}

/* Versions have one digit so far. */
static int magic_check(const char *magic, int oldest, int *ret_version)
{
	size_t digit = strcspn(MAGIC, "0123456789");

	*ret_version = magic[digit] - '0';
	if (strncmp(magic, MAGIC, digit) || magic[digit + 1] != '\n')
		return -EINVAL;
	return *ret_version < oldest || *ret_version > RECORDING_VERSION ? -EPROTO : 0;
}

int recording_version(const struct recording *recording) { return recording->version; }

int recording_open(const char *path, int oldest, struct recording **ret_recording)
{
	struct recording *recording = calloc(1, sizeof(*recording));
	char magic[sizeof(MAGIC)] = "";
	int r = 0;

	if (!recording)
		return -ENOMEM;
	errno = 0;
	recording->file = gzopen(path, "rb");
	recording->block = malloc(BLOCK_MAX);
	if (!recording->file || !recording->block)
		r = errno ? -errno : -ENOMEM;
	else if (gzread(recording->file, magic, strlen(MAGIC)) != (int)strlen(MAGIC))
		r = -EINVAL;
	else
		r = magic_check(magic, oldest, &recording->version);
	if (r) {
		recording_close(recording);
		return r;
	}
	*ret_recording = recording;
	return 0;
}

int recording_close(struct recording *recording)
{
	int r;

	if (!recording)
		return 0;
	r = recording->error;
	if (recording->file && gzclose(recording->file) != Z_OK && !r && !recording->block)
		r = -EIO;
	free(recording->block);
	free(recording);
	return r;
}

void recording_observe(struct recording *recording, const struct observation *observation)
{
	static const size_t bytes[OBSERVE_KIND_COUNT] = {
		[OBSERVE_INSTANCE] = sizeof(struct observe_instance), [OBSERVE_LIMITS] = sizeof(struct observe_limits),
		[OBSERVE_GONE] = sizeof(struct observe_gone),	      [OBSERVE_EVENT] = sizeof(struct observe_event),
		[OBSERVE_HOST] = sizeof(struct observe_host),	      [OBSERVE_TICK] = sizeof(uint64_t),
		[OBSERVE_ACTED] = sizeof(uint64_t),		      [OBSERVE_HELD] = sizeof(uint64_t),
		[OBSERVE_MEMORY] = sizeof(struct observe_memory),
		[OBSERVE_HOST_MEMORY] = sizeof(struct observe_host_memory),
		[OBSERVE_FAILURE] = sizeof(struct observe_failure),    [OBSERVE_APP] = sizeof(struct observe_app),
		[OBSERVE_ASKED] = sizeof(struct observe_asked),	      [OBSERVE_ANNOUNCED] = sizeof(struct observe_announced),
		[OBSERVE_PROFILE] = sizeof(struct observe_profile),    [OBSERVE_HANDS] = sizeof(struct observe_hands),
	};
	size_t used = bytes[observation->kind];

	if (observation->kind == OBSERVE_SAMPLE)
		used = offsetof(struct observe_sample, bucket) +
		       observation->sample.bucket_count * sizeof(struct observe_bucket);
	block_write(recording, observation->kind, &observation->instance, used);
}

void recording_plan(struct recording *recording, const struct plan *plan)
{
	bool is_open = !plan_is_empty(plan);

	if (!recording || (!is_open && !recording->is_plan_open))
		return;
	recording->is_plan_open = is_open;
	block_write(recording, RECORDING_PLAN, plan,
			offsetof(struct plan, action) + plan->count * sizeof(plan->action[0]));
}

void recording_result(struct recording *recording, const struct result *result)
{
	block_write(recording, RECORDING_RESULT, result,
			offsetof(struct result, item) + result->count * sizeof(result->item[0]));
}

void recording_forecasts(struct recording *recording, const struct mind *mind)
{
	const struct predictor *p = mind->predictor;

	for (uint32_t i = 0; recording && i < p->live_count; i++) {
		const struct predictor_instance *instance = &p->instance[p->live[i]];
		struct recording_forecast block = { .slot = p->live[i], .forecast = instance->foresight->forecast };

		if (predictor_foresees(p, instance))
			block_write(recording, RECORDING_FORECAST, &block, sizeof(block));
	}
}

void recording_model(struct recording *recording, const void *model, size_t model_bytes)
{
	block_write(recording, RECORDING_MODEL, model, model_bytes);
}

void recording_order(struct recording *recording, const struct canary_order *order)
{
	block_write(recording, RECORDING_ORDER, order, sizeof(*order));
}

void recording_cohort(struct recording *recording, const struct cohort_order *order)
{
	block_write(recording, RECORDING_COHORT, order, sizeof(*order));
}

int recording_next(struct recording *recording, uint32_t *ret_kind, const void **ret_payload, size_t *ret_bytes)
{
	struct block_head head;

	if (gzread(recording->file, &head, sizeof(head)) != (int)sizeof(head))
		return 0;
	if (head.bytes > BLOCK_MAX - sizeof(struct observation))
		return -EINVAL;
	if (gzread(recording->file, recording->block, head.bytes) != (int)head.bytes)
		return 0;
	/* Blocks are cut after their last used element; the rest of the struct reads as zero. */
	memset((char *)recording->block + head.bytes, 0, sizeof(struct observation));
	*ret_kind = head.kind;
	*ret_payload = recording->block;
	*ret_bytes = head.bytes;
	return 1;
}
