/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "cgroup.h"
#include "cleanup.h"
#include "owner.h"
#include "systemd.h"

/* Containers and machines first: their scopes are systemd units too, mostly delegated ones. */
static const struct {
	const char *pattern;
	enum owner owner;
} MARKS[] = {
	{ "kubepods*", OWNER_KUBELET },
	{ "cri-containerd-*", OWNER_KUBELET },
	{ "crio-*", OWNER_KUBELET },
	{ "docker-*.scope", OWNER_DOCKER },
	{ "libpod-conmon-*", OWNER_PODMAN },
};

static const struct {
	const char *name;
	const char *remedy;
} OWNERS[] = {
	[OWNER_NONE] = { "nobody", "" },
	[OWNER_SYSTEMD] = { "systemd", "only a unit's own cgroup has properties to set" },
	[OWNER_SYSTEMD_USER] = { "systemd --user", "systemctl --user set-property" },
	[OWNER_KUBELET] = { "kubelet", "change the pod's resources" },
	[OWNER_DOCKER] = { "docker", "docker update" },
	[OWNER_LIBVIRT] = { "libvirt", "limit the machine's own cgroup" },
	[OWNER_PODMAN] = { "podman", "limit the container's own cgroup" },
};
_Static_assert(sizeof(OWNERS) / sizeof(*OWNERS) == OWNER_COUNT, "every owner has a remedy");

/* Copies the next component to `ret` and moves on; false at the end. */
static bool part_next(const char **path, char ret[ACT_PATH_MAX])
{
	size_t length;

	if (**path != '/')
		return false;
	length = strcspn(*path + 1, "/");
	memcpy(ret, *path + 1, length);
	ret[length] = '\0';
	*path += 1 + length;
	return true;
}

static bool name_ends(const char *name, const char *ending)
{
	size_t length = strlen(name), ending_length = strlen(ending);

	return length > ending_length && strcmp(name + length - ending_length, ending) == 0;
}

static bool name_is_unit(const char *name)
{
	return name_ends(name, ".service") || name_ends(name, ".scope") || name_ends(name, ".slice");
}

/*
 * A container's own cgroup, DIR/libpod-ID or the unit DIR/libpod-ID.scope, podman leaves alone once it runs. What is
 * inside is the runtime's, and what is above has all containers in it, or podman itself.
 */
static bool is_podman(const char *part, const char *rest)
{
	return fnmatch("libpod_*", part, 0) == 0 ? !strstr(rest, "/libpod-") :
	       fnmatch("libpod-*", part, 0) == 0 && *rest == '/';
}

/*
 * So it is with a machine of libvirt: DIR/machine-qemu-N-NAME.scope, or without machined DIR/qemu-N-NAME.libvirt-qemu.
 * virsh changes the weight of that cgroup by the same call to systemd, and all else inside of it.
 */
static bool is_libvirt(const char *part, const char *rest)
{
	return *rest == '/' && (fnmatch("machine-qemu*.scope", part, 0) == 0 || fnmatch("*.libvirt-qemu", part, 0) == 0 ||
				fnmatch("machine-lxc*.scope", part, 0) == 0 || fnmatch("*.libvirt-lxc", part, 0) == 0);
}

static enum owner mark_find(const char *path)
{
	char part[ACT_PATH_MAX];
	bool is_below_docker = false;

	while (part_next(&path, part)) {
		for (size_t i = 0; i < sizeof(MARKS) / sizeof(*MARKS); i++)
			if (fnmatch(MARKS[i].pattern, part, 0) == 0)
				return MARKS[i].owner;
		if (is_podman(part, path))
			return OWNER_PODMAN;
		if (is_libvirt(part, path))
			return OWNER_LIBVIRT;
		/* Docker's cgroupfs driver makes /docker/ID with 64 digits. */
		if (is_below_docker && strspn(part, "0123456789abcdef") == 64)
			return OWNER_DOCKER;
		is_below_docker = strcmp(part, "docker") == 0;
	}
	return OWNER_NONE;
}

/* 1 when the directory is delegated, 0 when not, or -errno. */
static int delegate_read(int root_fd, const char *path)
{
	static const char *const NAMES[] = { "trusted.delegate", "user.delegate" };
	_cleanup_close_ int dir_fd = cgroup_open(root_fd, path, 0);
	char link[32], value[4];

	if (dir_fd < 0)
		return dir_fd;
	/* The xattr calls refuse an O_PATH descriptor; its magic link does the same without another look-up. */
	snprintf(link, sizeof(link), "/proc/self/fd/%d", dir_fd);
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(*NAMES); i++)
		if (getxattr(link, NAMES[i], value, sizeof(value)) == 1 && value[0] == '1')
			return 1;
	return 0;
}

/* Walks down from the root: units make systemd the owner, a delegated directory frees what is below it. */
static int unit_find(int root_fd, const char *path)
{
	enum owner owner = OWNER_NONE, below = OWNER_NONE;
	char part[ACT_PATH_MAX], so_far[ACT_PATH_MAX];
	const char *rest = path;
	bool is_delegated = false;

	while (part_next(&rest, part)) {
		int r;

		if (is_delegated) {
			owner = below;
			continue;
		}
		if (name_is_unit(part))
			owner = OWNER_SYSTEMD;
		memcpy(so_far, path, (size_t)(rest - path));
		so_far[rest - path] = '\0';
		r = delegate_read(root_fd, so_far);
		if (r < 0)
			return r;
		is_delegated = r > 0;
		below = fnmatch("user@*.service", part, 0) == 0 ? OWNER_SYSTEMD_USER : OWNER_NONE;
	}
	return (int)owner;
}

int owner_find(int root_fd, const char *path, const char *systemd_dir)
{
	enum owner owner = mark_find(path);

	if (owner != OWNER_NONE || access(systemd_dir, F_OK) < 0)
		return (int)owner;
	return unit_find(root_fd, path);
}

bool owner_way(enum owner owner, const char *path, enum knob knob, enum via *ret)
{
	char unit[ACT_PATH_MAX];

	if (knob_is_class(knob))
		*ret = VIA_TC;
	else if (knob == KNOB_NET_INGRESS)
		*ret = VIA_BPF;
	else if (knob_is_rule(knob))
		*ret = VIA_NFT;
	else if (knob == KNOB_IO_COST)
		*ret = VIA_DISK;
	else if (owner == OWNER_NONE || (owner == OWNER_SYSTEMD && knob == KNOB_MEMORY_RECLAIM))
		*ret = VIA_FILE;
	else if (owner == OWNER_SYSTEMD && systemd_has_property(knob) && systemd_unit_name(path, unit))
		*ret = VIA_SYSTEMD;
	else
		return false;
	return true;
}

void owner_remedy(enum owner owner, const char *path, enum knob knob, char ret_text[ACT_TEXT_MAX])
{
	if (owner == OWNER_SYSTEMD && !systemd_has_property(knob))
		snprintf(ret_text, ACT_TEXT_MAX, "%.24s belongs to systemd, without a property for %s: delegate it",
			 strrchr(path, '/') + 1, knob_name(knob));
	else
		snprintf(ret_text, ACT_TEXT_MAX, "%.24s belongs to %s: %s", strrchr(path, '/') + 1, OWNERS[owner].name,
			 OWNERS[owner].remedy);
}
