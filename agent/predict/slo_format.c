/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slo.h"

#include <stdio.h>

#define NS_PER_S 1000000000ull

/* The largest unit that needs no fraction, as long as the number is one that the parser takes. */
static int duration_format(uint64_t ns, char *text, size_t size)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = { { "h", 3600 * NS_PER_S }, { "m", 60 * NS_PER_S }, { "s", NS_PER_S },
		      { "ms", 1000000 }, { "us", 1000 }, { "ns", 1 } };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (ns % units[i].ns == 0 && ns / units[i].ns <= SLO_NUMBER_MAX)
			return snprintf(text, size, "%llu%s", (unsigned long long)(ns / units[i].ns), units[i].name);
	return snprintf(text, size, "%llu.%06llums", (unsigned long long)(ns / 1000000),
			(unsigned long long)(ns % 1000000));
}

/* In the largest of the units that needs no fraction, each `step` of the one before. */
static int units_format(uint64_t amount, uint64_t step, const char *const units[4], char *text, size_t size)
{
	int unit = 0;

	while (amount && amount % step == 0 && unit < 3 && units[unit + 1]) {
		amount /= step;
		unit++;
	}
	return snprintf(text, size, "%llu%s", (unsigned long long)amount, units[unit]);
}

/* CPUs as decimals, rates in bits where they are whole ones, else bytes. */
static int amount_format(enum resource resource, uint64_t amount, char *text, size_t size)
{
	if (resource == RESOURCE_CPU)
		return snprintf(text, size, "%.15g", (double)amount / 1e3);
	if (resource == RESOURCE_NET && amount % 125 == 0)
		return units_format(amount / 125, 1000, (const char *const[]){ "kbit", "mbit", "gbit", NULL }, text, size);
	if (amount % 1024 && amount > SLO_NUMBER_MAX)	/* rounded up: less than a byte */
		return snprintf(text, size, "%llu.%06lluK", (unsigned long long)(amount / 1024),
				(unsigned long long)((amount % 1024 * 1000000 + 1023) / 1024));
	if (amount % 1024)
		return snprintf(text, size, "%llu", (unsigned long long)amount);
	return units_format(amount / 1024, 1024, (const char *const[]){ "K", "M", "G", "T" }, text, size);
}

static int range_format(enum resource resource, const struct slo_range *range, char *text, size_t size)
{
	char min[32] = "", max[32] = "";

	if (range->min)
		amount_format(resource, range->min, min, sizeof(min));
	if (range->max)
		amount_format(resource, range->max, max, sizeof(max));
	return snprintf(text, size, " %s=%s..%s", resource_name(resource), min, max);
}

static int work_format(const struct slo *slo, char *text, size_t size)
{
	char amount[32];
	int at = 0;

	if (slo->data_bytes) {
		amount_format(RESOURCE_MEMORY, slo->data_bytes, amount, sizeof(amount));
		at += snprintf(text + at, size - (size_t)at, " data=%s", amount);
	}
	if (slo->duration_ns) {
		duration_format(slo->duration_ns, amount, sizeof(amount));
		at += snprintf(text + at, size - (size_t)at, " duration=%s", amount);
	}
	if (slo->concurrency)
		at += snprintf(text + at, size - (size_t)at, " concurrency=%u", slo->concurrency);
	if (slo->share)
		at += snprintf(text + at, size - (size_t)at, " share=%u:%u", slo->share >> 16, slo->share & 0xffff);
	return at;
}

/* Without the zeros at the end. */
static void micro_format(uint64_t micro, char *text, size_t size)
{
	int n = snprintf(text, size, "%llu.%06llu", (unsigned long long)(micro / 1000000), (unsigned long long)(micro % 1000000));

	while (text[n - 1] == '0')
		text[--n] = '\0';
	if (text[n - 1] == '.')
		text[n - 1] = '\0';
}

static int bound_format(const struct slo *slo, enum sli sli, char *text, size_t size)
{
	char bound[32];

	if (sli_unit(sli) == SLI_UNIT_NUMBER)
		micro_format(slo->bound[sli], bound, sizeof(bound));
	else if (sli_unit(sli) == SLI_UNIT_NS)
		duration_format(slo->bound[sli], bound, sizeof(bound));
	else
		snprintf(bound, sizeof(bound), "%.7g%%", (double)slo->bound[sli] / 1e4);
	return snprintf(text, size, "%s<%s ", slo_sli_name(slo, sli), bound);
}

int slo_format(const struct slo *slo, char text[SLO_TEXT_MAX])
{
	char window[32];
	int at = 0;

	text[0] = '\0';
	duration_format(slo->window_ns, window, sizeof(window));
	for (int i = 0; i < SLI_COUNT; i++)
		if (slo->bound[i])
			at += bound_format(slo, (enum sli)i, text + at, SLO_TEXT_MAX - (size_t)at);
	at += snprintf(text + at, SLO_TEXT_MAX - (size_t)at, "window=%s budget=%.7g%% tier=%s", window,
		       slo->budget_ppm / 1e4, tier_name(slo->tier));
	if (slo->kind != KIND_UNKNOWN)
		at += snprintf(text + at, SLO_TEXT_MAX - (size_t)at, " kind=%s", kind_name(slo->kind));
	if (slo->no_probe)
		at += snprintf(text + at, SLO_TEXT_MAX - (size_t)at, " probe=no");
	for (int i = 0; i < RESOURCE_COUNT; i++)
		if (slo->range[i].min || slo->range[i].max)
			at += range_format((enum resource)i, &slo->range[i], text + at, SLO_TEXT_MAX - (size_t)at);
	return at + work_format(slo, text + at, SLO_TEXT_MAX - (size_t)at);
}
