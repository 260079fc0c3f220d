/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shape.skel.h"
#include "tc_limits.h"
#include "tc_plan.h"

#define MAP_NAME "shape_limits"

_Static_assert(TC_CLASS_REST == SHAPE_CLASS_REST, "the filter knows where what has no limit goes");

static int silence(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static bool map_is_ours(int fd)
{
	struct bpf_map_info info = { 0 };
	__u32 bytes = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &bytes) == 0 && strcmp(info.name, MAP_NAME) == 0 &&
	       info.type == BPF_MAP_TYPE_HASH && info.key_size == sizeof(uint64_t) &&
	       info.value_size == sizeof(struct shape_limit) && info.max_entries == SHAPE_LIMITS_MAX;
}

/* Finds the map of hands that were killed. Returns its descriptor or -ENOENT. */
static int map_find(void)
{
	__u32 id = 0;

	while (bpf_map_get_next_id(id, &id) == 0) {
		int fd = bpf_map_get_fd_by_id(id);

		if (fd >= 0 && map_is_ours(fd))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return -ENOENT;
}

/* A kernel without it still limits what is sent. */
static void ingress_autoload(struct shape_bpf *shape)
{
	if (libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_CGROUP_SKB, NULL) == 1)
		return;
	bpf_program__set_autoload(shape->progs.on_ingress, false);
	bpf_map__set_autocreate(shape->maps.shape_buckets, false);
}

int limits_open(struct limits *limits, char ret_text[ACT_TEXT_MAX])
{
	struct shape_bpf *shape;
	int fd, r = 0;

	libbpf_set_print(silence);
	shape = shape_bpf__open();
	if (!shape) {
		snprintf(ret_text, ACT_TEXT_MAX, "the BPF object is damaged: install forestall again");
		return -EIO;
	}
	fd = map_find();
	if (fd >= 0) {
		r = bpf_map__reuse_fd(shape->maps.shape_limits, fd);
		close(fd);
	}
	if (r == 0)
		ingress_autoload(shape);
	if (r == 0)
		r = shape_bpf__load(shape);
	if (r < 0) {
		snprintf(ret_text, ACT_TEXT_MAX, "the filter cannot be loaded: %s: root, BPF and BTF are needed",
			 strerror(-r));
		shape_bpf__destroy(shape);
		return r;
	}
	limits->shape = shape;
	limits->program_fd = bpf_program__fd(shape->progs.on_egress);
	limits->map_fd = bpf_map__fd(shape->maps.shape_limits);
	limits->ingress_fd = bpf_program__fd(shape->progs.on_ingress);
	limits->bucket_fd = bpf_map__fd(shape->maps.shape_buckets);
	return 0;
}

void limits_close(struct limits *limits)
{
	shape_bpf__destroy(limits->shape);
	limits->shape = NULL;
}

int limits_get(const struct limits *limits, uint64_t cgroup_id, struct shape_limit *ret)
{
	return bpf_map_lookup_elem_flags(limits->map_fd, &cgroup_id, ret, BPF_F_LOCK) < 0 ? -errno : 0;
}

/* Under the lock, since packets move next_ns at the same time. */
int limits_set(const struct limits *limits, uint64_t cgroup_id, const struct shape_limit *limit)
{
	return bpf_map_update_elem(limits->map_fd, &cgroup_id, limit, BPF_F_LOCK) < 0 ? -errno : 0;
}

int limits_drop(const struct limits *limits, uint64_t cgroup_id)
{
	return bpf_map_delete_elem(limits->map_fd, &cgroup_id) < 0 ? -errno : 0;
}

/* As all_read() found them. */
static struct shape_limit limit[SHAPE_LIMITS_MAX];
static uint64_t id[SHAPE_LIMITS_MAX];

/* All of them, in one system call; returns how many. */
static uint32_t all_read(const struct limits *limits)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts, .elem_flags = BPF_F_LOCK);
	uint32_t count = SHAPE_LIMITS_MAX, place;

	if (bpf_map_lookup_batch(limits->map_fd, NULL, &place, id, limit, &count, &opts) < 0 && errno != ENOENT)
		return 0;
	return count;
}

struct limits_device limits_device(const struct limits *limits, uint64_t netns, uint32_t ifindex, uint64_t except)
{
	struct limits_device device = { .class_free = TC_CLASS_LOWEST, .total = TC_RATE_REST };
	bool is_taken[SHAPE_LIMITS_MAX + 1] = { false };
	uint32_t count = all_read(limits);

	for (uint32_t i = 0; i < count; i++) {
		if (limit[i].netns != netns || limit[i].ifindex != ifindex || id[i] == except)
			continue;
		device.count++;
		if (limit[i].classid >= TC_CLASS_LOWEST && limit[i].classid - TC_CLASS_LOWEST < SHAPE_LIMITS_MAX)
			is_taken[limit[i].classid - TC_CLASS_LOWEST] = true;
		if (!limit[i].is_first || (device.first_id && limit[i].rate >= device.total))
			continue;
		device.first_id = id[i];
		device.total = limit[i].rate;
	}
	while (is_taken[device.class_free - TC_CLASS_LOWEST])
		device.class_free++;
	return device;
}

int limits_order(const struct limits *limits, uint64_t netns, uint32_t ifindex, uint64_t first_id)
{
	uint32_t count = all_read(limits);
	int r = 0;

	for (uint32_t i = 0; i < count; i++)
		if (limit[i].netns == netns && limit[i].ifindex == ifindex && limit[i].first_id != first_id) {
			limit[i].first_id = first_id;
			r = limits_set(limits, id[i], &limit[i]) ?: r;
		}
	return r;
}
