/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ID_LENGTH 64		/* of a container, in hexadecimal digits */
#define ID_SHORT 12		/* as the tools show it */
#define GENERATIONS_MAX 8	/* from any process of a container up to conmon */
#define COMMAND_BYTES_MAX 16384

/* How the directory of a container looks: PREFIX ID ENDING; an ID alone counts below `parent`. */
static const struct {
	const char *prefix, *ending, *parent, *label;
} CONTAINERS[] = {
	{ "libpod-", ".scope", NULL, "podman" },	{ "libpod-", "", NULL, "podman" },
	{ "docker-", ".scope", NULL, "docker" },	{ "", "", "docker", "docker" },
	{ "cri-containerd-", ".scope", NULL, "cri" },	{ "crio-", ".scope", NULL, "cri" },
};

/* A component of a path; `parent` is the one before it. */
struct part {
	const char *text, *parent;
	size_t length, parent_length;
};

static bool part_next(const char **path, struct part *part)
{
	if (**path != '/')
		return false;
	part->parent = part->text;
	part->parent_length = part->length;
	part->text = *path + 1;
	part->length = strcspn(part->text, "/");
	*path = part->text + part->length;
	return true;
}

static bool part_starts(const struct part *part, const char *prefix)
{
	size_t length = strlen(prefix);

	return part->length >= length && memcmp(part->text, prefix, length) == 0;
}

static bool part_ends(const struct part *part, const char *ending)
{
	size_t length = strlen(ending);

	return part->length > length && memcmp(part->text + part->length - length, ending, length) == 0;
}

/* The 64 digits in the part, NULL when it is no container; *ret_label says whose. */
static const char *part_id(const struct part *part, const char **ret_label)
{
	for (size_t i = 0; i < sizeof(CONTAINERS) / sizeof(*CONTAINERS); i++) {
		size_t prefix = strlen(CONTAINERS[i].prefix), ending = strlen(CONTAINERS[i].ending);
		const char *parent = CONTAINERS[i].parent;

		if (part->length != prefix + ID_LENGTH + ending || !part_starts(part, CONTAINERS[i].prefix) ||
		    (ending && !part_ends(part, CONTAINERS[i].ending)) ||
		    strspn(part->text + prefix, "0123456789abcdef") < ID_LENGTH)
			continue;
		if (parent && (part->parent_length != strlen(parent) ||
			       memcmp(part->parent, parent, part->parent_length) != 0))
			continue;
		*ret_label = CONTAINERS[i].label;
		return part->text + prefix;
	}
	return NULL;
}

static bool part_is_unit(const struct part *part)
{
	return part_ends(part, ".service") || part_ends(part, ".scope") || part_ends(part, ".slice");
}

/* Undoes "\x2d" and the like; a control character stays escaped. Returns the length. */
static size_t unescape(const char *text, size_t length, char *ret, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < length && used + 1 < size; i++) {
		char digits[3] = "";
		long c = 0;

		if (i + 3 < length && text[i] == '\\' && text[i + 1] == 'x') {
			memcpy(digits, text + i + 2, 2);
			if (strspn(digits, "0123456789abcdef") == 2)
				c = strtol(digits, NULL, 16);
		}
		i += c > ' ' && c != 0x7f ? 3 : 0;
		ret[used++] = (char)(c > ' ' && c != 0x7f ? c : text[i]);
	}
	ret[used] = '\0';
	return used;
}

/* machine-qemu\x2dNUMBER\x2dNAME.scope */
static void machine_format(const struct part *part, const char *rest, char ret_name[NAME_BYTES_MAX])
{
	char text[NAME_BYTES_MAX];
	const char *name;

	unescape(part->text, part->length - strlen(".scope"), text, sizeof(text));
	name = text + strlen("machine-qemu-");
	name += strspn(name, "0123456789");
	snprintf(ret_name, NAME_BYTES_MAX, "vm:%s%.100s", *name == '-' ? name + 1 : name, rest);
}

