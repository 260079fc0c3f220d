/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cgroups of the kill test with their limits, what runs in them, and what they look like. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "kill_world.h"

#define CONTROLLERS "+cpu +cpuset +memory +io"

const char *const WORLD[WORLD_PATHS] = {
	"/kt/plain", "/kt/weighty", "/kt/capped", "/kt/tight", "/kt/lazy", "/kt/nest", "/kt/nest/with blank%",
};

static pid_t load[3];

static void dir_make(const char *path)
{
	char full[512];

	snprintf(full, sizeof(full), "%s%s", ROOT, path);
	if (mkdir(full, 0755) < 0 && errno != EEXIST)
		fail("%s", full);
}

static pid_t load_start(const char *path)
{
	pid_t pid = fork();

	if (pid < 0)
		fail("fork");
	if (pid > 0)
		return pid;
	file_write(path, "cgroup.procs", "0");
	for (volatile unsigned long turn = 0;; turn++)
		;
}

uint32_t disk_device(void)
{
	struct stat stat_buf;

	if (stat(DISK, &stat_buf) < 0)
		fail(DISK);
	return major(stat_buf.st_rdev) << 20 | minor(stat_buf.st_rdev);
}

void io_max_write(const char *path, const char *keys)
{
	char text[128];

	snprintf(text, sizeof(text), "%u:%u %s", disk_device() >> 20, disk_device() & 0xfffff, keys);
	file_write(path, "io.max", text);
}

void io_cost_write(const char *words)
{
	char text[160];

	snprintf(text, sizeof(text), "%u:%u %s", disk_device() >> 20, disk_device() & 0xfffff, words);
	file_write("", "io.cost.qos", text);
}

static void limits_write(void)
{
	bool has_idle = access(ROOT "/kt/lazy/cpu.idle", F_OK) == 0;
	bool has_burst = access(ROOT "/kt/lazy/cpu.max.burst", F_OK) == 0;
	bool has_exclusive = access(ROOT "/kt/lazy/cpuset.cpus.exclusive", F_OK) == 0;

	for (int i = 0; i < WORLD_PATHS; i++) {
		if (has_idle)
			file_write(WORLD[i], "cpu.idle", "0");
		file_write(WORLD[i], "cpu.weight", "100");
		if (has_burst)
			file_write(WORLD[i], "cpu.max.burst", "0");
		file_write(WORLD[i], "cpu.max", "max 100000");
		file_write(WORLD[i], "cgroup.freeze", "0");
		/* With processes in it a cpuset cannot be emptied. */
		file_write(WORLD[i], "cpuset.cpus", i == 1 || i == 2 ? "0" : "\n");
		file_write(WORLD[i], "cpuset.mems", i == 1 || i == 2 ? "0" : "\n");
		file_write(WORLD[i], "cpuset.cpus.partition", "member");
		if (has_exclusive)
			file_write(WORLD[i], "cpuset.cpus.exclusive", "\n");
		file_write(WORLD[i], "memory.high", "max");
		file_write(WORLD[i], "memory.max", "max");
		file_write(WORLD[i], "memory.min", "0");
		file_write(WORLD[i], "memory.low", "0");
		file_write(WORLD[i], "io.weight", "default 100");
		io_max_write(WORLD[i], "rbps=max wbps=max riops=max wiops=max");
	}
	/* The line of a disk does not go away again. */
	io_cost_write("enable=0 ctrl=auto");
	file_write("/kt/weighty", "cpu.weight", "317");
	file_write("/kt/capped", "cpu.max", "60000 120000");
	file_write("/kt/tight", "cpu.weight", "53");
	file_write("/kt/tight", "cpu.max", "33333 77777");
	file_write("/kt/nest", "cpu.weight", "1000");
	file_write("/kt/nest/with blank%", "cpu.max", "4000 50000");
	file_write("/kt/weighty", "memory.low", "12582912");
	file_write("/kt/tight", "memory.high", "301989888");
	file_write("/kt/tight", "memory.low", "4096");
	file_write("/kt/nest", "memory.low", "67108864");
	file_write("/kt/tight", "memory.max", "805306368");
	file_write("/kt/lazy", "cpuset.cpus", "0");
	file_write("/kt/lazy", "io.weight", "default 333");
	io_max_write("/kt/capped", "rbps=9437184 wiops=512");
	io_max_write("/kt/nest", "wbps=3145728");
	file_write("/kt/tight", "memory.min", "4096");
	file_write("/kt/lazy", "cpuset.mems", "0");
	file_write("/kt/lazy", "cgroup.freeze", "1");
	if (has_burst)
		file_write("/kt/capped", "cpu.max.burst", "3500");
	if (has_idle)
		file_write("/kt/lazy", "cpu.idle", "1");
}

static volatile sig_atomic_t ballast_rush;

