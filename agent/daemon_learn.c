/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which model speaks, and how the daemon learns on its host; what it learns with is in learn/.
 *
 * A model is taken over between two ticks: it is read and checked beside the one that speaks, then the mind is pointed at it. What cannot be
 * loaded changes nothing.
 */
#include "daemon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sense/host.h"
#include "sense/modelfile.h"

#define NS_PER_S 1000000000ull

/* One that was loaded and checked; its bytes go into recordings. */
struct loaded {
	struct model *model;
	void *bytes;
	size_t size;
};

static void loaded_free(struct loaded *loaded)
{
	free(loaded->model);
	free(loaded->bytes);
}

static int loaded_open(const char *path, struct loaded *ret, char error[DAEMON_ERROR_MAX])
{
	struct loaded loaded = { .model = calloc(1, sizeof(*loaded.model)), .bytes = malloc(MODEL_BYTES_MAX) };
	int r = loaded.model && loaded.bytes ? 0 : -ENOMEM;

	if (r)
		snprintf(error, DAEMON_ERROR_MAX, "model %.300s: out of memory", path);
	r = r ?: model_load(path, loaded.model, error, DAEMON_ERROR_MAX);
	r = r ?: model_format(loaded.model, loaded.bytes, MODEL_BYTES_MAX, &loaded.size, error, DAEMON_ERROR_MAX);
	if (r)
		loaded_free(&loaded);
	else
		*ret = loaded;
	return r;
}

static void loaded_use(struct daemon *daemon, const struct loaded *loaded, const char *path)
{
	daemon->model = loaded->model;
	daemon->model_bytes = loaded->bytes;
	daemon->model_size = loaded->size;
	snprintf(daemon->model_path, sizeof(daemon->model_path), "%s", path);
}

void daemon_model_close(struct daemon *daemon)
{
	free(daemon->model);
	free(daemon->model_bytes);
}

static void models_dir(const struct daemon *daemon, char ret[PATH_MAX])
{
	snprintf(ret, PATH_MAX, "%.3000s/models", daemon->options.state_dir);
}

/* A model that the operator named is not replaced. */
static const char *model_pinned(const struct daemon *daemon)
{
	if (daemon->options.model_path)
		return "--model";
	return daemon->config.model[0] ? "[mind] model" : NULL;
}

/* A new champion is watched before anything is done on its word. */
static void shadow_set(struct daemon *daemon, uint64_t promoted_s)
{
	uint64_t now_s = (uint64_t)time(NULL), shadow_s = daemon->config.learn.shadow_min * 60ull;
	uint64_t past_s = now_s > promoted_s ? now_s - promoted_s : 0;

	daemon->shadow_until_ns = past_s < shadow_s ? host_now_ns() + (shadow_s - past_s) * NS_PER_S : 0;
}

/* The champion's path and since when; 0: there is none. */
static uint64_t champion_find(const struct daemon *daemon, char ret_path[PATH_MAX])
{
	struct store_champions champions = { .count = 0 };
	const struct store_champion *champion;
	char dir[PATH_MAX], message[STORE_MESSAGE_MAX];

	models_dir(daemon, dir);
	if (store_champions_load(dir, &champions, message))
		fprintf(stderr, "forestalld: %s\n", message);
	champion = store_champion(&champions);
	if (!champion)
		return 0;
	store_path(dir, champion->name, ret_path);
	return champion->unix_s ? champion->unix_s : 1;
}

/* True when the champion of this host speaks. */
static bool champion_open(struct daemon *daemon)
{
	char path[PATH_MAX], error[DAEMON_ERROR_MAX];
	uint64_t since_s = champion_find(daemon, path);
	struct loaded loaded;

	if (!since_s)
		return false;
	if (loaded_open(path, &loaded, error)) {
		fprintf(stderr, "forestalld: %s; the model that forestall came with speaks\n", error);
		return false;
	}
	loaded_use(daemon, &loaded, path);
	shadow_set(daemon, since_s);
	return true;
}

