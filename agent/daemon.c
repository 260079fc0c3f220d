/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "act/trim.h"
#include "sense/host.h"
#include "sense/topology.h"

#define NS_PER_S 1000000000ull
#define SCAN_NS (30 * NS_PER_S)	/* repairs what a lost mkdir or rmdir record left wrong */
#define TRIM_NS (5 * NS_PER_S)	/* after the start */
#define RING_BYTES (512u << 10)
#define FLUSH_HZ 10

/* Every observation goes to the recording first: what the mind saw is on disk even if it then dies of it. */
void daemon_observe(void *context, const struct observation *observation)
{
	struct daemon *daemon = context;

	recording_observe(daemon->recording, observation);
	recording_observe(learn_recording(daemon->learn), observation);
	predictor_observe(daemon->mind->predictor, observation);
	report_observe(daemon->report, observation);
}

static uint64_t lacks_of(const struct nerve *nerve)
{
	static const struct {
		enum nerve_signal signal;
		enum observe_lack lack;
	} rows[] = {
		{ NERVE_RECLAIM, OBSERVE_LACKS_RECLAIM }, { NERVE_IO, OBSERVE_LACKS_IO },
		{ NERVE_PACKETS, OBSERVE_LACKS_PACKETS }, { NERVE_RETRANSMITS, OBSERVE_LACKS_RETRANSMITS },
	};
	uint64_t lacks = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		lacks |= (uint64_t)!nerve_has(nerve, rows[i].signal) << rows[i].lack;
	return lacks;
}

static void host_tell(struct daemon *daemon, uint64_t now_ns)
{
	struct observation observation = { .kind = OBSERVE_HOST, .host = { .time_ns = now_ns, .cpus = host_cpus(),
							    .giver_cpus = topology_giver_cpus() } };
	uint64_t busy_ns, dropped = 0;
	struct wire_loss loss;

	nerve_losses(daemon->nerve, &loss);
	for (int kind = 1; kind < WIRE_KIND_COUNT; kind++)
		dropped += loss.dropped[kind] - daemon->loss.dropped[kind];
	daemon->loss = loss;
	observation.host.records_lost = dropped;
	observation.host.lacks = lacks_of(daemon->nerve);
	if (!host_busy_ns(&busy_ns)) {
		observation.host.busy_ns = busy_ns - daemon->busy_ns;
		observation.host.elapsed_ns = now_ns - daemon->second_ns;
		daemon->busy_ns = busy_ns;
	}
	daemon_observe(daemon, &observation);
}

static void memory_tell(struct daemon *daemon)
{
	struct observation observation = { .kind = OBSERVE_HOST_MEMORY };

	if (!host_memory(&observation.host_memory))
		daemon_observe(daemon, &observation);
}

static bool is_held(const struct daemon *daemon, const struct plan_action *action)
{
	const struct result_item *said = hands_outcome(daemon->hands, action->slot, action->knob);

	return said && (said->outcome == OUTCOME_APPLIED || said->outcome == OUTCOME_RENEWED || said->outcome == OUTCOME_PENDING);
}

/* What the hands hold of whom, as of the plan made last. */
static void held_tell(struct daemon *daemon, uint64_t now_ns)
{
	const struct plan *plan = &daemon->plan;
	uint64_t held[ACTIONS_MAX] = { 0 };
	bool is_any = false, is_answer = false;

	for (uint32_t i = 0; i < plan->count; i++) {
		uint32_t at = 0;

		while (plan->action[at].slot != plan->action[i].slot)
			at++;
		if (!is_held(daemon, &plan->action[i]))
			continue;
		held[at] |= 1ull << plan->action[i].knob;
		is_any = true;
		is_answer |= plan_action_answers(&plan->action[i]);
	}
	for (uint32_t i = 0; i < plan->count; i++)
		if (held[i])
			daemon_observe(daemon, &(struct observation){ .kind = OBSERVE_HANDS,
								      .hands = { plan->action[i].slot, 0, held[i], now_ns } });
	if (is_any)
		daemon_observe(daemon, &(struct observation){ .kind = is_answer ? OBSERVE_ACTED : OBSERVE_HELD, .time_ns = now_ns });
}

