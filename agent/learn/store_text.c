/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "store_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sense/modelfile.h"

#define LINE_BYTES 512
#define MAGIC "forestall-champions 1\n"

/* One word of a line; moves *line behind it and its space. NULL: there is none. */
static char *word_take(char **line)
{
	char *word = *line, *end = word + strcspn(word, " ");

	if (end == word || !*end)
		return NULL;
	*end = '\0';
	*line = end + 1;
	return word;
}

static bool number_take(char **line, uint64_t *ret)
{
	char *word = word_take(line), *end;

	if (!word || word[0] < '0' || word[0] > '9')
		return false;
	errno = 0;
	*ret = strtoull(word, &end, 10);
	return !*end && !errno;
}

static bool reason_take(const char *line, char ret[STORE_REASON_MAX])
{
	if (strlen(line) >= STORE_REASON_MAX)
		return false;
	strcpy(ret, line);
	return true;
}

static bool champion_take(char *line, void *into)
{
	struct store_champions *champions = into;
	struct store_champion read = { 0 };
	char *state, *name;

	if (champions->count == STORE_CHAMPIONS_MAX || !number_take(&line, &read.unix_s) || !(state = word_take(&line)) ||
	    !(name = word_take(&line)) || !store_name_is_sound(name) || !reason_take(line, read.reason))
		return false;
	read.is_rolled_back = !strcmp(state, "rolled-back");
	if (!read.is_rolled_back && strcmp(state, "champion"))
		return false;
	strcpy(read.name, name);
	champions->at[champions->count++] = read;
	return true;
}

static bool window_take(char *line, void *into)
{
	struct store_windows *windows = into;
	struct store_window read = { 0 };

	if (windows->count == STORE_WINDOWS_MAX || !number_take(&line, &read.from_s) || !number_take(&line, &read.to_s) ||
	    read.to_s < read.from_s || !reason_take(line, read.reason))
		return false;
	windows->at[windows->count++] = read;
	return true;
}

static bool setting_take(char *line, uint64_t unix_s, struct store_setting *ret)
{
	char *state, *knob;

	if (ret->glob[0] || !(state = word_take(&line)) || !(knob = word_take(&line)) || !number_take(&line, &ret->value) ||
	    !number_take(&line, &ret->period_us) || !store_name_is_sound(state) || !store_name_is_sound(knob) || line[0] != '/' ||
	    strlen(line) >= sizeof(ret->glob))
		return false;
	ret->unix_s = unix_s;
	strcpy(ret->state, state);
	strcpy(ret->knob, knob);
	strcpy(ret->glob, line);
	return true;
}

static bool policy_take(char *line, void *into)
{
	struct store_policy *policy = into;
	char *state, *configured, *base;
	uint64_t unix_s;

	if (!number_take(&line, &unix_s) || !(state = word_take(&line)))
		return false;
	if (!strcmp(state, "setting"))
		return setting_take(line, unix_s, &policy->setting);
	if (policy->base[0] || !(configured = word_take(&line)) ||
	    !(base = word_take(&line)) || !store_name_is_sound(state) || !store_name_is_sound(configured) ||
	    !store_name_is_sound(base) || !store_name_is_sound(line))
		return false;
	policy->unix_s = unix_s;
	strcpy(policy->state, state);
	strcpy(policy->configured, configured);
	strcpy(policy->base, base);
	strcpy(policy->candidate, line);
	return true;
}

static void champions_write(const void *from, FILE *out)
{
	const struct store_champions *champions = from;

	fputs(MAGIC, out);
	for (uint32_t i = 0; i < champions->count; i++)
		fprintf(out, "%" PRIu64 " %s %s %s\n", champions->at[i].unix_s,
			champions->at[i].is_rolled_back ? "rolled-back" : "champion", champions->at[i].name,
			champions->at[i].reason);
}

static void windows_write(const void *from, FILE *out)
{
	const struct store_windows *windows = from;

	for (uint32_t i = 0; i < windows->count; i++)
		fprintf(out, "%" PRIu64 " %" PRIu64 " %s\n", windows->at[i].from_s, windows->at[i].to_s, windows->at[i].reason);
}

static void policy_write(const void *from, FILE *out)
{
	const struct store_policy *policy = from;
	const struct store_setting *setting = &policy->setting;

	if (policy->base[0])
		fprintf(out, "%" PRIu64 " %s %s %s %s\n", policy->unix_s, policy->state, policy->configured, policy->base,
			policy->candidate);
	if (setting->glob[0])
		fprintf(out, "%" PRIu64 " setting %s %s %" PRIu64 " %" PRIu64 " %s\n", setting->unix_s, setting->state, setting->knob,
			setting->value, setting->period_us, setting->glob);
}

static const struct {
	const char *magic;	/* first line, "" for none */
	bool (*take)(char *line, void *into);
	void (*write)(const void *from, FILE *out);
	const char *remedy;
} texts[] = {
	[STORE_TEXT_CHAMPIONS] = { MAGIC, champion_take, champions_write,
				   "remove it to go back to the model that forestall came with" },
	[STORE_TEXT_WINDOWS] = { "", window_take, windows_write, "correct it: FROM TO REASON, UNIX seconds" },
	[STORE_TEXT_POLICY] = { "", policy_take, policy_write, "remove it to have the configured policy rule" },
};

static int lines_take(FILE *file, const char *path, enum store_text which, void *into, char message[STORE_MESSAGE_MAX])
{
	char line[LINE_BYTES];
	uint32_t number = 0;
	bool is_good = true;

	if (texts[which].magic[0]) {
		number++;
		is_good = fgets(line, sizeof(line), file) && !strcmp(line, texts[which].magic);
	}
	while (is_good && fgets(line, sizeof(line), file)) {
		size_t length = strlen(line);

		number++;
		is_good = length && line[length - 1] == '\n';
		if (is_good)
			line[length - 1] = '\0';
		is_good = is_good && texts[which].take(line, into);
	}
	if (is_good && !ferror(file))
		return 0;
	snprintf(message, STORE_MESSAGE_MAX, "%.300s:%u: damaged; %s", path, number, texts[which].remedy);
	return -EINVAL;
}

int store_text_load(const char *path, enum store_text which, void *into, char message[STORE_MESSAGE_MAX])
{
	FILE *file = fopen(path, "re");
	int r;

	if (!file && errno == ENOENT)
		return 0;
	if (!file) {
		r = -errno;
		snprintf(message, STORE_MESSAGE_MAX, "%.300s: %s; make it readable for root", path, strerror(-r));
		return r;
	}
	r = lines_take(file, path, which, into, message);
	fclose(file);
	return r;
}

int store_text_save(const char *path, enum store_text which, const void *from)
{
	char *bytes = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&bytes, &size);
	int r;

	if (!out)
		return -ENOMEM;
	texts[which].write(from, out);
	r = ferror(out) | fclose(out) ? -ENOMEM : modelfile_replace(path, bytes, size);
	free(bytes);
	return r;
}
