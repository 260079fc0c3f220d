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
#include "cgroupfile.h"
#include "rows.h"
#include "slots.h"

#define ACTIVE_TICKS 3	/* what a row gains after its window record comes within one window */
#define DEPTH_MAX 64

struct node {
	struct observe_instance info;
	struct observe_limits limits;
	struct rows_mark mark;
	struct cgroup_files files;
	uint64_t psi_us[PSI_COUNT];	/* totals at the last look, of those that psi_known says */
	uint32_t psi_known;
	uint32_t detail;		/* index of its histograms; 0: not annotated, or none left */
	struct observe_memory memory;	/* totals at the last look */
	bool has_memory;
	uint8_t active_ticks;
	bool is_above;		/* holds an annotated one: its limits are theirs */
	uint32_t scan;		/* number of the walk that saw it last */
	char problem[TREE_PROBLEM_MAX];
};

struct tree {
	struct tree_setup setup;
	struct slots *slots;
	struct node *node;	/* [slots_max] */
	int root_fd;
	uint32_t scan;
	uint32_t slot_top;	/* no slot above this one is in use */
	uint64_t unfollowed;
	uint32_t details[NERVE_DETAILS_MAX];	/* free indices, oldest first: one given back rests while others are left */
	uint32_t detail_head, detail_count;
};

