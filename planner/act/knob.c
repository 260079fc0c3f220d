/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bounds.h"
#include "knob.h"

#define WEIGHT(name, of, form, needs) \
	{ .file = name, .controller = of, .kind = form, .min = 1, .max = 10000, .fault = "weight not in 1..10000", \
	  .since = "CONFIG_" needs }
#define IO_BYTES(name) \
	{ .file = "io.max", .controller = "io", .kind = KIND_DEVICE_KEY, .key = name, .min = IO_BYTES_MIN, \
	  .max = LIMIT_MAX, .fault = "less than 1 MiB/s or more than 2^60", .since = "CONFIG_BLK_DEV_THROTTLING" }
/* The kernel keeps operations in 32 bits and takes all of them for max. */
#define IO_COUNT(name) \
	{ .file = "io.max", .controller = "io", .kind = KIND_DEVICE_KEY, .key = name, .min = IO_COUNT_MIN, \
	  .max = UINT32_MAX - 1, .fault = "operations not in 16..2^32-2 per second", .since = "CONFIG_BLK_DEV_THROTTLING" }

static const char *const PARTITION_NAMES[] = { "member", "root", "isolated" };
_Static_assert(sizeof(PARTITION_NAMES) / sizeof(*PARTITION_NAMES) == PARTITION_COUNT, "every partition has a name");

static const struct knob_spec SPECS[] = {
	[KNOB_CPU_WEIGHT] = WEIGHT("cpu.weight", "cpu", KIND_NUMBER, "FAIR_GROUP_SCHED"),
	/* From 2^44 us on the kernel's nanoseconds overflow. */
	[KNOB_CPU_MAX] = { .file = "cpu.max", .controller = "cpu", .kind = KIND_QUOTA, .min = CPU_QUOTA_MIN_US,
			   .max = (1ull << 44) - 1, .fault = "quota not in 1000..2^44 us",
			   .since = "CONFIG_CFS_BANDWIDTH" },
	[KNOB_CPU_IDLE] = { .file = "cpu.idle", .controller = "cpu", .kind = KIND_IDLE, .max = 1,
			    .fault = "idle is neither 0 nor 1", .since = "Linux 5.15" },
	[KNOB_CPUSET_CPUS] = { .file = "cpuset.cpus", .controller = "cpuset", .kind = KIND_CPUS, .max = UINT64_MAX,
			       .since = "Linux 5.0" },
	[KNOB_MEMORY_LOW] = { .file = "memory.low", .controller = "memory", .kind = KIND_BYTES, .max = LIMIT_MAX,
			      .fault = "more than 2^60 bytes", .since = "Linux 4.5" },
	[KNOB_MEMORY_HIGH] = { .file = "memory.high", .controller = "memory", .kind = KIND_BYTES,
			       .min = MEMORY_HIGH_MIN, .max = LIMIT_MAX, .fault = "less than 32 MiB or more than 2^60",
			       .since = "Linux 4.5" },
	[KNOB_MEMORY_RECLAIM] = { .file = "memory.reclaim", .controller = "memory", .kind = KIND_DEED, .min = 1,
				  .max = RECLAIM_STEP_MAX, .fault = "a step of reclaim is 1 byte to 64 MiB",
				  .since = "Linux 5.19" },
	[KNOB_IO_WEIGHT] = WEIGHT("io.weight", "io", KIND_DEFAULT, "BLK_CGROUP_IOCOST"),
	[KNOB_IO_RBPS] = IO_BYTES("rbps"),
	[KNOB_IO_WBPS] = IO_BYTES("wbps"),
	[KNOB_IO_RIOPS] = IO_COUNT("riops"),
	[KNOB_IO_WIOPS] = IO_COUNT("wiops"),
	/* Together with the quota it must stay below what overflows. */
	[KNOB_CPU_BURST] = { .file = "cpu.max.burst", .controller = "cpu", .kind = KIND_NUMBER, .max = (1ull << 43) - 1,
			     .fault = "burst not in 0..2^43 us", .since = "Linux 5.14 with CONFIG_CFS_BANDWIDTH" },
	[KNOB_MEMORY_MIN] = { .file = "memory.min", .controller = "memory", .kind = KIND_BYTES, .max = LIMIT_MAX,
			      .fault = "more than 2^60 bytes", .since = "Linux 4.18" },
	[KNOB_CPUSET_MEMS] = { .file = "cpuset.mems", .controller = "cpuset", .kind = KIND_CPUS, .max = UINT64_MAX,
			       .since = "Linux 5.0" },
	[KNOB_FREEZE] = { .file = "cgroup.freeze", .kind = KIND_NUMBER, .max = 1, .fault = "freeze is neither 0 nor 1",
			  .since = "Linux 5.2" },
	[KNOB_NET_EGRESS] = { .kind = KIND_LIMIT, .min = NET_BYTES_MIN, .max = LIMIT_MAX,
			      .fault = "less than 16 KiB/s or more than 2^60" },
	[KNOB_MEMORY_MAX] = { .file = "memory.max", .controller = "memory", .kind = KIND_BYTES,
			      .min = MEMORY_HIGH_MIN, .max = LIMIT_MAX, .fault = "less than 32 MiB or more than 2^60",
			      .since = "Linux 4.5" },
	[KNOB_IO_LATENCY] = { .file = "io.latency", .controller = "io", .kind = KIND_DEVICE_KEY, .key = "target",
			      .min = IO_LATENCY_MIN_US, .max = IO_LATENCY_MAX_US, .fault = "target not in 100 us..60 s",
			      .since = "CONFIG_BLK_CGROUP_IOLATENCY" },
	[KNOB_CPUSET_EXCLUSIVE] = { .file = "cpuset.cpus.exclusive", .controller = "cpuset", .kind = KIND_CPUS,
				    .max = UINT64_MAX, .since = "Linux 6.7" },
	[KNOB_CPUSET_PARTITION] = { .file = "cpuset.cpus.partition", .controller = "cpuset", .kind = KIND_PARTITION,
				    .max = PARTITION_COUNT - 1, .fault = "neither member, root nor isolated",
				    .since = "Linux 5.0" },
	[KNOB_NET_INGRESS] = { .kind = KIND_LIMIT, .min = NET_BYTES_MIN, .max = LIMIT_MAX,
			       .fault = "less than 16 KiB/s or more than 2^60" },
	[KNOB_NET_SHARE] = { .kind = KIND_SHARE, .max = SHARE_MAX, .fault = "weight not in 0..1000" },
	[KNOB_IO_COST] = { .file = "io.cost.qos", .controller = "io", .kind = KIND_COST, .min = IO_LATENCY_MIN_US,
			   .max = IO_LATENCY_MAX_US, .fault = "target not in 100 us..60 s", .since = "CONFIG_BLK_CGROUP_IOCOST" },
	[KNOB_NET_FIRST] = { .kind = KIND_LIMIT, .min = NET_BYTES_MIN, .max = LIMIT_MAX,
			     .fault = "less than 16 KiB/s or more than 2^60" },
	[KNOB_NET_PRIORITY] = { .kind = KIND_NUMBER, .max = 7, .fault = "priority not in 0..7" },
};
_Static_assert(sizeof(SPECS) / sizeof(*SPECS) == KNOB_COUNT, "every knob is described");

