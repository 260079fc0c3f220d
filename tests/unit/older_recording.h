/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A recording written again as a build before this one would have. */
#ifndef FORESTALL_TEST_OLDER_RECORDING_H
#define FORESTALL_TEST_OLDER_RECORDING_H

#include "unit.h"

#include <zlib.h>

#include "serve/recording.h"

/* A block as an older build wrote it: its policy had eight bytes more, its annotations did not say what the work is like. */
static inline void block_make_older(gzFile out, uint32_t kind, const uint8_t *payload, uint32_t bytes)
{
	const size_t label = offsetof(struct recording_setup, label), work = offsetof(struct observe_instance, slo.data_bytes),
		     path = offsetof(struct observe_instance, path);
	bool is_setup = kind == RECORDING_SETUP, is_instance = kind == OBSERVE_INSTANCE || kind == RECORDING_MEMORY;
	uint32_t head[2] = { kind, is_setup ? bytes + 8 : is_instance ? bytes - (uint32_t)(path - work) : bytes };
	size_t first = is_setup ? label : is_instance ? work : bytes, second = is_instance ? path : first;

	gzwrite(out, head, sizeof(head));
	gzwrite(out, payload, (unsigned int)first);
	if (is_setup)
		gzwrite(out, "12345678", 8);
	gzwrite(out, payload + second, (unsigned int)(bytes - second));
}

static inline void make_older(const char *from, const char *to)
{
	static uint8_t bytes[1 << 24];
	gzFile in = gzopen(from, "rb"), out = gzopen(to, "wb");
	int size = gzread(in, bytes, sizeof(bytes));
	uint8_t *line = memchr(bytes, '\n', 64);
	uint32_t head[2];

	line[-1] = '0' + RECORDING_VERSION_RETOLD;
	gzwrite(out, bytes, (unsigned int)(line + 1 - bytes));
	for (const uint8_t *at = line + 1; at < bytes + size; at += sizeof(head) + head[1]) {
		memcpy(head, at, sizeof(head));
		block_make_older(out, head[0], at + sizeof(head), head[1]);
	}
	gzclose(in);
	gzclose(out);
}

#endif
