/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forestall slo set|show|check: annotations, with or without a mind that runs. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "client.h"
#include "predict/observe.h"
#include "print.h"
#include "setup/annotate.h"
#include "serve/value.h"

#define DEPTH_MAX 64

/* The text with a caret below the column that is wrong. */
static void caret_print(const char *text, const struct slo_error *error)
{
	print_problem("slo, column %u: %s", error->column, error->reason);
	fprintf(stderr, "  %.*s\n  %*s\n", SLO_TEXT_MAX, text, (int)error->column, "^");
}

static int check_json(const struct context *context, const struct slo *slo, const struct slo_error *error)
{
	char text[SLO_TEXT_MAX];

	if (error) {
		print_json(context, json_pack("{s:b, s:i, s:s}", "ok", 0, "column", (int)error->column, "reason",
					      error->reason));
		return 1;
	}
	slo_format(slo, text);
	return print_json(context, json_pack("{s:b, s:s, s:b}", "ok", 1, "canonical", text,
					     "bound", slo_is_bound(slo)));
}

int cmd_slo_check(const struct context *context, int argc, char **argv)
{
	struct slo_error error;
	char text[SLO_TEXT_MAX];
	struct slo slo;
	int r;

	if (argc != 2)
		return command_usage("slo check", "\"TEXT\"");
	r = slo_parse(argv[1], &slo, &error);
	if (context->is_json)
		return check_json(context, &slo, r ? &error : NULL);
	if (r) {
		caret_print(argv[1], &error);
		return 1;
	}
	slo_format(&slo, text);
	puts(text);
	return print_end();
}

