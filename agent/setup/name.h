/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What people call a cgroup. Its path stays what it is known by everywhere; the name stands beside it.
 *
 *   /machine.slice/libpod-ID.scope, .../libpod-ID	podman:NAME, or podman:0123456789ab when the name is not to be had
 *   /system.slice/docker-ID.scope, /docker/ID		docker:0123456789ab
 *   .../cri-containerd-ID.scope, .../crio-ID.scope	cri:0123456789ab
 *   /machine.slice/machine-qemu\x2d1\x2dweb.scope	vm:web
 *   .../UNIT						UNIT, unescaped (systemd.unit(5)): "a\x2db.scope" is "a-b.scope"
 *   .../UNIT/inside/of/it				UNIT/inside/of/it; the same for containers and machines
 *   other						"": the path is the name
 */
#ifndef FORESTALL_NAME_H
#define FORESTALL_NAME_H

#include <stddef.h>

#define NAME_BYTES_MAX 128	/* longer ones are cut */

/* Pure. From the path alone. */
void name_of_path(const char *path, char ret_name[NAME_BYTES_MAX]);

/*
 * Pure. The name of container `id` from the command line of its conmon, arguments apart by NULs ("-c ID", "-n NAME").
 * -ENOENT when it is no conmon, or another container's.
 */
int name_of_conmon(const char *command, size_t size, const char *id, char ret_name[NAME_BYTES_MAX]);

/*
 * As name_of_path(), but asks for the name of a podman container that runs: its first process is a child of conmon,
 * which was given the name. A few small files of /proc; nothing is started, and podman's database is not touched.
 * cgroup_dirfd is the directory, opened in any way; below 0 nothing is asked.
 */
void name_find(int cgroup_dirfd, const char *path, char ret_name[NAME_BYTES_MAX]);

#endif
