/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "nft_table.h"

/* Where it is, or where it belongs: behind the last of its front port, or at the end. */
static uint32_t shares_find(const struct shares *shares, uint16_t front, uint16_t port, bool *ret_is_there)
{
	uint32_t place = shares->count;

	*ret_is_there = false;
	for (uint32_t i = 0; i < shares->count; i++) {
		if (shares->share[i].front != front)
			continue;
		place = i + 1;
		*ret_is_there = shares->share[i].port == port;
		if (*ret_is_there)
			return i;
	}
	return place;
}

int shares_set(struct shares *shares, uint16_t front, uint16_t port, uint32_t weight)
{
	bool is_there;
	uint32_t i = shares_find(shares, front, port, &is_there);
	struct share *at = &shares->share[i];

	if (is_there && weight) {
		at->weight = weight;
	} else if (is_there) {
		memmove(at, at + 1, (--shares->count - i) * sizeof(*at));
	} else if (weight) {
		if (shares->count == SHARES_MAX)
			return -ENOSPC;
		memmove(at + 1, at, (shares->count++ - i) * sizeof(*at));
		*at = (struct share){ .front = front, .port = port, .weight = weight };
	}
	return 0;
}

uint32_t shares_get(const struct shares *shares, uint16_t front, uint16_t port)
{
	bool is_there;
	uint32_t i = shares_find(shares, front, port, &is_there);

	return is_there ? shares->share[i].weight : 0;
}

static uint32_t marks_find(const struct table_content *content, uint64_t cgroup_id)
{
	uint32_t i = 0;

	while (i < content->mark_count && content->mark[i].cgroup_id != cgroup_id)
		i++;
	return i;
}

static void marks_drop(struct table_content *content, uint32_t i)
{
	memmove(&content->mark[i], &content->mark[i + 1], (--content->mark_count - i) * sizeof(*content->mark));
}

/* The deeper ones later, so that the priority of a cgroup is the one of it that was set closest to it. */
int marks_set(struct table_content *content, const struct mark *mark)
{
	uint32_t i = marks_find(content, mark->cgroup_id);

	if (i < content->mark_count)
		marks_drop(content, i);
	if (mark->priority == 0)
		return 0;
	if (content->mark_count == MARKS_MAX)
		return -ENOSPC;
	for (i = content->mark_count++; i > 0 && content->mark[i - 1].level > mark->level; i--)
		content->mark[i] = content->mark[i - 1];
	content->mark[i] = *mark;
	return 0;
}

uint32_t marks_get(const struct table_content *content, uint64_t cgroup_id)
{
	uint32_t i = marks_find(content, cgroup_id);

	return i < content->mark_count ? content->mark[i].priority : 0;
}
