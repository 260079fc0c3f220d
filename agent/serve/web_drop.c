/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "web_drop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY 65534

void web_user_find(struct web_user *ret)
{
	const struct passwd *own = getpwnam("forestall");

	if (own && own->pw_uid && own->pw_gid)
		*ret = (struct web_user){ .uid = own->pw_uid, .gid = own->pw_gid, .is_own = true };
	else
		*ret = (struct web_user){ .uid = NOBODY, .gid = NOBODY };
}

static bool is_empty(int dir_fd)
{
	DIR *dir = fdopendir(dup(dir_fd));
	int count = 0;

	if (!dir)
		return false;
	while (readdir(dir))
		count++;
	closedir(dir);
	return count <= 2;
}

/* Root's directory with something in it may be anything: /var/lib, by a slip of the hand. */
static int dir_give(int fd, const struct web_user *user)
{
	struct stat stat;

	if (fstat(fd, &stat) < 0)
		return -errno;
	if (stat.st_uid == user->uid)
		return 0;
	if (stat.st_uid != 0 || !is_empty(fd))
		return -EPERM;
	return fchown(fd, user->uid, user->gid) < 0 ? -errno : 0;
}

/* The directory above stays root's: what else lies there is nothing to this user. */
int web_state_dir_make(const char *dir, const struct web_user *user)
{
	const char *slash = strrchr(dir, '/');
	char parent[PATH_MAX];
	int fd, r;

	snprintf(parent, sizeof(parent), "%.*s", slash ? (int)(slash - dir) : 0, dir);
	if (parent[0] && mkdir(parent, 0755) == 0)
		r = chmod(parent, 0755);	/* whatever the umask: the user has to come through */
	else
		r = parent[0] && errno != EEXIST ? -1 : 0;
	if (r < 0)
		return -errno;
	if (mkdir(dir, 0750) < 0 && errno != EEXIST)
		return -errno;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = dir_give(fd, user);
	close(fd);
	return r;
}

/* The bounding set goes first, while there still is a capability to do it with. */
static int bounds_drop(void)
{
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -errno;
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0 ? -errno : 0;
}

static int caps_clear(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0 } };

	return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

/* A change of the user takes back whatever signal was asked for the parent's death. */
static int death_signal_restore(int signal_number, pid_t parent)
{
	if (!signal_number)
		return 0;
	if (prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0) < 0)
		return -errno;
	return getppid() == parent ? 0 : -ESRCH;
}

int web_drop(const struct web_user *user)
{
	int signal_number = 0, r;
	pid_t parent = getppid();

	prctl(PR_GET_PDEATHSIG, &signal_number, 0, 0, 0);
	r = bounds_drop();
	if (r < 0)
		return r;
	if (setgroups(0, NULL) < 0 || setresgid(user->gid, user->gid, user->gid) < 0 ||
	    setresuid(user->uid, user->uid, user->uid) < 0)
		return -errno;
	r = caps_clear();
	if (r < 0)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	/* It is gone only when it cannot be had back. */
	if (setuid(0) == 0 || geteuid() == 0)
		return -EPERM;
	return death_signal_restore(signal_number, parent);
}
