/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the hands must refuse, and when they must yield: each on real cgroups. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "act/bounds.h"
#include "act/client.h"
#include "kill_world.h"

static pid_t act;

bool outcome_is(const char *path, uint32_t knob, uint64_t value, uint64_t period_us, unsigned int outcome)
{
	struct result_item item = plan_one(path, knob, value, period_us);

	if (item.outcome == outcome)
		return true;
	printf("# %s %s: %s %s\n", path, knob_name((enum knob)knob), outcome_name((enum outcome)item.outcome),
	       item.text);
	return false;
}

bool file_says(const char *path, const char *name, const char *text)
{
	char now[256];

	file_read(path, name, now, sizeof(now));
	now[strcspn(now, "\n")] = '\0';
	if (strcmp(now, text) == 0)
		return true;
	printf("# %s/%s: %s, not %s\n", path, name, now, text);
	return false;
}

void rules_dir_make(const char *path)
{
	char full[256];

	snprintf(full, sizeof(full), ROOT "%s", path);
	if (mkdir(full, 0755) < 0 && errno != EEXIST)
		fail("%s", full);
}

void rules_dir_remove(const char *path)
{
	char full[256];

	snprintf(full, sizeof(full), ROOT "%s", path);
	/* A child of the hands that dies with them is a moment behind. */
	for (int i = 0; i < 500 && rmdir(full) < 0; i++) {
		if (errno == ENOENT)
			return;
		usleep(10000);
	}
	if (access(full, F_OK) == 0)
		fail("%s", full);
}

static void hands_start(const struct programs *programs, const char *mode)
{
	act = act_start(programs, mode, NULL);
	if (!act_is_ready(act))
		fail("the hands do not start");
}

static void exclusion_test(void)
{
	rules_dir_make("/kt/guard");
	rules_dir_make("/kt/guard/sshd.service");
	rules_dir_make("/kt/guard/sshd.service/inner");
	check(outcome_is("/kt/guard/sshd.service", KNOB_CPU_WEIGHT, 50, 0, OUTCOME_EXCLUDED), "sshd is excluded");
	check(outcome_is("/kt/guard/sshd.service/inner", KNOB_CPU_WEIGHT, 50, 0, OUTCOME_EXCLUDED),
	      "what is below sshd is excluded");
	check(outcome_is("/kt/guard", KNOB_CPU_WEIGHT, 50, 0, OUTCOME_EXCLUDED) &&
	      outcome_is("/kt", KNOB_CPU_WEIGHT, 50, 0, OUTCOME_EXCLUDED), "what is above sshd is excluded");
	check(outcome_is("/", KNOB_CPU_WEIGHT, 50, 0, OUTCOME_EXCLUDED), "the root is excluded");
	rules_dir_remove("/kt/guard/sshd.service/inner");
	rules_dir_remove("/kt/guard/sshd.service");
	check(outcome_is("/kt/guard", KNOB_CPU_WEIGHT, 50, 0, OUTCOME_APPLIED), "without sshd it is not");
	rules_dir_remove("/kt/guard");
}

static void self_test(const struct programs *programs)
{
	rules_dir_make("/kt/self");
	rules_dir_make("/kt/self/inner");
	file_write("/kt/self/inner", "cgroup.procs", "0");
	hands_start(programs, "enforce");
	file_write("", "cgroup.procs", "0");
	check(outcome_is("/kt/self", KNOB_CPU_WEIGHT, 50, 0, OUTCOME_EXCLUDED) &&
	      outcome_is("/kt/self/inner", KNOB_CPU_WEIGHT, 50, 0, OUTCOME_EXCLUDED),
	      "the hands' own cgroup and what is above it are excluded");
	check(outcome_is("/kt/plain", KNOB_CPU_WEIGHT, 50, 0, OUTCOME_APPLIED), "beside it is not");
	process_end(act, SIGTERM);
	rules_dir_remove("/kt/self/inner");
	rules_dir_remove("/kt/self");
}

