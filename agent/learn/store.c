/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sense/modelfile.h"
#include "store_text.h"

static int fail(const char *what, int r, const char *remedy, char message[STORE_MESSAGE_MAX])
{
	snprintf(message, STORE_MESSAGE_MAX, "%.300s: %s; %s", what, strerror(-r), remedy);
	return r;
}

/* What somebody else can write, somebody else can make a champion. */
static int dir_make(const char *dir, char message[STORE_MESSAGE_MAX])
{
	struct stat stat;

	if (mkdir(dir, 0755) && errno != EEXIST)
		return fail(dir, -errno, "give --state-dir a directory that can be made", message);
	if (lstat(dir, &stat))
		return fail(dir, -errno, "give --state-dir a directory", message);
	if (!S_ISDIR(stat.st_mode) || stat.st_uid != geteuid() || stat.st_mode & 022)
		return fail(dir, -EPERM, "it must be a directory that root alone can write", message);
	return 0;
}

int store_make(const char *dir, char message[STORE_MESSAGE_MAX])
{
	char parent[PATH_MAX];
	char *slash;
	int r = 0;

	snprintf(parent, sizeof(parent), "%s", dir);
	slash = strrchr(parent, '/');
	if (slash && slash != parent) {
		*slash = '\0';
		r = dir_make(parent, message);
	}
	return r ? r : dir_make(dir, message);
}

bool store_name_is_sound(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && length < STORE_NAME_MAX && name[0] != '.' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == length;
}

bool store_reason_is_sound(const char *reason)
{
	size_t length = strlen(reason);

	for (size_t i = 0; i < length; i++)
		if ((unsigned char)reason[i] < ' ' || reason[i] == 0x7f)
			return false;
	return length > 0 && length < STORE_REASON_MAX;
}

void store_path(const char *dir, const char *name, char ret[PATH_MAX])
{
	snprintf(ret, PATH_MAX, "%.3000s/%.*s" STORE_SUFFIX, dir, STORE_NAME_MAX, name);
}

const struct store_champion *store_champion(const struct store_champions *champions)
{
	for (uint32_t i = 0; i < champions->count; i++)
		if (!champions->at[i].is_rolled_back)
			return &champions->at[i];
	return NULL;
}

int store_champions_load(const char *dir, struct store_champions *ret, char message[STORE_MESSAGE_MAX])
{
	struct store_champions read = { .count = 0 };
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%.3000s/champions", dir);
	r = store_text_load(path, STORE_TEXT_CHAMPIONS, &read, message);
	if (!r)
		*ret = read;
	return r;
}

static int champions_save(const char *dir, const struct store_champions *champions, char message[STORE_MESSAGE_MAX])
{
	static const char remedy[] = "make room or make it writable; the champion is as it was";
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%.3000s/champions", dir);
	r = store_text_save(path, STORE_TEXT_CHAMPIONS, champions);
	return r ? fail(path, r, remedy, message) : 0;
}

static int model_check(const char *dir, const char *name, char message[STORE_MESSAGE_MAX])
{
	struct model *model = malloc(sizeof(*model));
	char path[PATH_MAX];
	int r;

	if (!model)
		return fail(name, -ENOMEM, "try again", message);
	store_path(dir, name, path);
	r = model_load(path, model, message, STORE_MESSAGE_MAX);
	free(model);
	return r;
}

int store_promote(const char *dir, const char *name, const char *reason, uint64_t unix_s, char message[STORE_MESSAGE_MAX])
{
	struct store_champions champions = { .count = 0 };
	struct store_champion *first = &champions.at[0];
	int r;

	if (!store_name_is_sound(name) || !store_reason_is_sound(reason))
		return fail(name, -EINVAL, "'forestall model list' shows the names", message);
	r = model_check(dir, name, message);
	if (!r)
		r = store_champions_load(dir, &champions, message);
	if (r)
		return r;
	if (champions.count == STORE_CHAMPIONS_MAX)
		champions.count--;
	memmove(first + 1, first, champions.count * sizeof(*first));
	champions.count++;
	memset(first, 0, sizeof(*first));
	first->unix_s = unix_s;
	snprintf(first->name, sizeof(first->name), "%s", name);
	snprintf(first->reason, sizeof(first->reason), "%s", reason);
	return champions_save(dir, &champions, message);
}

