/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "modelfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int report(const char *path, int error, const char *what, char *message, size_t message_size)
{
	snprintf(message, message_size, "model %s: %s", path, what);
	return error;
}

static int report_errno(const char *path, const char *verb, char *message, size_t message_size)
{
	int error = -errno;

	snprintf(message, message_size, "model %s: cannot %s: %s", path, verb, strerror(-error));
	return error;
}

/* Up to limit bytes of fd; the count in *ret_size. */
static int read_all(int fd, char *buffer, size_t limit, size_t *ret_size)
{
	size_t size = 0;

	while (size < limit) {
		ssize_t r = read(fd, buffer + size, limit - size);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		size += (size_t)r;
	}
	*ret_size = size;
	return 0;
}

static int write_all(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t r = write(fd, bytes, size);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		bytes += r;
		size -= (size_t)r;
	}
	return 0;
}

int model_load(const char *path, struct model *ret_model, char *message, size_t message_size)
{
	char what[MODEL_MESSAGE_MAX], *buffer;
	size_t size = 0;
	int r, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return report_errno(path, "open", message, message_size);
	/* One byte over the limit, so that a file that is too large is told from one that just fits. */
	buffer = malloc(MODEL_BYTES_MAX + 1);
	if (!buffer) {
		close(fd);
		return report(path, -ENOMEM, "out of memory", message, message_size);
	}
	r = read_all(fd, buffer, MODEL_BYTES_MAX + 1, &size);
	close(fd);
	if (r < 0) {
		errno = -r;
		r = report_errno(path, "read", message, message_size);
	} else {
		r = model_parse(buffer, size, ret_model, what, sizeof(what));
		if (r < 0)
			report(path, r, what, message, message_size);
		else
			snprintf(message, message_size, "%s", "");
	}
	free(buffer);
	return r;
}

/* Makes the rename itself last. */
static int sync_directory(const char *path)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int length = slash == path ? 1 : slash ? (int)(slash - path) : 1, fd, r;

	snprintf(directory, sizeof(directory), "%.*s", length, slash ? path : ".");
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return r;
}

int modelfile_replace(const char *path, const void *bytes, size_t size)
{
	char temporary[PATH_MAX];
	int fd, r;

	if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >= (int)sizeof(temporary))
		return -ENAMETOOLONG;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = write_all(fd, bytes, size);
	if (r == 0 && (fchmod(fd, 0644) < 0 || fsync(fd) < 0))
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0) {
		unlink(temporary);
		return r;
	}
	return sync_directory(path);
}

int model_save(const char *path, const struct model *model, char *message, size_t message_size)
{
	char what[MODEL_MESSAGE_MAX], *buffer = malloc(MODEL_BYTES_MAX);
	size_t size;
	int r;

	if (!buffer)
		return report(path, -ENOMEM, "out of memory", message, message_size);
	r = model_format(model, buffer, MODEL_BYTES_MAX, &size, what, sizeof(what));
	if (r < 0) {
		report(path, r, what, message, message_size);
	} else {
		r = modelfile_replace(path, buffer, size);
		errno = -r;
		if (r < 0)
			report_errno(path, "write", message, message_size);
		else
			snprintf(message, message_size, "%s", "");
	}
	free(buffer);
	return r;
}

int model_find(char *ret_path, size_t size)
{
	static const char *const places[] = { "../share/forestall/default.model", "../../model/default.model" };
	char dir[PATH_MAX], path[PATH_MAX + 64], first[PATH_MAX + 64] = "";
	ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);
	char *slash;

	if (n <= 0)
		return -ENOENT;
	dir[n] = '\0';
	slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, places[i]);
		if (i == 0)
			memcpy(first, path, sizeof(first));
		if (access(path, R_OK))
			continue;
		snprintf(ret_path, size, "%s", path);
		return 0;
	}
	snprintf(ret_path, size, "%s", first);
	return -ENOENT;
}