static void bounds_test(void)
{
	static const struct {
		const char *path;
		uint32_t knob;
		uint64_t value, period_us;
	} ODD[] = {
		{ "/kt/plain", KNOB_CPU_WEIGHT, 0, 0 },		{ "/kt/plain", KNOB_CPU_WEIGHT, 10001, 0 },
		{ "/kt/plain", KNOB_CPU_MAX, 999, 100000 },	{ "/kt/plain", KNOB_CPU_MAX, 5000, 999 },
		{ "/kt/plain", KNOB_CPU_MAX, 5000, 1000001 },	{ "/kt/plain", KNOB_COUNT, 1, 0 },
		{ "/kt/../kt/plain", KNOB_CPU_WEIGHT, 50, 0 },	{ "kt/plain", KNOB_CPU_WEIGHT, 50, 0 },
		{ "/kt/plain/", KNOB_CPU_WEIGHT, 50, 0 },	{ "/kt//plain", KNOB_CPU_WEIGHT, 50, 0 },
	};
	bool is_ok = true;

	for (size_t i = 0; i < sizeof(ODD) / sizeof(*ODD); i++)
		is_ok = outcome_is(ODD[i].path, ODD[i].knob, ODD[i].value, ODD[i].period_us, OUTCOME_REFUSED) && is_ok;
	check(is_ok, "values out of bounds and odd paths are refused");
}

static void gone_test(void)
{
	check(outcome_is("/kt/nowhere", KNOB_CPU_WEIGHT, 50, 0, OUTCOME_GONE), "a cgroup that is not there is gone");
	rules_dir_make("/kt/brief");
	check(outcome_is("/kt/brief", KNOB_CPU_WEIGHT, 50, 0, OUTCOME_APPLIED), "a brief cgroup is changed");
	rules_dir_remove("/kt/brief");
	rules_dir_make("/kt/brief");
	check(outcome_is("/kt/brief", KNOB_CPU_WEIGHT, 60, 0, OUTCOME_APPLIED) &&
	      file_says("/kt/brief", "cpu.weight", "60"), "its successor of the same name is another cgroup");
	rules_dir_remove("/kt/brief");
}

/* A delegated cgroup belongs to its user: the reason why one capability is kept. */
static void user_test(void)
{
	rules_dir_make("/kt/users");
	if (chown(ROOT "/kt/users", 65534, 65534) < 0 || chown(ROOT "/kt/users/cpu.weight", 65534, 65534) < 0)
		fail("chown");
	check(outcome_is("/kt/users", KNOB_CPU_WEIGHT, 50, 0, OUTCOME_APPLIED), "a cgroup of another user is changed");
	rules_dir_remove("/kt/users");
}

static void yield_test(void)
{
	bool is_ok = outcome_is("/kt/capped", KNOB_CPU_MAX, 20000, 100000, OUTCOME_APPLIED);

	file_write("/kt/capped", "cpu.max", "44000 100000");
	sleep_ms(30);
	check(is_ok && outcome_is("/kt/capped", KNOB_CPU_MAX, 20000, 100000, OUTCOME_CONTENDED) &&
	      file_says("/kt/capped", "cpu.max", "44000 100000"), "a foreign write is yielded to and then left alone");
	check(outcome_is("/kt/capped", KNOB_CPU_WEIGHT, 77, 0, OUTCOME_APPLIED),
	      "another knob of the same cgroup is still ours");
}

/* The same of every knob, in an order in which what somebody wrote before is no hindrance. */
static void yield_all_test(void)
{
	static const struct {
		uint32_t knob;
		uint64_t value, period_us;
		const char *file, *foreign;
	} KNOBS[] = {
		{ KNOB_CPU_WEIGHT, 50, 0, "cpu.weight", "60" },
		{ KNOB_CPU_MAX, 20000, 100000, "cpu.max", "30000 100000" },
		{ KNOB_CPU_BURST, 2000, 0, "cpu.max.burst", "1000" },
		{ KNOB_CPUSET_CPUS, 1, 0, "cpuset.cpus", "\n" },
		{ KNOB_CPUSET_MEMS, 1, 0, "cpuset.mems", "\n" },
		{ KNOB_MEMORY_LOW, 8 << 20, 0, "memory.low", "4194304" },
		{ KNOB_MEMORY_MIN, 8 << 20, 0, "memory.min", "4194304" },
		{ KNOB_MEMORY_MAX, 200 << 20, 0, "memory.max", "134217728" },
		{ KNOB_MEMORY_HIGH, 100 << 20, 0, "memory.high", "67108864" },
		{ KNOB_IO_WEIGHT, 50, 0, "io.weight", "default 60" },
		{ KNOB_FREEZE, 1, 0, "cgroup.freeze", "0" },
	};

	rules_dir_make("/kt/rival");
	for (size_t i = 0; i < sizeof(KNOBS) / sizeof(*KNOBS); i++) {
		const char *file = KNOBS[i].file, *foreign = KNOBS[i].foreign;
		bool is_ok = outcome_is("/kt/rival", KNOBS[i].knob, KNOBS[i].value, KNOBS[i].period_us, OUTCOME_APPLIED);

		file_write("/kt/rival", file, foreign);
		sleep_ms(30);
		check(is_ok && outcome_is("/kt/rival", KNOBS[i].knob, KNOBS[i].value, KNOBS[i].period_us, OUTCOME_CONTENDED) &&
		      file_says("/kt/rival", file, *foreign == '\n' ? "" : foreign), "%s: what somebody else wrote stays", file);
	}
	rules_dir_remove("/kt/rival");
}