int daemon_model_open(struct daemon *daemon, char error[DAEMON_ERROR_MAX])
{
	const char *named = daemon->options.model_path ?: daemon->config.model;
	struct loaded loaded;
	char path[PATH_MAX];
	int r;

	if (daemon->options.model_path && !named[0])
		return 0;
	if (!model_pinned(daemon) && champion_open(daemon))
		return 0;
	if (named[0])
		snprintf(path, sizeof(path), "%s", named);
	else if (model_find(path, sizeof(path))) {
		fprintf(stderr, "forestalld: no model at %s: the statistical forecaster speaks\n", path);
		return 0;
	}
	r = loaded_open(path, &loaded, error);
	if (!r)
		loaded_use(daemon, &loaded, path);
	return r;
}

/* The champion, or the model that forestall came with, speaks from the next tick on. */
static int model_take(struct daemon *daemon, char message[ANSWER_MESSAGE_MAX])
{
	struct loaded loaded, before = { daemon->model, daemon->model_bytes, daemon->model_size };
	char path[PATH_MAX];
	uint64_t since_s = champion_find(daemon, path);
	int r = since_s ? 0 : model_find(path, sizeof(path));

	if (r)
		snprintf(message, ANSWER_MESSAGE_MAX, "no model at %.300s; reinstall forestall", path);
	r = r ?: loaded_open(path, &loaded, message);
	if (r)
		return r;
	loaded_use(daemon, &loaded, path);
	predictor_model(daemon->mind->predictor, &loaded.model->weights);
	recording_model(daemon->recording, loaded.bytes, loaded.size);
	recording_model(learn_recording(daemon->learn), loaded.bytes, loaded.size);
	loaded_free(&before);
	learn_taken(daemon->learn);
	shadow_set(daemon, since_s);
	fprintf(stderr, "forestalld: model %s speaks from now on%s\n", path,
		daemon->shadow_until_ns ? "; nothing is done on its word until it was watched ([learn] shadow_min)" : "");
	return 0;
}

int daemon_model_change(void *context, const char *name, char message[ANSWER_MESSAGE_MAX])
{
	struct daemon *daemon = context;
	const char *pinned = model_pinned(daemon);
	char dir[PATH_MAX], before[STORE_NAME_MAX];
	int r;

	if (pinned || !daemon->model) {
		snprintf(message, ANSWER_MESSAGE_MAX, pinned ? "%s names the model; remove that and start forestall again" :
							       "no model speaks; reinstall forestall%s", pinned ?: "");
		return -EPERM;
	}
	models_dir(daemon, dir);
	r = name ? store_promote(dir, name, "by hand", (uint64_t)time(NULL), message) : store_rollback(dir, before, message);
	return r ?: model_take(daemon, message);
}

static struct learn_model model_used(const struct daemon *daemon)
{
	return (struct learn_model){ .bytes = daemon->model ? daemon->model_bytes : NULL, .size = daemon->model_size,
				     .path = daemon->model_path, .is_pinned = model_pinned(daemon) != NULL };
}

int daemon_learn_open(struct daemon *daemon)
{
	struct learn_setup setup = { .state_dir = daemon->options.state_dir, .config = &daemon->config.learn,
				     .slots_max = daemon->config.instances_max, .now_ns = host_now_ns() };

	daemon->learn = learn_new(&setup);
	return daemon->learn ? 0 : -ENOMEM;
}

void daemon_learn(struct daemon *daemon, uint64_t now_ns)
{
	struct learn_model model = model_used(daemon);
	char message[ANSWER_MESSAGE_MAX];

	learn_tick(daemon->learn, now_ns, daemon->plan.count > 0);
	if (daemon->is_closed && learn_second(daemon->learn, daemon->mind, &model, now_ns) && model_take(daemon, message))
		fprintf(stderr, "forestalld: %s\n", message);
}

int daemon_challenge(void *context, char message[ANSWER_MESSAGE_MAX])
{
	struct daemon *daemon = context;
	struct learn_model model = model_used(daemon);

	return learn_challenge(daemon->learn, &model, host_now_ns(), message);
}
