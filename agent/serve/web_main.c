/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forestall-web: looks on. Everything that needs root is opened first, then being root is given up; one thread and one
 * loop do the rest. When the mind goes the process ends with status 0, for whoever watches it to start it again: a new
 * connection to the mind could only be made as root.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>

#include "act/trim.h"
#include "web_start.h"

enum watched { WATCH_SIGNALS, WATCH_MIND, WATCH_UNIX, WATCH_TCP, WATCH_COUNT };

static const char usage[] =
	"usage: forestall-web [OPTIONS]\n"
	"  --run-dir DIR        where mind.sock is and web.sock shall be (/run/forestall)\n"
	"  --state-dir DIR      history, given to the user forestall or nobody (/var/lib/forestall/web)\n"
	"  --listen HOST:PORT   answer on loopback too: 127.0.0.1, localhost or [::1]\n"
	"GET /metrics, /v1/status, /v1/instances, /v1/history?path=/CGROUP&seconds=N\n";

/* 0, or the exit status plus one. */
static int options_parse(int argc, char **argv, struct web_options *ret)
{
	static const struct option known[] = {
		{ "run-dir", required_argument, NULL, 'r' }, { "state-dir", required_argument, NULL, 's' },
		{ "listen", required_argument, NULL, 'l' },  { "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		switch (option) {
		case 'r': ret->run_dir = optarg; break;
		case 's': ret->state_dir = optarg; break;
		case 'l': ret->listen = optarg; break;
		case 'h': fputs(usage, stdout); return 1;
		default: fputs("forestall-web: `forestall-web --help` lists the options\n", stderr);
			 return EXIT_USAGE + 1;
		}
	}
	if (optind == argc)
		return 0;
	fprintf(stderr, "forestall-web: '%s' is no option; `forestall-web --help` lists them\n", argv[optind]);
	return EXIT_USAGE + 1;
}

static int pause_ms(const struct web *web, uint64_t due_ns)
{
	uint64_t now = web_now_ns();
	int pause = due_ns <= now ? 0 : (int)((due_ns - now) / 1000000) + 1;

	for (int i = 0; i < 2; i++)
		if (web->http[i])
			pause = web_http_pause_ms(web->http[i], pause);
	return pause;
}

/* Ends with 0, or -errno when the mind went. */
static int web_run(struct web *web)
{
	struct pollfd fds[WATCH_COUNT] = {
		[WATCH_SIGNALS] = { .fd = web->signal_fd, .events = POLLIN },
		[WATCH_MIND] = { .fd = web_poll_fd(web->poll), .events = POLLIN },
		[WATCH_UNIX] = { .fd = web_http_fd(web->http[0]), .events = POLLIN },
		[WATCH_TCP] = { .fd = web->http[1] ? web_http_fd(web->http[1]) : -1, .events = POLLIN },
	};
	uint64_t due_ns = web_now_ns();
	int r = 0;

	while (!fds[WATCH_SIGNALS].revents && r >= 0) {
		if (poll(fds, WATCH_COUNT, pause_ms(web, due_ns)) < 0 && errno != EINTR)
			return 0;
		if (fds[WATCH_MIND].revents)
			r = web_poll_take(web->poll, web_now_ns());
		if (r > 0)
			web_history_push(web->world.history, web->world.view, web_now_s());
		/* The first round opens the history: what that needed is not needed again. */
		if (r > 0 && web->world.view->rounds == 1)
			trim_code();
		if (r >= 0 && web_now_ns() >= due_ns) {
			r = web_poll_begin(web->poll);
			due_ns = web_now_ns() + web_poll_pause_ns(web->poll);
		}
		for (int i = 0; i < 2; i++)
			if (web->http[i])
				web_http_run(web->http[i]);
	}
	return r < 0 ? r : 0;
}

int main(int argc, char **argv)
{
	struct web_options options = { .run_dir = "/run/forestall", .state_dir = "/var/lib/forestall/web" };
	struct web web = { .unix_fd = -1, .tcp_fd = -1 };
	int r = options_parse(argc, argv, &options);

	if (r)
		return r - 1;
	trim_arrays();
	r = web_start(&web, &options);
	if (r)
		return r;
	r = web_run(&web);
	if (r < 0)
		fprintf(stderr, "forestall-web: the mind %s; ends, to be started again\n",
			r == -EPROTO ? "is of another version" : "went");
	web_http_free(web.http[0]);
	web_http_free(web.http[1]);
	web_history_free(web.world.history);
	web_poll_free(web.poll);
	return 0;
}
