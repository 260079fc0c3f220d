/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cgroupfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spare.h"
#include "text.h"

#define FILEID_KERNFS 0xfe	/* include/linux/exportfs.h */
#define PROCESS_DEPTH_MAX 4	/* how far below an instance its processes are looked for */

static const char *const names[] = {
	[CGROUP_CPU_PRESSURE] = "cpu.pressure",	  [CGROUP_MEMORY_PRESSURE] = "memory.pressure",
	[CGROUP_IO_PRESSURE] = "io.pressure",	  [CGROUP_MEMORY_CURRENT] = "memory.current",
	[CGROUP_MEMORY_STAT] = "memory.stat",	  [CGROUP_MEMORY_EVENTS] = "memory.events",
	[CGROUP_MEMORY_LOW] = "memory.low",	  [CGROUP_MEMORY_HIGH] = "memory.high",
	[CGROUP_MEMORY_MAX] = "memory.max",	  [CGROUP_CPU_WEIGHT] = "cpu.weight",
	[CGROUP_CPU_MAX] = "cpu.max",		  [CGROUP_IO_STAT] = "io.stat",
	[CGROUP_IO_MAX] = "io.max",		  [CGROUP_EVENTS] = "cgroup.events",
};
_Static_assert(sizeof(names) / sizeof(names[0]) == CGROUP_FILE_COUNT, "a name per file");

static int keep(struct cgroup_files *files, int fd, unsigned int share)
{
	fd = spare_keep(fd, share);
	files->is_short |= fd < 0 && (errno == EMFILE || errno == ENFILE);
	return fd;
}

static void file_open(struct cgroup_files *files, int dir_fd, enum cgroup_file file, unsigned int share)
{
	if (files->fd[file] <= 0)
		files->fd[file] = keep(files, openat(dir_fd, names[file], O_RDONLY | O_CLOEXEC), share);
}

void cgroup_files_open(struct cgroup_files *files, int dir_fd)
{
	file_open(files, dir_fd, CGROUP_CPU_PRESSURE, SPARE_STRANGER);
}

static void all_open(struct cgroup_files *files)
{
	files->is_short = files->dir_fd < 0;
	for (int file = 0; files->dir_fd > 0 && file < CGROUP_FILE_COUNT; file++)
		file_open(files, files->dir_fd, file, SPARE_ANNOTATED);
}

void cgroup_files_open_all(struct cgroup_files *files, int dir_fd)
{
	if (files->dir_fd <= 0)
		files->dir_fd = keep(files, fcntl(dir_fd, F_DUPFD_CLOEXEC, 3), SPARE_ANNOTATED);
	all_open(files);
}

void cgroup_files_refresh(struct cgroup_files *files)
{
	int left = CGROUP_FILE_COUNT;

	do
		files->asked = (uint8_t)((files->asked + 1) % CGROUP_FILE_COUNT);
	while (files->fd[files->asked] > 0 && --left);
	if (!left)
		return;
	file_open(files, files->dir_fd, files->asked, SPARE_ANNOTATED);
	if (files->fd[files->asked] > 0)
		all_open(files);
}

void cgroup_files_close(struct cgroup_files *files)
{
	for (int file = 0; file < CGROUP_FILE_COUNT; file++)
		if (files->fd[file] > 0)
			close(files->fd[file]);
	if (files->dir_fd > 0)
		close(files->dir_fd);
	memset(files, 0, sizeof(*files));
}

bool cgroup_is_leaf(const struct stat *st) { return st->st_nlink == 2; }

bool cgroup_files_leaf(const struct cgroup_files *files)
{
	struct stat st;

	return files->dir_fd > 0 && !fstat(files->dir_fd, &st) && cgroup_is_leaf(&st);
}

/* The file of a controller that was switched off is gone for good, and another one comes when it is switched on again. */
static int file_read(struct cgroup_files *files, enum cgroup_file file, char *text, size_t size)
{
	int *fd = &files->fd[file];
	ssize_t n = *fd > 0 ? pread(*fd, text, size - 1, 0) : -1;

	if (*fd > 0 && n < 0 && errno == ENODEV) {
		close(*fd);
		*fd = -1;
		file_open(files, files->dir_fd, file, SPARE_ANNOTATED);
		n = *fd > 0 ? pread(*fd, text, size - 1, 0) : -1;
	}
	if (*fd <= 0)
		return -ENOENT;
	if (n < 0)
		return -errno;
	text[n] = '\0';
	return 0;
}