const struct knob_spec *knob_spec(enum knob knob)
{
	return &SPECS[knob];
}

static bool kind_knows_max(enum knob_kind kind)
{
	return kind == KIND_LIMIT || kind == KIND_BYTES || kind == KIND_QUOTA || kind == KIND_DEVICE_KEY || kind == KIND_COST;
}

int number_parse(const char *text, char end, uint64_t *ret)
{
	uint64_t number = 0;
	const char *c = text;

	for (; *c >= '0' && *c <= '9'; c++) {
		uint64_t digit = (uint64_t)(*c - '0');

		if (number > (UINT64_MAX - digit) / 10)
			return -EINVAL;
		number = number * 10 + digit;
	}
	if (c == text || *c != end)
		return -EINVAL;
	*ret = number;
	return 0;
}

/* The same, or "max". */
static int limit_parse(const char *text, char end, uint64_t *ret)
{
	if (strncmp(text, "max", 3) != 0 || text[3] != end)
		return number_parse(text, end, ret);
	*ret = KNOB_MAX;
	return 0;
}

static int limit_format(uint64_t limit, const char *rest, char *buf, size_t size)
{
	if (limit == KNOB_MAX)
		return snprintf(buf, size, "max%s", rest);
	return snprintf(buf, size, "%llu%s", (unsigned long long)limit, rest);
}