static void answers_take(struct daemon *daemon)
{
	bool is_told = false;
	struct result result;

	while (hands_answer(daemon->hands, &result)) {
		if (!result.count)
			continue;
		daemon->result = result;
		recording_result(daemon->recording, &result);
		recording_result(learn_recording(daemon->learn), &result);
		is_told = true;
	}
	if (is_told)
		held_tell(daemon, host_now_ns());
}

/* Ends the tick: forecasts when it closed a second, and a plan; both recordings are told. */
static void think(struct daemon *daemon, uint64_t now_ns)
{
	struct recording *const recordings[] = { daemon->recording, learn_recording(daemon->learn) };
	struct observation end = { .kind = OBSERVE_TICK, .time_ns = now_ns };

	for (int i = 0; i < 2; i++)
		recording_observe(recordings[i], &end);
	daemon->is_closed = mind_tick(daemon->mind, now_ns, &daemon->plan);
	for (int i = 0; i < 2; i++) {
		if (daemon->is_closed)
			recording_forecasts(recordings[i], daemon->mind);
		recording_plan(recordings[i], &daemon->plan);
	}
}

static struct profile_clock wall_now(void)
{
	struct profile_clock clock;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	clock = outlook_clock((int64_t)now.tv_sec);
	clock.ns = (uint32_t)now.tv_nsec;
	return clock;
}

/* Who observes need not be there in time, and its memory is the host's to take. */
static void memory_hold(struct daemon *daemon)
{
	bool is_wanted = mode_acts(hands_mode(daemon->hands));
	int r;

	if (is_wanted == daemon->is_held)
		return;
	daemon->is_held = is_wanted;
	r = trim_hold(is_wanted);
	if (r)
		fprintf(stderr, "forestalld: own memory is not held, plans may be late when memory is short: %s\n", strerror(-r));
}

static void tick(struct daemon *daemon)
{
	uint64_t now_ns = host_now_ns();
	bool is_second = now_ns - daemon->second_ns + DAEMON_EARLY_NS >= NS_PER_S;

	nerve_consume(daemon->nerve);
	ring_tick(&daemon->ring, now_ns);
	if (now_ns - daemon->scan_ns >= SCAN_NS || (now_ns - daemon->scan_ns >= NS_PER_S && tree_has_room(daemon->tree, now_ns))) {
		tree_scan(daemon->tree, now_ns);
		daemon->scan_ns = now_ns;
	}
	tree_tick(daemon->tree, is_second);
	daemon->is_spoken_to = false;
	daemon->is_behind = report_tick(daemon->report, now_ns, is_second);
	/* What is free is of use to plans, and these are made for the annotated. */
	if (is_second || tree_has_annotated(daemon->tree))
		memory_tell(daemon);
	if (is_second) {
		nerve_second(daemon->nerve);
		host_tell(daemon, now_ns);
		daemon->second_ns = now_ns;
	}
	think(daemon, now_ns);
	if (now_ns < daemon->shadow_until_ns)
		hands_plan(daemon->hands, daemon->mind, &(struct plan){ .id = daemon->plan.id, .time_ns = now_ns });
	else
		hands_plan(daemon->hands, daemon->mind, &daemon->plan);
	answers_take(daemon);
	outlook_tick(daemon->outlook, now_ns, wall_now(), is_second);
	daemon_learn(daemon, now_ns);
	daemon_policy(daemon);
	daemon->tick_cost_ns = host_now_ns() - now_ns;
	/* Loading reads the whole of the kernel's BTF, and the first ticks greet the bus and open the journal: not needed again. */
	if (daemon->trim_ns && now_ns >= daemon->trim_ns) {
		trim_code();
		daemon->trim_ns = 0;
	}
	if (is_second && !daemon->trim_ns)
		memory_hold(daemon);
}

static int mind_open(struct daemon *daemon, char error[DAEMON_ERROR_MAX])
{
	struct predictor_config config = {
		.slots_max = daemon->config.instances_max,
		.host_cpus = (float)host_cpus(),
		.second_ns = NS_PER_S,
		.tick_ns = daemon->config.tick_ms * 1000000ull,
		.forecaster = daemon->config.forecaster == FORECAST_LSTM && !daemon->model ? FORECAST_STATISTICAL :
			      daemon->config.forecaster,
		.weights = daemon->model ? &daemon->model->weights : NULL,
		.isa = lstm_isa_best(),
	};

	/* Which dangers are left alone is nobody's to foresee; the seed is kept in recordings. */
	if (getrandom(&daemon->config.policy.seed, sizeof(daemon->config.policy.seed), 0) < 0)
		daemon->config.policy.seed = host_now_ns();
	daemon->mind = mind_new(&config, &daemon->config.policy);
	if (daemon->mind)
		daemon->outlook = outlook_new(&(struct outlook_setup){ daemon->options.state_dir, daemon->options.config_dir,
									    daemon->mind->predictor, daemon_observe, daemon });
	if (!daemon->outlook)
		snprintf(error, DAEMON_ERROR_MAX, "memory for %u instances: none; lower instances_max", config.slots_max);
	return daemon->outlook ? 0 : -ENOMEM;
}

