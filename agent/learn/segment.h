/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of the history: one is written, the oldest go when there are too many bytes of them. Not thread-safe. */
#ifndef FORESTALL_SEGMENT_H
#define FORESTALL_SEGMENT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#define SEGMENT_SUFFIX ".rec"

struct segment {
	char dir[PATH_MAX];
	char path[PATH_MAX + 64];	/* of the one that is written */
	gzFile file;			/* NULL: none */
	uint64_t number;		/* of the youngest */
	uint64_t files, bytes, removed;	/* of those that are complete */
};

/* Makes dir if need be and counts what is in it. 0 or -errno. */
int segment_init(struct segment *segment, const char *dir);

/* Completes the one before. 0 or -errno. */
int segment_open(struct segment *segment, uint64_t unix_s);
int segment_write(struct segment *segment, const void *bytes, size_t size);
/* What was written is readable from now on, also after a crash. */
int segment_flush(struct segment *segment);
/* Keeps what there is of it, also of one that could not be written further: a cut recording; of nothing nothing. */
void segment_close(struct segment *segment);

bool segment_is_open(const struct segment *segment);

/* Bytes on disk of the one that is written. */
uint64_t segment_size(const struct segment *segment);

/* Removes the oldest complete ones until all files together have at most bytes_max. */
void segment_prune(struct segment *segment, uint64_t bytes_max);

#endif
