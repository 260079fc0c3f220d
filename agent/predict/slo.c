/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slo.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_S 1000000000ull
#define AMOUNT_MAX 1000000000000000ull	/* of a range; what a double prints without loss */
#define BLANKS " \t\n"
#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *name;
	enum sli_unit unit;
	enum resource resource;
} slis[] = {
#define SLI_ROW(id, name, unit, resource, what) { name, unit, resource },
	SLI_TABLE(SLI_ROW)
#undef SLI_ROW
};
static const char *const resource_names[] = { "cpu", "memory", "io", "net", "none" };
static const char *const tier_names[] = { "best-effort", "standard", "critical" };
static const char *const kind_names[] = { "unknown", "latency", "batch", "stream" };
static const char *const source_names[] = { "api", "trusted-xattr", "config", "user-xattr", "default" };
_Static_assert(ARRAY_COUNT(resource_names) == RESOURCE_COUNT + 1, "a name per resource, and one for none");
_Static_assert(ARRAY_COUNT(tier_names) == TIER_COUNT, "a name per tier");
_Static_assert(ARRAY_COUNT(kind_names) == KIND_COUNT, "a name per kind");
_Static_assert(ARRAY_COUNT(source_names) == SLO_SOURCE_COUNT, "a name per source");

const char *sli_name(enum sli sli) { return sli < SLI_APP ? slis[sli].name : "app"; }
enum sli_unit sli_unit(enum sli sli) { return sli < SLI_APP ? slis[sli].unit : SLI_UNIT_NUMBER; }
/* Why an application is slow it seldom knows itself. */
enum resource sli_resource(enum sli sli) { return sli < SLI_APP ? slis[sli].resource : RESOURCE_COUNT; }
const char *resource_name(enum resource resource) { return resource_names[resource]; }
const char *tier_name(enum tier tier) { return tier_names[tier]; }
const char *kind_name(enum kind kind) { return kind_names[kind]; }
const char *slo_source_name(enum slo_source source) { return source_names[source]; }

/* One word of the annotation and where it stands. */
struct word {
	const char *text;
	size_t bytes;
};

void slo_init(struct slo *slo)
{
	memset(slo, 0, sizeof(*slo));
	slo->window_ns = 60 * NS_PER_S;
	slo->budget_ppm = 10000;
	slo->tier = TIER_STANDARD;
	slo->source = SLO_FROM_DEFAULT;
}

bool slo_is_bound(const struct slo *slo)
{
	for (int i = 0; i < SLI_COUNT; i++)
		if (slo->bound[i])
			return true;
	return false;
}

static enum sli leading_below(const struct slo *slo, int end)
{
	for (int i = 0; i < end; i++)
		if (slo->bound[i])
			return (enum sli)i;
	return SLI_RUNQ_P99;
}

enum sli slo_leading(const struct slo *slo) { return leading_below(slo, SLI_COUNT); }
enum sli slo_leading_learned(const struct slo *slo) { return leading_below(slo, SLI_LEARNED_COUNT); }

const char *slo_sli_name(const struct slo *slo, enum sli sli)
{
	return sli >= SLI_APP ? slo->app[sli - SLI_APP] : slis[sli].name;
}

static int name_find(const char *const *names, size_t count, struct word word)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(names[i]) == word.bytes && !memcmp(names[i], word.text, word.bytes))
			return (int)i;
	return -EINVAL;
}

/*
 * Decimal number with up to six digits after the point, scaled by 10^6. Returns the bytes read, 0 when there is no
 * number or it is too large.
 */
