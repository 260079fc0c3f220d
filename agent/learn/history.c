/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "history.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct history {
	struct writer *writer;
	struct recording *recording;	/* NULL: none now */
	uint64_t started_ns, retry_ns;
	uint64_t begun;			/* recordings, as struct writer_state counts them */
	uint64_t broken;
	int said;			/* the error that was told last */
	bool is_broken;			/* the one in hand takes no more */
};

int history_open(const char *dir, uint64_t bytes_max, struct history **ret_history)
{
	struct history *history = calloc(1, sizeof(*history));
	int r = history ? writer_open(dir, bytes_max, &history->writer) : -ENOMEM;

	if (r) {
		free(history);
		return r;
	}
	*ret_history = history;
	return 0;
}

void history_close(struct history *history)
{
	if (!history)
		return;
	recording_close(history->recording);
	writer_close(history->writer);
	free(history);
}

struct recording *history_recording(struct history *history)
{
	return history ? history->recording : NULL;
}

static int sink(void *context, const void *bytes, size_t size)
{
	struct history *history = context;
	int r = writer_push(history->writer, bytes, size);

	history->is_broken |= r < 0;
	return r;
}

static void segment_begin(struct history *history, const struct mind *mind, const void *model, size_t model_bytes,
			  uint64_t now_ns)
{
	struct recording_wish wish = { .model = model, .model_bytes = model_bytes, .label = "history" };

	history->is_broken = false;
	history->started_ns = now_ns;
	if (writer_start(history->writer, (uint64_t)time(NULL))) {
		history->retry_ns = now_ns + HISTORY_AGAIN_NS;
		return;
	}
	history->begun++;
	if (recording_start(sink, history, mind, &wish, &history->recording))
		history->recording = NULL;
}

static void segment_end(struct history *history)
{
	recording_close(history->recording);
	history->recording = NULL;
}

/* Once for each change: a disk stays full for longer than anybody wants to read of it. */
static void error_tell(struct history *history, int error)
{
	if (error == history->said)
		return;
	history->said = error;
	if (error)
		fprintf(stderr, "forestalld: history: %s; nothing is kept to learn from until that is over\n", strerror(-error));
	else
		fprintf(stderr, "forestalld: history: goes on\n");
}

void history_second(struct history *history, const struct mind *mind, const void *model, size_t model_bytes, uint64_t now_ns)
{
	struct writer_state state;
	bool is_broken;

	if (!history)
		return;
	writer_flush(history->writer);
	writer_state(history->writer, &state);
	/* What is said of the one before means nothing for this one. */
	if (state.started != history->begun)
		state.error = state.is_long = 0;
	is_broken = history->recording && (history->is_broken || state.error);
	if (is_broken) {
		history->broken++;
		history->retry_ns = now_ns + HISTORY_AGAIN_NS;
		error_tell(history, state.error ? state.error : -ENOBUFS);
	}
	if (is_broken || (history->recording &&
			  (state.is_long || now_ns - history->started_ns >= HISTORY_SEGMENT_NS)))
		segment_end(history);
	if (history->recording) {
		if (now_ns - history->started_ns > HISTORY_AGAIN_NS)
			error_tell(history, 0);
		return;
	}
	if (now_ns >= history->retry_ns)
		segment_begin(history, mind, model, model_bytes, now_ns);
}

void history_state(struct history *history, struct history_state *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (!history)
		return;
	writer_state(history->writer, &ret->disk);
	ret->broken = history->broken;
}