static int report_open(struct daemon *daemon)
{
	struct report_setup setup = {
		.cgroup_root = daemon->cgroup_root, .run_dir = daemon->options.run_dir, .config = &daemon->config,
		.slots_max = daemon->config.instances_max,
		.is_oom_told = nerve_has(daemon->nerve, NERVE_OOM), .observe = daemon_observe, .context = daemon,
	};

	daemon->report = report_new(&setup);
	if (!daemon->report)
		return -ENOMEM;
	daemon->ring.watch = report_watch(daemon->report);
	return 0;
}

/* As the kernel spells it in the links of /proc: paths of cgroups are what comes behind it. */
static int root_find(struct daemon *daemon, char error[DAEMON_ERROR_MAX])
{
	const char *asked = daemon->options.cgroup_root;

	if (asked ? realpath(asked, daemon->cgroup_root) != NULL : !host_cgroup_root(daemon->cgroup_root, sizeof(daemon->cgroup_root)))
		return 0;
	if (asked)
		snprintf(error, DAEMON_ERROR_MAX, "%.300s: %s; give the cgroup v2 mount with --cgroup-root", asked, strerror(errno));
	else
		snprintf(error, DAEMON_ERROR_MAX, "cgroup v2: not mounted; mount -t cgroup2 none /sys/fs/cgroup");
	return -ENOENT;
}

static int senses_open(struct daemon *daemon, char error[DAEMON_ERROR_MAX])
{
	struct nerve_config nerve = {
		.slots_max = daemon->config.instances_max, .ring_bytes = RING_BYTES, .window_ns = NS_PER_S,
		.flush_hz = FLUSH_HZ, .pin_dir = NERVE_PIN_DIR,
	};
	struct tree_setup tree = {
		.root = daemon->cgroup_root, .slots_max = daemon->config.instances_max, .config = &daemon->config,
		.observe = daemon_observe, .context = daemon,
	};
	int r;

	nerve.cgroup_root = daemon->cgroup_root;
	r = root_find(daemon, error);
	if (r)
		return r;
	daemon->ring.observe = daemon_observe;
	daemon->ring.context = daemon;
	r = nerve_open(&nerve, ring_record, &daemon->ring, &daemon->nerve, error);
	if (r)
		return r;
	for (int signal = 0; signal < NERVE_SIGNAL_COUNT; signal++)
		if (!nerve_has(daemon->nerve, signal))
			fprintf(stderr, "forestalld: no signal %s: %s; lost: %s\n", signal_name(signal),
				nerve_lacks(daemon->nerve, signal), signal_lost(signal));
	tree.nerve = daemon->nerve;
	r = tree_open(&tree, &daemon->tree);
	if (r) {
		snprintf(error, DAEMON_ERROR_MAX, "%.300s: %s; give the cgroup v2 mount with --cgroup-root",
			 daemon->cgroup_root, strerror(-r));
		return r;
	}
	daemon->ring.tree = daemon->tree;
	return report_open(daemon);
}

static int surfaces_open(struct daemon *daemon, char error[DAEMON_ERROR_MAX])
{
	char path[108];
	int r;

	if (mkdir(daemon->options.run_dir, 0755) && errno != EEXIST)
		r = -errno;
	else {
		snprintf(path, sizeof(path), "%s/mind.sock", daemon->options.run_dir);
		r = socket_open(path, 0, &daemon->socket);
	}
	if (r) {
		snprintf(error, DAEMON_ERROR_MAX, "%s/mind.sock: %s; %s", daemon->options.run_dir, strerror(-r),
			 r == -EADDRINUSE ? "another forestalld runs" : "make the directory writable or give --run-dir");
		return r;
	}
	snprintf(path, sizeof(path), "%s/act.sock", daemon->options.run_dir);
	daemon->hands = hands_new(path, daemon->config.instances_max);
	return daemon->hands ? 0 : -ENOMEM;
}

