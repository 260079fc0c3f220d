/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forestall-up, which `forestall up` becomes: runs the hands, the mind and, where it is built, the web surface, and ends them in the order
 * that leaves nothing changed: the mind first, so that no plan comes any more, then the hands, which undo, then once more
 * the undo from the journal, in case the hands could not. A program of its own, linked to libc alone and that statically: it lives as
 * long as the others and has nothing to do, so what it holds in memory is all that it costs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "act/bounds.h"
#include "act/lock.h"
#include "act/trim.h"
#include "process.h"
#include "print.h"
#include "run_mode.h"
#include "up_ask.h"

#define BACKOFF_MAX_MS 10000
#define WEB_BACKOFF_MAX_MS 60000
#define EARLY_NS NS_PER_S	/* hands that fail within this have failed to start */
#define MIND_PATIENCE_MS 3000
#define HANDS_PATIENCE_MS 10000
#define READY_POLL_MS 100
#define PULSES_MISSED_MAX 3

enum role { ROLE_HANDS, ROLE_MIND, ROLE_WEB, ROLE_COUNT };

struct up_options {
	const char *run_dir, *config_dir, *cgroup_root, *state_dir;	/* as struct context has them */
	const char *mode, *forecaster, *model, *record, *label, *web_listen;
	bool no_web;
};

struct up {
	struct up_options options;
	struct process process[ROLE_COUNT];
	bool has_web;
	bool is_ready;
	bool is_stopping;
	uint64_t pulse_ns, pulse_due_ns;
	int pulses_missed;		/* by the mind that is there */
	int status;
	int signal_fd;
	int lock_fd;
	char web_dir[PATH_MAX];		/* what the web surface keeps; "": as it will */
};

static const char usage_text[] = "[--mode MODE] [--forecaster lstm|statistical|persistence] [--model FILE]\n"
				 "       [--record FILE [--label TEXT]]\n"
				 "       [--no-web | --web-listen 127.0.0.1:PORT]";

static int options_parse(int argc, char **argv, struct up_options *ret)
{
	const struct {
		const char *name;
		const char **value;
	} valued[] = { { "--run-dir", &ret->run_dir }, { "--config-dir", &ret->config_dir }, { "--cgroup-root", &ret->cgroup_root },
		      { "--state-dir", &ret->state_dir }, { "--mode", &ret->mode }, { "--forecaster", &ret->forecaster }, { "--model", &ret->model },
		      { "--record", &ret->record }, { "--label", &ret->label },
		      { "--web-listen", &ret->web_listen } };
	const size_t count = sizeof(valued) / sizeof(valued[0]);

	for (int i = 1; i < argc; i++) {
		size_t k = 0;

		if (!strcmp(argv[i], "--no-web")) {
			ret->no_web = true;
			continue;
		}
		while (k < count && strcmp(argv[i], valued[k].name))
			k++;
		if (k == count || i + 1 >= argc)
			return -EINVAL;
		*valued[k].value = argv[++i];
	}
	return ret->mode && mode_parse(ret->mode) == MODE_COUNT ? -EINVAL : 0;
}