static size_t number_scan(struct word word, uint64_t *ret_micro)
{
	uint64_t value = 0, unit = 1000000;
	size_t i = 0;

	for (; i < word.bytes && word.text[i] >= '0' && word.text[i] <= '9'; i++) {
		value = value * 10 + (uint64_t)(word.text[i] - '0');
		if (value > SLO_NUMBER_MAX)
			return 0;
	}
	if (i == 0)
		return 0;
	value *= unit;
	if (i + 1 < word.bytes && word.text[i] == '.' && word.text[i + 1] >= '0' && word.text[i + 1] <= '9') {
		for (i++; i < word.bytes && word.text[i] >= '0' && word.text[i] <= '9' && unit > 1; i++)
			value += (uint64_t)(word.text[i] - '0') * (unit /= 10);
	}
	*ret_micro = value;
	return i;
}

static int unit_scale(struct word unit, const char *const *units, const uint64_t *scale, size_t count, uint64_t *ret)
{
	int idx = name_find(units, count, unit);

	if (idx < 0)
		return idx;
	*ret = scale[idx];
	return 0;
}

/* "5ms", "20us", "1m": ns. */
static int duration_parse(struct word word, uint64_t *ret_ns)
{
	static const char *const units[] = { "ns", "us", "ms", "s", "m", "h" };
	static const uint64_t scale[] = { 1, 1000, 1000000, NS_PER_S, 60 * NS_PER_S, 3600 * NS_PER_S };
	uint64_t micro, unit_ns;
	size_t used = number_scan(word, &micro);

	if (!used || unit_scale((struct word){ word.text + used, word.bytes - used }, units, scale, ARRAY_COUNT(units),
				&unit_ns))
		return -EINVAL;
	if (micro > UINT64_MAX / unit_ns)
		return -ERANGE;
	*ret_ns = micro * unit_ns / 1000000;
	return *ret_ns ? 0 : -ERANGE;
}

/* "10%": parts per million, at most 100 %. */
static int percent_parse(struct word word, uint64_t *ret_ppm)
{
	uint64_t micro;
	size_t used = number_scan(word, &micro);

	if (!used || used + 1 != word.bytes || word.text[used] != '%')
		return -EINVAL;
	*ret_ppm = micro / 100;
	return *ret_ppm && *ret_ppm <= 1000000 ? 0 : -ERANGE;
}

/* How the amounts of a range are written: a number and a unit, in what struct slo_range counts. */
static const struct {
	const char *unit;
	uint64_t scale_milli;	/* thousandths of what struct slo_range counts */
} amount_units[] = {
	{ "", 1000 }, { "K", 1024000 }, { "M", 1024000ull << 10 }, { "G", 1024000ull << 20 }, { "T", 1024000ull << 30 },
	{ "kbit", 125000 }, { "mbit", 125000000 }, { "gbit", 125000000000ull },
};

/* "0.5", "256M", "100mbit". CPUs have no unit and count in thousandths. */
static int amount_parse(struct word word, enum resource resource, uint64_t *ret)
{
	uint64_t micro, scale = 0;
	size_t used = number_scan(word, &micro);
	struct word unit = { word.text + used, word.bytes - used };
	double amount;

	for (size_t i = 0; used && i < ARRAY_COUNT(amount_units); i++)
		if (strlen(amount_units[i].unit) == unit.bytes && !memcmp(amount_units[i].unit, unit.text, unit.bytes))
			scale = amount_units[i].scale_milli;
	if (!scale || (resource == RESOURCE_CPU && unit.bytes) || (resource != RESOURCE_NET && unit.bytes > 1))
		return -EINVAL;
	if (resource == RESOURCE_CPU)
		scale = 1000000;
	/* To the nearest: below AMOUNT_MAX a double is off by less than half a byte. */
	amount = (double)micro * (double)scale / 1e9 + 0.5;
	if (amount >= (double)AMOUNT_MAX)
		return -ERANGE;
	*ret = (uint64_t)amount;
	return 0;
}

