/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "host.h"
#include "systemd.h"
#include "systemd_bus.h"
#include "systemd_property.h"

/* What is set at runtime: for units from files, and for transient ones. */
static const char *const DROP_IN_DIRS[] = { "/run/systemd/system.control", "/run/systemd/transient" };
/* What an operator set for good hides the file of the same name in the first. */
#define DROP_IN_LASTING "/etc/systemd/system.control"

static const char *unit_interface(const char *unit)
{
	static const struct { const char *ending, *interface; } KINDS[] = {
		{ ".service", SYSTEMD_NAME ".Service" }, { ".scope", SYSTEMD_NAME ".Scope" },
		{ ".slice", SYSTEMD_NAME ".Slice" },
	};
	size_t length = strlen(unit);

	for (size_t i = 0; i < sizeof(KINDS) / sizeof(*KINDS); i++) {
		size_t ending = strlen(KINDS[i].ending);

		if (length > ending && strcmp(unit + length - ending, KINDS[i].ending) == 0)
			return KINDS[i].interface;
	}
	return NULL;
}

bool systemd_unit_name(const char *path, char ret_unit[ACT_PATH_MAX])
{
	const char *part = strrchr(path, '/');

	if (!part || !unit_interface(part + 1))
		return false;
	/* A name that the kernel could take for a file of its own has a '_' before it. */
	snprintf(ret_unit, ACT_PATH_MAX, "%s", part + 1 + (part[1] == '_'));
	return true;
}

bool systemd_has_property(enum knob knob)
{
	return property_exists(knob);
}

/* The node in /dev by the kernel's own name: systemd wants a path, and udev's links need not be there. */
static int device_path(uint32_t device, char *ret, size_t size)
{
	char target[256];
	const char *name;

	if (device_link(device, target, sizeof(target)) < 0)
		return -ENODEV;
	name = strrchr(target, '/');
	if (!name || (size_t)snprintf(ret, size, "/dev%s", name) >= size)
		return -ENODEV;
	for (char *c = ret; (c = strchr(c, '!'));)
		*c = '/';
	return 0;
}

/* Fills unit and device; -EOPNOTSUPP when there is no property for it. */
static int knob_resolve(const struct place *place, enum knob knob, char unit[ACT_PATH_MAX], char *ret_device, size_t size)
{
	ret_device[0] = '\0';
	if (!property_exists(knob) || !systemd_unit_name(place->path, unit))
		return -EOPNOTSUPP;
	return property_is_of_device(knob) ? device_path(place->device, ret_device, size) : 0;
}

static int unit_ask(const char *unit, sd_bus_message **ret_reply)
{
	_cleanup_free_ char *object = NULL;
	sd_bus_message *message = NULL;
	sd_bus *bus;
	int r = systemd_bus_open(&bus);

	if (r >= 0)
		r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &object);
	if (r >= 0)
		r = sd_bus_message_new_method_call(bus, &message, SYSTEMD_NAME, object,
						   "org.freedesktop.DBus.Properties", "GetAll");
	if (r >= 0)
		r = sd_bus_message_append(message, "s", unit_interface(unit));
	if (r >= 0)
		r = systemd_bus_call(message, ret_reply);
	sd_bus_message_unref(message);
	return r;
}

static int unit_read(const struct place *place, enum knob knob, struct property_reading *ret)
{
	sd_bus_message *reply = NULL;
	char unit[ACT_PATH_MAX];
	int r = knob_resolve(place, knob, unit, ret->device, sizeof(ret->device));

	if (r >= 0)
		r = unit_ask(unit, &reply);
	if (r >= 0)
		r = property_parse(reply, ret);
	sd_bus_message_unref(reply);
	if (r < 0)
		return r;
	return ret->is_found[knob] ? 0 : -EOPNOTSUPP;
}

int systemd_get(const struct place *place, enum knob knob, struct knob_value *ret)
{
	struct property_reading reading = { .device = "" };
	int r = unit_read(place, knob, &reading);

	if (r == 0)
		*ret = reading.value[knob];
	return r;
}

int systemd_set(const struct place *place, enum knob knob, const struct knob_value *value)
{
	sd_bus_message *message = NULL;
	char unit[ACT_PATH_MAX], device[64];
	sd_bus *bus;
	int r = knob_resolve(place, knob, unit, device, sizeof(device));

	if (r >= 0)
		r = systemd_bus_open(&bus);
	if (r >= 0)
		r = sd_bus_message_new_method_call(bus, &message, SYSTEMD_NAME, "/org/freedesktop/systemd1",
						   SYSTEMD_NAME ".Manager", "SetUnitProperties");
	if (r >= 0)
		r = sd_bus_message_append(message, "sb", unit, 1);
	if (r >= 0)
		r = sd_bus_message_open_container(message, 'a', "(sv)");
	if (r >= 0)
		r = property_append(message, knob, device, value);
	if (r >= 0)
		r = sd_bus_message_close_container(message);
	if (r >= 0)
		r = systemd_bus_call(message, NULL);
	sd_bus_message_unref(message);
	return r < 0 ? r : 0;
}