int store_rollback(const char *dir, char ret_name[STORE_NAME_MAX], char message[STORE_MESSAGE_MAX])
{
	struct store_champions champions = { .count = 0 };
	struct store_champion *champion;
	const struct store_champion *before;
	int r = store_champions_load(dir, &champions, message);

	if (r)
		return r;
	champion = (struct store_champion *)store_champion(&champions);
	if (!champion) {
		snprintf(message, STORE_MESSAGE_MAX, "no model was promoted on this host: nothing to roll back");
		return -ENOENT;
	}
	champion->is_rolled_back = true;
	before = store_champion(&champions);
	r = before ? model_check(dir, before->name, message) : 0;
	if (!r)
		r = champions_save(dir, &champions, message);
	if (!r)
		snprintf(ret_name, STORE_NAME_MAX, "%s", before ? before->name : "");
	return r;
}

static int is_model(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name), suffix = strlen(STORE_SUFFIX);

	return length > suffix && entry->d_name[0] != '.' && !strcmp(entry->d_name + length - suffix, STORE_SUFFIX);
}

/* The champion and the one that a rollback goes back to. */
static bool is_needed(const struct store_champions *champions, const char *file)
{
	size_t length = strlen(file) - strlen(STORE_SUFFIX);
	int found = 0;

	for (uint32_t i = 0; i < champions->count && found < 2; i++) {
		const struct store_champion *at = &champions->at[i];

		if (at->is_rolled_back)
			continue;
		found++;
		if (strlen(at->name) == length && !strncmp(at->name, file, length))
			return true;
	}
	return false;
}

void store_prune(const char *dir, uint32_t models_max)
{
	struct store_champions champions;
	char message[STORE_MESSAGE_MAX], path[PATH_MAX];
	struct dirent **entry;
	int count, surplus;

	/* Who is needed cannot be told then. */
	if (store_champions_load(dir, &champions, message))
		return;
	/* Names begin with the time, so the oldest come first. */
	count = scandir(dir, &entry, is_model, alphasort);
	surplus = count - (int)models_max;
	for (int i = 0; i < count; i++) {
		if (surplus > 0 && !is_needed(&champions, entry[i]->d_name)) {
			snprintf(path, sizeof(path), "%.3000s/%s", dir, entry[i]->d_name);
			surplus -= unlink(path) == 0;
		}
		free(entry[i]);
	}
	if (count >= 0)
		free(entry);
}

int store_windows_load(const char *dir, struct store_windows *ret, char message[STORE_MESSAGE_MAX])
{
	struct store_windows *read = calloc(1, sizeof(*read));
	char path[PATH_MAX];
	int r;

	if (!read)
		return fail(dir, -ENOMEM, "try again", message);
	snprintf(path, sizeof(path), "%.3000s/excluded", dir);
	r = store_text_load(path, STORE_TEXT_WINDOWS, read, message);
	if (!r)
		*ret = *read;
	free(read);
	return r;
}

int store_windows_add(const char *dir, const struct store_window *window, char message[STORE_MESSAGE_MAX])
{
	struct store_windows *windows = calloc(1, sizeof(*windows));
	char path[PATH_MAX];
	int r = windows ? store_windows_load(dir, windows, message) : fail(dir, -ENOMEM, "try again", message);

	snprintf(path, sizeof(path), "%.3000s/excluded", dir);
	if (!r && windows->count == STORE_WINDOWS_MAX)
		r = fail(path, -E2BIG, "remove old lines from it", message);
	if (!r) {
		windows->at[windows->count++] = *window;
		r = store_text_save(path, STORE_TEXT_WINDOWS, windows);
		if (r)
			fail(path, r, "make room or make it writable", message);
	}
	free(windows);
	return r;
}

bool store_windows_hold(const struct store_windows *windows, uint64_t from_s, uint64_t to_s)
{
	for (uint32_t i = 0; i < windows->count; i++)
		if (from_s <= windows->at[i].to_s && to_s >= windows->at[i].from_s)
			return true;
	return false;
}

int store_policy_load(const char *path, struct store_policy *ret, char message[STORE_MESSAGE_MAX])
{
	struct store_policy read = { 0 };
	int r = store_text_load(path, STORE_TEXT_POLICY, &read, message);

	if (!r)
		*ret = read;
	return r;
}

int store_policy_save(const char *path, const struct store_policy *policy, char message[STORE_MESSAGE_MAX])
{
	int r = store_text_save(path, STORE_TEXT_POLICY, policy);

	return r ? fail(path, r, "make room or make it writable; after a restart the configured policy rules", message) : 0;
}
