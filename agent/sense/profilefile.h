/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Resource profiles on disk, one file per instance below STATE/profile, named by the hash of its path. A file is written anew beside
 * and then renamed, by a thread of its own: a slow or full disk delays no tick, and an old file stays whole.
 */
#ifndef FORESTALL_PROFILEFILE_H
#define FORESTALL_PROFILEFILE_H

#include "predict/profile.h"

#define PROFILE_NAME_MAX 32
#define PROFILE_PROBLEM_MAX 256

/* Makes STATE/profile, which must be ours alone, and forgets files older than a profile remembers. A descriptor, or -errno. */
int profile_dir_open(const char *state_dir);

/* 1: read; 0: there is none; -errno with one line in problem: it cannot be used, and *ret is undefined. */
int profile_load(int dir_fd, const char *path, struct profile_record *ret, char problem[PROFILE_PROBLEM_MAX]);

/* 0 or -errno; the file before stays then. */
int profile_save(int dir_fd, const struct profile_record *record);

struct profile_writer;

/* NULL when out of memory. The descriptor stays the caller's. */
struct profile_writer *profile_writer_new(int dir_fd);

/* Writes what was taken, and ends. */
void profile_writer_free(struct profile_writer *writer);

/* False while it is busy. */
bool profile_writer_take(struct profile_writer *writer, const struct profile *profile, const char *path);

/* How the last one went: 0 or -errno, told once. */
int profile_writer_error(struct profile_writer *writer);

#endif