/* "0.5..4", "256M..", "..100mbit". An end that is named is not zero, but for "0..MAX". */
static int range_parse(struct word word, enum resource resource, struct slo_range *ret)
{
	struct slo_range range = { 0 };
	struct word min = word, max;
	size_t dots = 0;

	while (dots + 1 < word.bytes && memcmp(word.text + dots, "..", 2))
		dots++;
	if (dots + 1 >= word.bytes)
		return -EINVAL;
	min.bytes = dots;
	max = (struct word){ word.text + dots + 2, word.bytes - dots - 2 };
	if ((min.bytes && amount_parse(min, resource, &range.min)) ||
	    (max.bytes && amount_parse(max, resource, &range.max)))
		return -EINVAL;
	if (max.bytes && range.max < range.min)
		return -ERANGE;
	if (max.bytes ? !range.max : !range.min)
		return -EINVAL;
	*ret = range;
	return 0;
}

#define APP_PREFIX "app."
#define APP_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

/* The place of this name, or a free one; SLO_APP_MAX: there is none. */
static int app_place(const struct slo *slo, struct word key)
{
	int place = SLO_APP_MAX;

	for (int i = SLO_APP_MAX - 1; i >= 0; i--) {
		if (strlen(slo->app[i]) == key.bytes && !memcmp(slo->app[i], key.text, key.bytes))
			return i;
		if (!slo->app[i][0])
			place = i;
	}
	return place;
}

static const char *app_parse(struct word key, struct word value, struct slo *slo)
{
	int place = app_place(slo, key);
	uint64_t micro;

	if (key.bytes == strlen(APP_PREFIX) || key.bytes >= SLO_APP_NAME_MAX || strspn(key.text, APP_CHARACTERS) < key.bytes)
		return "needs a name of at most 27 of a-z A-Z 0-9 _ . - after app.";
	if (number_scan(value, &micro) != value.bytes || !value.bytes || !micro)
		return "needs a number such as 250 or 0.5";
	if (place == SLO_APP_MAX)
		return "is one more than two SLIs of the application; leave one out";
	memset(slo->app[place], 0, SLO_APP_NAME_MAX);
	memcpy(slo->app[place], key.text, key.bytes);
	slo->bound[SLI_APP + place] = micro;
	return NULL;
}

static const char *bound_parse(struct word key, struct word value, struct slo *slo)
{
	if (key.bytes >= strlen(APP_PREFIX) && !memcmp(key.text, APP_PREFIX, strlen(APP_PREFIX)))
		return app_parse(key, value, slo);
	for (int sli = 0; sli < SLI_LEARNED_COUNT; sli++) {
		if (strlen(slis[sli].name) != key.bytes || memcmp(slis[sli].name, key.text, key.bytes))
			continue;
		if (slis[sli].unit == SLI_UNIT_NS)
			return duration_parse(value, &slo->bound[sli]) ? "needs a duration such as 5ms" : NULL;
		return percent_parse(value, &slo->bound[sli]) ? "needs a share such as 10%" : NULL;
	}
#define SLI_WORD(id, name, unit, resource, what) " " name
	return "is no SLI; known:" SLI_TABLE(SLI_WORD) " app.NAME";
#undef SLI_WORD
}

static const char *name_value_parse(const char *const *names, size_t count, struct word value, uint32_t *ret,
				    const char *remedy)
{
	int idx = name_find(names, count, value);

	if (idx < 0)
		return remedy;
	*ret = (uint32_t)idx;
	return NULL;
}

/* From 1 to `most`. */
static int whole_parse(struct word value, uint32_t most, uint32_t *ret)
{
	uint64_t micro = 0;

	if (!value.bytes || number_scan(value, &micro) != value.bytes || !micro || micro % 1000000 || micro > most * 1000000ull)
		return -EINVAL;
	*ret = (uint32_t)(micro / 1000000);
	return 0;
}

static const char *share_parse(struct word value, uint32_t *ret)
{
	const char *colon = memchr(value.text, ':', value.bytes);
	size_t bytes = colon ? (size_t)(colon - value.text) : 0;
	uint32_t front, own;

	if (!colon || whole_parse((struct word){ value.text, bytes }, UINT16_MAX, &front) ||
	    whole_parse((struct word){ colon + 1, value.bytes - bytes - 1 }, UINT16_MAX, &own))
		return "needs two TCP ports, the clients' and its own, such as 80:8081";
	*ret = front << 16 | own;
	return NULL;
}

