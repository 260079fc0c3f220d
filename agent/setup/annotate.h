/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is asked of one cgroup, from whoever has the authority to ask (docs/SLO.md):
 *
 *   trusted.forestall.slo	xattr on the directory; needs CAP_SYS_ADMIN to write: the operator
 *   DIR/instances.d		the operator too, by path; only where there is no trusted xattr
 *   user.forestall.slo		xattr that the owner of a delegated cgroup may write: tightens what the operator
 *				granted, never adds, and is nothing where the operator said nothing
 *
 * A malformed text is no annotation, and the next source is not asked in its place: what the operator meant to
 * override must not come back by a typing error.
 */
#ifndef FORESTALL_ANNOTATE_H
#define FORESTALL_ANNOTATE_H

#include "setup/config.h"

#define ANNOTATE_TRUSTED "trusted.forestall.slo"
#define ANNOTATE_USER "user.forestall.slo"
#define ANNOTATE_PROBLEM_MAX 160

/*
 * cgroup_dirfd is open for reading, path is below the cgroup root, config may be NULL. *ret is always filled:
 * ret->source says who spoke last, SLO_FROM_DEFAULT when nobody did. problem is "" or one line for people.
 * 0, or -errno when the directory could not be asked (gone).
 */
int annotate_read(int cgroup_dirfd, const char *path, const struct config *config, struct slo *ret,
		  char problem[ANNOTATE_PROBLEM_MAX]);

#endif
