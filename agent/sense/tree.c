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
#include "details.h"
#include "kept.h"
#include "rows.h"
#include "slots.h"

/* A row is told of once a second, so what it gains in the second after a record is told by none; one more for a late tick. */
#define BUSY_SECONDS 3
/* A stranger's pressure is not read while its tasks have waited less than this since: it cannot have grown by more. */
#define PSI_WAIT_NS 5000000ull
#define DEPTH_MAX 64

struct node {
	char *path;
	uint64_t cgroup_id;
	struct slo slo;
	struct observe_limits limits;
	struct rows_mark mark;
	struct cgroup_files files;
	uint64_t psi_us[PSI_COUNT];	/* totals at the last look, of those that psi_known says */
	uint32_t psi_known;
	uint32_t detail;		/* index of its histograms; 0: not annotated, or none left */
	struct observe_memory memory;	/* totals at the last look */
	bool has_memory;
	uint8_t busy_seconds;	/* > 0: it is in the list of the busy */
	bool is_fast;		/* it is in the list of the annotated */
	uint64_t psi_wait_ns;	/* what its tasks waited since its pressure was read */
	uint32_t scan;		/* number of the walk that saw it last */
	char *problem;		/* NULL: none */
};

struct tree {
	struct tree_setup setup;
	struct slots *slots;
	struct node *node;	/* [slots_max] */
	int root_fd;
	uint32_t scan;
	uint32_t slot_top;	/* no slot above this one is in use */
	uint64_t unfollowed;
	struct details details;
	struct slot_list fast, busy;	/* the annotated; the others that moved lately */
	struct kept *kept;
};