/* Every followed cgroup costs a descriptor, an annotated one fifteen; take what the host allows. */
static void descriptors_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int forecaster_choose(struct daemon *daemon, char error[DAEMON_ERROR_MAX])
{
	const char *name = daemon->options.forecaster;

	if (!name)
		return 0;
	for (int i = FORECAST_LSTM; i < FORECAST_SOURCE_COUNT; i++)
		if (!strcmp(name, forecast_source_name(i))) {
			daemon->config.forecaster = i;
			return 0;
		}
	snprintf(error, DAEMON_ERROR_MAX, "forecaster '%.40s': unknown; use lstm, statistical or persistence", name);
	return -EINVAL;
}

int daemon_open(struct daemon *daemon, const struct daemon_options *options, char error[DAEMON_ERROR_MAX])
{
	int r;

	trim_arrays();
	memset(daemon, 0, sizeof(*daemon));
	daemon->options = *options;
	error[0] = '\0';
	descriptors_raise();
	r = config_load(options->config_dir, &daemon->config, error);
	r = r ?: forecaster_choose(daemon, error);
	r = r ?: daemon_model_open(daemon, error);
	r = r ?: mind_open(daemon, error);
	r = r ?: surfaces_open(daemon, error);
	r = r ?: senses_open(daemon, error);
	r = r ?: daemon_learn_open(daemon);
	if (!r)
		daemon_policy_open(daemon);
	if (!r && options->record_path) {
		r = daemon_record(daemon, options->record_path);
		if (r)
			snprintf(error, DAEMON_ERROR_MAX, "recording %s: %s; choose a writable place", options->record_path,
				 strerror(-r));
	}
	if (r && !error[0])
		snprintf(error, DAEMON_ERROR_MAX, "start: %s", strerror(-r));
	if (r) {
		daemon_close(daemon);
		return r;
	}
	host_busy_ns(&daemon->busy_ns);
	daemon->second_ns = daemon->scan_ns = host_now_ns();
	daemon->trim_ns = daemon->second_ns + TRIM_NS;
	tree_scan(daemon->tree, daemon->scan_ns);
	return 0;
}

void daemon_close(struct daemon *daemon)
{
	recording_close(daemon->recording);
	learn_free(daemon->learn);
	socket_close(daemon->socket);
	hands_free(daemon->hands);
	report_free(daemon->report);
	tree_close(daemon->tree);
	nerve_close(daemon->nerve);
	outlook_free(daemon->outlook);
	mind_free(daemon->mind);
	daemon_model_close(daemon);
	config_done(&daemon->config);
	memset(daemon, 0, sizeof(*daemon));
}

static int watch(int epoll_fd, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void event_take(struct daemon *daemon, int fd)
{
	struct answer_world world;

	if (fd == daemon->clock_fd) {
		if (daemon_clock_take(daemon))
			tick(daemon);
	} else if (fd == nerve_fd(daemon->nerve)) {
		nerve_consume(daemon->nerve);
	} else if (fd == report_fd(daemon->report)) {
		daemon->is_spoken_to = true;
		daemon->is_listening = false;
	} else {
		daemon_world(daemon, &world);
		socket_serve(daemon->socket, &world);
	}
}

int daemon_run(struct daemon *daemon)
{
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC), signal_fd = signals_open();
	struct epoll_event events[8];
	bool is_done = false;
	int r = epoll_fd < 0 || signal_fd < 0 ? -errno : daemon_clock_open(daemon);

	r = r ?: watch(epoll_fd, daemon->clock_fd);
	r = r ?: watch(epoll_fd, signal_fd);
	r = r ?: watch(epoll_fd, nerve_fd(daemon->nerve));
	r = r ?: watch(epoll_fd, socket_fd(daemon->socket));
	while (!r && !is_done) {
		int n = epoll_wait(epoll_fd, events, 8, -1);

		if (n < 0 && errno != EINTR)
			r = -errno;
		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == signal_fd)
				is_done = true;
			else
				event_take(daemon, events[i].data.fd);
		}
		r = r ?: daemon_clock_set(daemon, epoll_fd);
	}
	close(epoll_fd);
	close(daemon->clock_fd);
	close(signal_fd);
	return r;
}