/* Parses "FIRST SEPARATOR SECOND" where FIRST may be "max". */
static int pair_parse(const char *text, char separator, struct knob_value *ret)
{
	struct knob_value value;
	const char *second = strchr(text, separator);
	int r;

	if (!second)
		return -EINVAL;
	r = limit_parse(text, separator, &value.value);
	if (r == 0)
		r = number_parse(second + 1, '\0', &value.aux);
	if (r == 0)
		*ret = value;
	return r;
}

static int pair_format(const struct knob_value *value, char separator, char *buf, size_t size)
{
	char second[24];

	snprintf(second, sizeof(second), "%c%llu", separator, (unsigned long long)value->aux);
	return limit_format(value->value, second, buf, size);
}

/* Reads "N" or "N-M" and moves on. */
static int range_parse(const char **text, uint64_t *ret)
{
	uint64_t end[2] = { 0 };
	const char *c = *text;
	int i = 0;

	for (;; i = 1, c++) {
		size_t digits = strspn(c, "0123456789");

		if (digits == 0 || digits > 2)
			return -EINVAL;
		for (; digits > 0; digits--)
			end[i] = end[i] * 10 + (uint64_t)(*c++ - '0');
		if (i == 1 || *c != '-')
			break;
	}
	if (i == 0)
		end[1] = end[0];
	if (end[0] > end[1] || end[1] > 63)
		return -EINVAL;
	*ret |= UINT64_MAX >> (63 - end[1] + end[0]) << end[0];
	*text = c;
	return 0;
}

int cpus_parse(const char *text, uint64_t *ret)
{
	uint64_t cpus = 0;

	if (*text == '\0') {
		*ret = 0;
		return 0;
	}
	for (;; text++) {
		if (range_parse(&text, &cpus) < 0)
			return -EINVAL;
		if (*text != ',')
			break;
	}
	if (*text != '\0')
		return -EINVAL;
	*ret = cpus;
	return 0;
}

static int length_check(int length, size_t size)
{
	return length < 0 || (size_t)length >= size ? -ENOSPC : length;
}

int cpus_format(uint64_t cpus, char *buf, size_t size)
{
	int used = 0;

	if (size == 0)
		return -ENOSPC;
	buf[0] = '\0';
	for (unsigned int first = 0, last; first < 64; first = last + 1) {
		int length;

		last = first;
		if (!(cpus >> first & 1))
			continue;
		while (last < 63 && cpus >> (last + 1) & 1)
			last++;
		length = last > first ? snprintf(buf + used, size - (size_t)used, "%s%u-%u", used ? "," : "", first, last) :
			snprintf(buf + used, size - (size_t)used, "%s%u", used ? "," : "", first);
		length = length_check(length, size - (size_t)used);
		if (length < 0)
			return length;
		used += length;
	}
	return used;
}

/* Finds "MAJOR:MINOR " at the start of a line and, in that line, "KEY=" with a limit. */
static int key_parse(const char *text, const char *key, uint32_t device, uint64_t *ret)
{
	char start[32], name[16];
	size_t length;

	length = (size_t)snprintf(start, sizeof(start), "%u:%u ", DEVICE_MAJOR(device), DEVICE_MINOR(device));
	snprintf(name, sizeof(name), " %s=", key);
	for (const char *line = text; *line; line += line[0] == '\n') {
		const char *end = line + strcspn(line, "\n"), *found = strstr(line, name);

		if (strncmp(line, start, length) == 0) {
			if (!found || found > end)
				return -EINVAL;
			found += strlen(name);
			/* The last key of a line ends with it. */
			return limit_parse(found, found[strcspn(found, " \n")], ret);
		}
		line = end;
	}
	*ret = KNOB_MAX;
	return 0;
}

/*
 * Its terms: how many of its requests have to be in time, and how far the kernel may go below and above what it takes a disk of this kind to
 * do (block/blk-iocost.c), which it does by itself from then on. No lower: where the disk itself is late that would hold up everybody.
 */
static int cost_format(uint32_t device, const struct knob_value *value, char *buf, size_t size)
{
	unsigned long long us = value->value;
	int length = us == KNOB_MAX ? snprintf(buf, size, "%u:%u enable=0 ctrl=auto", DEVICE_MAJOR(device), DEVICE_MINOR(device)) :
		snprintf(buf, size, "%u:%u enable=1 ctrl=user rpct=95.00 rlat=%llu wpct=95.00 wlat=%llu min=10.00 max=10000.00",
			 DEVICE_MAJOR(device), DEVICE_MINOR(device), us, us);

	return length_check(length, size);
}

