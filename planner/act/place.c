/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "nft.h"
#include "place.h"
#include "systemd.h"
#include "tc.h"
#include "tc_ingress.h"

static const char *const VIA_NAMES[] = { "file", "systemd", "tc", "nft", "bpf", "disk" };
_Static_assert(sizeof(VIA_NAMES) / sizeof(*VIA_NAMES) == VIA_COUNT, "every way has a name");

const char *via_name(enum via via)
{
	return (unsigned int)via < VIA_COUNT ? VIA_NAMES[via] : "?";
}

enum via via_parse(const char *name)
{
	for (unsigned int i = 0; i < VIA_COUNT; i++)
		if (strcmp(name, VIA_NAMES[i]) == 0)
			return (enum via)i;
	return VIA_COUNT;
}

int place_open(struct place *place)
{
	place->dir_fd = cgroup_open(place->root_fd, place->path, place->cgroup_id);
	if (place->dir_fd >= 0 || (place->via != VIA_FILE && cgroup_is_gone(place->dir_fd)))
		return 0;
	return place->dir_fd;
}

void place_close(struct place *place)
{
	if (place->dir_fd >= 0)
		close(place->dir_fd);
	place->dir_fd = -1;
}

/* A device that was taken out has no limits any more, and the kernel no line for it. */
static bool device_is_there(uint32_t device)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", DEVICE_MAJOR(device), DEVICE_MINOR(device));
	return access(path, F_OK) == 0;
}

int place_read(const struct place *place, enum knob knob, struct knob_value *ret)
{
	if (place->via == VIA_TC)
		return tc_read(place, knob == KNOB_NET_FIRST, ret);
	if (place->via == VIA_NFT)
		return nft_read(place, ret);
	if (place->via == VIA_BPF)
		return ingress_read(place, ret);
	if (place->device && !device_is_there(place->device))
		return -ENODEV;
	if (place_dir(place) < 0)
		return place_dir(place);
	return cgroup_read(place_dir(place), knob, place->device, ret);
}

int place_write(const struct place *place, enum knob knob, const struct knob_value *value)
{
	if (place->via == VIA_TC)
		return tc_write(place, knob == KNOB_NET_FIRST, value);
	if (place->via == VIA_NFT)
		return nft_write(place, value);
	if (place->via == VIA_BPF)
		return ingress_write(place, value);
	if (place->via == VIA_SYSTEMD)
		return systemd_set(place, knob, value);
	return cgroup_write(place_dir(place), knob, place->device, value);
}

int place_write_start(const struct place *place, enum knob knob, const struct knob_value *value, struct child *ret)
{
	if (place->via != VIA_FILE)
		return -EOPNOTSUPP;
	return cgroup_write_start(place->dir_fd, knob, place->device, value, ret);
}
