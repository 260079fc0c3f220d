/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "cgroup.h"
#include "cleanup.h"
#include "host.h"
#include "place.h"

uint64_t host_memory_bytes(void)
{
	struct sysinfo info;

	return sysinfo(&info) < 0 ? 0 : (uint64_t)info.totalram * info.mem_unit;
}

bool host_has_many_cpus(void)
{
	return sysconf(_SC_NPROCESSORS_CONF) > 64;
}

uint64_t host_cpus(void)
{
	long count = sysconf(_SC_NPROCESSORS_CONF);

	return count < 1 || count > 63 ? UINT64_MAX : (1ull << count) - 1;
}

uint64_t host_nodes(void)
{
	_cleanup_close_ int dir_fd = open("/sys/devices/system/node", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char text[KNOB_TEXT_MAX];
	uint64_t nodes;

	if (dir_fd < 0 || cgroup_file_read(dir_fd, "possible", text, sizeof(text)) < 0)
		return 1;
	text[strcspn(text, "\n")] = '\0';
	return cpus_parse(text, &nodes) < 0 ? 1 : nodes;
}

bool host_protects_recursively(void)
{
	FILE *mounts = setmntent("/proc/mounts", "re");
	struct mntent entry;
	char buf[4096];
	bool is_recursive = false;

	while (mounts && !is_recursive && getmntent_r(mounts, &entry, buf, sizeof(buf)))
		is_recursive = strcmp(entry.mnt_type, "cgroup2") == 0 && hasmntopt(&entry, "memory_recursiveprot");
	if (mounts)
		endmntent(mounts);
	return is_recursive;
}

static int number_read(int dir_fd, const char *name, uint64_t *ret)
{
	char text[64];
	int r = cgroup_file_read(dir_fd, name, text, sizeof(text));

	if (r < 0)
		return r;
	if (strcmp(text, "max\n") != 0)
		return number_parse(text, '\n', ret);
	*ret = KNOB_MAX;
	return 0;
}

int place_number(const struct place *place, const char *name, uint64_t *ret)
{
	return number_read(place->dir_fd, name, ret);
}

/* Takes the path's next component along; false when `ret` is the whole path already. */
static bool prefix_grow(const char *path, char ret[ACT_PATH_MAX])
{
	size_t length = strlen(ret);

	if (path[length] == '\0')
		return false;
	length += 1 + strcspn(path + length + 1, "/");
	memcpy(ret, path, length);
	ret[length] = '\0';
	return true;
}

bool place_can_swap(const struct place *place)
{
	char prefix[ACT_PATH_MAX] = "";
	struct sysinfo info;

	if (sysinfo(&info) < 0 || info.freeswap == 0)
		return false;
	while (prefix_grow(place->path, prefix)) {
		_cleanup_close_ int dir_fd = cgroup_open(place->root_fd, prefix, 0);
		uint64_t limit, used;

		/* Without these files swap is not limited here. */
		if (dir_fd >= 0 && number_read(dir_fd, "memory.swap.max", &limit) == 0 &&
		    number_read(dir_fd, "memory.swap.current", &used) == 0 && used >= limit)
			return false;
	}
	return true;
}

int place_unprotected_find(const struct place *place, const char *file, bool first_only, char *ret_path, size_t size)
{
	char prefix[ACT_PATH_MAX] = "";

	while (prefix_grow(place->path, prefix) && strcmp(prefix, place->path) != 0) {
		_cleanup_close_ int dir_fd = cgroup_open(place->root_fd, prefix, 0);
		uint64_t low = 0;
		int r = dir_fd < 0 ? dir_fd : number_read(dir_fd, file, &low);

		if (r < 0)
			return r;
		if (low == 0) {
			snprintf(ret_path, size, "%s", prefix);
			return 1;
		}
		if (first_only)
			return 0;
	}
	return 0;
}

bool place_has_processes(const struct place *place)
{
	char text[128];

	return cgroup_file_read(place->dir_fd, "cgroup.events", text, sizeof(text)) == 0 &&
	       stat_find(text, "populated") == 1;
}

bool host_has_in_v1(const char *controller)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	const char *name = strcmp(controller, "io") == 0 ? "blkio" : controller;
	bool is_found = false;
	char line[4096];

	while (file && !is_found && fgets(line, sizeof(line), file)) {
		char *list = strchr(line, ':'), *end = list ? strchr(list + 1, ':') : NULL;

		if (!end)
			continue;
		*end = '\0';
		for (char *rest = list + 1, *word; !is_found && (word = strsep(&rest, ","));)
			is_found = strcmp(word, name) == 0;
	}
	if (file)
		fclose(file);
	return is_found;
}

bool controller_is_here(int dir_fd, const char *controller)
{
	char text[256], *rest = text, *word;

	if (cgroup_file_read(dir_fd, "cgroup.controllers", text, sizeof(text)) < 0)
		return false;
	while ((word = strsep(&rest, " \n")))
		if (strcmp(word, controller) == 0)
			return true;
	return false;
}

int device_link(uint32_t device, char *ret_target, size_t size)
{
	char path[64];
	ssize_t length;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", DEVICE_MAJOR(device), DEVICE_MINOR(device));
	length = readlink(path, ret_target, size - 1);
	if (length < 0)
		return -ENODEV;
	ret_target[length] = '\0';
	return 0;
}

int disk_find(uint32_t device, char ret_disk[DISK_NAME_MAX])
{
	char path[64], target[512], *slash;
	int r = device_link(device, target, sizeof(target));

	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/partition", DEVICE_MAJOR(device), DEVICE_MINOR(device));
	if (access(path, F_OK) < 0)
		return 0;
	/* A partition's directory lies in its disk's. */
	slash = strrchr(target, '/');
	if (slash)
		*slash = '\0';
	slash = strrchr(target, '/');
	snprintf(ret_disk, DISK_NAME_MAX, "%.*s", DISK_NAME_MAX - 1, slash ? slash + 1 : target);
	return 1;
}

uint64_t stat_find(const char *text, const char *key)
{
	size_t length = strlen(key);
	uint64_t value;

	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (strncmp(line, key, length) == 0 && line[length] == ' ' &&
		    number_parse(line + length + 1, '\n', &value) == 0)
			return value;
	return 0;
}
