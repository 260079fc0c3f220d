/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forestall-act: the hands. The only process of forestall that changes the system. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "cgroup.h"
#include "cleanup.h"
#include "confine.h"
#include "lock.h"
#include "log.h"
#include "nft.h"
#include "server.h"
#include "step.h"
#include "takeover.h"
#include "tc.h"
#include "trim.h"

struct options {
	const char *run_dir;
	const char *disable_file;
	char cgroup_root[PATH_MAX];
	int mode;		/* -1: as RUN/mode says */
	bool is_undo;
	bool is_steps;
};

static const char USAGE[] =
	"Usage: forestall-act [--mode observe|shadow|canary|enforce] [--cgroup-root DIR] [--run-dir DIR]\n"
	"                     [--disable-file FILE] [--undo | --steps]\n"
	"\n"
	"The hands of forestall: applies the plans of forestalld to cgroups and undoes them.\n"
	"\n"
	"  --mode MODE          what is allowed; without it, what RUN/mode says, or observe\n"
	"  --cgroup-root DIR    default: where cgroup2 is mounted\n"
	"  --run-dir DIR        socket, lock, journal and mode (default: " RUN_DIR_DEFAULT ")\n"
	"  --disable-file FILE  while it exists nothing is changed (default: " DISABLE_FILE_DEFAULT ")\n"
	"  --undo               undo everything that is held, by whatever means, and end\n"
	"  --steps              list the moments a test build can be killed at\n";

