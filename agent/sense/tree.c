/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "setup/annotate.h"
#include "tree_node.h"

#define DEPTH_MAX 64
#define SECOND_TICKS 10	/* as config.h has them by default; of more the later ones read nothing that is due once a second */

int tree_open(const struct tree_setup *setup, struct tree **ret_tree)
{
	struct tree *tree = calloc(1, sizeof(*tree));
	int r = -ENOMEM;

	if (!tree)
		return -ENOMEM;
	tree->setup = *setup;
	tree->root_fd = -1;
	tree->second = 1;
	tree->slots = slots_new(setup->slots_max);
	tree->node = calloc(setup->slots_max, sizeof(*tree->node));
	tree->fast.slot = calloc(setup->slots_max, sizeof(uint32_t));
	tree->kept = kept_new();
	if (!details_init(&tree->details) && !slot_recent_init(&tree->busy, setup->slots_max) && tree->slots && tree->node &&
	    tree->fast.slot && tree->kept) {
		tree->root_fd = open(setup->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = tree->root_fd < 0 ? -errno : 0;
	}
	if (r) {
		tree_close(tree);
		return r;
	}
	*ret_tree = tree;
	return 0;
}

static void node_free(struct node *node)
{
	cgroup_files_close(&node->files);
	free(node->path);
	free(node->slo);
	free(node->problem);
	memset(node, 0, sizeof(*node));
}

void tree_close(struct tree *tree)
{
	if (!tree)
		return;
	for (uint32_t slot = 1; tree->slots && tree->node && slot < tree->setup.slots_max; slot++)
		if (slots_id(tree->slots, slot))
			node_free(&tree->node[slot]);
	slots_free(tree->slots);
	free(tree->node);
	details_done(&tree->details);
	free(tree->fast.slot);
	slot_recent_free(&tree->busy);
	kept_free(tree->kept);
	if (tree->root_fd >= 0)
		close(tree->root_fd);
	free(tree);
}

static struct observation instance_of(const struct tree *tree, const struct node *node)
{
	struct observation observation = { .kind = OBSERVE_INSTANCE };

	observation.instance.slot = (uint32_t)(node - tree->node);
	observation.instance.cgroup_id = node->cgroup_id;
	if (node->slo)
		observation.instance.slo = *node->slo;
	else
		slo_init(&observation.instance.slo);
	snprintf(observation.instance.path, sizeof(observation.instance.path), "%s", node->path);
	return observation;
}

static void tell_instance(struct tree *tree, const struct node *node)
{
	struct observation observation = instance_of(tree, node);

	tree_say(tree, &observation, OBSERVE_INSTANCE);
}

static bool is_annotated(const struct node *node)
{
	return node->slo != NULL;
}

static void fast_set(struct tree *tree, uint32_t slot, bool is_fast)
{
	struct node *node = &tree->node[slot];

	if (is_fast && !node->is_fast)
		slot_list_add(&tree->fast, slot);
	if (!is_fast && node->is_fast)
		slot_list_remove(&tree->fast, slot);
	node->is_fast = is_fast;
}

static void problem_set(struct node *node, const char *problem)
{
	free(node->problem);
	node->problem = problem[0] ? strdup(problem) : NULL;
}

static void detail_take(struct tree *tree, struct node *node)
{
	char problem[TREE_PROBLEM_MAX];

	node->detail = node->detail ?: details_take(&tree->details, tree->setup.nerve);
	node->mark.detail = node->detail ? &tree->details.mark[node->detail] : NULL;
	if (node->detail || node->problem)
		return;
	snprintf(problem, sizeof(problem),
		 "no histograms, which %d annotated have at most: all is judged, but io_p99 and resp_p99 are not shown, runq_p99 to an octave",
		 NERVE_DETAILS_MAX - 1);
	problem_set(node, problem);
}

static void detail_give(struct tree *tree, struct node *node)
{
	details_give(&tree->details, node->detail);
	node->detail = 0;
	node->mark.detail = NULL;
}

/* What the node's slot is bound to, as the hooks see it. */
static void node_bind(struct tree *tree, const struct node *node)
{
	struct wire_bound bound = { .cgroup_id = node->cgroup_id, .detail = is_annotated(node) ? node->detail : 0 };

	if (node->slo) {
		bound.delay_ns_max[WIRE_DELAY_QUEUE] = node->slo->bound[SLI_RUNQ_P99];
		bound.delay_ns_max[WIRE_DELAY_IO] = node->slo->bound[SLI_IO_P99];
		bound.delay_ns_max[WIRE_DELAY_RESPONSE] = node->slo->bound[SLI_RESP_P99];
	}
	nerve_slot_set(tree->setup.nerve, (uint32_t)(node - tree->node), &bound);
}

/* The directories between the root and an annotated one are read like it: what limits them limits it. */
static void above_follow(struct tree *tree, const struct node *node)
{
	char path[OBSERVE_PATH_MAX];

	snprintf(path, sizeof(path), "%s", node->path);
	for (char *slash = strrchr(path, '/'); slash > path; slash = strrchr(path, '/')) {
		struct stat st = { 0 };
		uint32_t slot;
		int fd;

		*slash = '\0';
		fd = openat(tree->root_fd, path + 1, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			continue;
		slot = fstat(fd, &st) ? 0 : slots_find(tree->slots, st.st_ino);
		if (slot && !tree->node[slot].is_above) {
			tree->node[slot].is_above = true;
			cgroup_files_open_all(&tree->node[slot].files, fd);
			fast_set(tree, slot, true);
		}
		close(fd);
	}
}

/* Without memory for it the cgroup is as one without annotation, and says so. */
static void slo_keep(struct node *node, const struct slo *slo)
{
	if (slo->source == SLO_FROM_DEFAULT) {
		free(node->slo);
		node->slo = NULL;
		return;
	}
	node->slo = node->slo ?: malloc(sizeof(*node->slo));
	if (node->slo)
		*node->slo = *slo;
	else
		problem_set(node, "out of memory: its annotation is not followed");
}

/* Reads the annotation; the bounds go to the kernel at once. A directory that is new takes what its predecessor left. */
static void node_annotate(struct tree *tree, struct node *node, int dir_fd, bool is_new)
{
	char problem[TREE_PROBLEM_MAX];
	struct slo slo;

	annotate_read(dir_fd, node->path, tree->setup.config, &slo, problem);
	problem_set(node, problem);
	if (is_new && slo.source == SLO_FROM_DEFAULT && !problem[0])
		kept_take(tree->kept, node->path, &slo);
	slo_keep(node, &slo);
	if (is_annotated(node)) {
		cgroup_files_open_all(&node->files, dir_fd);
		above_follow(tree, node);
		detail_take(tree, node);
	}
	node_bind(tree, node);
	/* What its histograms hold and nobody has read is told before another gets them. */
	if (!is_annotated(node) && node->detail)
		node_read_stranger(tree, node);
	if (!is_annotated(node))
		detail_give(tree, node);
	fast_set(tree, (uint32_t)(node - tree->node), is_annotated(node) || node->is_above);
}

static void node_add(struct tree *tree, int dir_fd, uint64_t id, const char *path, uint64_t now_ns)
{
	bool is_too_long = strlen(path) >= OBSERVE_PATH_MAX;
	char *own_path = is_too_long ? NULL : strdup(path);
	uint32_t slot = own_path ? slots_take(tree->slots, id, now_ns) : 0;
	struct node *node = &tree->node[slot];

	if (!slot) {
		free(own_path);
		tree->unfollowed++;
		tree->too_long += is_too_long;
		return;
	}
	memset(node, 0, sizeof(*node));
	nerve_row_reset(tree->setup.nerve, slot);
	node->cgroup_id = id;
	node->path = own_path;
	node->limits.slot = slot;
	cgroup_files_limits(&node->files, tree->root_fd, &node->limits);
	node->scan = tree->scan;
	if (slot > tree->slot_top)
		tree->slot_top = slot;
	cgroup_files_open(&node->files, dir_fd);
	node_annotate(tree, node, dir_fd, true);
	tell_instance(tree, node);
	node_read_limits(tree, node);
}

static void node_drop(struct tree *tree, uint32_t slot, uint64_t now_ns)
{
	struct node *node = &tree->node[slot];
	struct observation observation = { .gone = { .slot = slot, .cgroup_id = node->cgroup_id } };

	node_read_stranger(tree, node);
	tree_say(tree, &observation, OBSERVE_GONE);
	nerve_slot_clear(tree->setup.nerve, node->cgroup_id, slot);
	if (node->slo && (node->slo->source == SLO_FROM_TRUSTED_XATTR || node->slo->source == SLO_FROM_USER_XATTR))
		kept_put(tree->kept, node->path, node->slo);
	detail_give(tree, node);
	fast_set(tree, slot, false);
	slot_recent_remove(&tree->busy, slot);
	slots_give(tree->slots, node->cgroup_id, now_ns);
	node_free(node);
}

/* Takes the directory in when it is new. */
static void dir_visit(struct tree *tree, int dir_fd, uint64_t id, const char *path, uint64_t now_ns)
{
	uint32_t slot = slots_find(tree->slots, id);

	if (!slot)
		node_add(tree, dir_fd, id, path, now_ns);
	else
		tree->node[slot].scan = tree->scan;
}

/* One that is known and has no children needs no descriptor. */
static bool leaf_seen(struct tree *tree, int parent_fd, const struct dirent *entry)
{
	uint32_t slot = slots_find(tree->slots, entry->d_ino);
	struct stat st;

	if (!slot || fstatat(parent_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) || st.st_ino != entry->d_ino || !cgroup_is_leaf(&st))
		return false;
	tree->node[slot].scan = tree->scan;
	return true;
}

static void dir_walk(struct tree *tree, int dir_fd, const char *path, uint32_t depth, uint64_t now_ns)
{
	char child[OBSERVE_PATH_MAX + NAME_MAX + 2];
	struct dirent *entry;
	struct stat st;
	DIR *dir = NULL;

	if (!fstat(dir_fd, &st)) {
		dir_visit(tree, dir_fd, st.st_ino, path, now_ns);
		dir = depth < DEPTH_MAX && !cgroup_is_leaf(&st) ? fdopendir(dir_fd) : NULL;
	}
	if (!dir) {
		close(dir_fd);
		return;
	}
	while ((entry = readdir(dir))) {
		int fd;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.' || leaf_seen(tree, dirfd(dir), entry))
			continue;
		snprintf(child, sizeof(child), "%s/%s", path[1] ? path : "", entry->d_name);
		fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			dir_walk(tree, fd, child, depth + 1, now_ns);
	}
	closedir(dir);
}

/* Who no longer holds an annotated one is read like the others again. */
static void above_settle(struct tree *tree)
{
	for (uint32_t slot = 1; slot <= tree->slot_top; slot++)
		tree->node[slot].is_above = false;
	for (uint32_t i = 0; i < tree->fast.count; i++)
		if (is_annotated(&tree->node[tree->fast.slot[i]]))
			above_follow(tree, &tree->node[tree->fast.slot[i]]);
	for (uint32_t i = tree->fast.count; i-- > 0;) {
		const struct node *node = &tree->node[tree->fast.slot[i]];

		fast_set(tree, tree->fast.slot[i], is_annotated(node) || node->is_above);
	}
}

uint32_t tree_scan(struct tree *tree, uint64_t now_ns)
{
	int fd = openat(tree->root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint32_t count = 0;

	if (fd < 0)
		return 0;
	tree->scan++;
	tree->unfollowed = tree->too_long = 0;
	dir_walk(tree, fd, "/", 0, now_ns);
	for (uint32_t slot = 1; slot <= tree->slot_top; slot++) {
		if (!slots_id(tree->slots, slot))
			continue;
		if (tree->node[slot].scan == tree->scan)
			count++;
		else
			node_drop(tree, slot, now_ns);
	}
	above_settle(tree);
	return count;
}

int tree_made(struct tree *tree, uint64_t cgroup_id, uint64_t now_ns)
{
	char path[OBSERVE_PATH_MAX];
	int fd;

	if (slots_find(tree->slots, cgroup_id))
		return 0;
	fd = cgroup_open_by_id(tree->root_fd, tree->setup.root, cgroup_id, path);
	tree->unfollowed += fd == -ENAMETOOLONG;
	tree->too_long += fd == -ENAMETOOLONG;
	if (fd < 0)
		return fd;
	node_add(tree, fd, cgroup_id, path, now_ns);
	close(fd);
	return slots_find(tree->slots, cgroup_id) ? 0 : -ENOSPC;
}

void tree_gone(struct tree *tree, uint64_t cgroup_id, uint64_t now_ns)
{
	uint32_t slot = slots_find(tree->slots, cgroup_id);

	if (slot)
		node_drop(tree, slot, now_ns);
	else if (tree->unfollowed)
		tree->unfollowed--;
}

void tree_active(struct tree *tree, uint32_t slot)
{
	if (slot < tree->setup.slots_max && slots_id(tree->slots, slot))
		slot_recent_add(&tree->busy, slot);
}

uint32_t tree_slot(const struct tree *tree, uint64_t cgroup_id)
{
	return slots_find(tree->slots, cgroup_id);
}

/* One that could not keep its directory for want of descriptors tries again. */
static void node_refresh(struct tree *tree, struct node *node)
{
	char path[OBSERVE_PATH_MAX];
	int fd;

	if (node->files.dir_fd > 0) {
		cgroup_files_refresh(&node->files);
		return;
	}
	fd = cgroup_open_by_id(tree->root_fd, tree->setup.root, node->cgroup_id, path);
	if (fd < 0)
		return;
	cgroup_files_open_all(&node->files, fd);
	close(fd);
}

/*
 * What is due of each once a second is read at one of its ticks, each slot at its own, so that no tick holds a CPU for as long as all
 * take; a second that closes early reads the rest.
 */
static void fast_tick(struct tree *tree, bool is_second)
{
	tree->tick++;
	for (uint32_t i = 0; i < tree->fast.count; i++) {
		uint32_t slot = tree->fast.slot[i];
		struct node *node = &tree->node[slot];
		bool is_due = node->second != tree->second && (is_second || slot % SECOND_TICKS == tree->tick);

		if (is_due) {
			node->second = tree->second;
			node_refresh(tree, node);
			node_read_limits(tree, node);
			node_read_memory(tree, node);
		}
		node_read_fast(tree, node, is_due);
	}
	if (is_second) {
		tree->second++;
		tree->tick = 0;
	}
}

/*
 * An idle stranger's pressure does not move: its row would have. A row is told of once a second, so what it gains in the second after a
 * record is told by none, and a tick may be late: hence SLOT_RECENT_SECONDS.
 */
static void busy_second(struct tree *tree)
{
	for (uint32_t slot = slot_recent_from(&tree->busy, 1), next; slot; slot = next) {
		next = slot_recent_from(&tree->busy, slot + 1);
		if (next)
			rows_expect(tree->setup.nerve, next);
		if (!tree->node[slot].is_fast)
			node_read_stranger(tree, &tree->node[slot]);
	}
	slot_recent_second(&tree->busy);
}

void tree_tick(struct tree *tree, bool is_second)
{
	fast_tick(tree, is_second);
	if (is_second)
		busy_second(tree);
}

int tree_refresh(struct tree *tree, uint32_t slot)
{
	char path[OBSERVE_PATH_MAX];
	struct node *node;
	int fd;

	if (!slot || slot >= tree->setup.slots_max || !slots_id(tree->slots, slot))
		return -ENOENT;
	node = &tree->node[slot];
	fd = cgroup_open_by_id(tree->root_fd, tree->setup.root, node->cgroup_id, path);
	if (fd < 0)
		return fd;
	node_annotate(tree, node, fd, false);
	close(fd);
	tell_instance(tree, node);
	return 0;
}

const char *tree_problem(const struct tree *tree, uint32_t slot)
{
	const struct node *node;

	if (slot >= tree->setup.slots_max || !slots_id(tree->slots, slot))
		return "";
	node = &tree->node[slot];
	if (!node->problem && is_annotated(node) && node->files.is_short)
		return "not all of its files are read: out of descriptors, raise LimitNOFILE= of the agent or its ulimit -n";
	return node->problem ?: "";
}

bool tree_has_annotated(const struct tree *tree) { return tree->fast.count; }

uint64_t tree_unfollowed(const struct tree *tree) { return tree->unfollowed; }

bool tree_has_room(const struct tree *tree, uint64_t now_ns) { return tree->unfollowed > tree->too_long && slots_has(tree->slots, now_ns); }
