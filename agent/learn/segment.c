/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_BYTES 64	/* a file with less holds nothing */

static int is_segment(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name), suffix = strlen(SEGMENT_SUFFIX);

	return length > suffix && !strcmp(entry->d_name + length - suffix, SEGMENT_SUFFIX) && entry->d_name[0] >= '0' &&
	       entry->d_name[0] <= '9';
}

static void path_of(const struct segment *segment, const char *name, char ret[PATH_MAX + 64])
{
	snprintf(ret, PATH_MAX + 64, "%s/%.60s", segment->dir, name);
}

static uint64_t bytes_of(const struct segment *segment, const char *name)
{
	char path[PATH_MAX + 64];
	struct stat stat;

	path_of(segment, name, path);
	return lstat(path, &stat) ? 0 : (uint64_t)stat.st_size;
}

/* Calls for each, the oldest first, until `take` says no. */
static void each_segment(struct segment *segment, bool (*take)(struct segment *segment, const char *name, void *context),
			 void *context)
{
	struct dirent **entry;
	int count = scandir(segment->dir, &entry, is_segment, alphasort);
	bool goes_on = true;

	for (int i = 0; i < count; i++) {
		goes_on = goes_on && take(segment, entry[i]->d_name, context);
		free(entry[i]);
	}
	if (count >= 0)
		free(entry);
}

static bool count_one(struct segment *segment, const char *name, void *context)
{
	(void)context;
	segment->files++;
	segment->bytes += bytes_of(segment, name);
	segment->number = strtoull(name, NULL, 10);
	return true;
}

int segment_init(struct segment *segment, const char *dir)
{
	memset(segment, 0, sizeof(*segment));
	if (snprintf(segment->dir, sizeof(segment->dir), "%s", dir) >= (int)sizeof(segment->dir))
		return -ENAMETOOLONG;
	if (mkdir(dir, 0700) && errno != EEXIST)
		return -errno;
	if (access(dir, W_OK | X_OK))
		return -errno;
	each_segment(segment, count_one, NULL);
	return 0;
}

int segment_open(struct segment *segment, uint64_t unix_s)
{
	char name[64];
	int fd;

	segment_close(segment);
	snprintf(name, sizeof(name), "%010" PRIu64 "-%" PRIu64 SEGMENT_SUFFIX, segment->number + 1, unix_s);
	path_of(segment, name, segment->path);
	fd = open(segment->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	segment->number++;
	segment->file = gzdopen(fd, "wb1");
	if (segment->file)
		return 0;
	close(fd);
	unlink(segment->path);
	return -ENOMEM;
}

static int error_of(void)
{
	return errno ? -errno : -EIO;
}

int segment_write(struct segment *segment, const void *bytes, size_t size)
{
	errno = 0;
	if (!segment->file)
		return -EBADF;
	return size && gzwrite(segment->file, bytes, (unsigned)size) != (int)size ? error_of() : 0;
}

int segment_flush(struct segment *segment)
{
	errno = 0;
	return segment->file && gzflush(segment->file, Z_SYNC_FLUSH) != Z_OK ? error_of() : 0;
}

void segment_close(struct segment *segment)
{
	struct stat stat;

	if (!segment->file)
		return;
	gzclose(segment->file);
	segment->file = NULL;
	if (lstat(segment->path, &stat))
		return;
	if (stat.st_size < HEAD_BYTES) {
		unlink(segment->path);
		return;
	}
	segment->files++;
	segment->bytes += (uint64_t)stat.st_size;
}

bool segment_is_open(const struct segment *segment)
{
	return segment->file != NULL;
}

uint64_t segment_size(const struct segment *segment)
{
	z_off_t size = segment->file ? gzoffset(segment->file) : 0;

	return size > 0 ? (uint64_t)size : 0;
}

static bool remove_one(struct segment *segment, const char *name, void *context)
{
	uint64_t bytes_max = *(const uint64_t *)context, bytes = bytes_of(segment, name);
	char path[PATH_MAX + 64];

	if (segment->bytes + segment_size(segment) <= bytes_max)
		return false;
	path_of(segment, name, path);
	if (!strcmp(path, segment->path) && segment->file)
		return false;
	if (unlink(path))
		return true;
	segment->files--;
	segment->bytes -= bytes < segment->bytes ? bytes : segment->bytes;
	segment->removed++;
	return true;
}

void segment_prune(struct segment *segment, uint64_t bytes_max)
{
	if (segment->bytes + segment_size(segment) > bytes_max)
		each_segment(segment, remove_one, &bytes_max);
}
