/* SPDX-License-Identifier: GPL-2.0-or-later */
/* load-sink PORT: the far end of load-burn --kind net. Takes every connection and throws away what comes, until SIGTERM. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64

static int listen_on(const char *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, CONNECTIONS_MAX) < 0)
		return -errno;
	return fd;
}

int main(int argc, char **argv)
{
	static char buffer[65536];
	struct pollfd polls[1 + CONNECTIONS_MAX];
	unsigned int count = 1;

	if (argc != 2) {
		fputs("usage: load-sink PORT\n", stderr);
		return 2;
	}
	polls[0] = (struct pollfd){.fd = listen_on(argv[1]), .events = POLLIN};
	if (polls[0].fd < 0) {
		fprintf(stderr, "load-sink: %s\n", strerror(-polls[0].fd));
		return 1;
	}
	while (poll(polls, count, -1) > 0) {
		for (unsigned int i = count; i-- > 1;) {
			if (!polls[i].revents || read(polls[i].fd, buffer, sizeof(buffer)) > 0)
				continue;
			close(polls[i].fd);
			polls[i] = polls[--count];
		}
		if (polls[0].revents && count <= CONNECTIONS_MAX) {
			polls[count] = (struct pollfd){.fd = accept(polls[0].fd, NULL, NULL), .events = POLLIN};
			count += polls[count].fd >= 0;
		}
	}
	return 1;
}
