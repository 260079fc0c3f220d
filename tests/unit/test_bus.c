/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A system bus that takes connections and never answers: who is no unit is served as ever, and one line says it. */
#include "hands_world.h"

#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "act/apply.h"
#include "act/systemd.h"

#define START_NS NS_PER_SECOND
#define LEASE_MS 1000

static struct apply apply;
static char log_path[96];
static int bus_fd;

/* Nobody ever accepts: the kernel connects all the same. */
static void bus_listen(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char variable[128];

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/bus", run_dir);
	snprintf(variable, sizeof(variable), "unix:path=%s", address.sun_path);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", variable, 1);
	bus_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(bus_fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(bus_fd, 16), 0);
}

static uint64_t id_of(const char *path)
{
	char full[128];
	struct stat stat_buf;

	snprintf(full, sizeof(full), "%s%s", root, path);
	assert_int_equal(stat(full, &stat_buf), 0);
	return stat_buf.st_ino;
}

static void weight_set(const char *path, const char *text)
{
	char dir[128];

	snprintf(dir, sizeof(dir), "%s%s", root, path);
	file_write(dir, "cpu.weight", text);
}

static void assert_weight(const char *path, const char *text)
{
	char dir[128];

	snprintf(dir, sizeof(dir), "%s%s", root, path);
	assert_file_says(dir, "cpu.weight", text);
}

static int bus_world_make(void **state)
{
	static char none[96];
	char path[128];
	uint32_t line;

	if (world_make(state))
		return 1;
	snprintf(path, sizeof(path), "%s/job.scope", root);
	assert_int_equal(mkdir(path, 0755), 0);
	weight_set("/web", "100\n");
	weight_set("/job.scope", "100\n");
	snprintf(none, sizeof(none), "%s/disable", run_dir);
	snprintf(log_path, sizeof(log_path), "%s/log", run_dir);
	assert_non_null(freopen(log_path, "a", stderr));
	alarm(60);	/* who waits for an answer after all waits for good */
	apply.root_fd = root_fd;
	apply.inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	apply.mode = MODE_ENFORCE;
	apply.disable_file = none;
	apply.systemd_dir = run_dir;	/* there it is, so systemd runs */
	bus_listen();
	return journal_open(&apply.journal, run_fd, &apply.leases, &line);
}

/* How many lines of the log hold the words. */
static int lines(const char *words)
{
	FILE *file = fopen(log_path, "r");
	char line[600];
	int count = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		count += strstr(line, words) != NULL;
	fclose(file);
	return count;
}

static struct result_item ask(const char *path, uint64_t now_ns)
{
	struct action action = { .cgroup_id = id_of(path), .knob = KNOB_CPU_WEIGHT, .value = 20, .lease_ms = LEASE_MS };
	struct result_item item;

	snprintf(action.path, sizeof(action.path), "%s", path);
	apply_action(&apply, &action, (struct now){ .mono_ns = now_ns, .real_ns = now_ns }, &item);
	return item;
}

static void rest_wait(void)
{
	nanosleep(&(struct timespec){ .tv_sec = SYSTEMD_REST_MS / 1000, .tv_nsec = 50000000 }, NULL);
}

static void a_unit_waits_for_it_and_nobody_else_does(void **state)
{
	struct result_item item = ask("/job.scope", START_NS);

	(void)state;
	assert_int_equal(item.outcome, OUTCOME_FAILED);
	assert_non_null(strstr(item.text, "systemd does not answer"));
	assert_weight("/job.scope", "100\n");
	assert_int_equal(ask("/web", START_NS).outcome, OUTCOME_APPLIED);
	assert_int_equal(ask("/job.scope", START_NS).outcome, OUTCOME_FAILED);
	assert_int_equal(ask("/web", START_NS + 500000000).outcome, OUTCOME_RENEWED);
	assert_weight("/web", "20");
	apply_expire(&apply, (struct now){ .mono_ns = START_NS + 2 * NS_PER_SECOND });
	assert_weight("/web", "100");
	assert_int_equal(apply.leases.count, 0);
	assert_int_equal(lines("systemd: "), 1);
}

static void it_is_asked_again_and_said_no_more(void **state)
{
	(void)state;
	rest_wait();
	assert_int_equal(ask("/job.scope", START_NS).outcome, OUTCOME_FAILED);
	/* Now it refuses: the same silence. */
	close(bus_fd);
	rest_wait();
	assert_int_equal(ask("/job.scope", START_NS).outcome, OUTCOME_FAILED);
	assert_int_equal(lines("systemd: "), 1);
}

/* As hands find it that were killed, or as it is when the bus goes while they hold. */
static void an_undo_lifts_the_limit_and_says_so_once(void **state)
{
	char text[256];
	uint32_t line;

	(void)state;
	weight_set("/job.scope", "20\n");
	snprintf(text, sizeof(text), "intent 1 99 /job.scope %llu cpu.weight 100 -> 20 reason=3 via=systemd\ndone 1 20\n",
		 (unsigned long long)id_of("/job.scope"));
	journal_close(&apply.journal);
	file_write(run_dir, "journal", text);
	assert_int_equal(journal_open(&apply.journal, run_fd, &apply.leases, &line), 0);
	for (uint64_t i = 1; i <= 10; i++)
		apply_expire(&apply, (struct now){ .mono_ns = START_NS + i * 2 * NS_PER_SECOND });
	assert_weight("/job.scope", "100");
	assert_int_equal(apply.leases.count, 1);
	assert_int_equal(lines("lifted; its property follows"), 1);
	assert_int_equal(lines("systemd: "), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unit_waits_for_it_and_nobody_else_does),
		cmocka_unit_test(it_is_asked_again_and_said_no_more),
		cmocka_unit_test(an_undo_lifts_the_limit_and_says_so_once),
	};

	return cmocka_run_group_tests_name("bus", tests, bus_world_make, world_remove);
}
