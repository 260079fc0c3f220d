/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bounds.h"
#include "systemd_property.h"

#define WEIGHT_UNSET UINT64_MAX		/* CPUWeight= and IOWeight=, not set: the default, 100 */
#define PERIOD_UNSET UINT64_MAX		/* CPUQuotaPeriodSec=, not set: 100 ms */
#define PERIOD_DEFAULT_US 100000
#define PERIOD_NAME "CPUQuotaPeriodUSec"
#define US_PER_S 1000000ull
#define CPUS_MAX 64			/* of a mask in struct knob_value */

enum shape { SHAPE_NONE, SHAPE_WEIGHT, SHAPE_QUOTA, SHAPE_CPUS, SHAPE_BYTES, SHAPE_DEVICE, SHAPE_COUNT };

static const struct property {
	enum shape shape;
	const char *name;
	const char *file[PROPERTY_FILES_MAX];
} PROPERTIES[KNOB_COUNT] = {
	[KNOB_CPU_WEIGHT] = { SHAPE_WEIGHT, "CPUWeight", { "CPUWeight" } },
	[KNOB_CPU_MAX] = { SHAPE_QUOTA, "CPUQuotaPerSecUSec", { "CPUQuota", "CPUQuotaPeriodSec" } },
	[KNOB_CPUSET_CPUS] = { SHAPE_CPUS, "AllowedCPUs", { "AllowedCPUs" } },
	[KNOB_MEMORY_LOW] = { SHAPE_BYTES, "MemoryLow", { "MemoryLow" } },
	[KNOB_MEMORY_HIGH] = { SHAPE_BYTES, "MemoryHigh", { "MemoryHigh" } },
	[KNOB_MEMORY_MIN] = { SHAPE_BYTES, "MemoryMin", { "MemoryMin" } },
	[KNOB_MEMORY_MAX] = { SHAPE_BYTES, "MemoryMax", { "MemoryMax" } },
	[KNOB_IO_WEIGHT] = { SHAPE_WEIGHT, "IOWeight", { "IOWeight" } },
	[KNOB_IO_RBPS] = { SHAPE_DEVICE, "IOReadBandwidthMax", { "IOReadBandwidthMax" } },
	[KNOB_IO_WBPS] = { SHAPE_DEVICE, "IOWriteBandwidthMax", { "IOWriteBandwidthMax" } },
	[KNOB_IO_RIOPS] = { SHAPE_DEVICE, "IOReadIOPSMax", { "IOReadIOPSMax" } },
	[KNOB_IO_WIOPS] = { SHAPE_DEVICE, "IOWriteIOPSMax", { "IOWriteIOPSMax" } },
};

static const char *const CONTENTS[] = {
	[SHAPE_NONE] = "", [SHAPE_WEIGHT] = "t", [SHAPE_QUOTA] = "t", [SHAPE_CPUS] = "ay", [SHAPE_BYTES] = "t",
	[SHAPE_DEVICE] = "a(st)",
};
_Static_assert(sizeof(CONTENTS) / sizeof(*CONTENTS) == SHAPE_COUNT, "every shape has a signature");

bool property_exists(enum knob knob)
{
	return (unsigned int)knob < KNOB_COUNT && PROPERTIES[knob].shape != SHAPE_NONE;
}

bool property_is_of_device(enum knob knob)
{
	return PROPERTIES[knob].shape == SHAPE_DEVICE;
}

bool property_is_weight(enum knob knob)
{
	return PROPERTIES[knob].shape == SHAPE_WEIGHT;
}

const char *property_file(enum knob knob, unsigned int i)
{
	return i < PROPERTY_FILES_MAX ? PROPERTIES[knob].file[i] : NULL;
}

static int cpus_read(sd_bus_message *reply, struct knob_value *ret)
{
	const uint8_t *bytes;
	size_t size;
	int r = sd_bus_message_read_array(reply, 'y', (const void **)&bytes, &size);

	ret->value = 0;
	for (size_t i = 0; r >= 0 && i < size; i++) {
		if (i < CPUS_MAX / 8)
			ret->value |= (uint64_t)bytes[i] << (8 * i);
		else if (bytes[i])
			r = -ERANGE;	/* a CPU beyond the mask */
	}
	return r;
}

static int device_read(sd_bus_message *reply, const char *device, struct knob_value *ret)
{
	const char *path;
	uint64_t rate;
	int r = sd_bus_message_enter_container(reply, 'a', "(st)");

	ret->value = KNOB_MAX;
	while (r >= 0 && (r = sd_bus_message_read(reply, "(st)", &path, &rate)) > 0)
		if (strcmp(path, device) == 0)
			ret->value = rate;
	return r < 0 ? r : sd_bus_message_exit_container(reply);
}

