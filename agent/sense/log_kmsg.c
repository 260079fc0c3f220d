/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "log_source.h"
#include "logline.h"

#define RECORDS_MAX 64	/* per tick; each is a system call */
#define RECORD_BYTES 8192

struct log_kmsg {
	struct log *log;
	struct watch *watch;
	int fd;			/* -1: not to be had */
	uint64_t next;		/* sequence number that comes next; 0: not known */
};

struct log_kmsg *log_kmsg_new(struct log *log, struct watch *watch)
{
	struct log_kmsg *kmsg = calloc(1, sizeof(*kmsg));

	if (!kmsg)
		return NULL;
	kmsg->log = log;
	kmsg->watch = watch;
	kmsg->fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg->fd >= 0)
		lseek(kmsg->fd, 0, SEEK_END);
	return kmsg;
}

void log_kmsg_free(struct log_kmsg *kmsg)
{
	if (!kmsg)
		return;
	if (kmsg->fd >= 0)
		close(kmsg->fd);
	free(kmsg);
}

static void record_take(struct log_kmsg *kmsg, const char *record, size_t bytes, uint64_t now_ns)
{
	struct logline_kmsg line;

	if (logline_kmsg_parse(record, bytes, &line))
		return;
	if (kmsg->next && line.sequence > kmsg->next)
		log_dropped(kmsg->log, LOG_KMSG, line.sequence - kmsg->next);
	kmsg->next = line.sequence + 1;
	log_line(kmsg->log, LOG_KMSG, watch_owner(kmsg->watch, line.path[0] ? line.path : "/"), line.severity, line.text, line.bytes,
		 now_ns);
}

bool log_kmsg_tick(struct log_kmsg *kmsg, uint64_t now_ns)
{
	char record[RECORD_BYTES];

	for (int i = 0; kmsg->fd >= 0 && i < RECORDS_MAX; i++) {
		ssize_t n = read(kmsg->fd, record, sizeof(record));

		/* EPIPE: the kernel has overwritten what we had not read; the next number tells how many. */
		if (n < 0 && errno != EPIPE && errno != EINTR)
			return false;
		if (n > 0)
			record_take(kmsg, record, (size_t)n, now_ns);
	}
	return kmsg->fd >= 0;
}