/* 0 to go on, 1 when --help was asked for, -EINVAL. */
static int options_parse(int argc, char **argv, struct options *ret)
{
	static const struct option OPTIONS[] = {
		{ "mode", required_argument, NULL, 'm' },	{ "cgroup-root", required_argument, NULL, 'c' },
		{ "run-dir", required_argument, NULL, 'r' },	{ "disable-file", required_argument, NULL, 'd' },
		{ "undo", no_argument, NULL, 'u' },		{ "steps", no_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", OPTIONS, NULL)) >= 0) {
		if (option == 'm')
			ret->mode = (int)mode_parse(optarg);
		else if (option == 'c')
			snprintf(ret->cgroup_root, sizeof(ret->cgroup_root), "%s", optarg);
		else if (option == 'r')
			ret->run_dir = optarg;
		else if (option == 'd')
			ret->disable_file = optarg;
		else if (option == 'u')
			ret->is_undo = true;
		else if (option == 's')
			ret->is_steps = true;
		else
			return option == 'h' ? 1 : -EINVAL;
	}
	if (ret->mode == MODE_COUNT)
		fputs("forestall-act: --mode: no such mode; use observe, shadow, canary or enforce\n", stderr);
	return optind < argc || ret->mode == MODE_COUNT ? -EINVAL : 0;
}

static int steps_print(void)
{
#ifdef FORESTALL_STEPS
	step_list();
	return 0;
#else
	log_line("built without steps: make the test build");
	return 1;
#endif
}

static void undo_print(void *arg, const struct hold *hold, const struct undo_report *report)
{
	(void)arg;
	log_line("%s %s: %s", hold->path, knob_name(hold->knob), undo_result_name(report->result));
}

/* One line for each way an undo at start or from outside can fail. Returns the exit status. */
static int undo_explain(const char *run_dir, const struct takeover *undo, int r)
{
	if (r == -EBADMSG)
		log_line("%s/journal: line %u is corrupt: compare the limits with it by hand, then move it away",
			 run_dir, undo->line);
	else if (r == -EIO)
		log_line("%u knobs cannot be restored: see above; %s/journal still holds them", undo->failed, run_dir);
	else if (r == -EWOULDBLOCK || r == -EBUSY)
		log_line("%s/act.lock is held by another process: end that first", run_dir);
	else if (r == -EPERM)
		log_line("%s must belong to root and be writable by root alone, and its journal too", run_dir);
	else if (r < 0)
		log_line("%s: %s: it must be a directory that root can write", run_dir, strerror(-r));
	return r < 0 ? 1 : 0;
}

static int undo_main(const struct options *options)
{
	struct takeover undo;
	int r = act_takeover_undo(options->run_dir, options->cgroup_root, undo_print, NULL, &undo);

	if (undo.is_killed)
		log_line("the running forestall-act did not answer and was killed");
	return undo_explain(options->run_dir, &undo, r);
}

/* Each knob that is held costs a watch, not a descriptor, but clients and plans need some. */
static void limits_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/*
 * Undoes what an earlier life left behind. In a mode that acts the journal stays open, and what the kernel refuses to restore is tried
 * again like any other: it is no reason to leave the host unobserved. Who only observes could not.
 */
static int journal_start(struct dispatch *dispatch, const struct options *options)
{
	_cleanup_close_ int root_fd = cgroup_root_open(options->cgroup_root);
	struct takeover undo = { 0 };
	int r;

	if (root_fd < 0) {
		log_line("%s: %s", options->cgroup_root, strerror(-root_fd));
		return 1;
	}
	r = takeover_journal(dispatch->run_fd, root_fd, &dispatch->apply.journal, &dispatch->apply.leases, undo_print,
			     NULL, &undo);
	if (r < 0)
		undo_explain(options->run_dir, &undo, r);
	if (r < 0 && r != -EIO)
		return 1;
	STEP(START_UNDONE);
	if (!mode_acts(dispatch->apply.mode)) {
		journal_close(&dispatch->apply.journal);
		dispatch->apply.leases.count = 0;
	}
	return 0;
}

static int confine(const struct options *options, enum mode mode)
{
	char text[256], fault[ACT_TEXT_MAX];
	int r = mode_acts(mode) ? trim_hold(true) : 0;

	if (r < 0)
		log_line("own memory is not held, acting may be late when memory is short: %s", strerror(-r));
	nft_prepare(mode_acts(mode));
	if (tc_prepare(mode_acts(mode), fault) < 0)
		log_line("net.egress and net.ingress cannot be limited: %s", fault);
	if (mode_acts(mode))
		r = confine_enforce(text, sizeof(text));
	else
		r = confine_observe(options->run_dir, options->cgroup_root, text, sizeof(text));
	if (r < 0)
		log_line("%s", text);
	return r;
}

/*
 * A directory descriptor opened before would lead around the read-only mounts, by "..", to the writable ones. So both
 * are opened anew after the mode came into force.
 */
static int dirs_open(struct dispatch *dispatch, const struct options *options)
{
	close(dispatch->run_fd);
	dispatch->run_fd = run_dir_open(options->run_dir);
	dispatch->apply.journal.run_fd = dispatch->run_fd;
	dispatch->apply.root_fd = cgroup_root_open(options->cgroup_root);
	if (dispatch->run_fd >= 0 && dispatch->apply.root_fd >= 0)
		return 0;
	log_line("%s or %s: cannot be opened any more", options->run_dir, options->cgroup_root);
	return -ENOENT;
}

static int watch_open(struct dispatch *dispatch)
{
	dispatch->apply.inotify_fd = -1;
	if (!mode_acts(dispatch->apply.mode))
		return 0;
	dispatch->apply.inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (dispatch->apply.inotify_fd >= 0)
		return 0;
	log_line("inotify: %s: raise fs.inotify.max_user_instances", strerror(errno));
	return -EMFILE;
}

static int serve(struct dispatch *dispatch, const struct options *options)
{
	struct server server;
	int status, r;

	if (watch_open(dispatch) < 0)
		return 1;
	r = server_open(&server, dispatch, options->run_dir);
	if (r < 0) {
		log_line("%s/act.sock: %s", options->run_dir, strerror(-r));
		return 1;
	}
	if (confine(options, dispatch->apply.mode) < 0 || dirs_open(dispatch, options) < 0)
		return 1;
	log_line("mode %s", mode_name(dispatch->apply.mode));
	if (!mode_acts(dispatch->apply.mode))
		trim_code();
	status = server_run(&server);
	STEP(STOP_BEGUN);
	if (apply_undo_all(&dispatch->apply, clock_now(), NULL, 0, NULL) > 0) {
		log_line("some knobs cannot be restored: %s/journal still holds them", options->run_dir);
		status = 1;
	}
	STEP(STOP_UNDONE);
	server_close(&server);
	return status;
}

static int mode_find(const struct options *options, int run_fd)
{
	int mode = options->mode >= 0 ? options->mode : mode_load(run_fd);

	if (mode >= 0)
		return mode;
	log_line("%s/mode: does not name a mode: taken as observe", options->run_dir);
	return MODE_OBSERVE;
}

static int hands_main(const struct options *options)
{
	static struct dispatch dispatch;
	_cleanup_close_ int lock_fd = -1;
	struct takeover nothing = { 0 };

	dispatch.run_fd = run_dir_open(options->run_dir);
	lock_fd = dispatch.run_fd < 0 ? dispatch.run_fd : lock_take(dispatch.run_fd, LOCK_WAIT_MS);
	if (lock_fd < 0)
		return undo_explain(options->run_dir, &nothing, lock_fd);
	STEP(START_LOCKED);
	dispatch.apply.disable_file = options->disable_file;
	dispatch.apply.systemd_dir = SYSTEMD_DIR_DEFAULT;
	dispatch.apply.mode = (enum mode)mode_find(options, dispatch.run_fd);
	if (cgroup_self_find(dispatch.apply.self_path, sizeof(dispatch.apply.self_path)) < 0) {
		log_line("/proc/self/cgroup: cannot tell our own cgroup: mount /proc");
		return 1;
	}
	if (journal_start(&dispatch, options) != 0)
		return 1;
	return serve(&dispatch, options);
}

int main(int argc, char **argv)
{
	struct options options = { .run_dir = RUN_DIR_DEFAULT, .disable_file = DISABLE_FILE_DEFAULT, .mode = -1 };
	int r = options_parse(argc, argv, &options);

	if (r != 0) {
		fputs(r > 0 ? USAGE : "forestall-act: `forestall-act --help` lists the options\n", r > 0 ? stdout : stderr);
		return r > 0 ? 0 : 2;
	}
	/* The lock's holder is known by this name, whatever the file is called. */
	prctl(PR_SET_NAME, ACT_COMM, 0, 0, 0);
	/* What the starter left open is none of ours, least of all if it can be written to. */
	close_range(STDERR_FILENO + 1, UINT_MAX, 0);
	if (options.is_steps)
		return steps_print();
	if (!options.cgroup_root[0] && cgroup_root_find(options.cgroup_root, sizeof(options.cgroup_root)) < 0) {
		log_line("no cgroup2 is mounted: mount one or give --cgroup-root");
		return 1;
	}
	limits_raise();
	return options.is_undo ? undo_main(&options) : hands_main(&options);
}