static int number_read(sd_bus_message *reply, enum shape shape, struct knob_value *ret)
{
	int r = sd_bus_message_read(reply, "t", &ret->value);

	if (r >= 0 && shape == SHAPE_WEIGHT) {
		ret->aux = ret->value != WEIGHT_UNSET;
		if (!ret->aux)
			ret->value = CPU_WEIGHT_DEFAULT;
	}
	return r;
}

static int value_read(sd_bus_message *reply, struct property_reading *reading, enum knob knob)
{
	enum shape shape = PROPERTIES[knob].shape;
	struct knob_value *value = &reading->value[knob];
	int r = sd_bus_message_enter_container(reply, 'v', CONTENTS[shape]);

	if (r < 0)
		return r;
	if (shape == SHAPE_CPUS)
		r = cpus_read(reply, value);
	else if (shape == SHAPE_DEVICE)
		r = device_read(reply, reading->device, value);
	else
		r = number_read(reply, shape, value);
	reading->is_found[knob] = r >= 0;
	return r < 0 && r != -ERANGE ? r : sd_bus_message_exit_container(reply);
}

static int entry_read(sd_bus_message *reply, struct property_reading *reading)
{
	const char *name, *path;
	int r = sd_bus_message_read(reply, "s", &name);

	if (r < 0)
		return r;
	for (unsigned int i = 0; i < KNOB_COUNT; i++)
		if (property_exists((enum knob)i) && strcmp(name, PROPERTIES[i].name) == 0)
			return value_read(reply, reading, (enum knob)i);
	if (strcmp(name, PERIOD_NAME) == 0)
		return sd_bus_message_read(reply, "v", "t", &reading->value[KNOB_CPU_MAX].aux);
	if (strcmp(name, "ControlGroup") != 0)
		return sd_bus_message_skip(reply, "v");
	r = sd_bus_message_read(reply, "v", "s", &path);
	if (r >= 0)
		snprintf(reading->cgroup, sizeof(reading->cgroup), "%s", path);
	return r;
}

static void quota_to_file(struct knob_value *value)
{
	if (value->aux == PERIOD_UNSET)
		value->aux = PERIOD_DEFAULT_US;
	if (value->value != KNOB_MAX)
		value->value = (uint64_t)((unsigned __int128)value->value * value->aux / US_PER_S);
}

int property_parse(sd_bus_message *reply, struct property_reading *reading)
{
	int r = sd_bus_message_enter_container(reply, 'a', "{sv}");

	reading->value[KNOB_CPU_MAX].aux = PERIOD_UNSET;
	while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
		r = entry_read(reply, reading);
		if (r >= 0)
			r = sd_bus_message_exit_container(reply);
	}
	quota_to_file(&reading->value[KNOB_CPU_MAX]);
	return r;
}

static int quota_append(sd_bus_message *message, const struct knob_value *value)
{
	uint64_t per_s = value->value, period_us = value->aux == PERIOD_DEFAULT_US ? PERIOD_UNSET : value->aux;
	int r = sd_bus_message_append(message, "(sv)", PERIOD_NAME, "t", period_us);

	/* Rounded up, so that systemd, which rounds down, comes to the same quota again. */
	if (per_s != KNOB_MAX)
		per_s = (uint64_t)(((unsigned __int128)per_s * US_PER_S + value->aux - 1) / value->aux);
	return r < 0 ? r : sd_bus_message_append(message, "(sv)", PROPERTIES[KNOB_CPU_MAX].name, "t", per_s);
}

static int cpus_append(sd_bus_message *message, uint64_t mask)
{
	uint8_t bytes[CPUS_MAX / 8];
	size_t used = 0;
	int r;

	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (uint8_t)(mask >> (8 * i));
		if (bytes[i])
			used = i + 1;
	}
	r = sd_bus_message_open_container(message, 'r', "sv");
	if (r >= 0)
		r = sd_bus_message_append(message, "s", PROPERTIES[KNOB_CPUSET_CPUS].name);
	if (r >= 0)
		r = sd_bus_message_open_container(message, 'v', "ay");
	if (r >= 0)
		r = sd_bus_message_append_array(message, 'y', bytes, used);
	if (r >= 0)
		r = sd_bus_message_close_container(message);
	return r < 0 ? r : sd_bus_message_close_container(message);
}

int property_append(sd_bus_message *message, enum knob knob, const char *device, const struct knob_value *value)
{
	const struct property *property = &PROPERTIES[knob];
	uint64_t number = value->value;

	if (property->shape == SHAPE_QUOTA)
		return quota_append(message, value);
	if (property->shape == SHAPE_CPUS)
		return cpus_append(message, number);
	if (property->shape == SHAPE_DEVICE)
		return sd_bus_message_append(message, "(sv)", property->name, "a(st)", 1, device, number);
	if (property->shape == SHAPE_WEIGHT && number == CPU_WEIGHT_DEFAULT && !value->aux)
		number = WEIGHT_UNSET;
	return sd_bus_message_append(message, "(sv)", property->name, "t", number);
}
