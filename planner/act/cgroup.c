/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "bounds.h"
#include "cgroup.h"
#include "cleanup.h"

#define FILE_BYTES_MAX 16384	/* io.max has a line for each disk with a limit */

bool cgroup_path_is_plain(const char *path)
{
	size_t length = strnlen(path, ACT_PATH_MAX);

	if (length < 2 || length >= ACT_PATH_MAX || path[0] != '/' || path[length - 1] == '/')
		return false;
	for (const char *c = path; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return false;
	for (const char *part = path; part; part = strchr(part + 1, '/')) {
		size_t part_length = strcspn(part + 1, "/");

		if (part_length == 0 || (part_length == 1 && part[1] == '.') ||
		    (part_length == 2 && part[1] == '.' && part[2] == '.'))
			return false;
	}
	return true;
}

static int text_copy(const char *text, char *ret, size_t size)
{
	size_t length = strlen(text);

	if (length >= size)
		return -ENAMETOOLONG;
	memcpy(ret, text, length + 1);
	return 0;
}

int cgroup_root_find(char *ret_path, size_t size)
{
	FILE *mounts = setmntent("/proc/mounts", "re");
	struct mntent entry;
	char buf[4096];
	int r = -ENOENT;

	if (!mounts)
		return -errno;
	while (r == -ENOENT && getmntent_r(mounts, &entry, buf, sizeof(buf)))
		if (strcmp(entry.mnt_type, "cgroup2") == 0)
			r = text_copy(entry.mnt_dir, ret_path, size);
	endmntent(mounts);
	return r;
}

int cgroup_self_find(char *ret_path, size_t size)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	char line[4096];
	int r = -ENOENT;

	if (!file)
		return -errno;
	while (r == -ENOENT && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::", 3) == 0)
			r = text_copy(line + 3, ret_path, size);
	}
	fclose(file);
	return r;
}

int cgroup_root_open(const char *root)
{
	int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int cgroup_open(int root_fd, const char *path, uint64_t id)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	_cleanup_close_ int fd = -1;
	struct stat stat;

	fd = (int)syscall(SYS_openat2, root_fd, path + 1, &how, sizeof(how));
	if (fd < 0)
		return -errno;
	if (fstat(fd, &stat) < 0)
		return -errno;
	if (id != 0 && stat.st_ino != id)
		return -ESTALE;
	return TAKE_FD(fd);
}

int cgroup_file_read(int dir_fd, const char *name, char *buf, size_t size)
{
	_cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t used = 0;
	ssize_t length;

	if (fd < 0)
		return -errno;
	do {
		length = read(fd, buf + used, size - used);
		if (length < 0)
			return -errno;
		used += (size_t)length;
	} while (length > 0 && used < size);
	if (used == size)
		return -EMSGSIZE;
	buf[used] = '\0';
	return 0;
}

int cgroup_read(int dir_fd, enum knob knob, uint32_t device, struct knob_value *ret)
{
	const struct knob_spec *spec = knob_spec(knob);
	struct knob_value value = { 0 }, weight;
	char text[FILE_BYTES_MAX];
	int r;

	if (spec->kind == KIND_DEED) {
		if (faccessat(dir_fd, spec->file, F_OK, AT_EACCESS) < 0)
			return -errno;
		*ret = value;
		return 0;
	}
	r = cgroup_file_read(dir_fd, spec->file, text, sizeof(text));
	if (r == 0)
		r = knob_parse(knob, device, text, &value);
	if (r == 0 && knob == KNOB_CPU_IDLE && value.value == 0) {
		r = cgroup_read(dir_fd, KNOB_CPU_WEIGHT, 0, &weight);
		if (r == 0)
			value.aux = weight.value;
	}
	if (r == 0)
		*ret = value;
	return r;
}

/* Formats the value and opens its file. Returns a descriptor or -errno. */
static int write_open(int dir_fd, enum knob knob, uint32_t device, const struct knob_value *value,
		      char ret_text[KNOB_TEXT_MAX])
{
	int fd, r = knob_format(knob, device, value, ret_text, KNOB_TEXT_MAX);

	if (r < 0)
		return r;
	/* O_TRUNC means nothing to cgroupfs, and lets a plain file stand in for a knob in tests. */
	fd = openat(dir_fd, knob_spec(knob)->file, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

int cgroup_write_start(int dir_fd, enum knob knob, uint32_t device, const struct knob_value *value, struct child *ret)
{
	char text[KNOB_TEXT_MAX];
	_cleanup_close_ int fd = write_open(dir_fd, knob, device, value, text);

	return fd < 0 ? fd : child_start(fd, text, strlen(text), ret);
}

static int reclaiming_write(int dir_fd, enum knob knob, const struct knob_value *value)
{
	struct child child = { .pid_fd = -1 };
	struct knob_value now;
	int error, r = cgroup_write_start(dir_fd, knob, 0, value, &child);

	if (r < 0)
		return r;
	r = child_end(&child, CHILD_UNDO_MS, &error);
	if (r < 0 || error != -EINTR)
		return r < 0 ? r : error;
	r = cgroup_read(dir_fd, knob, 0, &now);
	return r < 0 || knob_close(knob, &now, value) ? r : -EBUSY;
}

int cgroup_write(int dir_fd, enum knob knob, uint32_t device, const struct knob_value *value)
{
	char text[KNOB_TEXT_MAX];
	_cleanup_close_ int fd = -1;

	if ((knob == KNOB_MEMORY_HIGH || knob == KNOB_MEMORY_MAX) && value->value != KNOB_MAX)
		return reclaiming_write(dir_fd, knob, value);
	fd = write_open(dir_fd, knob, device, value, text);
	if (fd < 0)
		return fd;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}
