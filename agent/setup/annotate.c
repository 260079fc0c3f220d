/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup/annotate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

/* Bytes of the text, 0 when there is none, or -errno; -E2BIG when longer than an annotation may be. */
static ssize_t xattr_read(int dir_fd, const char *name, char text[SLO_TEXT_MAX])
{
	ssize_t n = fgetxattr(dir_fd, name, text, SLO_TEXT_MAX - 1);

	if (n < 0 && (errno == ENODATA || errno == EOPNOTSUPP))
		return 0;
	if (n < 0)
		return errno == ERANGE ? -E2BIG : -errno;
	text[n] = '\0';
	return n;
}

/*
 * Reads the xattr over *base. 1 when there is one, 0 when not, -EINVAL with a problem when it is malformed, another
 * -errno when the directory cannot be asked.
 */
static int source_read(int dir_fd, const char *name, const struct slo *base, struct slo *ret,
		       char problem[ANNOTATE_PROBLEM_MAX])
{
	char text[SLO_TEXT_MAX];
	struct slo_error error;
	ssize_t n = xattr_read(dir_fd, name, text);

	if (n == -E2BIG) {
		snprintf(problem, ANNOTATE_PROBLEM_MAX, "%s is longer than %d bytes; it is ignored", name,
			 SLO_TEXT_MAX - 1);
		return -EINVAL;
	}
	if (n <= 0)
		return (int)n;
	/* setfattr and C programs may leave the terminating NUL in. */
	if (strlen(text) + 1 < (size_t)n) {
		snprintf(problem, ANNOTATE_PROBLEM_MAX, "%s holds a NUL at column %zu; it is ignored", name,
			 strlen(text) + 1);
		return -EINVAL;
	}
	if (slo_parse_over(base, text, ret, &error)) {
		snprintf(problem, ANNOTATE_PROBLEM_MAX, "%s, column %u: %s; it is ignored", name, error.column,
			 error.reason);
		return -EINVAL;
	}
	return 1;
}

/* What the operator said; *ret keeps its defaults when that is nothing, or malformed. */
static int operator_read(int dir_fd, const char *path, const struct config *config, struct slo *ret,
			 char problem[ANNOTATE_PROBLEM_MAX])
{
	const struct config_rule *rule;
	int r = source_read(dir_fd, ANNOTATE_TRUSTED, ret, ret, problem);

	if (r == 1)
		ret->source = SLO_FROM_TRUSTED_XATTR;
	if (r != 0)
		return r;
	rule = config ? config_find(config, path) : NULL;
	if (!rule)
		return 0;
	*ret = rule->slo;
	return 1;
}

/* What the cgroup's owner wishes, within what the operator granted. */
static int wish_read(int dir_fd, bool is_granted, struct slo *granted, char problem[ANNOTATE_PROBLEM_MAX])
{
	struct slo wish, before = *granted;
	int r = source_read(dir_fd, ANNOTATE_USER, granted, &wish, problem);

	if (r != 1)
		return r;
	if (!is_granted) {
		snprintf(problem, ANNOTATE_PROBLEM_MAX,
			 "%s is ignored: the operator granted nothing here; see forestall slo set",
			 ANNOTATE_USER);
		return 0;
	}
	if (!slo_tighten(granted, &wish))
		snprintf(problem, ANNOTATE_PROBLEM_MAX,
			 "%s asks for more than the operator granted; only what is tighter holds",
			 ANNOTATE_USER);
	if (memcmp(&before, granted, sizeof(before)))
		granted->source = SLO_FROM_USER_XATTR;
	return 0;
}

int annotate_read(int cgroup_dirfd, const char *path, const struct config *config, struct slo *ret,
		  char problem[ANNOTATE_PROBLEM_MAX])
{
	int r;

	slo_init(ret);
	problem[0] = '\0';
	r = operator_read(cgroup_dirfd, path, config, ret, problem);
	/* A malformed word of the operator must stay in view, so the tenant's is not even read. */
	if (r == -EINVAL)
		return 0;
	if (r < 0)
		return r;
	r = wish_read(cgroup_dirfd, r == 1, ret, problem);
	return r == -EINVAL ? 0 : r;
}
