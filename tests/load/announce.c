/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "announce.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "address.h"

#define CONNECTIONS 60

extern char **environ;

static int by_exec(const char *path)
{
	char *argv[] = {(char *)path, NULL};
	pid_t pid;
	int r = posix_spawn(&pid, path, NULL, NULL, argv, environ);

	return r || waitpid(pid, NULL, 0) < 0 ? -EIO : 0;
}

static int by_forks(const char *count)
{
	for (int i = atoi(count); i > 0; i--) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		if (pid < 0 || waitpid(pid, NULL, 0) < 0)
			return -errno;
	}
	return 0;
}

static int by_log(const char *path)
{
	static const char line[] = "INFO job accepted, work begins when inputs are there\n";
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	ssize_t written = fd < 0 ? -1 : write(fd, line, sizeof(line) - 1);

	if (fd >= 0)
		close(fd);
	return written < 0 ? -EIO : 0;
}

static int by_connect(const char *target)
{
	struct sockaddr_in address;
	int r = address_parse(target, &address);

	for (int i = 0; i < CONNECTIONS && r == 0; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
			r = -errno;
		if (fd >= 0)
			close(fd);
	}
	return r;
}

static const struct {
	const char *name;
	int (*run)(const char *what);
} ways[] = {
	[ANNOUNCE_EXEC] = {"exec", by_exec},
	[ANNOUNCE_FORKS] = {"forks", by_forks},
	[ANNOUNCE_LOG] = {"log", by_log},
	[ANNOUNCE_CONNECT] = {"connect", by_connect},
};

enum announce_by announce_find(const char *name)
{
	for (int by = 0; by < ANNOUNCE_COUNT; by++)
		if (!strcmp(name, ways[by].name))
			return (enum announce_by)by;
	return ANNOUNCE_COUNT;
}

int announce(enum announce_by by, const char *what) { return ways[by].run(what); }