static void coupled_test(void)
{
	if (access(ROOT "/kt/plain/cpu.idle", F_OK) < 0)
		return;
	check(outcome_is("/kt/weighty", KNOB_CPU_WEIGHT, 400, 0, OUTCOME_APPLIED) &&
	      outcome_is("/kt/weighty", KNOB_CPU_IDLE, 1, 0, OUTCOME_APPLIED) &&
	      outcome_is("/kt/weighty", KNOB_CPU_WEIGHT, 400, 0, OUTCOME_REFUSED),
	      "cpu.idle takes the place of a weight, which is refused meanwhile");
	check(outcome_is("/kt/lazy", KNOB_CPU_WEIGHT, 400, 0, OUTCOME_REFUSED),
	      "a weight is refused where cpu.idle is 1 by somebody else");
}

static void disable_test(const char *before)
{
	bool is_held = plan_some();
	int fd = open(DISABLE_FILE, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	int took_ms = world_wait(before, 2500);

	close(fd);
	check(is_held && took_ms >= 0, "the disable file undoes what is held, after %d ms", took_ms);
	check(outcome_is("/kt/plain", KNOB_CPU_WEIGHT, 50, 0, OUTCOME_REFUSED) &&
	      snapshot_differ(before) == NULL, "and refuses what is asked for");
	unlink(DISABLE_FILE);
	check(outcome_is("/kt/plain", KNOB_CPU_WEIGHT, 50, 0, OUTCOME_APPLIED), "without it the same is applied");
}

static void garbage_test(void)
{
	static struct message message;
	struct result result;
	bool is_ok = true;

	for (int kind = 0; kind < 5; kind++) {
		int fd = act_client_open(SOCKET);
		size_t size = sizeof(message);

		memset(&message, kind == 0 ? 0xa5 : 0, sizeof(message));
		message.version = kind == 1 ? PROTOCOL_VERSION + 1 : kind > 1 ? PROTOCOL_VERSION : message.version;
		message.kind = kind == 4 ? 99 : MESSAGE_PLAN;
		message.count = kind == 2 ? ACTIONS_MAX + 1 : 1;
		if (kind == 3)
			size = 100;
		if (send(fd, &message, size, 0) < 0)
			fail("send");
		memset(&result, 0, sizeof(result));
		sleep_ms(30);
		is_ok = recv(fd, &result, sizeof(result), 0) > 0 && result.count == 1 &&
			result.item[0].outcome == OUTCOME_REFUSED && is_ok;
		if (send(fd, "x", 1, MSG_NOSIGNAL) < 0)
			printf("# the client was dropped\n");
		close(fd);
	}
	check(is_ok && outcome_is("/kt/plain", KNOB_CPU_WEIGHT, 60, 0, OUTCOME_APPLIED),
	      "garbage is refused and the hands go on");
}

/* Far more changes than are allowed; however long they take, no second has more than its share. */
static void rate_test(void)
{
	uint64_t start_ms = clock_ms(), took_ms;
	unsigned int applied = 0, refused = 0;

	for (unsigned int i = 0; i < 700; i++) {
		struct result_item item = plan_one("/kt/plain", KNOB_CPU_WEIGHT, 10 + i % 7, 0);

		applied += item.outcome == OUTCOME_APPLIED;
		refused += item.outcome == OUTCOME_REFUSED;
	}
	took_ms = clock_ms() - start_ms;
	check(applied <= WRITES_PER_S_MAX * (took_ms / 1000 + 2) && (refused > 0 || took_ms > 3000),
	      "700 changes in %u ms: %u applied, %u refused", (unsigned int)took_ms, applied, refused);
	sleep_ms(1000);
}

static void stranger_test(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int r = setgid(65534) < 0 || setuid(65534) < 0 ? 0 : act_client_open(SOCKET);

		_exit(r == -EACCES ? 0 : 1);
	}
	status = process_wait(pid, false, 5000);
	check(status == 0, "a client that is not root cannot connect");
}

