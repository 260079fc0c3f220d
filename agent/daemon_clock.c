/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When the mind wakes. While somebody is annotated a tick comes every 100 ms, because a reflex is two of them. Where nobody is, what
 * there is to do is due once a second, and ticks between would find nothing: then the clock skips to the tick that closes the second, unless
 * something waits that a tick takes a bounded part of, an application speaks, the hands owe an answer, or a challenger is
 * paced. Ticks stay on the grid of 100 ms either way, so a second closes when it always would.
 */
#include "daemon.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "sense/host.h"

#define NS_PER_S 1000000000ull

static uint64_t tick_ns(const struct daemon *daemon) { return daemon->config.tick_ms * 1000000ull; }

/* The first tick is at due_ns, and more follow it until the clock is set anew. 0 or -errno. */
static int clock_arm(struct daemon *daemon, uint64_t due_ns)
{
	struct itimerspec spec = {
		.it_interval = { (time_t)(tick_ns(daemon) / NS_PER_S), (long)(tick_ns(daemon) % NS_PER_S) },
		.it_value = { (time_t)(due_ns / NS_PER_S), (long)(due_ns % NS_PER_S) },
	};

	daemon->next_tick_ns = due_ns;
	return timerfd_settime(daemon->clock_fd, TFD_TIMER_ABSTIME, &spec, NULL) ? -errno : 0;
}

int daemon_clock_open(struct daemon *daemon)
{
	daemon->clock_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return daemon->clock_fd < 0 ? -errno : clock_arm(daemon, host_now_ns() + tick_ns(daemon));
}

bool daemon_clock_take(struct daemon *daemon)
{
	uint64_t expired, now_ns = host_now_ns();

	if (read(daemon->clock_fd, &expired, sizeof(expired)) != (ssize_t)sizeof(expired))
		return false;
	if (now_ns > daemon->next_tick_ns && now_ns - daemon->next_tick_ns > daemon->tick_late_ns_max)
		daemon->tick_late_ns_max = now_ns - daemon->next_tick_ns;
	daemon->next_tick_ns += expired * tick_ns(daemon);
	return true;
}

static bool is_awake(const struct daemon *daemon)
{
	return tree_has_annotated(daemon->tree) || daemon->is_behind || daemon->is_spoken_to || ring_waits(&daemon->ring) ||
	       hands_owe(daemon->hands) || learn_is_challenging(daemon->learn);
}

/* The next tick on the grid, and the one that closes the second. */
static uint64_t due_of(const struct daemon *daemon, bool awake, uint64_t now_ns)
{
	uint64_t due_ns = daemon->next_tick_ns, step_ns = tick_ns(daemon);

	while (due_ns > now_ns + step_ns)
		due_ns -= step_ns;
	while (!awake && due_ns + DAEMON_EARLY_NS < daemon->second_ns + NS_PER_S)
		due_ns += step_ns;
	return due_ns;
}

/* Asked for once: an application that goes on speaking is heard at the next tick, and does not wake us more often than that. */
static void speech_await(struct daemon *daemon, int epoll_fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT, .data.fd = report_fd(daemon->report) };

	if (event.data.fd >= 0 && !daemon->is_listening)
		daemon->is_listening = !epoll_ctl(epoll_fd, EPOLL_CTL_MOD, event.data.fd, &event) ||
				       !epoll_ctl(epoll_fd, EPOLL_CTL_ADD, event.data.fd, &event);
}

int daemon_clock_set(struct daemon *daemon, int epoll_fd)
{
	bool awake = is_awake(daemon);
	uint64_t due_ns = due_of(daemon, awake, host_now_ns());

	if (!awake)
		speech_await(daemon, epoll_fd);
	return due_ns == daemon->next_tick_ns ? 0 : clock_arm(daemon, due_ns);
}