/* The descriptor that keeps a second supervisor of the same directory out, or -1 after it said why not. */
static int up_lock(const char *run_dir)
{
	int dir_fd = run_dir_open(run_dir), fd;

	if (dir_fd < 0) {
		print_problem("%s: %s; it must be a directory that root alone can write", run_dir, strerror(-dir_fd));
		return -1;
	}
	fd = openat(dir_fd, "up.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	close(dir_fd);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	print_problem("%s/up.lock: another 'forestall up' runs here; end it first or give --run-dir", run_dir);
	return -1;
}

/* Signals are taken from a descriptor, so that nothing is interrupted half way. */
static int signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static const char *mode_now(const struct up *up)
{
	int mode = run_mode_load(up->options.run_dir);

	if (mode >= 0)
		return mode_name((enum mode)mode);
	print_problem("%s/mode: names no mode; taken as observe", up->options.run_dir);
	return mode_name(MODE_OBSERVE);
}

/* The words are written anew at each start, since the mode may have changed. */
static void hands_words(struct up *up)
{
	struct process *hands = &up->process[ROLE_HANDS];

	hands->words = 1;
	process_option(hands, "--mode", mode_now(up));
	process_option(hands, "--run-dir", up->options.run_dir);
	process_option(hands, "--cgroup-root", up->options.cgroup_root);
	hands->word[hands->words] = NULL;
}

static void stop_begin(struct up *up, int status)
{
	if (!up->is_stopping)
		up->status = status;
	up->is_stopping = true;
}

static void role_start(struct up *up, enum role role)
{
	struct process *process = &up->process[role];
	int r;

	if (role == ROLE_HANDS)
		hands_words(up);
	r = process_start(process);
	if (r < 0) {
		print_problem("%s: cannot be started: %s; tried again soon", process->name, strerror(-r));
		process_delay(process, BACKOFF_MAX_MS);
	} else if (role == ROLE_HANDS) {
		print_note("up: %s started, pid %d, mode %s", process->name, (int)process->pid, process->word[2]);
	} else {
		print_note("up: %s started, pid %d", process->name, (int)process->pid);
	}
}

static void hands_ended(struct up *up, enum process_end end, int code)
{
	struct process *hands = &up->process[ROLE_HANDS];

	if (end == PROCESS_CHANGED_MODE) {
		print_note("up: %s ended to change its mode", hands->name);
		role_start(up, ROLE_HANDS);
	} else if (end == PROCESS_GAVE_UP && process_now_ns() - hands->start_ns < EARLY_NS) {
		print_problem("up: %s could not start, status %d; it says why above", hands->name, code);
		stop_begin(up, code == EXIT_USAGE ? EXIT_USAGE : 1);
	} else {
		print_note("up: %s ended by %s %d, started again", hands->name,
			   end == PROCESS_KILLED ? "signal" : "status", code);
		process_delay(hands, BACKOFF_MAX_MS);
		/* Until they are back nobody undoes, so the first time does not wait. */
		if (process_now_ns() - hands->start_ns >= EARLY_NS)
			hands->due_ns = process_now_ns();
	}
}

static void mind_ended(struct up *up, enum process_end end, int code)
{
	struct process *mind = &up->process[ROLE_MIND];

	if (end == PROCESS_GAVE_UP || end == PROCESS_CHANGED_MODE) {
		print_problem("up: %s gave up, status %d; it says why above", mind->name, code);
		stop_begin(up, code);
		return;
	}
	process_delay(mind, BACKOFF_MAX_MS);
	up->is_ready = false;
	print_note("up: %s ended by %s %d, started again in %llu ms", mind->name,
		   end == PROCESS_KILLED ? "signal" : "status", code,
		   (unsigned long long)((mind->due_ns - process_now_ns()) / NS_PER_MS));
}

/*
 * Nothing depends on it, so it never takes the others down. It ends well when the mind goes, and in failure when a
 * port or the mind is not there yet, which may change; wrong usage and a program that does not run stay so.
 */
static void web_ended(struct up *up, enum process_end end, int code)
{
	struct process *web = &up->process[ROLE_WEB];

	if (end == PROCESS_GAVE_UP && code != 1) {
		print_problem("up: %s gave up, status %d; the rest goes on without it", web->name, code);
		return;
	}
	process_delay(web, WEB_BACKOFF_MAX_MS);
	print_note("up: %s ended by %s %d, started again in %llu ms", web->name,
		   end == PROCESS_KILLED ? "signal" : "status", code,
		   (unsigned long long)((web->due_ns - process_now_ns()) / NS_PER_MS));
}

static void children_reap(struct up *up)
{
	static void (*const ended[])(struct up *up, enum process_end end, int code) = {
		hands_ended, mind_ended, web_ended
	};
	int status, code;
	pid_t pid;

	_Static_assert(sizeof(ended) / sizeof(ended[0]) == ROLE_COUNT, "a rule per role");
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (int role = 0; role < ROLE_COUNT; role++)
			if (up->process[role].pid == pid) {
				enum process_end end = process_end(&up->process[role], status, &code);

				if (!up->is_stopping)
					ended[role](up, end, code);
			}
}

static void signals_take(struct up *up)
{
	struct signalfd_siginfo info;

	while (read(up->signal_fd, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo != SIGCHLD) {
			print_note("up: told to end by signal %u", info.ssi_signo);
			stop_begin(up, 0);
		}
	children_reap(up);
}

/* Says once that the mind answers: from then on the host is watched. */
static void ready_check(struct up *up)
{
	const char *observed;

	if (up->is_ready || !up->process[ROLE_MIND].pid)
		return;
	observed = mind_ask(up->options.run_dir);
	if (!observed)
		return;
	up->is_ready = true;
	up->pulses_missed = 0;
	manager_tell("READY=1");
	print_note("up: ready, %lu cgroups observed", strtoul(observed, NULL, 10));
	trim_code();
}

/*
 * A mind that hangs undoes itself, since it renews no lease, but would forecast nothing until somebody looks. Systemd's watchdog is told in
 * any case: it is for this process, which ends and starts the others.
 */
static void pulse_check(struct up *up)
{
	struct process *mind = &up->process[ROLE_MIND];

	if (process_now_ns() < up->pulse_due_ns)
		return;
	up->pulse_due_ns = process_now_ns() + up->pulse_ns;
	/* One that was killed, or is yet to be started, owes no answer. */
	if (!up->is_ready || !mind->pid || mind_ask(up->options.run_dir)) {
		up->pulses_missed = 0;
	} else if (++up->pulses_missed == PULSES_MISSED_MAX) {
		print_problem("up: %s, pid %d, has not answered %d times: killed", mind->name, (int)mind->pid, PULSES_MISSED_MAX);
		kill(mind->pid, SIGKILL);
		up->pulses_missed = 0;
	}
	manager_tell("WATCHDOG=1");
}

static int pause_ms(const struct up *up)
{
	uint64_t now_ns = process_now_ns(), next_ns = UINT64_MAX;

	for (int role = 0; role < ROLE_COUNT; role++)
		if (up->process[role].due_ns && up->process[role].due_ns < next_ns)
			next_ns = up->process[role].due_ns;
	if (!up->is_ready && next_ns > now_ns + READY_POLL_MS * NS_PER_MS)
		next_ns = now_ns + READY_POLL_MS * NS_PER_MS;
	if (up->pulse_due_ns < next_ns)
		next_ns = up->pulse_due_ns;
	return next_ns <= now_ns ? 0 : (int)((next_ns - now_ns) / NS_PER_MS) + 1;
}

static void up_run(struct up *up)
{
	struct pollfd signals = { .fd = up->signal_fd, .events = POLLIN };

	while (!up->is_stopping) {
		poll(&signals, 1, pause_ms(up));
		signals_take(up);
		for (int role = 0; role < ROLE_COUNT && !up->is_stopping; role++)
			if (up->process[role].due_ns && up->process[role].due_ns <= process_now_ns())
				role_start(up, (enum role)role);
		if (!up->is_stopping) {
			ready_check(up);
			pulse_check(up);
		}
	}
}

/* What the hands left, undone by another of them: 0 or the status with which it says that it could not. */
static int undo(const struct up *up)
{
	struct process hands;
	int status = -1;

	if (process_init(&hands, "forestall-act") < 0)
		return -1;
	process_option(&hands, "--run-dir", up->options.run_dir);
	process_option(&hands, "--cgroup-root", up->options.cgroup_root);
	hands.word[hands.words++] = "--undo";
	if (process_start(&hands) == 0)
		waitpid(hands.pid, &status, 0);
	return status;
}

static void up_stop(struct up *up)
{
	manager_tell("STOPPING=1");
	process_stop(&up->process[ROLE_WEB], MIND_PATIENCE_MS);
	process_stop(&up->process[ROLE_MIND], MIND_PATIENCE_MS);
	process_stop(&up->process[ROLE_HANDS], HANDS_PATIENCE_MS);
	if (undo(up)) {
		print_problem("up: the undo failed; 'forestall-act --undo' says why, 'forestall journal show' what is left");
		up->status = up->status ? up->status : 1;
	} else {
		print_note("up: ended, nothing is left changed");
	}
}

/* Finds the programs. -1 after it said which one is not there. */
static int children_init(struct up *up)
{
	const struct up_options *options = &up->options;
	struct process *mind = &up->process[ROLE_MIND], *web = &up->process[ROLE_WEB];

	if (process_init(&up->process[ROLE_HANDS], "forestall-act") < 0 || process_init(mind, "forestalld") < 0) {
		print_problem("forestall-act and forestalld must lie beside this program; "
			      "install forestall as a whole");
		return -1;
	}
	process_option(mind, "--run-dir", options->run_dir);
	process_option(mind, "--config-dir", options->config_dir);
	process_option(mind, "--cgroup-root", options->cgroup_root);
	process_option(mind, "--forecaster", options->forecaster);
	process_option(mind, "--model", options->model);
	process_option(mind, "--record", options->record);
	process_option(mind, "--label", options->label);
	process_option(mind, "--state-dir", options->state_dir);
	if (options->state_dir)
		snprintf(up->web_dir, sizeof(up->web_dir), "%.3000s/web", options->state_dir);
	up->has_web = !options->no_web && process_init(web, "forestall-web") == 0;
	if (up->has_web) {
		process_option(web, "--run-dir", options->run_dir);
		process_option(web, "--state-dir", options->state_dir ? up->web_dir : NULL);
		process_option(web, "--listen", options->web_listen);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct up up = { .options = { .run_dir = "/run/forestall", .config_dir = "/etc/forestall" }, .lock_fd = -1 };
	int r = 0;

	if (options_parse(argc, argv, &up.options) < 0) {
		print_problem("usage: forestall up %s", usage_text);
		return EXIT_USAGE;
	}
	if (children_init(&up) < 0)
		return 1;
	up.lock_fd = up_lock(up.options.run_dir);
	if (up.lock_fd < 0)
		return 1;
	if (up.options.mode)
		r = run_mode_save(up.options.run_dir, mode_parse(up.options.mode));
	up.signal_fd = signals_open();
	if (r < 0 || up.signal_fd < 0) {
		print_problem("%s: %s; run as root", up.options.run_dir, strerror(r < 0 ? -r : errno));
		close(up.lock_fd);
		return 1;
	}
	for (int role = 0; role < ROLE_COUNT; role++)
		if (role != ROLE_WEB || up.has_web)
			role_start(&up, (enum role)role);
	up.pulse_ns = manager_pulse_ns();
	up_run(&up);
	up_stop(&up);
	close(up.signal_fd);
	close(up.lock_fd);
	return up.status;
}
