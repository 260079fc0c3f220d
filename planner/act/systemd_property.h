/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a knob's value stands in the properties of a unit (org.freedesktop.systemd1(5)), to and from the units of the
 * cgroup file. Used by systemd.c alone. Each int is 0 or more, or -errno.
 */
#ifndef FORESTALL_ACT_SYSTEMD_PROPERTY_H
#define FORESTALL_ACT_SYSTEMD_PROPERTY_H

#include <systemd/sd-bus.h>

#include "knob.h"

#define PROPERTY_FILES_MAX 2

/* What GetAll said of a unit. */
struct property_reading {
	char device[64];			/* in: the node in /dev that io.max is about, or "" */
	char cgroup[ACT_PATH_MAX];		/* ControlGroup, "" when the unit has none now */
	struct knob_value value[KNOB_COUNT];	/* in the units of the file */
	bool is_found[KNOB_COUNT];		/* and it fits a struct knob_value */
};

bool property_exists(enum knob knob);
bool property_is_of_device(enum knob knob);
bool property_is_weight(enum knob knob);

/* The settings that stand in the names of the drop-ins: systemd writes one file for each. NULL beyond the last. */
const char *property_file(enum knob knob, unsigned int i);

/* Reads an a{sv}; a weight that is not set reads as the default with aux 0, one that is set with aux 1. */
int property_parse(sd_bus_message *reply, struct property_reading *reading);

/* Appends one or more (sv). `device` as above. */
int property_append(sd_bus_message *message, enum knob knob, const char *device, const struct knob_value *value);

#endif
