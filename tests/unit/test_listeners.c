/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who listens on a port, asked of this kernel. */
#include "unit.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "act/nft_listen.h"

/* One more on the port, 0: any. Its descriptor. */
static int listen_on(uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)) | listen(fd, 1), 0);
	return fd;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in address;
	socklen_t bytes = sizeof(address);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &bytes), 0);
	return ntohs(address.sin_port);
}

/* Whose connections a share takes away must not depend on whom there was no room for. */
static void more_listeners_than_there_is_room_for_are_none_known(void **state)
{
	struct listener found[LISTENERS_MAX];
	int fd[LISTENERS_MAX + 1] = { listen_on(0) };
	uint16_t port = port_of(fd[0]);

	(void)state;
	if (listeners_find(port, found) == -ENOENT)
		skip();
	assert_int_equal(listeners_find(port, found), 1);
	for (int i = 1; i < LISTENERS_MAX; i++)
		fd[i] = listen_on(port);
	assert_int_equal(listeners_find(port, found), LISTENERS_MAX);
	fd[LISTENERS_MAX] = listen_on(port);
	assert_int_equal(listeners_find(port, found), -E2BIG);
	for (int i = 0; i <= LISTENERS_MAX; i++)
		close(fd[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(more_listeners_than_there_is_room_for_are_none_known),
	};

	return cmocka_run_group_tests_name("listeners", tests, NULL, NULL);
}
