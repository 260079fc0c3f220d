/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the daemon tells whoever asks, and what a question may change. */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sense/host.h"

int daemon_record(void *context, const char *path)
{
	struct daemon *daemon = context;
	struct recording *recording = daemon->recording;

	if (!path) {
		daemon->recording = NULL;
		return recording ? recording_close(recording) : -ENOENT;
	}
	if (recording)
		return -EBUSY;
	return recording_create(path, daemon->mind, daemon->model_bytes, daemon->model_size, daemon->options.label,
				&daemon->recording);
}

static int world_slo_refresh(void *context, uint32_t slot)
{
	return tree_refresh(((struct daemon *)context)->tree, slot);
}

static void world_asked(void *context, uint32_t slot)
{
	struct daemon *daemon = context;
	struct observation observation = { .kind = OBSERVE_ASKED, .asked = { .slot = slot } };

	observation.asked.cgroup_id = daemon->mind->predictor->instance[slot].info.cgroup_id;
	daemon_observe(daemon, &observation);
}

static const char *world_slo_problem(void *context, uint32_t slot)
{
	return tree_problem(((struct daemon *)context)->tree, slot);
}

static void world_name(void *context, const char *path, char ret_name[NAME_BYTES_MAX])
{
	char full[sizeof(((struct daemon *)context)->cgroup_root) + OBSERVE_PATH_MAX];
	int fd;

	snprintf(full, sizeof(full), "%s%s", ((struct daemon *)context)->cgroup_root, path);
	/* Only a container's name is asked of its processes; for the rest the path tells. */
	name_of_path(path, ret_name);
	if (strncmp(ret_name, "podman:", strlen("podman:")))
		return;
	fd = open(full, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	name_find(fd, path, ret_name);
	if (fd >= 0)
		close(fd);
}

static uint32_t world_runnable(void *context, uint32_t slot)
{
	return nerve_runnable(((struct daemon *)context)->nerve, slot);
}

static uint32_t world_starved(void *context, uint32_t slot)
{
	return nerve_starved(((struct daemon *)context)->nerve, slot);
}

static uint32_t world_runners(void *context, uint64_t cgroup_id, struct nerve_runner *ret, uint32_t max, uint64_t *ret_total_ns)
{
	return nerve_runners(((struct daemon *)context)->nerve, cgroup_id, ret, max, ret_total_ns);
}

static uint64_t world_skipped(void *context)
{
	return nerve_skipped(((struct daemon *)context)->nerve);
}

static const struct result_item *world_outcome(void *context, uint32_t slot, uint32_t knob)
{
	return hands_outcome(((struct daemon *)context)->hands, slot, knob);
}

void daemon_world(struct daemon *daemon, struct answer_world *ret)
{
	struct wire_loss loss;

	nerve_losses(daemon->nerve, &loss);
	*ret = (struct answer_world){
		.mind = daemon->mind,
		.plan = &daemon->plan,
		.result = &daemon->result,
		.mode = hands_mode(daemon->hands),
		.model_path = daemon->model ? daemon->model_path : NULL,
		.learn = daemon->learn,
		.now_ns = host_now_ns(),
		.tick_late_ns_max = daemon->tick_late_ns_max,
		.tick_cost_ns = daemon->tick_cost_ns,
		.context = daemon,
		.slo_refresh = world_slo_refresh,
		.asked = world_asked,
		.record = daemon_record,
		.model_change = daemon_model_change,
		.challenge = daemon_challenge,
		.policy_order = daemon_policy_order,
		.cohort_order = daemon_cohort_order,
		.shadow_until_ns = daemon->shadow_until_ns,
		.slo_problem = world_slo_problem,
		.outcome = world_outcome,
		.skipped = world_skipped,
		.runnable = world_runnable,
		.starved = world_starved,
		.runners = world_runners,
		.name = world_name,
		.failures = report_failures(daemon->report),
		.app = report_app(daemon->report),
		.log = report_log(daemon->report),
		.outlook = daemon->outlook,
	};
	for (int signal = 0; signal < NERVE_SIGNAL_COUNT; signal++)
		ret->signals |= (uint32_t)nerve_has(daemon->nerve, signal) << signal;
	ret->switches = loss.switches;
	ret->switches_unseen = loss.switches_unseen;
	ret->io_unseen = loss.io_unseen;
	ret->unfollowed = tree_unfollowed(daemon->tree);
	for (uint32_t cpu = 0; cpu < nerve_cpus(daemon->nerve); cpu++)
		ret->other_cpu_ns += nerve_row(daemon->nerve, cpu, WIRE_SLOT_OTHER)->now.oncpu_ns;
	for (int kind = 1; kind < WIRE_KIND_COUNT; kind++) {
		ret->produced += loss.produced[kind];
		ret->dropped += loss.dropped[kind];
		ret->delivered += daemon->ring.delivered[kind];
	}
}
