/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "template.h"

#include <string.h>

/*
 * Of a template's constant words that a line has to share: more than three in four, so that "... terminating" and
 * "... interrupted" at the end of a short line stay two events.
 */
#define ALIKE_PERCENT 76
#define LEAF_WORDS 2
#define GUESS_BYTES 96		/* a level stands near the beginning of a line, after the time */

struct word {
	const char *text;
	size_t bytes, kept;	/* kept: of the text, when the rest is variable; 0: all of it is */
};

static uint32_t hash_add(uint32_t hash, const void *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		hash = (hash ^ ((const uint8_t *)bytes)[i]) * 16777619u;
	return hash;
}

/* Before the first digit or '=' what ends in a separator stays: "allocateBlock:10.1.2.3" and "uid=0" name what they tell of. */
static struct word word_read(const char *text, size_t bytes)
{
	struct word word = { text, bytes, bytes };
	size_t at = 0, kept = 0;

	while (at < bytes && text[at] != '=' && !(text[at] >= '0' && text[at] <= '9')) {
		if (text[at++] == ':' && at > 1)
			kept = at;
	}
	if (at < bytes)
		word.kept = at && text[at] == '=' ? at + 1 : kept;
	else if (text[0] == '/')
		word.kept = 0;
	return word;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static uint32_t words_read(const char *line, size_t bytes, struct word words[TEMPLATE_WORDS_MAX])
{
	uint32_t count = 0;
	size_t at = 0;

	while (count < TEMPLATE_WORDS_MAX) {
		size_t from;

		while (at < bytes && is_blank(line[at]))
			at++;
		from = at;
		while (at < bytes && !is_blank(line[at]))
			at++;
		if (at == from)
			break;
		words[count++] = word_read(line + from, at - from);
	}
	return count;
}

static uint32_t word_hash(const struct word *word)
{
	uint32_t hash;

	if (!word->kept)
		return 0;
	hash = hash_add(2166136261u, word->text, word->kept);
	return hash ? hash : 1;
}

/* Constant words of the template that the line has, as a share of them in percent; 100 when it has none. */
static uint32_t alike(const struct template *template, const uint32_t *hash)
{
	uint32_t constant = 0, same = 0;

	for (uint32_t i = 0; i < template->words; i++) {
		constant += template->word[i] != 0;
		same += template->word[i] && template->word[i] == hash[i];
	}
	return constant ? 100 * same / constant : 100;
}

static struct template *template_find(struct templates *templates, uint32_t leaf, const uint32_t *hash, uint32_t count)
{
	struct template *best = NULL;
	uint32_t most = ALIKE_PERCENT - 1;

	for (uint32_t i = 0; i < templates->count; i++) {
		uint32_t share;

		if (templates->leaf[i] != leaf || templates->at[i].words != count)
			continue;
		share = alike(&templates->at[i], hash);
		if (share <= most)
			continue;
		most = share;
		best = &templates->at[i];
	}
	return best;
}

/* The line's own words where the template is constant. */
static void text_write(struct template *template, const struct word *words)
{
	size_t at = 0;

	for (uint32_t i = 0; i < template->words; i++) {
		size_t kept = template->word[i] ? words[i].kept : 0, bytes = kept == words[i].bytes ? kept : kept + 3;

		if (at + bytes + 2 > sizeof(template->text))
			break;
		if (i)
			template->text[at++] = ' ';
		memcpy(template->text + at, words[i].text, kept);
		at += kept;
		if (kept == words[i].bytes)
			continue;
		memcpy(template->text + at, "<*>", 3);
		at += 3;
	}
	template->text[at] = '\0';
}

static struct template *template_add(struct templates *templates, uint32_t leaf, const uint32_t *hash, uint32_t count)
{
	uint32_t place = 0;

