/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"
#include "server.h"

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

struct now clock_now(void)
{
	return (struct now){ .mono_ns = clock_ns(CLOCK_MONOTONIC), .real_ns = clock_ns(CLOCK_REALTIME) };
}

static int epoll_add(struct server *server, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int socket_listen(const char *run_dir)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;
	mode_t mask;
	int r;

	if ((size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s/act.sock", run_dir) >=
	    sizeof(address.sun_path))
		return -ENAMETOOLONG;
	/* We hold the lock, so an old socket is a dead one. */
	if (unlink(address.sun_path) < 0 && errno != ENOENT)
		return -errno;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mask = umask(0177);
	r = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	umask(mask);
	if (r == 0 && listen(fd, CLIENTS_MAX) < 0)
		r = -errno;
	return r < 0 ? r : TAKE_FD(fd);
}

static int signals_open(void)
{
	sigset_t set;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int server_open(struct server *server, struct dispatch *dispatch, const char *run_dir)
{
	int r;

	*server = (struct server){ .dispatch = dispatch, .listen_fd = -1, .exit_status = -1 };
	for (int i = 0; i < CLIENTS_MAX; i++)
		server->client_fd[i] = -1;
	server->signal_fd = signals_open();
	server->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (server->signal_fd < 0 || server->timer_fd < 0 || server->epoll_fd < 0)
		return -errno;
	server->listen_fd = socket_listen(run_dir);
	if (server->listen_fd < 0)
		return server->listen_fd;
	r = epoll_add(server, server->signal_fd);
	if (r == 0)
		r = epoll_add(server, server->timer_fd);
	if (r == 0)
		r = epoll_add(server, server->listen_fd);
	if (r == 0 && dispatch->apply.inotify_fd >= 0)
		r = epoll_add(server, dispatch->apply.inotify_fd);
	return r;
}

void server_close(struct server *server)
{
	int fds[] = { server->signal_fd, server->timer_fd, server->listen_fd, server->epoll_fd };

	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (server->client_fd[i] >= 0)
			close(server->client_fd[i]);
	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static void client_drop(int *slot)
{
	close(*slot);
	*slot = -1;
}

static void client_accept(struct server *server)
{
	_cleanup_close_ int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != 0) {
		log_line("a client that is not root was turned away");
		return;
	}
	for (int i = 0; i < CLIENTS_MAX; i++) {
		if (server->client_fd[i] >= 0)
			continue;
		if (epoll_add(server, fd) == 0)
			server->client_fd[i] = TAKE_FD(fd);
		return;
	}
	log_line("more than %d clients: one was turned away", CLIENTS_MAX);
}

static void client_serve(struct server *server, int *slot)
{
	static struct message message;
	static struct result result;
	ssize_t length = recv(*slot, &message, sizeof(message), MSG_DONTWAIT | MSG_TRUNC);
	size_t size;

	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (length <= 0) {
		client_drop(slot);
		return;
	}
	size = dispatch_message(server->dispatch, &message, (size_t)length, clock_now(), &result);
	/* A client that does not read its answers is stopped or broken; never wait for it. */
	if (send(*slot, &result, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		client_drop(slot);
	if (server->dispatch->is_mode_changed)
		server->exit_status = EXIT_MODE_CHANGED;
}

static void writes_serve(struct apply *apply)
{
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t length = read(apply->inotify_fd, buf, sizeof(buf));
	const struct inotify_event *event;

	for (char *next = buf; length > 0 && next < buf + length; next += sizeof(*event) + event->len) {
		event = (const struct inotify_event *)next;
		if (event->mask & (IN_Q_OVERFLOW | IN_MODIFY))
			apply_verify(apply, event->mask & IN_Q_OVERFLOW ? -1 : event->wd, clock_now());
	}
}

static void signal_serve(struct server *server)
{
	struct signalfd_siginfo info;

	/* The end of a child only wakes us, like the timer. */
	if (read(server->signal_fd, &info, sizeof(info)) == sizeof(info) && info.ssi_signo != SIGCHLD)
		server->exit_status = 0;
}

static void event_serve(struct server *server, int fd)
{
	if (fd == server->signal_fd)
		signal_serve(server);
	else if (fd == server->listen_fd)
		client_accept(server);
	else if (fd == server->dispatch->apply.inotify_fd)
		writes_serve(&server->dispatch->apply);
	/* The timer only wakes us: what has expired was undone at the top of the loop, and it is armed anew there. */
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (server->client_fd[i] == fd)
			client_serve(server, &server->client_fd[i]);
}

static void timer_arm(struct server *server)
{
	uint64_t next_ns = apply_next_ns(&server->dispatch->apply, clock_now());
	struct itimerspec spec = { 0 };

	/* All zero disarms; arming also takes back an expiry that was not read. */
	if (next_ns != UINT64_MAX) {
		spec.it_value.tv_sec = (time_t)(next_ns / NS_PER_S);
		spec.it_value.tv_nsec = (long)(next_ns % NS_PER_S) + (next_ns == 0);
	}
	if (timerfd_settime(server->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL) < 0)
		log_line("timer: %s", strerror(errno));
}

int server_run(struct server *server)
{
	while (server->exit_status < 0) {
		struct epoll_event event;
		int count;

		apply_expire(&server->dispatch->apply, clock_now());
		timer_arm(server);
		/* One event at a time, so that a lease never waits for more than one message. */
		count = epoll_wait(server->epoll_fd, &event, 1, -1);
		if (count < 0 && errno != EINTR) {
			log_line("epoll: %s", strerror(errno));
			return 1;
		}
		if (count == 1)
			event_serve(server, event.data.fd);
	}
	return server->exit_status;
}