static void ballast_hear(int signal)
{
	(void)signal;
	ballast_rush = 1;
}

/* Memory that is used now and then, a page in a millisecond, or all at once after SIGUSR1. */
static pid_t ballast_start(const char *path)
{
	pid_t pid = fork();
	char *memory;

	if (pid < 0)
		fail("fork");
	if (pid > 0)
		return pid;
	signal(SIGUSR1, ballast_hear);
	file_write(path, "cgroup.procs", "0");
	memory = malloc(BALLAST_BYTES);
	for (size_t i = 0; i < BALLAST_BYTES; i++)
		memory[i] = (char)(i * 7 + i / 4096);
	for (size_t i = 0;; i = (i + 4096) % BALLAST_BYTES) {
		memory[i]++;
		if (i == 0)
			ballast_rush = 0;
		if (!ballast_rush)
			usleep(1000);
	}
}

pid_t world_ballast(void)
{
	return load[2];
}

/* The snapshot shows who is in a cgroup, so they have to be there before it is taken. */
static void members_await(const char *path)
{
	char members[64] = "";

	while (!members[0]) {
		usleep(1000);
		file_read(path, "cgroup.procs", members, sizeof(members));
	}
}

void world_reset(void)
{
	if (load[0])
		limits_write();
}

void world_make(void)
{
	file_write("", "cgroup.subtree_control", CONTROLLERS);
	dir_make("/kt");
	/* The load must not starve the test itself. */
	file_write("/kt", "cpu.weight", "10");
	file_write("/kt", "memory.low", "536870912");
	file_write("/kt", "memory.min", "268435456");
	file_write("/kt", "cgroup.subtree_control", CONTROLLERS);
	for (int i = 0; i < WORLD_PATHS; i++) {
		dir_make(WORLD[i]);
		if (strcmp(WORLD[i], "/kt/nest") == 0)
			file_write(WORLD[i], "cgroup.subtree_control", CONTROLLERS);
	}
	limits_write();
	load[0] = load_start("/kt/weighty");
	load[1] = load_start("/kt/capped");
	load[2] = ballast_start("/kt/weighty");
	members_await("/kt/weighty");
	members_await("/kt/capped");
	while (number_read("/kt/weighty", "memory.current") < BALLAST_BYTES)
		usleep(1000);
}

void world_remove(void)
{
	char full[512];

	for (int i = 0; i < 3; i++)
		process_end(load[i], SIGKILL);
	for (int i = WORLD_PATHS - 1; i >= 0; i--) {
		snprintf(full, sizeof(full), "%s%s", ROOT, WORLD[i]);
		rmdir(full);
	}
	rmdir(ROOT "/kt");
}

static bool file_is_setting(const char *full, const char *name)
{
	struct stat stat_buf;

	/* These can be written too but hold no setting. */
	if (strstr(name, ".pressure") || strstr(name, ".peak"))
		return false;
	return stat(full, &stat_buf) == 0 && S_ISREG(stat_buf.st_mode) && (stat_buf.st_mode & 0200) &&
	       (stat_buf.st_mode & 0400);
}

static size_t dir_snapshot(const char *path, char *ret, size_t size)
{
	struct dirent **entries;
	char full[512], content[256];
	size_t used = 0;
	int count;

	snprintf(full, sizeof(full), "%s%s", ROOT, path);
	count = scandir(full, &entries, NULL, alphasort);
	if (count < 0)
		fail("%s", full);
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;

		if ((size_t)snprintf(full, sizeof(full), "%s%s/%s", ROOT, path, name) < sizeof(full) &&
		    file_is_setting(full, name)) {
			file_read(path, name, content, sizeof(content));
			for (char *c = content; *c; c++)
				if (*c == '\n')
					*c = ' ';
			used += (size_t)snprintf(ret + used, size - used, "%s/%s: %s\n", path, name, content);
		}
		free(entries[i]);
	}
	free(entries);
	if (used >= size)
		fail("the snapshot is too large");
	return used;
}

void snapshot_take(char ret[SNAPSHOT_BYTES])
{
	size_t used;

	file_read("", "io.cost.qos", ret, SNAPSHOT_BYTES);
	used = strlen(ret);
	for (int i = 0; i < WORLD_PATHS; i++)
		used += dir_snapshot(WORLD[i], ret + used, SNAPSHOT_BYTES - used);
}

const char *snapshot_differ(const char *before)
{
	static char now[SNAPSHOT_BYTES];
	size_t line = 0;

	snapshot_take(now);
	if (strcmp(now, before) == 0)
		return NULL;
	for (size_t i = 0; now[i] == before[i]; i++)
		if (now[i] == '\n')
			line = i + 1;
	now[line + strcspn(now + line, "\n")] = '\0';
	return now + line;
}