static bool word_is(struct word word, const char *text)
{
	return word.bytes == strlen(text) && !memcmp(word.text, text, word.bytes);
}

static const char *const range_remedies[] = {
	"needs a range of CPUs such as 0.5..4", "needs a range of bytes such as 256M..2G",
	"needs a range of bytes/s such as ..200M", "needs a range of rates such as ..100mbit",
};
_Static_assert(ARRAY_COUNT(range_remedies) == RESOURCE_COUNT, "a remedy per resource");

static const char *range_remedy(int r, enum resource resource)
{
	return r == -ERANGE ? "has a MIN above its MAX; swap them" : r ? range_remedies[resource] : NULL;
}

static const char *pair_parse(struct word key, struct word value, struct slo *slo)
{
	uint64_t ppm;
	uint32_t kind = slo->kind;

	if (word_is(key, "window"))
		return duration_parse(value, &slo->window_ns) ? "needs a duration such as 1m" : NULL;
	if (word_is(key, "budget")) {
		if (percent_parse(value, &ppm))
			return "needs a share such as 1%";
		slo->budget_ppm = (uint32_t)ppm;
		return NULL;
	}
	if (word_is(key, "tier"))
		return name_value_parse(tier_names, TIER_COUNT, value, &slo->tier,
					"must be best-effort, standard or critical");
	if (word_is(key, "kind")) {
		const char *remedy = name_value_parse(kind_names, KIND_COUNT, value, &kind, "must be latency, batch or stream");

		slo->kind = (uint16_t)kind;
		return remedy;
	}
	if (word_is(key, "probe")) {
		slo->no_probe = word_is(value, "no");
		return slo->no_probe || word_is(value, "yes") ? NULL : "must be yes or no";
	}
	if (word_is(key, "data"))
		return amount_parse(value, RESOURCE_MEMORY, &slo->data_bytes) || !slo->data_bytes ? "needs an amount of bytes such as 64M" : NULL;
	if (word_is(key, "duration"))
		return duration_parse(value, &slo->duration_ns) ? "needs a duration such as 20s" : NULL;
	if (word_is(key, "concurrency"))
		/* The largest is far from where a float of CPUs would round. */
		return whole_parse(value, 1000000, &slo->concurrency) ? "needs a whole number from 1 to 1000000" : NULL;
	if (word_is(key, "share"))
		return share_parse(value, &slo->share);
	for (int i = 0; i < RESOURCE_COUNT; i++)
		if (word_is(key, resource_names[i]))
			return range_remedy(range_parse(value, (enum resource)i, &slo->range[i]), (enum resource)i);
	return "is no known key; known: window budget tier kind probe cpu memory io net data duration concurrency share";
}

static const char *word_parse(struct word word, struct slo *slo)
{
	for (size_t i = 1; i < word.bytes; i++) {
		struct word key = { word.text, i }, value = { word.text + i + 1, word.bytes - i - 1 };

		if (word.text[i] == '<')
			return bound_parse(key, value, slo);
		if (word.text[i] == '=')
			return pair_parse(key, value, slo);
	}
	return "is neither SLI<bound nor key=value";
}

/* The same key stands before this word: which of the two is meant cannot be known. */
static bool word_is_repeated(const char *text, struct word word)
{
	size_t key_bytes = 0;

	while (key_bytes < word.bytes && word.text[key_bytes] != '<' && word.text[key_bytes] != '=')
		key_bytes++;
	for (const char *at = text + strspn(text, BLANKS); at < word.text; at += strspn(at, BLANKS)) {
		if (!memcmp(at, word.text, key_bytes) && (at[key_bytes] == '<' || at[key_bytes] == '='))
			return true;
		at += strcspn(at, BLANKS);
	}
	return false;
}

