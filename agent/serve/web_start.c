/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "web_start.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "web_drop.h"
#include "web_listen.h"

#define MIND_PATIENCE_MS 10000
#define NS_PER_S 1000000000ull

uint64_t web_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

int64_t web_now_s(void)
{
	return (int64_t)time(NULL);
}

/* These return exit statuses, 0 being fine. */
static int tcp_open(struct web *web, const struct web_options *options)
{
	if (!options->listen)
		return 0;
	web->tcp_fd = web_listen_tcp(options->listen);
	if (web->tcp_fd >= 0)
		return 0;
	if (web->tcp_fd == -EINVAL) {
		fprintf(stderr, "forestall-web: --listen %s: only 127.0.0.1:PORT, localhost:PORT or [::1]:PORT; "
			"put a proxy with authentication before it for more\n", options->listen);
		return EXIT_USAGE;
	}
	fprintf(stderr, "forestall-web: --listen %s: %s; give another port\n", options->listen, strerror(-web->tcp_fd));
	return 1;
}

static int unix_open(struct web *web, const struct web_options *options, const struct web_user *user)
{
	char path[256];
	int n = snprintf(path, sizeof(path), "%s/web.sock", options->run_dir);

	web->unix_fd = (size_t)n < sizeof(path) ? web_listen_unix(path, user->is_own ? user->gid : 0) : -ENAMETOOLONG;
	if (web->unix_fd >= 0)
		return 0;
	fprintf(stderr, "forestall-web: %s/web.sock: %s; end what answers there or give --run-dir\n", options->run_dir,
		strerror(-web->unix_fd));
	return 1;
}

static int mind_open(struct web *web, const struct web_options *options)
{
	int fd = web_poll_connect(options->run_dir, MIND_PATIENCE_MS);

	web->poll = fd >= 0 ? web_poll_new(fd) : NULL;
	if (web->poll)
		return 0;
	fprintf(stderr, "forestall-web: %s/mind.sock: %s; start forestalld, or all with 'forestall up'\n",
		options->run_dir, strerror(fd < 0 ? -fd : ENOMEM));
	return 1;
}

/* A directory that cannot be had is said here, in root's words, and again when the database is not opened. */
static int history_open(struct web *web, const struct web_options *options, const struct web_user *user)
{
	struct web_history_limits limits = { 0 };
	char file[4096];
	int r = web_state_dir_make(options->state_dir, user);

	if (r < 0)
		fprintf(stderr, "forestall-web: %s: %s; no history: give --state-dir an empty directory\n",
			options->state_dir, strerror(-r));
	r = snprintf(file, sizeof(file), "%s/history.db", options->state_dir);
	web->world.history = r > 0 && (size_t)r < sizeof(file) ? web_history_new(file, &limits) : NULL;
	if (web->world.history)
		return 0;
	fprintf(stderr, "forestall-web: %.64s...: too long or out of memory; give --state-dir\n", options->state_dir);
	return 1;
}

static int signals_open(struct web *web)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	web->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return web->signal_fd < 0;
}

static int servers_open(struct web *web)
{
	web->world.view = web_poll_view(web->poll);
	web->world.poll = web->poll;
	web->world.now_ns = web_now_ns;
	web->world.now_s = web_now_s;
	web->http[0] = web_http_new(web->unix_fd, false, &web->world);
	web->http[1] = web->tcp_fd >= 0 ? web_http_new(web->tcp_fd, true, &web->world) : NULL;
	if (web->http[0] && (web->tcp_fd < 0 || web->http[1]))
		return 0;
	fputs("forestall-web: the HTTP server cannot be started: no memory or descriptors; raise the limits\n", stderr);
	return 1;
}

int web_start(struct web *web, const struct web_options *options)
{
	struct web_user user;
	int r;

	if (geteuid() != 0) {
		fputs("forestall-web: must be started as root, which it gives up once it asks the mind\n", stderr);
		return 1;
	}
	umask(027);
	web_user_find(&user);
	r = tcp_open(web, options);
	/* The mind first: its directory may not be there yet. */
	r = r ? r : mind_open(web, options);
	r = r ? r : unix_open(web, options, &user);
	r = r ? r : history_open(web, options, &user);
	if (r)
		return r;
	r = web_drop(&user);
	if (r < 0) {
		fprintf(stderr, "forestall-web: cannot stop being root: %s; give it CAP_SETUID, CAP_SETGID and "
			"CAP_SETPCAP to begin with\n", strerror(-r));
		return 1;
	}
	return signals_open(web) || servers_open(web);
}