int tree_open(const struct tree_setup *setup, struct tree **ret_tree)
{
	struct tree *tree = calloc(1, sizeof(*tree));
	int r = -ENOMEM;

	if (!tree)
		return -ENOMEM;
	tree->setup = *setup;
	tree->root_fd = -1;
	for (uint32_t detail = 1; detail < NERVE_DETAILS_MAX; detail++)
		tree->details[tree->detail_count++] = detail;
	tree->slots = slots_new(setup->slots_max);
	tree->node = calloc(setup->slots_max, sizeof(*tree->node));
	if (tree->slots && tree->node) {
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

void tree_close(struct tree *tree)
{
	if (!tree)
		return;
	for (uint32_t slot = 1; tree->slots && tree->node && slot < tree->setup.slots_max; slot++)
		if (slots_id(tree->slots, slot))
			cgroup_files_close(&tree->node[slot].files);
	slots_free(tree->slots);
	free(tree->node);
	if (tree->root_fd >= 0)
		close(tree->root_fd);
	free(tree);
}

static void tell(struct tree *tree, struct observation *observation, enum observe_kind kind)
{
	observation->kind = kind;
	tree->setup.observe(tree->setup.context, observation);
}

static void tell_instance(struct tree *tree, const struct node *node)
{
	struct observation observation = { .instance = node->info };

	tell(tree, &observation, OBSERVE_INSTANCE);
}

static bool is_annotated(const struct node *node)
{
	return node->info.slo.source != SLO_FROM_DEFAULT;
}

static void detail_take(struct tree *tree, struct node *node)
{
	if (!tree->detail_count) {
		if (!node->problem[0])
			snprintf(node->problem, sizeof(node->problem),
				 "more than %d cgroups are annotated: io_p99 and resp_p99 are judged here, but not shown",
				 NERVE_DETAILS_MAX - 1);
		return;
	}
	node->detail = tree->details[tree->detail_head];
	tree->detail_head = (tree->detail_head + 1) % NERVE_DETAILS_MAX;
	tree->detail_count--;
	nerve_detail_reset(tree->setup.nerve, node->detail);
	memset(node->mark.hist[WIRE_DELAY_IO], 0, sizeof(node->mark.hist[WIRE_DELAY_IO]));
	memset(node->mark.hist[WIRE_DELAY_RESPONSE], 0, sizeof(node->mark.hist[WIRE_DELAY_RESPONSE]));
}

static void detail_give(struct tree *tree, struct node *node)
{
	if (!node->detail)
		return;
	tree->details[(tree->detail_head + tree->detail_count++) % NERVE_DETAILS_MAX] = node->detail;
	node->detail = 0;
}

/* The directories between the root and an annotated one: what limits them limits it. */
static void above_mark(struct tree *tree, const struct node *node)
{
	char path[OBSERVE_PATH_MAX];

	snprintf(path, sizeof(path), "%s", node->info.path);
	for (char *slash = strrchr(path, '/'); slash > path; slash = strrchr(path, '/')) {
		struct stat st = { 0 };
		uint32_t slot;
		int fd;

		*slash = '\0';
		fd = openat(tree->root_fd, path + 1, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			continue;
		slot = fstat(fd, &st) ? 0 : slots_find(tree->slots, st.st_ino);
		if (slot && !tree->node[slot].is_above)
			cgroup_files_open_all(&tree->node[slot].files, fd);
		if (slot)
			tree->node[slot].is_above = true;
		close(fd);
	}
}

/* Reads the annotation; the bounds go to the kernel at once. */
static void node_annotate(struct tree *tree, struct node *node, int dir_fd)
{
	struct wire_bound bound = { .cgroup_id = node->info.cgroup_id };
	const struct slo *slo = &node->info.slo;

	annotate_read(dir_fd, node->info.path, tree->setup.config, &node->info.slo, node->problem);
	if (is_annotated(node)) {
		cgroup_files_open_all(&node->files, dir_fd);
		above_mark(tree, node);
		if (!node->detail)
			detail_take(tree, node);
	}
	bound.detail = is_annotated(node) ? node->detail : 0;
	bound.delay_ns_max[WIRE_DELAY_QUEUE] = slo->bound[SLI_RUNQ_P99];
	bound.delay_ns_max[WIRE_DELAY_IO] = slo->bound[SLI_IO_P99];
	bound.delay_ns_max[WIRE_DELAY_RESPONSE] = slo->bound[SLI_RESP_P99];
	nerve_slot_set(tree->setup.nerve, node->info.slot, &bound);
	if (!is_annotated(node))
		detail_give(tree, node);
}

static void node_limits(struct tree *tree, struct node *node)
{
	struct observation observation = { .limits = { .slot = node->info.slot } };

	cgroup_files_limits(&node->files, &observation.limits);
	if (!memcmp(&observation.limits, &node->limits, sizeof(node->limits)))
		return;
	node->limits = observation.limits;
	tell(tree, &observation, OBSERVE_LIMITS);
}

static void node_memory(struct tree *tree, struct node *node)
{
	struct observation observation = { .memory = { .slot = node->info.slot } };
	struct observe_memory *memory = &observation.memory, total = { 0 };

	if (cgroup_files_memory_stat(&node->files, &total))
		return;
	memory->anon_bytes = total.anon_bytes;
	memory->file_bytes = total.file_bytes;
	if (node->has_memory) {
		memory->refaults = total.refaults - node->memory.refaults;
		memory->high_events = total.high_events - node->memory.high_events;
		memory->max_events = total.max_events - node->memory.max_events;
		memory->oom_kills = total.oom_kills - node->memory.oom_kills;
	}
	node->memory = total;
	node->has_memory = true;
	tell(tree, &observation, OBSERVE_MEMORY);
}

static void node_add(struct tree *tree, int dir_fd, uint64_t id, const char *path, uint64_t now_ns)
{
	uint32_t slot = strlen(path) < OBSERVE_PATH_MAX ? slots_take(tree->slots, id, now_ns) : 0;
	struct node *node = &tree->node[slot];

	if (!slot) {
		tree->unfollowed++;
		return;
	}
	memset(node, 0, sizeof(*node));
	nerve_row_reset(tree->setup.nerve, slot);
	node->info.slot = slot;
	node->info.cgroup_id = id;
	snprintf(node->info.path, sizeof(node->info.path), "%s", path);
	node->limits.slot = slot;
	cgroup_files_limits(&node->files, &node->limits);
	node->scan = tree->scan;
	if (slot > tree->slot_top)
		tree->slot_top = slot;
	cgroup_files_open(&node->files, dir_fd);
	node_annotate(tree, node, dir_fd);
	tell_instance(tree, node);
	node_limits(tree, node);
}

/* A total that was not known before has not grown yet. */
static void psi_read(struct node *node, struct observe_sample *sample)
{
	uint64_t us[PSI_COUNT];
	uint32_t known = cgroup_files_psi(&node->files, us);

	for (int i = 0; i < PSI_COUNT; i++) {
		if (!(known & 1u << i))
			continue;
		if (node->psi_known & 1u << i)
			sample->psi_ns[i] = (us[i] - node->psi_us[i]) * 1000;
		node->psi_us[i] = us[i];
	}
	sample->psi_known = node->psi_known = known;
}

static void node_read(struct tree *tree, struct node *node, bool is_reading_files)
{
	struct observation observation;
	struct observe_sample *sample = &observation.sample;
	bool has_moved = rows_read(tree->setup.nerve, node->info.slot, node->detail, &node->mark, sample);

	if (!has_moved && !is_reading_files)
		return;
	if (!has_moved)
		memset(sample, 0, offsetof(struct observe_sample, bucket));
	sample->slot = node->info.slot;
	if (is_reading_files) {
		psi_read(node, sample);
		sample->has_memory = !cgroup_files_memory(&node->files, &sample->memory_bytes);
	}
	if (has_moved || sample->psi_known || sample->has_memory)
		tell(tree, &observation, OBSERVE_SAMPLE);
}

static void node_drop(struct tree *tree, uint32_t slot, uint64_t now_ns)
{
	struct node *node = &tree->node[slot];
	struct observation observation = { .gone = { .slot = slot, .cgroup_id = node->info.cgroup_id } };

	node_read(tree, node, false);
	tell(tree, &observation, OBSERVE_GONE);
	nerve_slot_clear(tree->setup.nerve, node->info.cgroup_id, slot);
	detail_give(tree, node);
	cgroup_files_close(&node->files);
	slots_give(tree->slots, node->info.cgroup_id, now_ns);
}

/* Takes the directory in when it is new, and says whether there was something to take. */
static void dir_visit(struct tree *tree, int dir_fd, const char *path, uint64_t now_ns)
{
	struct stat st;
	uint32_t slot;

	if (fstat(dir_fd, &st))
		return;
	slot = slots_find(tree->slots, st.st_ino);
	if (!slot)
		node_add(tree, dir_fd, st.st_ino, path, now_ns);
	else
		tree->node[slot].scan = tree->scan;
}

static void dir_walk(struct tree *tree, int dir_fd, const char *path, uint32_t depth, uint64_t now_ns)
{
	char child[OBSERVE_PATH_MAX + NAME_MAX + 2];
	struct dirent *entry;
	DIR *dir;

	dir_visit(tree, dir_fd, path, now_ns);
	dir = depth < DEPTH_MAX ? fdopendir(dir_fd) : NULL;
	if (!dir) {
		close(dir_fd);
		return;
	}
	while ((entry = readdir(dir))) {
		int fd;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		snprintf(child, sizeof(child), "%s/%s", path[1] ? path : "", entry->d_name);
		fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			dir_walk(tree, fd, child, depth + 1, now_ns);
	}
	closedir(dir);
}

uint32_t tree_scan(struct tree *tree, uint64_t now_ns)
{
	int fd = openat(tree->root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint32_t count = 0;

	if (fd < 0)
		return 0;
	tree->scan++;
	dir_walk(tree, fd, "/", 0, now_ns);
	for (uint32_t slot = 1; slot <= tree->slot_top; slot++) {
		if (!slots_id(tree->slots, slot))
			continue;
		if (tree->node[slot].scan == tree->scan)
			count++;
		else
			node_drop(tree, slot, now_ns);
	}
	return count;
}

void tree_made(struct tree *tree, uint64_t cgroup_id, uint64_t now_ns)
{
	char path[OBSERVE_PATH_MAX];
	int fd;

	if (slots_find(tree->slots, cgroup_id))
		return;
	fd = cgroup_open_by_id(tree->root_fd, tree->setup.root, cgroup_id, path);
	if (fd == -ENAMETOOLONG)
		tree->unfollowed++;
	if (fd < 0)
		return;
	node_add(tree, fd, cgroup_id, path, now_ns);
	close(fd);
}

void tree_gone(struct tree *tree, uint64_t cgroup_id, uint64_t now_ns)
{
	uint32_t slot = slots_find(tree->slots, cgroup_id);

	if (slot)
		node_drop(tree, slot, now_ns);
}

void tree_active(struct tree *tree, uint32_t slot)
{
	if (slot < tree->setup.slots_max)
		tree->node[slot].active_ticks = ACTIVE_TICKS;
}

uint32_t tree_slot(const struct tree *tree, uint64_t cgroup_id)
{
	return slots_find(tree->slots, cgroup_id);
}

void tree_tick(struct tree *tree, bool is_second)
{
	for (uint32_t slot = 1; slot <= tree->slot_top; slot++) {
		struct node *node = &tree->node[slot];
		bool is_fast = is_annotated(node), is_due = is_second && (is_fast || node->is_above);

		if (!is_fast && !node->active_ticks && !is_second)
			continue;
		if (!slots_id(tree->slots, slot))
			continue;
		if (is_due) {
			cgroup_files_refresh(&node->files);
			node_limits(tree, node);
		}
		if (is_due && is_fast)
			node_memory(tree, node);
		/* An idle stranger's pressure does not move: its row would have. */
		if (node->active_ticks || is_fast || is_due)
			node_read(tree, node, is_fast || is_second);
		if (node->active_ticks)
			node->active_ticks--;
	}
}

void tree_tell(struct tree *tree, observe_fn observe, void *context)
{
	for (uint32_t slot = 1; slot <= tree->slot_top; slot++) {
		struct node *node = &tree->node[slot];
		struct observation observation = { .kind = OBSERVE_INSTANCE, .instance = node->info };

		if (!slots_id(tree->slots, slot))
			continue;
		observe(context, &observation);
		observation.kind = OBSERVE_LIMITS;
		observation.limits = node->limits;
		observe(context, &observation);
	}
}

int tree_refresh(struct tree *tree, uint32_t slot)
{
	char path[OBSERVE_PATH_MAX];
	struct node *node;
	int fd;

	if (!slot || slot >= tree->setup.slots_max || !slots_id(tree->slots, slot))
		return -ENOENT;
	node = &tree->node[slot];
	fd = cgroup_open_by_id(tree->root_fd, tree->setup.root, node->info.cgroup_id, path);
	if (fd < 0)
		return fd;
	node_annotate(tree, node, fd);
	close(fd);
	tell_instance(tree, node);
	return 0;
}

const char *tree_problem(const struct tree *tree, uint32_t slot)
{
	return slot < tree->setup.slots_max && slots_id(tree->slots, slot) ? tree->node[slot].problem : "";
}

uint64_t tree_unfollowed(const struct tree *tree) { return tree->unfollowed; }