	if (templates->count < TEMPLATES_MAX) {
		place = templates->count++;
	} else {
		for (uint32_t i = 1; i < TEMPLATES_MAX; i++)
			if (templates->at[i].used_ns < templates->at[place].used_ns)
				place = i;
		templates->forgotten++;
	}
	templates->leaf[place] = leaf;
	templates->at[place] = (struct template){ .words = count };
	memcpy(templates->at[place].word, hash, count * sizeof(*hash));
	templates->at[place].name_hash = hash_add(2166136261u, hash, count * sizeof(*hash)) ?: 1;
	return &templates->at[place];
}

/* What differs is a variable from now on. True when something did. */
static bool template_join(struct template *template, const uint32_t *hash)
{
	bool is_changed = false;

	for (uint32_t i = 0; i < template->words; i++) {
		if (!template->word[i] || template->word[i] == hash[i])
			continue;
		template->word[i] = 0;
		is_changed = true;
	}
	return is_changed;
}

uint32_t template_take(struct templates *templates, const char *line, size_t bytes, uint64_t now_ns)
{
	struct word words[TEMPLATE_WORDS_MAX];
	uint32_t hash[TEMPLATE_WORDS_MAX], count = words_read(line, bytes, words), leaf;
	struct template *template;
	bool is_new;

	for (uint32_t i = 0; i < count; i++)
		hash[i] = word_hash(&words[i]);
	leaf = hash_add(hash_add(2166136261u, &count, sizeof(count)), hash,
			(count < LEAF_WORDS ? count : LEAF_WORDS) * sizeof(*hash));
	template = template_find(templates, leaf, hash, count);
	is_new = !template;
	if (is_new)
		template = template_add(templates, leaf, hash, count);
	if (template_join(template, hash) || is_new)
		text_write(template, words);
	template->count++;
	template->used_ns = now_ns;
	return (uint32_t)(template - templates->at);
}

static const char *const severity_names[] = { "emergency", "alert", "critical", "error", "warning", "notice", "info", "debug" };
_Static_assert(sizeof(severity_names) / sizeof(severity_names[0]) == SEVERITY_COUNT, "a name per severity");

const char *severity_name(enum severity severity) { return severity_names[severity]; }

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_word(const char *text, size_t bytes, const char *word)
{
	if (strlen(word) != bytes)
		return false;
	for (size_t i = 0; i < bytes; i++)
		if ((text[i] | 0x20) != word[i])
			return false;
	return true;
}

/* SEVERITY_COUNT: not the name of a level. */
static enum severity word_severity(const char *text, size_t bytes)
{
	static const struct {
		const char *word;
		enum severity severity;
	} levels[] = {
		{ "emerg", SEVERITY_EMERGENCY }, { "panic", SEVERITY_EMERGENCY }, { "alert", SEVERITY_ALERT },
		{ "crit", SEVERITY_CRITICAL }, { "critical", SEVERITY_CRITICAL }, { "fatal", SEVERITY_CRITICAL },
		{ "error", SEVERITY_ERROR }, { "err", SEVERITY_ERROR }, { "severe", SEVERITY_ERROR }, { "warn", SEVERITY_WARNING },
		{ "warning", SEVERITY_WARNING }, { "notice", SEVERITY_NOTICE }, { "info", SEVERITY_INFO },
		{ "debug", SEVERITY_DEBUG }, { "trace", SEVERITY_DEBUG },
	};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (is_word(text, bytes, levels[i].word))
			return levels[i].severity;
	return SEVERITY_COUNT;
}

enum severity severity_guess(const char *line, size_t bytes)
{
	size_t end = bytes < GUESS_BYTES ? bytes : GUESS_BYTES, at = 0;

	while (at < end) {
		size_t from;
		enum severity severity;

		while (at < end && !is_letter(line[at]))
			at++;
		from = at;
		while (at < end && is_letter(line[at]))
			at++;
		severity = word_severity(line + from, at - from);
		if (severity != SEVERITY_COUNT)
			return severity;
	}
	return SEVERITY_INFO;
}
