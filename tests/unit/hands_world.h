/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A run directory and a tree with one cgroup, /web, both of plain files: what the tests of journal and undo stand in. */
#ifndef FORESTALL_HANDS_WORLD_H
#define FORESTALL_HANDS_WORLD_H

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "act/cgroup.h"
#include "act/takeover.h"

static char run_dir[] = "/tmp/test_hands.XXXXXX";
static char root[64];
static int run_fd, root_fd;

static inline void file_write(const char *dir, const char *name, const char *text)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
	umask(022);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static inline void assert_file_says(const char *dir, const char *name, const char *text)
{
	char path[512], now[4096] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "r");
	assert_non_null(file);
	now[fread(now, 1, sizeof(now) - 1, file)] = '\0';
	fclose(file);
	assert_string_equal(now, text);
}

static inline uint64_t web_id(void)
{
	char path[128];
	struct stat stat_buf;

	snprintf(path, sizeof(path), "%s/web", root);
	assert_int_equal(stat(path, &stat_buf), 0);
	return stat_buf.st_ino;
}

static inline int world_make(void **state)
{
	char path[128];

	(void)state;
	assert_non_null(mkdtemp(run_dir));
	snprintf(root, sizeof(root), "%s/tree", run_dir);
	assert_int_equal(mkdir(root, 0755), 0);
	snprintf(path, sizeof(path), "%s/web", root);
	assert_int_equal(mkdir(path, 0755), 0);
	run_fd = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	root_fd = cgroup_root_open(root);
	return run_fd < 0 || root_fd < 0;
}

static inline int world_remove(void **state)
{
	char command[300];

	(void)state;
	close(run_fd);
	close(root_fd);
	snprintf(command, sizeof(command), "rm -rf %s", run_dir);
	return system(command);
}

#endif
