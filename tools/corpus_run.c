/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "corpus_run.h"

#include <stdlib.h>
#include <string.h>

#define WORD_MAX 32

static const char *const group_names[] = {
#define CORPUS_GROUP_NAME(id, name) name,
	CORPUS_GROUP_TABLE(CORPUS_GROUP_NAME)
#undef CORPUS_GROUP_NAME
};
static const char *const part_names[] = {
#define CORPUS_PART_NAME(id, name) name,
	CORPUS_PART_TABLE(CORPUS_PART_NAME)
#undef CORPUS_PART_NAME
};

const char *corpus_group_name(enum corpus_group group) { return group_names[group]; }
const char *corpus_part_name(enum corpus_part part) { return part_names[part]; }

/* The value of NAME=VALUE; false when there is none, or none that fits. */
static bool word_find(const char *label, const char *name, char ret[WORD_MAX])
{
	size_t length = strlen(name);

	for (const char *word = label; word; word = strchr(word, ' ')) {
		word += strspn(word, " ");
		if (!strncmp(word, name, length) && word[length] == '=') {
			const char *value = word + length + 1;
			size_t bytes = strcspn(value, " ");

			if (!bytes || bytes >= WORD_MAX)
				return false;
			memcpy(ret, value, bytes);
			ret[bytes] = '\0';
			return true;
		}
	}
	return false;
}

/* Which of the names the value is; -1: none. */
static int word_index(const char *label, const char *name, const char *const *names, int count)
{
	char value[WORD_MAX];

	if (!word_find(label, name, value))
		return -1;
	for (int i = 0; i < count; i++)
		if (!strcmp(value, names[i]))
			return i;
	return -1;
}

bool corpus_run_parse(const char *label, struct corpus_run *ret)
{
	static const char *const roles[] = { "look-alike", "harmful" };
	int group = word_index(label, "group", group_names, CORPUS_GROUP_COUNT);
	int part = word_index(label, "part", part_names, CORPUS_PART_COUNT), role = word_index(label, "role", roles, 2);
	struct corpus_run run = { .group = (enum corpus_group)group, .part = (enum corpus_part)part, .is_harmful = role == 1 };
	char seed[WORD_MAX], *end;

	if (group < 0 || part < 0 || role < 0 || !word_find(label, "family", run.family) || !word_find(label, "seed", seed))
		return false;
	run.seed = strtoull(seed, &end, 10);
	if (*end)
		return false;
	*ret = run;
	return true;
}
