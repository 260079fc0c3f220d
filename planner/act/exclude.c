/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bounds.h"
#include "cgroup.h"
#include "cleanup.h"
#include "exclude.h"

static const char *const PATTERNS[] = {
	"forestall*",
	"init.scope", "systemd*", "dbus*", "*journald*", "*udevd*", "session-*.scope",
	"sshd*", "ssh.service", "ssh.socket", "ssh@*", "dropbear*",
	"NetworkManager*", "networking*", "wpa_supplicant*", "ifup@*", "dhclient*", "dhcpcd*", "connman*",
	"multipathd*", "iscsi*", "lvm2*", "mdmonitor*", "zfs-*",
	"kubelet*", "k3s*", "containerd*", "docker.service", "docker.socket", "dockerd*", "crio.service",
	"libvirtd*", "virtqemud*", "virtlogd*", "virtlockd*", "corosync*", "pacemaker*", "etcd*",
};

/* Slices whose children are judged one by one; limiting the slice as a whole would hit everything. */
static const char *const WHOLES[] = { "/", "/system.slice", "/user.slice" };

struct walk {
	uint32_t dirs_left;
	char found[ACT_TEXT_MAX / 2];
};

bool exclude_name_matches(const char *name)
{
	for (size_t i = 0; i < sizeof(PATTERNS) / sizeof(*PATTERNS); i++)
		if (fnmatch(PATTERNS[i], name, 0) == 0)
			return true;
	return false;
}

static bool path_is_below(const char *path, const char *ancestor)
{
	size_t length = strlen(ancestor);

	return strncmp(path, ancestor, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static bool path_has_match(const char *path, char ret_name[ACT_PATH_MAX])
{
	while (*path == '/') {
		size_t length = strcspn(++path, "/");

		memcpy(ret_name, path, length);
		ret_name[length] = '\0';
		if (exclude_name_matches(ret_name))
			return true;
		path += length;
	}
	return false;
}

static int dir_walk(struct walk *walk, int dir_fd, unsigned int depth);

/* Looks at one entry of a directory: 1 when it is excluded or holds something that is, 0 when not, or -errno. */
static int entry_walk(struct walk *walk, int dir_fd, const struct dirent *entry, unsigned int depth)
{
	struct stat stat;
	int fd;

	if (entry->d_name[0] == '.' && (!entry->d_name[1] || (entry->d_name[1] == '.' && !entry->d_name[2])))
		return 0;
	if (entry->d_type == DT_UNKNOWN &&
	    (fstatat(dir_fd, entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(stat.st_mode)))
		return 0;
	if (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN)
		return 0;
	if (exclude_name_matches(entry->d_name)) {
		snprintf(walk->found, sizeof(walk->found), "%.*s", (int)sizeof(walk->found) - 1, entry->d_name);
		return 1;
	}
	if (walk->dirs_left == 0 || depth == WALK_DEPTH_MAX) {
		snprintf(walk->found, sizeof(walk->found), "more than can be searched");
		return 1;
	}
	walk->dirs_left--;
	fd = openat(dir_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* A child that vanished meanwhile holds nothing. */
	if (fd < 0)
		return errno == ENOENT || errno == ENODEV ? 0 : -errno;
	return dir_walk(walk, fd, depth + 1);
}

/* Takes dir_fd over. */
static int dir_walk(struct walk *walk, int dir_fd, unsigned int depth)
{
	DIR *dir = fdopendir(dir_fd);
	struct dirent *entry;
	int r = 0;

	if (!dir) {
		r = -errno;
		close(dir_fd);
		return r;
	}
	while (r == 0 && (errno = 0, entry = readdir(dir)))
		r = entry_walk(walk, dir_fd, entry, depth);
	if (r == 0 && errno != 0 && errno != ENOENT && errno != ENODEV)
		r = -errno;
	closedir(dir);
	return r;
}

static int subtree_check(int root_fd, const char *path, char ret_text[ACT_TEXT_MAX])
{
	struct walk walk = { .dirs_left = WALK_DIRS_MAX };
	_cleanup_close_ int path_fd = cgroup_open(root_fd, path, 0);
	int fd, r;

	if (path_fd < 0)
		return path_fd;
	fd = openat(path_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = dir_walk(&walk, fd, 0);
	if (r > 0)
		snprintf(ret_text, ACT_TEXT_MAX, "holds %s, which is never touched", walk.found);
	return r;
}

int exclude_check(int root_fd, const char *path, const char *self_path, char ret_text[ACT_TEXT_MAX])
{
	char name[ACT_PATH_MAX];

	for (size_t i = 0; i < sizeof(WHOLES) / sizeof(*WHOLES); i++)
		if (strcmp(path, WHOLES[i]) == 0) {
			snprintf(ret_text, ACT_TEXT_MAX, "%s as a whole is never touched", path);
			return 1;
		}
	if (self_path[0] == '/' && self_path[1] && (path_is_below(path, self_path) || path_is_below(self_path, path))) {
		snprintf(ret_text, ACT_TEXT_MAX, "forestall itself runs there");
		return 1;
	}
	if (path_has_match(path, name)) {
		snprintf(ret_text, ACT_TEXT_MAX, "%.48s is never touched", name);
		return 1;
	}
	return subtree_check(root_fd, path, ret_text);
}
