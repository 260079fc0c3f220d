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

#define LOOK_MS 20		/* how rarely we look at worst, when nothing stands still */

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

uint64_t number_read(const char *path, const char *name)
{
	char text[64];

	file_read(path, name, text, sizeof(text));
	return strtoull(text, NULL, 10);
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

/* A connection alone may be to the socket of hands that were killed, as long as a child of theirs is dying. */
static bool hands_answer(void)
{
	const struct message message = { .kind = MESSAGE_MODE_GET };
	int fd = act_client_open(SOCKET);
	struct result result;
	bool is_answered = fd >= 0 && act_client_call(fd, &message, &result, 200) == 0;

	if (fd >= 0)
		close(fd);
	return is_answered;
}

bool act_is_ready(pid_t pid)
{
	uint64_t end_ms = clock_ms() + 10000;

	while (clock_ms() < end_ms) {
		siginfo_t info = { 0 };

		if (hands_answer())
			return true;
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
	if (!is_ok && !name_is_running("forestall-act"))
		world_reset();
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
	if ((knob >= KNOB_IO_RBPS && knob <= KNOB_IO_WIOPS) || knob == KNOB_IO_LATENCY || knob == KNOB_IO_COST)
		action->device = disk_device();
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

static struct result_item action_call(enum message_kind kind, const char *path, uint32_t knob, uint64_t value,
				      uint64_t period_us, uint32_t device, uint32_t flags)
{
	static struct message message;
	static struct result result;

	memset(&message, 0, sizeof(message));
	message.kind = kind;
	message.count = 1;
	action_fill(&message.action[0], path, knob, value, period_us);
	if (device)
		message.action[0].device = device;
	message.action[0].flags = flags;
	message_call(&message, &result);
	return result.item[0];
}

struct result_item plan_one(const char *path, uint32_t knob, uint64_t value, uint64_t period_us)
{
	return action_call(MESSAGE_PLAN, path, knob, value, period_us, 0, 0);
}

struct result_item plan_device(const char *path, uint32_t knob, uint64_t value, uint32_t device)
{
	return action_call(MESSAGE_PLAN, path, knob, value, 0, device, 0);
}

struct result_item plan_may_kill(const char *path, uint32_t knob, uint64_t value)
{
	return action_call(MESSAGE_PLAN, path, knob, value, 0, 0, ACTION_MAY_KILL);
}

struct result_item release_one(const char *path, uint32_t knob)
{
	return action_call(MESSAGE_RELEASE, path, knob, 0, 0, 0, 0);
}

bool plan_some(void)
{
	static struct message message;
	static struct result result;
	bool is_applied = true;

	memset(&message, 0, sizeof(message));
	message.kind = MESSAGE_PLAN;
	message.count = 15;
	action_fill(&message.action[0], "/kt/plain", KNOB_CPU_WEIGHT, 210, 0);
	action_fill(&message.action[1], "/kt/weighty", KNOB_CPU_MAX, 70000, 100000);
	action_fill(&message.action[2], "/kt/tight", KNOB_CPU_MAX, UINT64_MAX, 50000);
	action_fill(&message.action[3], "/kt/nest/with blank%", KNOB_CPU_WEIGHT, 9, 0);
	action_fill(&message.action[4], "/kt/plain", KNOB_CPUSET_CPUS, 1, 0);
	action_fill(&message.action[5], "/kt/capped", KNOB_IO_RBPS, 2 << 20, 0);
	action_fill(&message.action[6], "/kt/capped", KNOB_IO_WBPS, 3 << 20, 0);
	action_fill(&message.action[7], "/kt/tight", KNOB_MEMORY_HIGH, 100 << 20, 0);
	action_fill(&message.action[8], "/kt/nest/with blank%", KNOB_MEMORY_LOW, 5 << 20, 0);
	action_fill(&message.action[9], "/kt/plain", KNOB_FREEZE, 1, 0);
	action_fill(&message.action[10], "/kt/plain", KNOB_CPUSET_MEMS, 1, 0);
	action_fill(&message.action[11], "/kt/weighty", KNOB_MEMORY_MIN, 6 << 20, 0);
	action_fill(&message.action[13], "/kt/nest/with blank%", KNOB_CPU_BURST, 2500, 0);
	action_fill(&message.action[12], "/kt/weighty", KNOB_MEMORY_MAX, 300 << 20, 0);
	action_fill(&message.action[14], "/kt/weighty", KNOB_CPU_IDLE, 1, 0);
	/* Kernels before 5.14 have no cpu.max.burst, and before 5.15 no cpu.idle. */
	if (access(ROOT "/kt/weighty/cpu.idle", F_OK) < 0)
		message.count -= 1 + (access(ROOT "/kt/weighty/cpu.max.burst", F_OK) < 0);
	message_call(&message, &result);
	for (uint32_t i = 0; i < message.count; i++)
		is_applied = is_applied && result.item[i].outcome == OUTCOME_APPLIED;
	return is_applied;
}
