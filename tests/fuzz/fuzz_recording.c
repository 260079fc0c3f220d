/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A recording that somebody made up, replayed and learned from: it ends, is refused, or is damaged, and nothing else happens. gzread takes
 * what is not compressed as it is, so that the fuzzer works on the blocks themselves.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "serve/replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SLOTS_FEW 16	/* a host of thousands only costs time here */
#define TICKS_MAX 300

/* The first block is the setup, which begins with slots_max. */
static void slots_lower(uint8_t *bytes, size_t size)
{
	uint8_t *line = memchr(bytes, '\n', size);
	uint32_t slots;

	if (!line || (size_t)(line - bytes) + 1 + 8 + sizeof(slots) > size)
		return;
	memcpy(&slots, line + 9, sizeof(slots));
	if (slots > SLOTS_FEW && slots <= 65536) {
		slots = 2 + slots % (SLOTS_FEW - 1);
		memcpy(line + 9, &slots, sizeof(slots));
	}
}

static void run(const char *path, bool is_retold)
{
	char error[REPLAY_ERROR_MAX] = "";
	struct replay *replay;

	if (replay_open(path, is_retold, &replay, error)) {
		if (!error[0] || strchr(error, '\n'))
			abort();
		return;
	}
	while (replay_next(replay) > REPLAY_END && replay->ticks < TICKS_MAX)
		;
	replay_close(replay);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("recording", MFD_CLOEXEC);
	uint8_t *bytes = malloc(size ?: 1);
	char path[64];

	_Static_assert(offsetof(struct recording_setup, config.slots_max) == 0, "the setup begins with it");
	memcpy(bytes, data, size);
	slots_lower(bytes, size);
	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	run(path, false);
	run(path, true);
	close(fd);
	free(bytes);
	return 0;
}