static void unit_format(const struct part *part, const char *rest, char ret_name[NAME_BYTES_MAX])
{
	size_t used = unescape(part->text, part->length, ret_name, NAME_BYTES_MAX);

	snprintf(ret_name + used, NAME_BYTES_MAX - used, "%s", rest);
}

void name_of_path(const char *path, char ret_name[NAME_BYTES_MAX])
{
	struct part part = { .text = NULL };
	const char *label, *id;

	ret_name[0] = '\0';
	while (part_next(&path, &part)) {
		id = part_id(&part, &label);
		if (id) {
			snprintf(ret_name, NAME_BYTES_MAX, "%s:%.*s%s", label, ID_SHORT, id, path);
			return;
		}
		if (part_starts(&part, "machine-qemu\\x2d") && part_ends(&part, ".scope")) {
			machine_format(&part, path, ret_name);
			return;
		}
		/* The innermost unit is the one that people know: slices are units too. */
		if (part_is_unit(&part))
			unit_format(&part, path, ret_name);
	}
}

int name_of_conmon(const char *command, size_t size, const char *id, char ret_name[NAME_BYTES_MAX])
{
	const char *end = command + size, *name = NULL, *option = "";
	bool is_this = false;

	for (const char *word = command; word < end; word += strnlen(word, (size_t)(end - word)) + 1) {
		size_t length = strnlen(word, (size_t)(end - word));

		if (word + length == end)
			return -ENOENT;	/* cut off */
		if (strcmp(option, "-c") == 0)
			is_this = length == ID_LENGTH && memcmp(word, id, ID_LENGTH) == 0;
		else if (strcmp(option, "-n") == 0)
			name = word;
		option = word;
	}
	if (!is_this || !name || !*name)
		return -ENOENT;
	snprintf(ret_name, NAME_BYTES_MAX, "%s", name);
	return 0;
}

static ssize_t file_read(int dir_fd, const char *path, char *buf, size_t size)
{
	int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return -errno;
	length = read(fd, buf, size - 1);
	close(fd);
	if (length >= 0)
		buf[length] = '\0';
	return length;
}

/* Some process of the container: of its own cgroup, or of the one that the runtime made in it. */
static long process_find(int dir_fd)
{
	char text[32];

	if (file_read(dir_fd, "cgroup.procs", text, sizeof(text)) <= 0 &&
	    file_read(dir_fd, "container/cgroup.procs", text, sizeof(text)) <= 0)
		return 0;
	return strtol(text, NULL, 10);
}

static long parent_find(long pid)
{
	char path[32], text[512];
	const char *after;
	long parent;

	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	if (file_read(AT_FDCWD, path, text, sizeof(text)) <= 0)
		return 0;
	/* The command's name may hold anything, also a ')'. */
	after = strrchr(text, ')');
	return after && sscanf(after, ") %*c %ld", &parent) == 1 ? parent : 0;
}

static int conmon_ask(long pid, const char *id, char ret_name[NAME_BYTES_MAX])
{
	char path[32], command[COMMAND_BYTES_MAX];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%ld/cmdline", pid);
	length = file_read(AT_FDCWD, path, command, sizeof(command));
	return length <= 0 ? -ENOENT : name_of_conmon(command, (size_t)length, id, ret_name);
}

void name_find(int cgroup_dirfd, const char *path, char ret_name[NAME_BYTES_MAX])
{
	struct part part = { .text = strrchr(path, '/') };
	const char *label = "", *id = NULL;
	char name[NAME_BYTES_MAX];
	long pid;

	name_of_path(path, ret_name);
	if (part.text) {
		part.text++;
		part.length = strlen(part.text);
		id = part_id(&part, &label);
	}
	if (!id || strcmp(label, "podman") != 0)
		return;
	pid = cgroup_dirfd < 0 ? 0 : process_find(cgroup_dirfd);
	for (int i = 0; pid > 1 && i < GENERATIONS_MAX; i++, pid = parent_find(pid))
		if (conmon_ask(pid, id, name) == 0) {
			snprintf(ret_name, NAME_BYTES_MAX, "podman:%.100s", name);
			return;
		}
}