static void drop_in_path(const char *dir, const char *unit, const char *file, char ret[2 * ACT_PATH_MAX])
{
	if (file)
		snprintf(ret, 2 * ACT_PATH_MAX, "%s/%s.d/50-%s.conf", dir, unit, file);
	else
		snprintf(ret, 2 * ACT_PATH_MAX, "%s/%s.d", dir, unit);
}

static bool drop_in_exists(const char *dir, const char *unit, enum knob knob)
{
	char path[2 * ACT_PATH_MAX];
	const char *file;

	for (unsigned int i = 0; (file = property_file(knob, i)); i++) {
		drop_in_path(dir, unit, file, path);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

static void drop_in_unlink(const char *dir, const char *unit, enum knob knob)
{
	char path[2 * ACT_PATH_MAX];
	const char *file;

	for (unsigned int i = 0; (file = property_file(knob, i)); i++) {
		drop_in_path(dir, unit, file, path);
		unlink(path);
	}
	/* Fails, as it should, where other drop-ins are. */
	drop_in_path(dir, unit, NULL, path);
	rmdir(path);
}

void systemd_drop_in_remove(const struct place *place, enum knob knob)
{
	char unit[ACT_PATH_MAX];

	if (!systemd_unit_name(place->path, unit))
		return;
	for (size_t i = 0; i < sizeof(DROP_IN_DIRS) / sizeof(*DROP_IN_DIRS); i++)
		drop_in_unlink(DROP_IN_DIRS[i], unit, knob);
}

void systemd_drop_in_remove_hidden(const struct place *place, enum knob knob)
{
	char unit[ACT_PATH_MAX];

	if (systemd_unit_name(place->path, unit) && drop_in_exists(DROP_IN_LASTING, unit, knob))
		drop_in_unlink(DROP_IN_DIRS[0], unit, knob);
}

bool systemd_file_agrees(enum knob knob, const struct knob_value *file, const struct knob_value *property)
{
	return knob_close(knob, file, property) || (knob == KNOB_CPUSET_CPUS && property->value == 0 && file->value == host_cpus());
}

/* The first knob whose file is not what its property says, KNOB_COUNT when there is none. */
static enum knob knob_differs(const struct place *place, const struct property_reading *reading)
{
	for (unsigned int i = 0; i < KNOB_COUNT; i++) {
		enum knob knob = (enum knob)i;
		struct knob_value file;

		if (reading->is_found[i] && (!property_is_of_device(knob) || reading->device[0]) &&
		    place_read(place, knob, &file) == 0 && !systemd_file_agrees(knob, &file, &reading->value[i]))
			return knob;
	}
	return KNOB_COUNT;
}

static bool drop_in_is_there(const char *unit, enum knob knob)
{
	for (size_t i = 0; i < sizeof(DROP_IN_DIRS) / sizeof(*DROP_IN_DIRS); i++)
		if (drop_in_exists(DROP_IN_DIRS[i], unit, knob))
			return true;
	return false;
}

int systemd_take(const struct place *place, enum knob knob, struct knob_value *current, char ret_text[ACT_TEXT_MAX])
{
	struct property_reading reading = { .device = "" };
	char unit[ACT_PATH_MAX];
	enum knob other;
	int r = unit_read(place, knob, &reading);

	if (r == -EHOSTDOWN)
		snprintf(ret_text, ACT_TEXT_MAX, "systemd does not answer: is the system bus up?");
	else if (r < 0)
		snprintf(ret_text, ACT_TEXT_MAX, "the unit's properties cannot be read: %s", strerror(-r));
	if (r < 0)
		return r;
	systemd_unit_name(place->path, unit);
	if (strcmp(reading.cgroup, place->path) != 0) {
		snprintf(ret_text, ACT_TEXT_MAX, "looks like a unit, but systemd knows no %.40s here", unit);
		return -ENXIO;
	}
	if (drop_in_is_there(unit, knob)) {
		snprintf(ret_text, ACT_TEXT_MAX, "set-property --runtime set this: systemctl revert %.40s", unit);
		return -EBUSY;
	}
	other = knob_differs(place, &reading);
	if (other != KNOB_COUNT) {
		snprintf(ret_text, ACT_TEXT_MAX, "somebody wrote %s past systemd: use set-property", knob_name(other));
		return -EBUSY;
	}
	if (property_is_weight(knob))
		current->aux = reading.value[knob].aux;
	/* What the file says may only stand for it, and an undo goes back to the property. */
	if (knob == KNOB_CPUSET_CPUS)
		*current = reading.value[knob];
	return 0;
}