/* No line: it was never asked for. */
static void cost_parse(const char *text, uint32_t device, struct knob_value *ret)
{
	struct knob_value off = { .value = KNOB_MAX };
	char start[32], ours[KNOB_TEXT_MAX];
	size_t length = (size_t)snprintf(start, sizeof(start), "%u:%u ", DEVICE_MAJOR(device), DEVICE_MINOR(device));
	unsigned long long us;
	const char *line = text;

	while (*line && strncmp(line, start, length) != 0) {
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	*ret = off;
	cost_format(device, &off, ours, sizeof(ours));
	if (!*line || strncmp(line, ours, strlen(ours)) == 0)
		return;
	ret->aux = 1;
	if (sscanf(line + length, "enable=1 ctrl=user rpct=%*u.%*u rlat=%llu", &us) != 1)
		return;
	cost_format(device, &(struct knob_value){ .value = us }, ours, sizeof(ours));
	if (strncmp(line, ours, strlen(ours)) == 0)
		*ret = (struct knob_value){ .value = us };
}

/* "root", or "root invalid (WHY)": what was asked for, and that the kernel could not do it, or not any more. */
static int partition_parse(const char *text, struct knob_value *ret)
{
	for (uint64_t i = 0; i < PARTITION_COUNT; i++) {
		size_t length = strlen(PARTITION_NAMES[i]);
		bool is_invalid = strncmp(text + strnlen(text, length), " invalid", 8) == 0;

		if (strncmp(text, PARTITION_NAMES[i], length) == 0 && (text[length] == '\0' || is_invalid)) {
			*ret = (struct knob_value){ .value = i, .aux = is_invalid };
			return 0;
		}
	}
	return -EINVAL;
}

/* Reads one line, or one word of the journal where the two are alike. */
static int line_parse(enum knob knob, const char *line, struct knob_value *ret)
{
	struct knob_value value = { 0 };
	int r;

	switch (SPECS[knob].kind) {
	case KIND_QUOTA:
		return pair_parse(line, ' ', ret);
	case KIND_PARTITION:
		return partition_parse(line, ret);
	case KIND_CPUS:
		r = cpus_parse(line, &value.value);
		break;
	case KIND_LIMIT:
	case KIND_BYTES:
		r = limit_parse(line, '\0', &value.value);
		break;
	case KIND_DEFAULT:
		r = strncmp(line, "default ", 8) == 0 ? number_parse(line + 8, '\0', &value.value) : -EINVAL;
		break;
	default:
		r = number_parse(line, '\0', &value.value);
		if (r == 0 && SPECS[knob].kind == KIND_IDLE && value.value > 1)
			r = -EINVAL;
	}
	if (r == 0)
		*ret = value;
	return r;
}

int knob_parse(enum knob knob, uint32_t device, const char *text, struct knob_value *ret)
{
	struct knob_value value = { 0 };
	char line[KNOB_TEXT_MAX];
	size_t length = strcspn(text, "\n");
	int r;

	if (SPECS[knob].kind == KIND_DEVICE_KEY) {
		r = key_parse(text, SPECS[knob].key, device, &value.value);
		if (r == 0)
			*ret = value;
		return r;
	}
	if (SPECS[knob].kind == KIND_COST) {
		cost_parse(text, device, ret);
		return 0;
	}
	if (length >= sizeof(line))
		return -EINVAL;
	if (SPECS[knob].kind != KIND_DEFAULT && text[length] == '\n' && text[length + 1] != '\0')
		return -EINVAL;
	memcpy(line, text, length);
	line[length] = '\0';
	return line_parse(knob, line, ret);
}

int knob_word_parse(enum knob knob, const char *text, struct knob_value *ret)
{
	struct knob_value value = { 0 };
	int r;

	switch (SPECS[knob].kind) {
	case KIND_QUOTA:
	case KIND_IDLE:
		return pair_parse(text, '/', ret);
	case KIND_CPUS:
		r = strcmp(text, "none") == 0 ? 0 : *text ? cpus_parse(text, &value.value) : -EINVAL;
		break;
	case KIND_DEFAULT:
		r = number_parse(text, '\0', &value.value);
		break;
	case KIND_COST:
		value.aux = strcmp(text, "other") == 0;
		value.value = KNOB_MAX;
		r = value.aux ? 0 : limit_parse(text, '\0', &value.value);
		break;
	case KIND_DEVICE_KEY:
		r = limit_parse(text, '\0', &value.value);
		break;
	default:
		return line_parse(knob, text, ret);
	}
	if (r == 0)
		*ret = value;
	return r;
}

int knob_format(enum knob knob, uint32_t device, const struct knob_value *value, char *buf, size_t size)
{
	unsigned long long number = value->value;
	char limit[24];

	switch (SPECS[knob].kind) {
	case KIND_QUOTA:
		return length_check(pair_format(value, ' ', buf, size), size);
	case KIND_CPUS:
		/* Nothing is written by no bytes at all. */
		return number ? cpus_format(value->value, buf, size) : length_check(snprintf(buf, size, "\n"), size);
	case KIND_PARTITION:
		return length_check(snprintf(buf, size, "%s", PARTITION_NAMES[number]), size);
	case KIND_DEFAULT:
		return length_check(snprintf(buf, size, "default %llu", number), size);
	case KIND_COST:
		return cost_format(device, value, buf, size);
	case KIND_DEVICE_KEY:
		limit_format(value->value, "", limit, sizeof(limit));
		return length_check(snprintf(buf, size, "%u:%u %s=%s", DEVICE_MAJOR(device), DEVICE_MINOR(device),
					     SPECS[knob].key, limit), size);
	default:
		if (kind_knows_max(SPECS[knob].kind))
			return length_check(limit_format(value->value, "", buf, size), size);
		return length_check(snprintf(buf, size, "%llu", number), size);
	}
}

int knob_word_format(enum knob knob, const struct knob_value *value, char *buf, size_t size)
{
	enum knob_kind kind = SPECS[knob].kind;

	if (kind == KIND_QUOTA || kind == KIND_IDLE)
		return length_check(pair_format(value, '/', buf, size), size);
	if (kind == KIND_CPUS)
		return value->value ? cpus_format(value->value, buf, size) :
			length_check(snprintf(buf, size, "none"), size);
	if (kind == KIND_PARTITION)
		return length_check(snprintf(buf, size, "%s", PARTITION_NAMES[value->value]), size);
	if (kind == KIND_COST && value->aux)
		return length_check(snprintf(buf, size, "other"), size);
	if (kind_knows_max(kind))
		return length_check(limit_format(value->value, "", buf, size), size);
	return length_check(snprintf(buf, size, "%llu", (unsigned long long)value->value), size);
}

bool knob_equal(enum knob knob, const struct knob_value *a, const struct knob_value *b)
{
	bool has_aux = SPECS[knob].kind == KIND_QUOTA || SPECS[knob].kind == KIND_COST;

	return a->value == b->value && (!has_aux || a->aux == b->aux);
}

static bool is_within(uint64_t a, uint64_t b, uint64_t distance)
{
	return (a > b ? a - b : b - a) <= distance;
}

bool knob_close(enum knob knob, const struct knob_value *a, const struct knob_value *b)
{
	enum knob_kind kind = SPECS[knob].kind;

	if (kind == KIND_IDLE || kind == KIND_CPUS || kind == KIND_PARTITION || kind == KIND_DEED || kind == KIND_COST || a->value == KNOB_MAX || b->value == KNOB_MAX)
		return knob_equal(knob, a, b);
	if (kind == KIND_BYTES)
		return is_within(a->value, b->value, PAGE_BYTES_MAX - 1);
	return is_within(a->value, b->value, 1) && (kind != KIND_QUOTA || is_within(a->aux, b->aux, 1));
}

bool knob_has_device(enum knob knob)
{
	return SPECS[knob].kind == KIND_DEVICE_KEY || SPECS[knob].kind == KIND_SHARE || SPECS[knob].kind == KIND_COST;
}

bool knob_is_class(enum knob knob) { return knob == KNOB_NET_EGRESS || knob == KNOB_NET_FIRST; }

bool knob_is_rule(enum knob knob)
{
	return knob == KNOB_NET_SHARE || knob == KNOB_NET_PRIORITY;
}

const char *knob_fault(enum knob knob, const struct knob_value *value)
{
	const struct knob_spec *spec = &SPECS[knob];

	if (spec->kind == KIND_QUOTA && (value->aux < CPU_PERIOD_MIN_US || value->aux > CPU_PERIOD_MAX_US))
		return "period not in 1000..1000000 us";
	if (value->value == KNOB_MAX && kind_knows_max(spec->kind))
		return NULL;
	return value->value < spec->min || value->value > spec->max ? spec->fault : NULL;
}
