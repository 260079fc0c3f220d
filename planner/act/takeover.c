/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cgroup.h"
#include "cleanup.h"
#include "client.h"
#include "lock.h"
#include "takeover.h"

#define HOLDER_POLL_MS 20

int takeover_journal(int run_fd, int root_fd, struct journal *journal, struct lease_table *table, act_report report,
		     void *arg, struct takeover *ret)
{
	struct hold *hold;
	int r;

	table->count = 0;
	r = journal_open(journal, run_fd, table, &ret->line);
	if (r < 0)
		return r;
	for (hold = lease_latest(table); hold;) {
		uint64_t seq = hold->seq;
		struct undo_report undo = undo_hold(root_fd, journal, hold);

		if (report)
			report(arg, hold, &undo);
		ret->failed += undo.result == UNDO_FAILED;
		if (!undo_is_due(undo.result)) {
			ret->undone++;
			lease_remove(table, hold);
		}
		hold = lease_before(table, seq);
	}
	if (ret->failed > 0)
		return -EIO;
	return journal->bytes > 0 && table->count == 0 ? journal_empty(journal) : 0;
}

/* Asks live hands to undo; they answer with what they did. */
static int hands_ask(const char *run_dir, struct takeover *ret)
{
	struct message message = { .kind = MESSAGE_UNDO_ALL };
	_cleanup_close_ int fd = -1;
	struct result result;
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/act.sock", run_dir);
	fd = act_client_open(path);
	if (fd < 0)
		return fd;
	r = act_client_call(fd, &message, &result, UNDO_ANSWER_MS);
	if (r < 0)
		return r;
	ret->is_answered = true;
	for (uint32_t i = 0; i < result.count; i++)
		if (result.item[i].outcome == OUTCOME_FAILED)
			ret->failed++;
		else
			ret->undone++;
	return ret->failed > 0 ? -EIO : 0;
}

/* Ends the holder of the lock. It may just be starting or ending, so look again for a while. */
static int holder_end(int run_fd, struct takeover *ret)
{
	for (int left_ms = LOCK_WAIT_MS; left_ms > 0; left_ms -= HOLDER_POLL_MS) {
		_cleanup_close_ int pid_fd = -1;
		int lock_fd = lock_take(run_fd, 0);
		pid_t pid;
		int r;

		if (lock_fd != -EWOULDBLOCK)
			return lock_fd;
		pid_fd = lock_holder_open(run_fd, &pid);
		if (pid_fd >= 0) {
			r = lock_holder_kill(pid_fd, UNDO_DEATH_MS);
			if (r < 0)
				return r;
			ret->is_killed = true;
			continue;
		}
		if (pid_fd != -ESRCH)
			return pid_fd;
		poll(NULL, 0, HOLDER_POLL_MS);
	}
	return -EBUSY;
}

static int root_open(const char *cgroup_root)
{
	char path[PATH_MAX];
	int r;

	if (cgroup_root)
		return cgroup_root_open(cgroup_root);
	r = cgroup_root_find(path, sizeof(path));
	return r < 0 ? r : cgroup_root_open(path);
}

static int journal_undo_all(int run_fd, const char *cgroup_root, act_report report, void *arg, struct takeover *ret)
{
	_cleanup_free_ struct lease_table *table = calloc(1, sizeof(*table));
	_cleanup_close_ int root_fd = root_open(cgroup_root);
	struct journal journal = { .fd = -1 };
	int r;

	if (!table)
		return -ENOMEM;
	if (root_fd < 0)
		return root_fd;
	r = takeover_journal(run_fd, root_fd, &journal, table, report, arg, ret);
	journal_close(&journal);
	return r;
}

int act_takeover_undo(const char *run_dir, const char *cgroup_root, act_report report, void *arg,
		      struct takeover *ret)
{
	_cleanup_close_ int run_fd = -1, lock_fd = -1;
	int r;

	*ret = (struct takeover){ 0 };
	if (access(run_dir, F_OK) < 0 && errno == ENOENT)
		return 0;
	run_fd = run_dir_open(run_dir);
	if (run_fd < 0)
		return run_fd;
	lock_fd = lock_take(run_fd, 0);
	if (lock_fd == -EWOULDBLOCK) {
		r = hands_ask(run_dir, ret);
		if (r == 0 || r == -EIO)
			return r;
		lock_fd = holder_end(run_fd, ret);
	}
	if (lock_fd < 0)
		return lock_fd;
	return journal_undo_all(run_fd, cgroup_root, report, arg, ret);
}

static int disable_file_create(const char *path)
{
	char dir[PATH_MAX];
	char *slash;
	int fd;

	if ((size_t)snprintf(dir, sizeof(dir), "%s", path) >= sizeof(dir))
		return -ENAMETOOLONG;
	slash = strrchr(dir, '/');
	if (slash && slash != dir) {
		*slash = '\0';
		if (mkdir(dir, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

int act_panic(const char *run_dir, const char *cgroup_root, const char *disable_file, act_report report, void *arg,
	      struct takeover *ret)
{
	int disable_r = disable_file_create(disable_file);
	int r = act_takeover_undo(run_dir, cgroup_root, report, arg, ret);

	/* Undo even where the file cannot be made, but do not call that a success. */
	return r < 0 ? r : disable_r;
}
