/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "act/client.h"
#include "kill_world.h"

const char *const WORLD[WORLD_PATHS] = {
	"/kt/plain", "/kt/weighty", "/kt/capped", "/kt/tight", "/kt/lazy", "/kt/nest", "/kt/nest/with blank%",
};

#define LOOK_MS 20		/* how rarely we look at worst, when nothing stands still */

static pid_t load[2];
static unsigned int checks, failures;

void fail(const char *format, ...)
{
	va_list args;

	printf("Bail out! ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf(": %s\n", strerror(errno));
	fflush(stdout);
	exit(1);
}

uint64_t clock_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

void sleep_ms(unsigned int ms)
{
	usleep(ms * 1000);
}

void file_write(const char *path, const char *name, const char *text)
{
	char full[512];
	int fd;

	snprintf(full, sizeof(full), "%s%s/%s", ROOT, path, name);
	fd = open(full, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail("%s <- %s", full, text);
	close(fd);
}

void file_read(const char *path, const char *name, char *ret, size_t size)
{
	char full[512];
	ssize_t length;
	int fd;

	snprintf(full, sizeof(full), "%s%s/%s", ROOT, path, name);
	fd = open(full, O_RDONLY | O_CLOEXEC);
	length = fd < 0 ? -1 : read(fd, ret, size - 1);
	if (fd >= 0)
		close(fd);
	ret[length < 0 ? 0 : length] = '\0';
}

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

static void limits_write(void)
{
	bool has_idle = access(ROOT "/kt/lazy/cpu.idle", F_OK) == 0;

	for (int i = 0; i < WORLD_PATHS; i++) {
		if (has_idle)
			file_write(WORLD[i], "cpu.idle", "0");
		file_write(WORLD[i], "cpu.weight", "100");
		file_write(WORLD[i], "cpu.max", "max 100000");
	}
	file_write("/kt/weighty", "cpu.weight", "317");
	file_write("/kt/capped", "cpu.max", "60000 120000");
	file_write("/kt/tight", "cpu.weight", "53");
	file_write("/kt/tight", "cpu.max", "33333 77777");
	file_write("/kt/nest", "cpu.weight", "1000");
	file_write("/kt/nest/with blank%", "cpu.max", "4000 50000");
	if (has_idle)
		file_write("/kt/lazy", "cpu.idle", "1");
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

void world_make(void)
{
	file_write("", "cgroup.subtree_control", "+cpu");
	dir_make("/kt");
	/* The load must not starve the test itself. */
	file_write("/kt", "cpu.weight", "10");
	file_write("/kt", "cgroup.subtree_control", "+cpu");
	for (int i = 0; i < WORLD_PATHS; i++) {
		dir_make(WORLD[i]);
		if (strcmp(WORLD[i], "/kt/nest") == 0)
			file_write(WORLD[i], "cgroup.subtree_control", "+cpu");
	}
	limits_write();
	load[0] = load_start("/kt/weighty");
	load[1] = load_start("/kt/capped");
	members_await("/kt/weighty");
	members_await("/kt/capped");
}

void world_remove(void)
{
	char full[512];

	for (int i = 0; i < 2; i++)
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
	size_t used = 0;

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

pid_t process_start(const char *step, char *const argv[])
{
	pid_t pid = fork();
	int fd;

	if (pid < 0)
		fail("fork");
	if (pid > 0)
		return pid;
	fd = open("/run/kill_act.log", O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (step)
		setenv("FORESTALL_STEP", step, 1);
	execv(argv[0], argv);
	_exit(127);
}

pid_t act_start(const struct programs *programs, const char *mode, const char *step)
{
	char *argv[] = { (char *)programs->act, "--mode", (char *)mode, "--run-dir", RUN_DIR, "--disable-file",
			 DISABLE_FILE, NULL };

	return process_start(step, argv);
}

pid_t driver_start(const struct programs *programs, unsigned int seed, const char *lease_ms)
{
	char seed_text[16];
	char *argv[6 + WORLD_PATHS + 1] = {
		(char *)programs->driver, SOCKET, "loop", seed_text, (char *)lease_ms, ROOT,
	};

	snprintf(seed_text, sizeof(seed_text), "%u", seed);
	for (int i = 0; i < WORLD_PATHS; i++)
		argv[6 + i] = (char *)WORLD[i];
	return process_start(NULL, argv);
}

int process_wait(pid_t pid, bool stops, int timeout_ms)
{
	uint64_t end_ms = clock_ms() + (uint64_t)timeout_ms;
	int status;

	/* An emulated guest may stand still while its clock goes on, so looking often enough counts too. */
	for (int looks = 0;; looks++) {
		pid_t r = waitpid(pid, &status, WNOHANG | (stops ? WUNTRACED : 0));

		if (r == pid)
			return status;
		if (r < 0)
			fail("waitpid %d", (int)pid);
		if (clock_ms() > end_ms && looks > timeout_ms / LOOK_MS)
			return -1;
		usleep(500);
	}
}

int process_end(pid_t pid, int signal)
{
	int status;

	if (kill(pid, signal) < 0)
		fail("kill %d", (int)pid);
	status = process_wait(pid, false, 10000);
	if (status < 0)
		fail("process %d does not end", (int)pid);
	return status;
}

bool act_is_ready(pid_t pid)
{
	uint64_t end_ms = clock_ms() + 10000;

	while (clock_ms() < end_ms) {
		siginfo_t info = { 0 };
		int fd = act_client_open(SOCKET);

		if (fd >= 0) {
			close(fd);
			return true;
		}
		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) < 0 || info.si_pid == pid)
			return false;
		usleep(500);
	}
	fail("the hands do not come up");
}

int undo_run(const struct programs *programs)
{
	char *argv[] = { (char *)programs->act, "--undo", "--run-dir", RUN_DIR, NULL };
	int status = process_wait(process_start(NULL, argv), false, 15000);

	if (status < 0)
		fail("the undo does not end");
	return status;
}

/* A zombie is no process that could do anything. */
static bool process_is_named(const char *pid, const char *comm)
{
	char path[300], text[128] = "", start[40];
	const char *end;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	snprintf(start, sizeof(start), "(%s)", comm);
	end = strstr(text, start);
	return end && strncmp(end + strlen(start), " Z", 2) != 0;
}

bool name_is_running(const char *comm)
{
	DIR *proc = opendir("/proc");
	bool is_running = false;
	struct dirent *entry;

	while (!is_running && (entry = readdir(proc)))
		if (entry->d_name[0] > '0' && entry->d_name[0] <= '9')
			is_running = process_is_named(entry->d_name, comm);
	closedir(proc);
	return is_running;
}

bool check(bool is_ok, const char *format, ...)
{
	va_list args;

	checks++;
	failures += !is_ok;
	printf("%sok %u - ", is_ok ? "" : "not ", checks);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	/* What one check found must not make all that follow fail. */
	if (!is_ok && load[0] && !name_is_running("forestall-act"))
		limits_write();
	return is_ok;
}

unsigned int check_count(void)
{
	return checks;
}

unsigned int check_failures(void)
{
	return failures;
}

bool world_is_restored(const char *before)
{
	const char *line = snapshot_differ(before);

	if (line)
		printf("# not as before: %s\n", line);
	if (!name_is_running("forestall-act"))
		return !line;
	printf("# forestall-act is still running\n");
	return false;
}

int world_wait(const char *before, int limit_ms)
{
	uint64_t start_ms = clock_ms();
	const char *line;

	for (int looks = 0; (line = snapshot_differ(before)); looks++) {
		if (clock_ms() > start_ms + (uint64_t)limit_ms && looks > limit_ms / LOOK_MS) {
			printf("# after %d ms not as before: %s\n", limit_ms, line);
			return -1;
		}
		usleep(2000);
	}
	return (int)(clock_ms() - start_ms);
}

static void action_fill(struct action *action, const char *path, uint32_t knob, uint64_t value, uint64_t period_us)
{
	char full[512];
	struct stat stat_buf;

	snprintf(full, sizeof(full), "%s%s", ROOT, path);
	memset(action, 0, sizeof(*action));
	snprintf(action->path, sizeof(action->path), "%s", path);
	action->cgroup_id = stat(full, &stat_buf) < 0 ? 1 : stat_buf.st_ino;
	action->knob = knob;
	action->value = value;
	action->period_us = period_us;
	action->lease_ms = 60000;
}

static void message_call(const struct message *message, struct result *ret)
{
	int fd = act_client_open(SOCKET);
	int r = fd < 0 ? fd : act_client_call(fd, message, ret, 5000);

	if (r < 0) {
		errno = -r;
		fail("the hands do not answer");
	}
	close(fd);
}

struct result_item plan_one(const char *path, uint32_t knob, uint64_t value, uint64_t period_us)
{
	static struct message message;
	static struct result result;

	memset(&message, 0, sizeof(message));
	message.kind = MESSAGE_PLAN;
	message.count = 1;
	action_fill(&message.action[0], path, knob, value, period_us);
	message_call(&message, &result);
	return result.item[0];
}

bool plan_some(void)
{
	static struct message message;
	static struct result result;
	bool is_applied = true;

	memset(&message, 0, sizeof(message));
	message.kind = MESSAGE_PLAN;
	message.count = 5;
	action_fill(&message.action[0], "/kt/plain", KNOB_CPU_WEIGHT, 210, 0);
	action_fill(&message.action[1], "/kt/weighty", KNOB_CPU_MAX, 70000, 100000);
	action_fill(&message.action[2], "/kt/tight", KNOB_CPU_MAX, UINT64_MAX, 50000);
	action_fill(&message.action[3], "/kt/nest/with blank%", KNOB_CPU_WEIGHT, 9, 0);
	action_fill(&message.action[4], "/kt/weighty", KNOB_CPU_IDLE, 1, 0);
	/* Kernels before 5.15 have no cpu.idle. */
	if (access(ROOT "/kt/weighty/cpu.idle", F_OK) < 0)
		message.count--;
	message_call(&message, &result);
	for (uint32_t i = 0; i < message.count; i++)
		is_applied = is_applied && result.item[i].outcome == OUTCOME_APPLIED;
	return is_applied;
}