/* The number after `key` at the start of a line, 0 when there is no such line. */
static uint64_t line_value(const char *text, const char *key)
{
	size_t length = strlen(key);

	for (const char *at = text; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
		if (!strncmp(at, key, length) && at[length] == ' ')
			return strtoull(at + length, NULL, 10);
	return 0;
}

static uint64_t limit_value(const char *text)
{
	return strncmp(text, "max", 3) ? strtoull(text, NULL, 10) : LIMIT_NONE;
}

static bool psi_total(const char *text, const char *line, uint64_t *ret_us)
{
	const char *at = strstr(text, line), *total = at ? strstr(at, "total=") : NULL;

	if (total)
		*ret_us = strtoull(total + strlen("total="), NULL, 10);
	return total;
}

uint32_t cgroup_files_psi(struct cgroup_files *files, uint32_t wanted, uint64_t ret_us[PSI_COUNT])
{
	static const struct {
		enum cgroup_file file;
		const char *line;
	} psi[PSI_COUNT] = {
		[PSI_CPU_SOME] = { CGROUP_CPU_PRESSURE, "some" },
		[PSI_MEMORY_SOME] = { CGROUP_MEMORY_PRESSURE, "some" },
		[PSI_MEMORY_FULL] = { CGROUP_MEMORY_PRESSURE, "full" },
		[PSI_IO_SOME] = { CGROUP_IO_PRESSURE, "some" },
		[PSI_IO_FULL] = { CGROUP_IO_PRESSURE, "full" },
	};
	enum cgroup_file held = CGROUP_FILE_COUNT;
	char text[256] = "";
	uint32_t known = 0;

	for (int i = 0; i < PSI_COUNT; i++) {
		if (!(wanted & 1u << i))
			continue;
		if (psi[i].file != held && file_read(files, psi[i].file, text, sizeof(text)))
			text[0] = '\0';
		held = psi[i].file;
		if (psi_total(text, psi[i].line, &ret_us[i]))
			known |= 1u << i;
	}
	return known;
}

int cgroup_files_memory(struct cgroup_files *files, uint64_t *ret_bytes)
{
	char text[32];
	int r = file_read(files, CGROUP_MEMORY_CURRENT, text, sizeof(text));

	if (!r)
		*ret_bytes = strtoull(text, NULL, 10);
	return r;
}

int cgroup_files_memory_stat(struct cgroup_files *files, struct observe_memory *ret)
{
	static const char *const events[] = {
#define EVENT_NAME(id, name) [MEMORY_EVENT_##id] = name,
		MEMORY_EVENT_TABLE(EVENT_NAME)
#undef EVENT_NAME
	};
	uint64_t refaults_anon;
	char text[8192];
	int r = file_read(files, CGROUP_MEMORY_STAT, text, sizeof(text));

	if (r)
		return r;
	ret->anon_bytes = line_value(text, "anon");
	ret->file_bytes = line_value(text, "file");
	refaults_anon = line_value(text, "workingset_refault_anon");
	ret->refaults = refaults_anon + line_value(text, "workingset_refault_file");
	/* Since 6.14. Before, a page that comes back from swap is told by the trace that it left there. */
	ret->has_swap = strstr(text, "\npswpin ") != NULL;
	ret->swap_ins = ret->has_swap ? line_value(text, "pswpin") : refaults_anon;
	ret->swap_outs = line_value(text, "pswpout");
	r = file_read(files, CGROUP_MEMORY_EVENTS, text, sizeof(text));
	if (r)
		return r;
	for (int i = 0; i < MEMORY_EVENT_COUNT; i++)
		ret->events[i] = line_value(text, events[i]);
	return 0;
}

static uint64_t word_value(const char *line, const char *key)
{
	const char *end = strchr(line, '\n'), *at = strstr(line, key);

	return at && (!end || at < end) ? limit_value(at + strlen(key)) : 0;
}

static uint64_t word_least(const char *line, const char *key, const char *other_key)
{
	uint64_t value = word_value(line, key), other = word_value(line, other_key);

	return value < other ? value : other;
}

static uint32_t device_of(const char *line)
{
	unsigned int major, minor;

	return sscanf(line, "%u:%u ", &major, &minor) == 2 ? major << 20 | minor : 0;
}

/* The line of a file keyed by device that is of `device`, or where that is 0 the one with the most bytes. */
static const char *device_line(const char *text, uint32_t device)
{
	const char *best = NULL;
	uint64_t best_bytes = 0;

	for (const char *at = text; at && *at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
		uint64_t bytes = word_value(at, "rbytes=") + word_value(at, "wbytes=");

		if (device && device_of(at) == device)
			return at;
		if (!device && bytes > best_bytes) {
			best = at;
			best_bytes = bytes;
		}
	}
	return best;
}

static void limits_io(struct cgroup_files *files, struct observe_limits *ret)
{
	char text[4096];
	const char *line;

	if (file_read(files, CGROUP_IO_STAT, text, sizeof(text)))
		return;
	line = device_line(text, 0);
	ret->device = line ? device_of(line) : 0;
	if (!ret->device || file_read(files, CGROUP_IO_MAX, text, sizeof(text)))
		return;
	line = device_line(text, ret->device);
	if (!line)
		return;
	ret->io_bps = word_least(line, "rbps=", "wbps=");
	ret->io_iops = word_least(line, "riops=", "wiops=");
}

/*
 * io.weight is there wherever io.cost is built in, and does nothing before that is switched on for the disk, or bfq serves it. The lines are
 * those of act/knob.c.
 */
static uint32_t has_io(int root_fd, uint32_t device)
{
	char text[4096], path[64], line[256] = "enable=0 ctrl=auto";
	const char *found;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/queue/scheduler", device >> 20, device & ((1u << 20) - 1));
	if (!text_read(AT_FDCWD, path, text, sizeof(text)) && strstr(text, "[bfq]"))
		return 1u << OBSERVE_HAS_IO_WEIGHT;
	if (text_read(root_fd, "io.cost.qos", text, sizeof(text)))
		return 0;
	found = device_line(text, device);
	if (found)
		sscanf(found, "%*s %255[^\n]", line);
	if (!strncmp(line, "enable=0 ctrl=auto", strlen("enable=0 ctrl=auto")))
		return 1u << OBSERVE_HAS_IO_COST;
	if (strstr(line, "enable=1 ctrl=user rpct=95.00 ") && strstr(line, " min=10.00 max=10000.00"))
		return 1u << OBSERVE_HAS_IO_COST | 1u << OBSERVE_HAS_IO_COST_ON | 1u << OBSERVE_HAS_IO_WEIGHT;
	return word_value(line, "enable=") ? 1u << OBSERVE_HAS_IO_COST_ON | 1u << OBSERVE_HAS_IO_WEIGHT : 0;
}

static pid_t first_process(int dir_fd, int depth)
{
	struct dirent *entry;
	char text[32];
	pid_t pid;
	DIR *dir;
	int fd;

	text_read(dir_fd, "cgroup.procs", text, sizeof(text));
	pid = (pid_t)strtol(text, NULL, 10);
	fd = pid || !depth ? -1 : openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd >= 0 ? fdopendir(fd) : NULL;
	while (dir && !pid && (entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0) {
			pid = first_process(fd, depth - 1);
			close(fd);
		}
	}
	if (dir)
		closedir(dir);
	return pid;
}

/* The first process stands for all: a container's are all in the same. */
static bool has_own_netns(const struct cgroup_files *files)
{
	struct stat own, its;
	char path[32];
	pid_t pid = first_process(files->dir_fd, PROCESS_DEPTH_MAX);

	if (!pid)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	return !stat("/proc/self/ns/net", &own) && !stat(path, &its) && own.st_ino != its.st_ino;
}

static uint32_t has_slow(const struct cgroup_files *files, int root_fd, uint32_t device, bool is_populated)
{
	uint32_t has = 0;

	if (is_populated && has_own_netns(files))
		has |= 1u << OBSERVE_HAS_NETNS;
	if (!faccessat(files->dir_fd, "cpuset.cpus", F_OK, 0))
		has |= 1u << OBSERVE_HAS_CPUSET;
	if (device && !faccessat(files->dir_fd, "io.weight", F_OK, 0))
		has |= has_io(root_fd, device);
	return has;
}

static uint32_t limits_has(struct cgroup_files *files, int root_fd, uint32_t device)
{
	bool is_populated, may_change;
	char text[64];
	uint32_t has;

	if (files->dir_fd <= 0)
		return 0;
	is_populated = !file_read(files, CGROUP_EVENTS, text, sizeof(text)) && line_value(text, "populated");
	if (!files->slow.left || files->slow.device != device || files->slow.is_populated != is_populated) {
		has = has_slow(files, root_fd, device, is_populated);
		/* io.cost that is only there may be on a moment later. */
		may_change = has >> OBSERVE_HAS_IO_COST & 1 && !(has >> OBSERVE_HAS_IO_COST_ON & 1);
		files->slow = (struct cgroup_slow){ has, device, may_change ? CGROUP_SOON_READS : CGROUP_SLOW_READS, is_populated };
	}
	files->slow.left--;
	has = files->slow.has | (is_populated ? 1u << OBSERVE_HAS_PROCESS : 0);
	if (files->fd[CGROUP_CPU_WEIGHT] > 0)
		has |= 1u << OBSERVE_HAS_CPU;
	if (files->fd[CGROUP_MEMORY_HIGH] > 0)
		has |= 1u << OBSERVE_HAS_MEMORY;
	if (files->fd[CGROUP_IO_MAX] > 0)
		has |= 1u << OBSERVE_HAS_IO;
	return has;
}

void cgroup_files_limits(struct cgroup_files *files, int root_fd, struct observe_limits *ret)
{
	char text[64];

	*ret = (struct observe_limits){ .slot = ret->slot, LIMITS_NONE };
	if (!file_read(files, CGROUP_CPU_WEIGHT, text, sizeof(text)))
		ret->weight = (uint32_t)strtoul(text, NULL, 10);
	if (!file_read(files, CGROUP_CPU_MAX, text, sizeof(text))) {
		const char *period = strchr(text, ' ');

		ret->quota_us = limit_value(text);
		ret->period_us = period ? strtoull(period, NULL, 10) : 0;
	}
	if (!file_read(files, CGROUP_MEMORY_LOW, text, sizeof(text)))
		ret->memory_low = limit_value(text);
	if (!file_read(files, CGROUP_MEMORY_HIGH, text, sizeof(text)))
		ret->memory_high = limit_value(text);
	if (!file_read(files, CGROUP_MEMORY_MAX, text, sizeof(text)))
		ret->memory_max = limit_value(text);
	limits_io(files, ret);
	ret->has = limits_has(files, root_fd, ret->device);
}

int cgroup_open_by_id(int root_fd, const char *root, uint64_t cgroup_id, char ret_path[OBSERVE_PATH_MAX])
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + sizeof(uint64_t)];
	} id = { .handle = { .handle_bytes = sizeof(uint64_t), .handle_type = FILEID_KERNFS } };
	char link[32], path[PATH_MAX];
	size_t root_length = strlen(root);
	ssize_t n;
	int fd;

	memcpy(id.handle.f_handle, &cgroup_id, sizeof(cgroup_id));
	fd = open_by_handle_at(root_fd, &id.handle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0 || (size_t)n - root_length >= OBSERVE_PATH_MAX) {
		close(fd);
		return n <= 0 ? -errno : -ENAMETOOLONG;
	}
	path[n] = '\0';
	if (strncmp(path, root, root_length) || strstr(path, " (deleted)")) {
		close(fd);
		return -ENOENT;
	}
	snprintf(ret_path, OBSERVE_PATH_MAX, "%s", path[root_length] ? path + root_length : "/");
	return fd;
}