int tree_open(const struct tree_setup *setup, struct tree **ret_tree)
{
	struct tree *tree = calloc(1, sizeof(*tree));
	int r = -ENOMEM;

	if (!tree)
		return -ENOMEM;
	tree->setup = *setup;
	tree->root_fd = -1;
	tree->slots = slots_new(setup->slots_max);
	tree->node = calloc(setup->slots_max, sizeof(*tree->node));
	tree->fast.slot = calloc(setup->slots_max, sizeof(uint32_t));
	tree->busy.slot = calloc(setup->slots_max, sizeof(uint32_t));
	tree->kept = kept_new();
	if (!details_init(&tree->details) && tree->slots && tree->node && tree->fast.slot && tree->busy.slot && tree->kept) {
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
	free(tree->busy.slot);
	kept_free(tree->kept);
	if (tree->root_fd >= 0)
		close(tree->root_fd);
	free(tree);
}

static void tell(struct tree *tree, struct observation *observation, enum observe_kind kind)
{
	observation->kind = kind;
	tree->setup.observe(tree->setup.context, observation);
}

static struct observation instance_of(const struct tree *tree, const struct node *node)
{
	struct observation observation = { .kind = OBSERVE_INSTANCE };

	observation.instance.slot = (uint32_t)(node - tree->node);
	observation.instance.cgroup_id = node->cgroup_id;
	observation.instance.slo = node->slo;
	snprintf(observation.instance.path, sizeof(observation.instance.path), "%s", node->path);
	return observation;
}

static void tell_instance(struct tree *tree, const struct node *node)
{
	struct observation observation = instance_of(tree, node);

	tell(tree, &observation, OBSERVE_INSTANCE);
}

static bool is_annotated(const struct node *node)
{
	return node->slo.source != SLO_FROM_DEFAULT;
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
	snprintf(problem, sizeof(problem), "more than %d cgroups are annotated: io_p99 and resp_p99 are judged here, but not shown",
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

	bound.delay_ns_max[WIRE_DELAY_QUEUE] = node->slo.bound[SLI_RUNQ_P99];
	bound.delay_ns_max[WIRE_DELAY_IO] = node->slo.bound[SLI_IO_P99];
	bound.delay_ns_max[WIRE_DELAY_RESPONSE] = node->slo.bound[SLI_RESP_P99];
	nerve_slot_set(tree->setup.nerve, (uint32_t)(node - tree->node), &bound);
}

/* Reads the annotation; the bounds go to the kernel at once. A directory that is new takes what its predecessor left. */
static void node_annotate(struct tree *tree, struct node *node, int dir_fd, bool is_new)
{
	char problem[TREE_PROBLEM_MAX];

	annotate_read(dir_fd, node->path, tree->setup.config, &node->slo, problem);
	problem_set(node, problem);
	if (is_new && !is_annotated(node) && !problem[0])
		kept_take(tree->kept, node->path, &node->slo);
	if (is_annotated(node)) {
		cgroup_files_open_all(&node->files, dir_fd);
		detail_take(tree, node);
	}
	node_bind(tree, node);
	if (!is_annotated(node))
		detail_give(tree, node);
	fast_set(tree, (uint32_t)(node - tree->node), is_annotated(node));
}

static void node_limits(struct tree *tree, struct node *node)
{
	struct observation observation = { .limits = { .slot = node->limits.slot } };

	cgroup_files_limits(&node->files, &observation.limits);
	if (!memcmp(&observation.limits, &node->limits, sizeof(node->limits)))
		return;
	node->limits = observation.limits;
	tell(tree, &observation, OBSERVE_LIMITS);
}

static void node_memory(struct tree *tree, struct node *node)
{
	struct observation observation = { .memory = { .slot = node->limits.slot } };
	struct observe_memory *memory = &observation.memory, total = { 0 };

	if (cgroup_files_memory_stat(&node->files, &total))
		return;
	memory->anon_bytes = total.anon_bytes;
	memory->file_bytes = total.file_bytes;
	memory->has_swap = total.has_swap;
	if (node->has_memory) {
		memory->refaults = total.refaults - node->memory.refaults;
		memory->swap_ins = total.swap_ins - node->memory.swap_ins;
		memory->swap_outs = total.swap_outs - node->memory.swap_outs;
		for (int i = 0; i < MEMORY_EVENT_COUNT; i++)
			memory->events[i] = total.events[i] - node->memory.events[i];
	}
	node->memory = total;
	node->has_memory = true;
	tell(tree, &observation, OBSERVE_MEMORY);
}

static void node_add(struct tree *tree, int dir_fd, uint64_t id, const char *path, uint64_t now_ns)
{
	char *own_path = strlen(path) < OBSERVE_PATH_MAX ? strdup(path) : NULL;
	uint32_t slot = own_path ? slots_take(tree->slots, id, now_ns) : 0;
	struct node *node = &tree->node[slot];

	if (!slot) {
		free(own_path);
		tree->unfollowed++;
		return;
	}
	memset(node, 0, sizeof(*node));
	nerve_row_reset(tree->setup.nerve, slot);
	node->cgroup_id = id;
	node->path = own_path;
	node->limits.slot = slot;
	cgroup_files_limits(&node->files, &node->limits);
	node->scan = tree->scan;
	if (slot > tree->slot_top)
		tree->slot_top = slot;
	cgroup_files_open(&node->files, dir_fd);
	node_annotate(tree, node, dir_fd, true);
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

/* What has waited for less than PSI_WAIT_NS since then has the pressure that was read last. */
static void stranger_psi(struct node *node, struct observe_sample *sample)
{
	node->psi_wait_ns += sample->moved.wait_ns;
	sample->psi_known = node->psi_known;
	if (node->psi_known && node->psi_wait_ns < PSI_WAIT_NS)
		return;
	psi_read(node, sample);
	node->psi_wait_ns = 0;
}

static void fast_read(struct tree *tree, struct node *node)
{
	struct observation observation;
	struct observe_sample *sample = &observation.sample;
	bool has_moved = rows_read(tree->setup.nerve, node->limits.slot, node->detail, &node->mark, sample);

	if (!has_moved)
		memset(sample, 0, offsetof(struct observe_sample, bucket));
	sample->slot = node->limits.slot;
	psi_read(node, sample);
	sample->has_memory = !cgroup_files_memory(&node->files, &sample->memory_bytes);
	if (has_moved || sample->psi_known || sample->has_memory)
		tell(tree, &observation, OBSERVE_SAMPLE);
}

static void stranger_read(struct tree *tree, struct node *node)
{
	struct observation observation;

	if (!rows_read(tree->setup.nerve, node->limits.slot, node->detail, &node->mark, &observation.sample))
		return;
	stranger_psi(node, &observation.sample);
	tell(tree, &observation, OBSERVE_SAMPLE);
}

static void node_drop(struct tree *tree, uint32_t slot, uint64_t now_ns)
{
	struct node *node = &tree->node[slot];
	struct observation observation = { .gone = { .slot = slot, .cgroup_id = node->cgroup_id } };

	stranger_read(tree, node);
	tell(tree, &observation, OBSERVE_GONE);
	nerve_slot_clear(tree->setup.nerve, node->cgroup_id, slot);
	if (node->slo.source == SLO_FROM_TRUSTED_XATTR || node->slo.source == SLO_FROM_USER_XATTR)
		kept_put(tree->kept, node->path, &node->slo);
	detail_give(tree, node);
	fast_set(tree, slot, false);
	if (node->busy_seconds)
		slot_list_remove(&tree->busy, slot);
	slots_give(tree->slots, node->cgroup_id, now_ns);
	node_free(node);
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
	if (slot >= tree->setup.slots_max || !slots_id(tree->slots, slot))
		return;
	if (!tree->node[slot].busy_seconds)
		slot_list_add(&tree->busy, slot);
	tree->node[slot].busy_seconds = BUSY_SECONDS;
}

uint32_t tree_slot(const struct tree *tree, uint64_t cgroup_id)
{
	return slots_find(tree->slots, cgroup_id);
}

static void fast_tick(struct tree *tree, bool is_second)
{
	for (uint32_t i = 0; i < tree->fast.count; i++) {
		struct node *node = &tree->node[tree->fast.slot[i]];

		if (is_second) {
			cgroup_files_refresh(&node->files);
			node_limits(tree, node);
			node_memory(tree, node);
		}
		fast_read(tree, node);
	}
}

/* An idle stranger's pressure does not move: its row would have. */
static void busy_second(struct tree *tree)
{
	for (uint32_t i = 0; i < tree->busy.count;) {
		struct node *node = &tree->node[tree->busy.slot[i]];

		if (!node->is_fast)
			stranger_read(tree, node);
		if (--node->busy_seconds)
			i++;
		else
			tree->busy.slot[i] = tree->busy.slot[--tree->busy.count];
	}
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
	bool has_problem = slot < tree->setup.slots_max && slots_id(tree->slots, slot) && tree->node[slot].problem;

	return has_problem ? tree->node[slot].problem : "";
}

uint64_t tree_unfollowed(const struct tree *tree) { return tree->unfollowed; }
