/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread that compresses and writes what the loop must not wait for. It is given bytes of one file after another and keeps the sum of
 * the files in its directory below a bound, the oldest going first. A disk that is full or slow costs the file, never the loop.
 */
#ifndef FORESTALL_WRITER_H
#define FORESTALL_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WRITER_QUEUE_BYTES (48u << 20)	/* not yet written; more is refused */

struct writer;

struct writer_state {
	uint64_t files, bytes;	/* on disk */
	uint64_t removed;	/* files that made room for others */
	uint64_t started;	/* files begun; what follows is of the last of them */
	int error;		/* -errno: it cannot be written; 0: all is well */
	bool is_long;		/* it has its share of the bound: start another */
};

/*
 * Files are DIR/NUMBER-UNIXSECONDS.rec, NUMBER counts up; DIR is made if need be. bytes_max >= 1 MiB. 0 or -errno, *ret untouched
 * then.
 */
int writer_open(const char *dir, uint64_t bytes_max, struct writer **ret_writer);

/* Writes what is queued and ends. NULL is fine. */
void writer_close(struct writer *writer);

/* From here on bytes belong to a new file; what came for the one before is still written. 0 or -errno. */
int writer_start(struct writer *writer, uint64_t unix_s);

/* Never waits. 0, or -ENOBUFS: the thread is too far behind. */
int writer_push(struct writer *writer, const void *bytes, size_t size);

/* Hands over what was pushed since. To be called about once a second. */
void writer_flush(struct writer *writer);

void writer_state(struct writer *writer, struct writer_state *ret);

#endif
