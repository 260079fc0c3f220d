/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bpf/shape.h"
#include "tc_ingress.h"

static struct {
	int program_fd, map_fd;
	uint32_t count;
	struct link {
		uint64_t cgroup_id;
		int fd;
	} link[SHAPE_LINKS_MAX];
	char fault[ACT_TEXT_MAX];
} ingress = { .program_fd = -1, .map_fd = -1 };

void ingress_open(int program_fd, int map_fd)
{
	ingress.program_fd = program_fd;
	ingress.map_fd = map_fd;
}

static void link_remove(struct link *link)
{
	close(link->fd);
	*link = ingress.link[--ingress.count];
}

void ingress_close(void)
{
	while (ingress.count > 0)
		link_remove(&ingress.link[ingress.count - 1]);
	ingress_open(-1, -1);
}

const char *ingress_fault(void)
{
	return ingress.fault;
}

int ingress_check(char ret_text[ACT_TEXT_MAX])
{
	if (ingress.program_fd >= 0 && ingress.count < SHAPE_LINKS_MAX)
		return 0;
	if (ingress.program_fd >= 0)
		snprintf(ret_text, ACT_TEXT_MAX, "%d cgroups have such a limit, more are not allowed", SHAPE_LINKS_MAX);
	else
		snprintf(ret_text, ACT_TEXT_MAX, "this host loads no cgroup program: root, BTF and CONFIG_CGROUP_BPF are needed");
	return -EOPNOTSUPP;
}

/* The kernel forgets the cgroup of a link that is detached, by whomever, or with the cgroup itself. */
static bool link_stands(const struct link *link)
{
	struct bpf_link_info info = { 0 };
	__u32 bytes = sizeof(info);

	return bpf_obj_get_info_by_fd(link->fd, &info, &bytes) == 0 && info.cgroup.cgroup_id == link->cgroup_id;
}

static struct link *link_find(uint64_t cgroup_id)
{
	for (uint32_t i = 0; i < ingress.count; i++) {
		if (ingress.link[i].cgroup_id != cgroup_id)
			continue;
		if (link_stands(&ingress.link[i]))
			return &ingress.link[i];
		link_remove(&ingress.link[i]);
		return NULL;
	}
	return NULL;
}

static int bucket_get(uint64_t cgroup_id, struct shape_bucket *ret)
{
	return bpf_map_lookup_elem_flags(ingress.map_fd, &cgroup_id, ret, BPF_F_LOCK) < 0 ? -errno : 0;
}

static int bucket_set(uint64_t cgroup_id, const struct shape_bucket *bucket)
{
	return bpf_map_update_elem(ingress.map_fd, &cgroup_id, bucket, BPF_EXIST | BPF_F_LOCK) < 0 ? -errno : 0;
}

int ingress_read(const struct place *place, struct knob_value *ret)
{
	struct shape_bucket bucket = { 0 };
	int r = link_find(place->cgroup_id) ? bucket_get(place->cgroup_id, &bucket) : 0;

	if (r == 0)
		*ret = (struct knob_value){ .value = bucket.rate ? bucket.rate : KNOB_MAX };
	return r;
}

static int attach_error(int error)
{
	if (error == -EPERM)
		snprintf(ingress.fault, sizeof(ingress.fault),
			 "cannot be attached: it needs CAP_NET_ADMIN, Linux 5.19 and no exclusive program above it");
	else
		snprintf(ingress.fault, sizeof(ingress.fault), "no program can be attached: %s", strerror(-error));
	return error == -EPERM || error == -EINVAL ? -EOPNOTSUPP : error;
}

/* The bucket of a cgroup exists from the first link on, and without a rate all passes. */
static int link_add(const struct place *place)
{
	int fd, r = ingress_check(ingress.fault);

	if (r < 0)
		return r;
	if (place->dir_fd < 0)
		return place->dir_fd;
	fd = bpf_link_create(ingress.program_fd, place->dir_fd, BPF_CGROUP_INET_INGRESS, NULL);
	if (fd < 0)
		return attach_error(-errno);
	ingress.link[ingress.count++] = (struct link){ .cgroup_id = place->cgroup_id, .fd = fd };
	return 0;
}

int ingress_write(const struct place *place, const struct knob_value *value)
{
	struct link *link = link_find(place->cgroup_id);
	struct shape_bucket bucket = { 0 };
	bool is_new = !link;
	int r;

	ingress.fault[0] = '\0';
	if (value->value == KNOB_MAX) {
		if (link)
			link_remove(link);
		return 0;
	}
	r = is_new ? link_add(place) : bucket_get(place->cgroup_id, &bucket);
	if (r < 0)
		return r;
	bucket.rate = value->value;
	r = bucket_set(place->cgroup_id, &bucket);
	if (r < 0 && is_new)
		link_remove(&ingress.link[ingress.count - 1]);
	return r;
}
