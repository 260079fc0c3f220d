/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profilefile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SUFFIX ".profile"
#define REMEMBERED_S ((time_t)PROFILE_SLOTS * PROFILE_SLOT_S)

/* FNV-1a, 64 bits. */
static void name_of(const char *path, char ret[PROFILE_NAME_MAX])
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (; *path; path++)
		hash = (hash ^ (uint8_t)*path) * 0x100000001b3ull;
	snprintf(ret, PROFILE_NAME_MAX, "%016llx" SUFFIX, (unsigned long long)hash);
}

static void old_forget(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	struct stat stat;

	while (dir && (entry = readdir(dir)))
		if (strstr(entry->d_name, SUFFIX) && !fstatat(dir_fd, entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) &&
		    stat.st_mtime < time(NULL) - REMEMBERED_S)
			unlinkat(dir_fd, entry->d_name, 0);
	if (dir)
		closedir(dir);
}

/* The directory above may belong to the web surface's user, who must not lead us elsewhere. */
int profile_dir_open(const char *state_dir)
{
	int above, fd, r = 0;
	struct stat stat;

	if (mkdir(state_dir, 0755) && errno != EEXIST)
		return -errno;
	above = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (above < 0)
		return -errno;
	if (mkdirat(above, "profile", 0700) && errno != EEXIST)
		r = -errno;
	fd = r ? -1 : openat(above, "profile", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (!r && fd < 0)
		r = -errno;
	close(above);
	if (!r && (fstat(fd, &stat) || stat.st_uid != geteuid() || (stat.st_mode & 022)))
		r = -EPERM;
	if (r) {
		if (fd >= 0)
			close(fd);
		return r;
	}
	old_forget(fd);
	return fd;
}

int profile_load(int dir_fd, const char *path, struct profile_record *ret, char problem[PROFILE_PROBLEM_MAX])
{
	char name[PROFILE_NAME_MAX];
	const char *what;
	ssize_t bytes;
	int fd;

	name_of(path, name);
	fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	bytes = fd < 0 ? -1 : read(fd, ret, sizeof(*ret));
	what = bytes < 0 ? strerror(errno) : profile_check(ret, (uint64_t)bytes);
	if (fd >= 0)
		close(fd);
	if (!what && strcmp(ret->path, path))
		what = "of another instance";
	if (!what)
		return 1;
	snprintf(problem, PROFILE_PROBLEM_MAX, "profile/%s of %.120s: %s; it is learned anew", name, path, what);
	return -EBADMSG;
}

int profile_save(int dir_fd, const struct profile_record *record)
{
	char name[PROFILE_NAME_MAX], fresh[PROFILE_NAME_MAX + 4];
	ssize_t bytes;
	int fd, r = 0;

	name_of(record->path, name);
	snprintf(fresh, sizeof(fresh), "%s.new", name);
	fd = openat(dir_fd, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	bytes = write(fd, record, sizeof(*record));
	if (bytes != (ssize_t)sizeof(*record))
		r = bytes < 0 ? -errno : -ENOSPC;
	if (!r && fsync(fd))
		r = -errno;
	if (close(fd) && !r)
		r = -errno;
	if (!r && renameat(dir_fd, fresh, dir_fd, name))
		r = -errno;
	if (r)
		unlinkat(dir_fd, fresh, 0);
	else
		fsync(dir_fd);
	return r;
}
