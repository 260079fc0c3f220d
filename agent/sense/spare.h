/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may keep how many descriptors: who is out of them can answer nobody, and finds no cgroup that comes. */
#ifndef FORESTALL_SPARE_H
#define FORESTALL_SPARE_H

/* One part of so many is left to others. */
#define SPARE_STRANGER 4	/* by cgroups without annotation */
#define SPARE_ANNOTATED 8	/* by those with one, for clients and for walks of the tree */

/* `fd` as it was just opened, while it is none of the last part in `share` of those allowed; else closed, and -1 with errno EMFILE. */
int spare_keep(int fd, unsigned int share);

#endif