static void mode_test(const struct programs *programs, const char *before)
{
	char *argv[] = { (char *)programs->act, "--run-dir", RUN_DIR, NULL };
	char *driver[] = { (char *)programs->driver, SOCKET, "mode", "shadow", NULL };
	int status;

	hands_start(programs, "enforce");
	plan_some();
	process_wait(process_start(NULL, driver), false, 5000);
	status = process_wait(act, false, 5000);
	check(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_MODE_CHANGED && world_is_restored(before),
	      "a change of mode undoes and ends with 75");
	act = process_start(NULL, argv);
	check(act_is_ready(act) && outcome_is("/kt/plain", KNOB_CPU_WEIGHT, 50, 0, OUTCOME_WOULD) &&
	      snapshot_differ(before) == NULL, "the next start is in shadow: would, and writes nothing");
	process_end(act, SIGTERM);
	unlink(RUN_DIR "/mode");
	act = process_start(NULL, argv);
	check(act_is_ready(act) && outcome_is("/kt/plain", KNOB_CPU_WEIGHT, 50, 0, OUTCOME_WOULD) &&
	      outcome_is("/kt", KNOB_CPU_WEIGHT, 0, 0, OUTCOME_REFUSED), "without RUN/mode it is observe");
	process_end(act, SIGTERM);
}

static void journal_write(const char *text)
{
	int fd = open(RUN_DIR "/journal", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail("journal");
	close(fd);
}

static void journal_test(const struct programs *programs, const char *before)
{
	journal_write("intent 1 5 /kt/plain 7 cpu.weight 100 -> 50 reason=0\nrubbish\ndone 1 50\n");
	act = act_start(programs, "enforce", NULL);
	check(process_wait(act, false, 5000) == 0x100, "a journal corrupt in the middle: the hands refuse to start");
	check(undo_run(programs) == 0x100 && snapshot_differ(before) == NULL, "and an undo refuses it too");
	journal_write("intent 1 5 /kt/plain 7 cpu.weight 100 -> 50 reason=0\ndone 1 5");
	check(undo_run(programs) == 0 && snapshot_differ(before) == NULL, "a torn last line is no corruption");
}

static void lock_test(const struct programs *programs)
{
	pid_t second;
	char line[32];
	int fd;

	hands_start(programs, "enforce");
	plan_some();
	second = act_start(programs, "enforce", NULL);
	check(process_wait(second, false, 6000) == 0x100, "a second pair of hands does not start");
	check(undo_run(programs) == 0 && kill(act, 0) == 0 && process_wait(act, true, 50) < 0,
	      "live hands undo when asked and live on");
	process_end(act, SIGTERM);
	fd = open(RUN_DIR "/act.lock", O_RDWR | O_TRUNC | O_CLOEXEC);
	snprintf(line, sizeof(line), "%d 1\n", (int)getpid());
	if (fd < 0 || flock(fd, LOCK_EX) < 0 || write(fd, line, strlen(line)) < 0)
		fail("lock");
	check(undo_run(programs) == 0x100, "a lock held by another program is left alone, not killed");
	close(fd);
}

void rules_test(const struct programs *programs, const char *before)
{
	hands_start(programs, "enforce");
	exclusion_test();
	bounds_test();
	gone_test();
	user_test();
	coupled_test();
	yield_test();
	yield_all_test();
	knobs_test();
	garbage_test();
	rate_test();
	stranger_test();
	check(process_end(act, SIGTERM) == 0 && file_says("/kt/capped", "cpu.max", "44000 100000"),
	      "at the end the foreign value stays");
	file_write("/kt/capped", "cpu.max", "60000 120000");
	check(world_is_restored(before), "and all else is as before");
	hands_start(programs, "enforce");
	disable_test(before);
	process_end(act, SIGTERM);
	self_test(programs);
	mode_test(programs, before);
	journal_test(programs, before);
	lock_test(programs);
	check(world_is_restored(before), "after all rules");
}
