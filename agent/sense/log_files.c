/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log_source.h"
#include "logline.h"
#include "setup/config.h"

#define TICK_BYTES 32768	/* of one file and tick */
#define BEHIND_BYTES_MAX (1 << 20)	/* who is behind by more skips all of it but the last TICK_BYTES */

struct file {
	const struct config_log *what;
	int fd;			/* -1: not there */
	dev_t device;
	ino_t inode;
	off_t at;
	uint32_t slot;		/* whose lines these are; looked up once a second */
	uint64_t now_ns;
	struct log *log;
	bool is_late;		/* was not there at the first look: all that is in it is new */
	struct logline line;
};

struct log_files {
	struct log *log;
	struct watch *watch;
	uint32_t count;
	struct file file[];
};

struct log_files *log_files_new(struct log *log, struct watch *watch, const struct config *config)
{
	struct log_files *files = calloc(1, sizeof(*files) + config->log_count * sizeof(files->file[0]));

	if (!files)
		return NULL;
	files->log = log;
	files->watch = watch;
	files->count = config->log_count;
	for (uint32_t i = 0; i < files->count; i++)
		files->file[i] = (struct file){ .what = &config->log[i], .fd = -1, .log = log };
	return files;
}

void log_files_free(struct log_files *files)
{
	if (!files)
		return;
	for (uint32_t i = 0; i < files->count; i++)
		if (files->file[i].fd >= 0)
			close(files->file[i].fd);
	free(files);
}

/* Nothing but a regular file: a pipe or a device of a tenant would be the tenant's to hold us up with. */
static void file_open(struct file *file)
{
	struct stat st;

	file->fd = open(file->what->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (file->fd < 0 || fstat(file->fd, &st) || !S_ISREG(st.st_mode)) {
		if (file->fd >= 0)
			close(file->fd);
		file->fd = -1;
		file->is_late = true;
		return;
	}
	file->device = st.st_dev;
	file->inode = st.st_ino;
	file->at = file->is_late ? 0 : st.st_size;
	file->is_late = true;
	memset(&file->line, 0, sizeof(file->line));
}

static void on_line(void *context, const char *line, size_t bytes)
{
	struct file *file = context;

	log_line(file->log, LOG_FILE, file->slot, severity_guess(line, bytes), line, bytes, file->now_ns);
}

static void behind_skip(struct file *file, off_t size)
{
	log_dropped(file->log, LOG_FILE, (uint64_t)(size - TICK_BYTES - file->at));
	file->at = size - TICK_BYTES;
	memset(&file->line, 0, sizeof(file->line));
}

/* True when there may be more. */
static bool file_read(struct file *file, uint64_t now_ns)
{
	char bytes[TICK_BYTES];
	ssize_t n = pread(file->fd, bytes, sizeof(bytes), file->at);

	if (n <= 0)
		return false;
	file->now_ns = now_ns;
	file->at += n;
	logline_push(&file->line, bytes, (size_t)n, on_line, file);
	return n == TICK_BYTES;
}

/* A file that became shorter was truncated; one that stands at the path instead of ours was rotated in. */
static void file_look(struct file *file)
{
	struct stat ours, theirs;

	if (fstat(file->fd, &ours))
		return;
	if (ours.st_size < file->at) {
		file->at = 0;
		memset(&file->line, 0, sizeof(file->line));
	}
	if (ours.st_size - file->at > BEHIND_BYTES_MAX)
		behind_skip(file, ours.st_size);
	if (stat(file->what->path, &theirs) || (theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino))
		return;
	/* Only when all of the old one was read, else later. */
	if (ours.st_size > file->at)
		return;
	close(file->fd);
	file_open(file);
}

bool log_files_tick(struct log_files *files, uint64_t now_ns, bool is_second)
{
	bool is_behind = false;

	for (uint32_t i = 0; i < files->count; i++) {
		struct file *file = &files->file[i];

		if (is_second)
			file->slot = watch_match(files->watch, file->what->glob);
		if (is_second && file->fd < 0)
			file_open(file);
		if (file->fd >= 0)
			is_behind |= file_read(file, now_ns);
		if (file->fd >= 0 && is_second)
			file_look(file);
	}
	return is_behind;
}
