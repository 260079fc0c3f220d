/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "load_internal.h"

#define BPFFS_MAGIC 0xcafe4a11

void pins_remove(const struct bpf_object *object, const char *dir)
{
	struct bpf_program *program;
	struct bpf_map *map;
	char path[192];

	bpf_object__for_each_map(map, object) {
		snprintf(path, sizeof(path), "%s/%s", dir, bpf_map__name(map));
		unlink(path);
	}
	bpf_object__for_each_program(program, object) {
		snprintf(path, sizeof(path), "%s/%s", dir, bpf_program__name(program));
		unlink(path);
	}
	rmdir(dir);
}

int pins_make(struct nerve *nerve, const char *dir)
{
	struct bpf_program *program;
	struct bpf_map *map;
	struct statfs fs;
	char path[192];

	pins_remove(nerve->skel->obj, dir);
	if (mkdir(dir, 0700) && errno != EEXIST)
		return -errno;
	if (statfs(dir, &fs) || (uint32_t)fs.f_type != BPFFS_MAGIC) {
		rmdir(dir);
		return -ENODEV;
	}
	snprintf(nerve->pin_dir, sizeof(nerve->pin_dir), "%s", dir);
	bpf_object__for_each_map(map, nerve->skel->obj) {
		if (strchr(bpf_map__name(map), '.') || !bpf_map__autocreate(map))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, bpf_map__name(map));
		if (bpf_map__pin(map, path))
			return -errno;
	}
	bpf_object__for_each_program(program, nerve->skel->obj) {
		if (!bpf_program__autoload(program))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, bpf_program__name(program));
		if (bpf_program__pin(program, path))
			return -errno;
	}
	return 0;
}