/* An annotation may come from a tenant and its words end up on terminals and in logs. */
static bool text_is_plain(const char *text, struct slo_error *ret_error)
{
	for (const char *at = text; *at; at++) {
		if (strchr(BLANKS, *at) || (*at >= ' ' && *at <= '~'))
			continue;
		ret_error->column = (uint32_t)(at - text) + 1;
		snprintf(ret_error->reason, sizeof(ret_error->reason),
			 "byte 0x%02x is not printable ASCII; type the annotation anew", (unsigned char)*at);
		return false;
	}
	return true;
}

static int words_parse(const char *text, struct slo *slo, struct slo_error *ret_error)
{
	const char *at = text;

	while (*(at += strspn(at, BLANKS))) {
		struct word word = { at, strcspn(at, BLANKS) };
		const char *reason = word_is_repeated(text, word) ? "names its key again; give it once" :
								    word_parse(word, slo);

		if (reason) {
			ret_error->column = (uint32_t)(at - text) + 1;
			snprintf(ret_error->reason, sizeof(ret_error->reason), "'%.*s' %s",
				 (int)(word.bytes < 24 ? word.bytes : 24), word.text, reason);
			return -EINVAL;
		}
		at += word.bytes;
	}
	return 0;
}

int slo_parse_over(const struct slo *base, const char *text, struct slo *ret, struct slo_error *ret_error)
{
	struct slo slo = *base;
	int r;

	if (strnlen(text, SLO_TEXT_MAX) == SLO_TEXT_MAX) {
		ret_error->column = SLO_TEXT_MAX;
		snprintf(ret_error->reason, sizeof(ret_error->reason), "the annotation is longer than %d bytes",
			 SLO_TEXT_MAX - 1);
		return -EINVAL;
	}
	if (!text_is_plain(text, ret_error))
		return -EINVAL;
	r = words_parse(text, &slo, ret_error);
	if (r == 0)
		*ret = slo;
	return r;
}

int slo_parse(const char *text, struct slo *ret, struct slo_error *ret_error)
{
	struct slo slo;

	slo_init(&slo);
	return slo_parse_over(&slo, text, ret, ret_error);
}

/* A wish for less is granted as far as the range goes; one for more is not. */
static bool range_tighten(struct slo_range *granted, const struct slo_range *wish)
{
	if (wish->max && wish->max < granted->max)
		granted->max = wish->max;
	if (wish->min < granted->min)
		granted->min = wish->min;
	return wish->max == granted->max && wish->min == granted->min;
}

bool slo_tighten(struct slo *granted, const struct slo *wish)
{
	bool is_whole = wish->window_ns == granted->window_ns && wish->kind == granted->kind &&
			wish->data_bytes == granted->data_bytes && wish->duration_ns == granted->duration_ns &&
			wish->share == granted->share;

	for (int i = 0; i < RESOURCE_COUNT; i++)
		is_whole = range_tighten(&granted->range[i], &wish->range[i]) && is_whole;
	for (int i = 0; i < SLI_COUNT; i++) {
		if (wish->bound[i] && wish->bound[i] < granted->bound[i])
			granted->bound[i] = wish->bound[i];
		is_whole = is_whole && wish->bound[i] == granted->bound[i];
	}
	if (wish->budget_ppm < granted->budget_ppm)
		granted->budget_ppm = wish->budget_ppm;
	if (wish->tier < granted->tier)
		granted->tier = wish->tier;
	if (wish->concurrency && wish->concurrency < granted->concurrency)
		granted->concurrency = wish->concurrency;
	granted->no_probe |= wish->no_probe;
	return is_whole && wish->no_probe == granted->no_probe && wish->concurrency == granted->concurrency &&
	       wish->budget_ppm == granted->budget_ppm && wish->tier == granted->tier;
}
