/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "learn.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "watch_loss.h"

#define NS_PER_S 1000000000ull
#define DRIFT_PAUSE_NS (3600 * NS_PER_S)	/* one challenger for one drift */

struct learn {
	struct config_learn config;
	char state_dir[PATH_MAX], models[PATH_MAX], program[PATH_MAX];
	struct history *history;	/* NULL: none is kept */
	struct watch_loss *watch;
	struct drift drift;
	struct challenger challenger;
	char against[PATH_MAX];		/* who was champion when it began */
	uint64_t begun_ns;		/* the last one, or the mind */
	uint64_t started_unix_s;
	char said[CHALLENGER_WORD_MAX];
};

static void history_begin(struct learn *learn)
{
	char message[STORE_MESSAGE_MAX], dir[PATH_MAX];
	int r;

	snprintf(dir, sizeof(dir), "%.3000s/history", learn->state_dir);
	r = store_make(dir, message) ? -EPERM : 0;
	if (!r && store_make(learn->models, message))
		r = -EPERM;
	if (!r) {
		r = history_open(dir, (uint64_t)learn->config.history_mb << 20, &learn->history);
		snprintf(message, sizeof(message), "%.400s: %s; make it writable or set history_mb = 0", dir, strerror(-r));
	}
	if (r)
		fprintf(stderr, "forestalld: no history is kept: %s\n", message);
}

