/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "up_ask.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "act/bounds.h"
#include "print.h"

#define ANSWER_S 2
#define STATUS_BYTES_MAX 65536
#define PULSE_NS (10 * NS_PER_S)
#define PULSES_PER_WATCHDOG 4

static int mind_connect(const char *run_dir)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = ANSWER_S };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	/* Of connect() too: a mind that hangs takes nobody out of its queue. */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if ((size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s/mind.sock", run_dir) < sizeof(address.sun_path) &&
	    !connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -ENOENT;
}

const char *mind_ask(const char *run_dir)
{
	static const char question[] = "{\"q\":\"status\"}", good[] = "{\"ok\":true", observed[] = "\"observed\":";
	static char answer[STATUS_BYTES_MAX];
	int fd = mind_connect(run_dir);
	ssize_t n = -1;
	const char *at;

	if (fd < 0)
		return NULL;
	if (send(fd, question, sizeof(question) - 1, MSG_NOSIGNAL) > 0)
		n = recv(fd, answer, sizeof(answer) - 1, 0);
	close(fd);
	answer[n > 0 ? n : 0] = '\0';
	at = strncmp(answer, good, sizeof(good) - 1) ? NULL : strstr(answer, observed);
	return at ? at + sizeof(observed) - 1 : NULL;
}

void manager_tell(const char *state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path ? strlen(path) : 0;
	int fd;

	if (!length || length >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, length);
	/* One that is in no directory begins with a NUL. */
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
	close(fd);
}

uint64_t manager_pulse_ns(void)
{
	const char *text = getenv("WATCHDOG_USEC");
	uint64_t watchdog_us = text ? strtoull(text, NULL, 10) : 0;

	return watchdog_us ? watchdog_us * 1000 / PULSES_PER_WATCHDOG : PULSE_NS;
}
