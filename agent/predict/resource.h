/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The four things that instances compete for. Demand, capacity, expectation and danger are per resource. */
#ifndef FORESTALL_RESOURCE_H
#define FORESTALL_RESOURCE_H

#include <stdbool.h>

enum resource {
	RESOURCE_CPU,		/* CPUs: what ran plus what wanted to */
	RESOURCE_MEMORY,	/* bytes charged */
	RESOURCE_IO,		/* bytes per second, each request counted as at least RESOURCE_IO_REQUEST_BYTES more */
	RESOURCE_NET,		/* bytes per second sent */
	RESOURCE_COUNT
};

/* A disk does so many small requests in the time of a megabyte: what a request costs besides its bytes. */
#define RESOURCE_IO_REQUEST_BYTES 16384

/* What a disk or a wire can do nobody says: it is learned. */
static inline bool resource_is_learned(enum resource resource) { return resource == RESOURCE_IO || resource == RESOURCE_NET; }

/* "cpu", "memory", "io", "net"; "none" for RESOURCE_COUNT. Static storage. */
const char *resource_name(enum resource resource);

#endif