/* Opens the directory of a cgroup; -1 after it said what is wrong. */
static int cgroup_dir_open(const struct context *context, const char *path)
{
	char root[PATH_MAX], full[PATH_MAX + OBSERVE_PATH_MAX];
	int fd;

	if (command_root(context, root, sizeof(root)))
		return -1;
	snprintf(full, sizeof(full), "%s%s", root, path);
	fd = open(full, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		print_problem("%s: no such cgroup below %s; see 'forestall instance list'", path, root);
	else if (fd < 0)
		print_problem("%s: %s; is it a cgroup?", full, strerror(errno));
	return fd;
}

static void xattr_problem(const char *path, int error)
{
	if (error == EPERM)
		print_problem("%s: only root (CAP_SYS_ADMIN) may write " ANNOTATE_TRUSTED "; run as root", path);
	else if (error == EOPNOTSUPP)
		print_problem("%s: carries no xattrs here; annotate in /etc/forestall/instances.d", path);
	else
		print_problem("%s: " ANNOTATE_TRUSTED ": %s; see 'forestall doctor'", path, strerror(error));
}

/* Has the mind read the annotation again. That none runs is no failure: the next one reads it at its start. */
static void mind_refresh(const struct context *context, const char *path)
{
	int error;
	json_t *answer = client_call(context->run_dir, json_pack("{s:s, s:s}", "q", "slo.refresh", "path", path),
				     &error);

	if (!answer)
		print_note("%s: written; no forestalld answers now, the next one will read it", path);
	else if (!json_is_true(json_object_get(answer, "ok")))
		print_note("%s: written, but forestalld says: %s", path,
			   json_string_value(json_object_get(answer, "error")) ?: "?");
	json_decref(answer);
}

static int slo_write(const struct context *context, const char *path, const char *text)
{
	int fd = cgroup_dir_open(context, path), r, error;

	if (fd < 0)
		return 1;
	r = text ? fsetxattr(fd, ANNOTATE_TRUSTED, text, strlen(text), 0) : fremovexattr(fd, ANNOTATE_TRUSTED);
	error = errno;
	close(fd);
	if (r < 0 && !text && error == ENODATA) {
		print_note("%s: has no annotation of this kind; nothing to remove", path);
		mind_refresh(context, path);	/* which may have kept one of an earlier directory */
		return 0;
	}
	if (r < 0) {
		xattr_problem(path, error);
		return 1;
	}
	mind_refresh(context, path);
	return 0;
}

int cmd_slo_set(const struct context *context, int argc, char **argv)
{
	bool is_remove = argc == 3 && !strcmp(argv[2], "--remove");
	char path[OBSERVE_PATH_MAX];
	struct slo_error error;
	struct slo slo;

	if (argc != 3)
		return command_usage("slo set", "PATH \"TEXT\" | PATH --remove");
	if (command_path(context, argv[1], path, sizeof(path)))
		return 1;
	if (!strcmp(path, "/")) {
		print_problem("/: the root of the tree is no instance; name a cgroup below it");
		return 1;
	}
	if (!is_remove && slo_parse(argv[2], &slo, &error)) {
		caret_print(argv[2], &error);
		return 1;
	}
	return slo_write(context, path, is_remove ? NULL : argv[2]);
}

/* What `slo show` collects. */
struct listing {
	const struct config *config;
	json_t *found;
	bool is_all;	/* also what nobody annotated */
};

static void listing_add(struct listing *listing, int dir_fd, const char *path)
{
	char problem[ANNOTATE_PROBLEM_MAX], text[SLO_TEXT_MAX] = "";
	struct slo slo;

	if (annotate_read(dir_fd, path, listing->config, &slo, problem) < 0)
		return;
	if (!listing->is_all && slo.source == SLO_FROM_DEFAULT && !problem[0])
		return;
	if (slo.source != SLO_FROM_DEFAULT)
		slo_format(&slo, text);
	json_array_append_new(listing->found, json_pack("{s:o, s:s, s:s, s:s, s:s}", "path", value_text(path),
							"source", slo_source_name(slo.source), "tier",
							tier_name(slo.tier),
							"slo", text, "problem", problem));
}

/* Takes the descriptor. */
static void listing_walk(struct listing *listing, int dir_fd, const char *path, int depth)
{
	DIR *dir = depth < DEPTH_MAX ? fdopendir(dir_fd) : NULL;
	char child[OBSERVE_PATH_MAX];
	struct dirent *entry;

	if (!dir) {
		close(dir_fd);
		return;
	}
	while ((entry = readdir(dir))) {
		int n = snprintf(child, sizeof(child), "%s/%s", path, entry->d_name), fd;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.' || n < 0 || (size_t)n >= sizeof(child))
			continue;
		fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			continue;
		listing_add(listing, fd, child);
		listing_walk(listing, fd, child, depth + 1);
	}
	closedir(dir);
}

static int listing_print(const struct context *context, json_t *found)
{
	static const char *const headings[] = { "PATH", "SOURCE", "TIER", "SLO", "PROBLEM" };
	static const char *const keys[] = { "path", "source", "tier", "slo", "problem" };
	struct table *table;
	json_t *row;
	size_t i;

	if (context->is_json)
		return print_json(context, found);
	table = table_new(headings, 5);
	json_array_foreach(found, i, row)
		for (int column = 0; column < 5; column++)
			table_cell(table, "%s", json_string_value(json_object_get(row, keys[column])) ?: "");
	table_print(table, SIZE_MAX);
	table_free(table);
	json_decref(found);
	return print_end();
}

int cmd_slo_show(const struct context *context, int argc, char **argv)
{
	char path[OBSERVE_PATH_MAX] = "", problem[CONFIG_PROBLEM_MAX];
	struct listing listing = { .is_all = argc == 2 };
	struct config config;
	int fd;

	if (argc > 2)
		return command_usage("slo show", "[PATH]");
	if (argc == 2 && command_path(context, argv[1], path, sizeof(path)))
		return 1;
	if (config_load(context->config_dir, &config, problem) < 0) {
		print_problem("%s", problem);
		return 1;
	}
	fd = cgroup_dir_open(context, path);
	if (fd < 0) {
		config_done(&config);
		return 1;
	}
	listing.config = &config;
	listing.found = json_array();
	if (argc == 2) {
		listing_add(&listing, fd, path);
		close(fd);
	} else {
		listing_walk(&listing, fd, "", 0);
	}
	config_done(&config);
	return listing_print(context, listing.found);
}