/* The command line beside this program. */
static void program_find(char ret[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", ret, PATH_MAX - 32);
	char *slash;

	ret[n > 0 ? n : 0] = '\0';
	slash = strrchr(ret, '/');
	strcpy(slash ? slash + 1 : ret, "forestall");
}

struct learn *learn_new(const struct learn_setup *setup)
{
	struct learn *learn = calloc(1, sizeof(*learn));

	if (!learn)
		return NULL;
	learn->config = *setup->config;
	learn->begun_ns = setup->now_ns;
	snprintf(learn->state_dir, sizeof(learn->state_dir), "%s", setup->state_dir);
	snprintf(learn->models, sizeof(learn->models), "%.3000s/models", setup->state_dir);
	if (setup->program)
		snprintf(learn->program, sizeof(learn->program), "%s", setup->program);
	else
		program_find(learn->program);
	learn->watch = watch_loss_new(setup->slots_max);
	if (!learn->watch) {
		free(learn);
		return NULL;
	}
	if (learn->config.history_mb)
		history_begin(learn);
	return learn;
}

void learn_free(struct learn *learn)
{
	if (!learn)
		return;
	challenger_stop(&learn->challenger);
	history_close(learn->history);
	watch_loss_free(learn->watch);
	free(learn);
}

struct recording *learn_recording(struct learn *learn)
{
	return learn ? history_recording(learn->history) : NULL;
}

void learn_tick(struct learn *learn, uint64_t now_ns, bool is_busy)
{
	challenger_pace(&learn->challenger, now_ns, is_busy);
}

bool learn_is_challenging(const struct learn *learn) { return learn->challenger.pid; }

void learn_taken(struct learn *learn)
{
	watch_loss_reset(learn->watch);
	learn->drift = (struct drift){ .seconds = 0 };
}

int learn_challenge(struct learn *learn, const struct learn_model *model, uint64_t now_ns, char message[STORE_MESSAGE_MAX])
{
	struct challenger_bounds bounds = { .cpu_s = learn->config.cpu_s, .memory_bytes = (uint64_t)learn->config.memory_mb << 20,
					    .deadline_ns = learn->config.deadline_min * 60 * NS_PER_S,
					    .cpu_share = learn->config.cpu_share };
	char cpu_s[16], memory_mb[16];
	char *const argv[] = { learn->program, (char *)"model", (char *)"train", (char *)"--challenger", (char *)"--state-dir",
			       learn->state_dir, (char *)"--champion", (char *)model->path, (char *)"--cpu-s", cpu_s,
			       (char *)"--memory-mb", memory_mb, NULL };
	int r;

	snprintf(cpu_s, sizeof(cpu_s), "%u", learn->config.cpu_s);
	snprintf(memory_mb, sizeof(memory_mb), "%u", learn->config.memory_mb);
	if (!learn->history || !model->bytes || learn->challenger.pid) {
		snprintf(message, STORE_MESSAGE_MAX, "%s", learn->challenger.pid ? "a challenger learns already; wait for it" :
			 !learn->history ? "no history is kept to learn from; set [learn] history_mb in forestall.conf" :
			 "no model speaks that it could start from; reinstall forestall");
		return -EBUSY;
	}
	r = challenger_start(&learn->challenger, argv, &bounds, now_ns);
	if (r) {
		snprintf(message, STORE_MESSAGE_MAX, "%.300s: %s; install forestall as a whole", learn->program, strerror(-r));
		return r;
	}
	snprintf(learn->against, sizeof(learn->against), "%s", model->path);
	learn->begun_ns = now_ns;
	learn->started_unix_s = (uint64_t)time(NULL);
	return 0;
}

/* Of "better NAME REASON" or "refused NAME REASON" as it was said. */
static bool verdict_read(const char *said, char ret_name[STORE_NAME_MAX], const char **ret_reason)
{
	size_t length;

	if (strncmp(said, "better ", 7))
		return false;
	length = strcspn(said + 7, " ");
	if (!length || length >= STORE_NAME_MAX || said[7 + length] != ' ')
		return false;
	memcpy(ret_name, said + 7, length);
	ret_name[length] = '\0';
	*ret_reason = said + 7 + length + 1;
	return true;
}

/* True when it is the champion now. */
static bool verdict_take(struct learn *learn, const struct learn_model *model)
{
	char name[STORE_NAME_MAX], message[STORE_MESSAGE_MAX], reason[STORE_REASON_MAX];
	const char *why;

	if (!verdict_read(learn->said, name, &why))
		return false;
	/* It was judged against one that may no longer speak. */
	if (!learn->config.promote || model->is_pinned || strcmp(learn->against, model->path)) {
		fprintf(stderr, "forestalld: challenger %s waits: 'forestall model promote %s' lets it speak\n", name, name);
		return false;
	}
	snprintf(reason, sizeof(reason), "%.*s", STORE_REASON_MAX - 1, why);
	if (!store_promote(learn->models, name, reason, (uint64_t)time(NULL), message))
		return true;
	fprintf(stderr, "forestalld: challenger %s is not promoted: %s\n", name, message);
	return false;
}

static bool challenger_ended(struct learn *learn, const struct learn_model *model, int status)
{
	const struct challenger *challenger = &learn->challenger;
	bool is_well = WIFEXITED(status) && !WEXITSTATUS(status) && challenger->said[0];

	if (is_well)
		snprintf(learn->said, sizeof(learn->said), "%s", challenger->said);
	else if (challenger->is_late)
		snprintf(learn->said, sizeof(learn->said), "killed: no end after %u minutes", learn->config.deadline_min);
	else if (WIFSIGNALED(status))
		snprintf(learn->said, sizeof(learn->said), "ended by signal %d%s", WTERMSIG(status),
			 WTERMSIG(status) == SIGXCPU ? ", its CPU time was used up" : "");
	else
		snprintf(learn->said, sizeof(learn->said), "no verdict, status %d", WEXITSTATUS(status));
	fprintf(stderr, "forestalld: challenger: %s\n", learn->said);
	store_prune(learn->models, learn->config.models_max);
	return is_well && verdict_take(learn, model);
}

/* By the clock or since the champion got worse. */
static bool is_due(struct learn *learn, uint64_t now_ns, bool has_drifted)
{
	uint64_t past_ns = now_ns - learn->begun_ns;

	if (!learn->history || learn->challenger.pid)
		return false;
	if (learn->config.every_h && past_ns >= learn->config.every_h * 3600 * NS_PER_S)
		return true;
	return learn->config.drift && has_drifted && past_ns >= DRIFT_PAUSE_NS;
}

bool learn_second(struct learn *learn, const struct mind *mind, const struct learn_model *model, uint64_t now_ns)
{
	char message[STORE_MESSAGE_MAX];
	bool has_drifted;
	int status;

	history_second(learn->history, mind, model->bytes, model->size, now_ns);
	watch_loss_second(learn->watch, mind, now_ns, &learn->drift);
	has_drifted = drift_second(&learn->drift);
	if (challenger_poll(&learn->challenger, now_ns, &status))
		return challenger_ended(learn, model, status);
	if (is_due(learn, now_ns, has_drifted)) {
		fprintf(stderr, "forestalld: a challenger learns: %s\n", has_drifted ? "the champion got worse" : "it is time");
		if (learn_challenge(learn, model, now_ns, message))
			fprintf(stderr, "forestalld: no challenger: %s\n", message);
		learn->begun_ns = now_ns;
		learn->drift = (struct drift){ .seconds = 0 };
	}
	return false;
}

void learn_state(struct learn *learn, struct learn_state *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->has_history = learn->history != NULL;
	ret->history_bytes_max = (uint64_t)learn->config.history_mb << 20;
	history_state(learn->history, &ret->history);
	ret->is_running = learn->challenger.pid;
	ret->is_standing = learn->challenger.pid && learn->challenger.is_stopped;
	ret->started_unix_s = learn->started_unix_s;
	memcpy(ret->said, learn->said, sizeof(ret->said));
	ret->drift = &learn->drift;
}
