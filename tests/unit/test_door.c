/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The child that hands sockets of network namespaces over, the real one in this process' own namespace. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "act/tc_door.h"

static uint64_t own_netns(void)
{
	struct stat file;

	assert_int_equal(stat("/proc/self/ns/net", &file), 0);
	return file.st_ino;
}

static void assert_socket(struct door *door, uint64_t netns)
{
	uint64_t found = 0;
	int fd = door_socket(door, getpid(), 0, &found);

	assert_true(fd >= 0);
	assert_int_equal(found, netns);
	close(fd);
}

/* Its late answers, and the sockets with them, are nobody's: the next one asked gets its own. */
static void a_child_that_hangs_is_not_waited_for(void **state)
{
	uint64_t netns = own_netns(), found = 0;
	struct door door;
	int before, after;

	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(door_open(&door), 0);
	assert_socket(&door, netns);
	before = dup(0);
	close(before);
	assert_int_equal(kill(door.pid, SIGSTOP), 0);
	assert_int_equal(door_socket(&door, getpid(), 0, &found), -ETIMEDOUT);
	assert_int_equal(door_socket(&door, getpid(), 0, &found), -ETIMEDOUT);
	assert_int_equal(kill(door.pid, SIGCONT), 0);
	assert_int_equal(door_socket(&door, 0, 1, &found), -ESRCH);
	assert_socket(&door, netns);
	after = dup(0);
	close(after);
	assert_int_equal(after, before);
	door_close(&door);
}

static void a_child_that_is_gone_is_told(void **state)
{
	struct door door;
	uint64_t found;

	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(door_open(&door), 0);
	kill(door.pid, SIGKILL);
	assert_int_equal(door_socket(&door, getpid(), 0, &found), -EPIPE);
	door_close(&door);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_child_that_hangs_is_not_waited_for),
		cmocka_unit_test(a_child_that_is_gone_is_told),
	};

	return cmocka_run_group_tests_name("door", tests, NULL, NULL);
}
