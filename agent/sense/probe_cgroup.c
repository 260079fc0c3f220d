/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Probes of the cgroup tree. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "setup/annotate.h"
#include "probe_table.h"

#define CPUS_MAX 64	/* of the masks in which CPUs are named (planner/act/knob.h) */

/* The cgroup2 mount; false with *ret filled when there is none, so that only one probe complains of that. */
static bool mount_get(const struct probe_roots *roots, struct probe_mount *mount, struct probe_result *ret)
{
	if (probe_mount_find(roots, "cgroup2", NULL, mount) == 0)
		return true;
	probe_say(ret, PROBE_MISSING, "no cgroup2 is mounted");
	probe_remedy(ret, "see cgroup2");
	return false;
}

void probe_cgroup_mount(const struct probe_roots *roots, struct probe_result *ret)
{
	struct probe_mount mount;

	if (probe_mount_find(roots, "cgroup2", NULL, &mount) == 0)
		probe_say(ret, PROBE_OK, "mounted at %.200s", mount.seen);
	else
		probe_say(ret, PROBE_MISSING, "no cgroup2 is mounted");
}

void probe_controllers(const struct probe_roots *roots, struct probe_result *ret)
{
	struct probe_mount mount, legacy;
	char text[PROBE_TEXT_MAX - 64];

	if (!mount_get(roots, &mount, ret))
		return;
	if (probe_file_read(mount.dir, "cgroup.controllers", text, sizeof(text)) < 0) {
		probe_say(ret, PROBE_MISSING, "cgroup.controllers cannot be read");
	} else if (probe_word_in(text, "cpu")) {
		probe_say(ret, PROBE_OK, "available: %s", text);
	} else {
		probe_say(ret, PROBE_MISSING, "no cpu controller here (available: %s): CPU cannot be controlled",
			  text[0] ? text : "none");
		if (probe_mount_find(roots, "cgroup", "cpu", &legacy) == 0)
			probe_remedy(ret,
				     "%.100s holds it: boot with systemd.unified_cgroup_hierarchy=1 "
				     "or cgroup_no_v1=all", legacy.seen);
	}
}

void probe_enabled(const struct probe_roots *roots, struct probe_result *ret)
{
	struct probe_mount mount;
	char text[PROBE_TEXT_MAX - 64];

	if (!mount_get(roots, &mount, ret))
		return;
	if (probe_file_read(mount.dir, "cgroup.subtree_control", text, sizeof(text)) < 0) {
		probe_say(ret, PROBE_MISSING, "cgroup.subtree_control cannot be read");
	} else if (probe_word_in(text, "cpu")) {
		probe_say(ret, PROBE_OK, "enabled below the root: %s", text);
	} else {
		probe_say(ret, PROBE_MISSING, "cpu is not enabled below the root (enabled: %s)",
			  text[0] ? text : "none");
		if (probe_file_read(mount.dir, "cgroup.controllers", text, sizeof(text)) < 0 ||
		    !probe_word_in(text, "cpu"))
			probe_remedy(ret, "see cgroup2.controllers first");
		else
			probe_remedy(ret, "echo +cpu > %.150s/cgroup.subtree_control", mount.seen);
	}
}

/* The old hierarchies that hold what could be controlled, "cpu at /sys/fs/cgroup/cpu, ...". */
void probe_legacy(const struct probe_roots *roots, struct probe_result *ret)
{
	static const char *const controllers[] = { "cpu", "cpuset", "memory", "blkio" };
	char text[PROBE_TEXT_MAX] = "";
	struct probe_mount mount;
	size_t at = 0;

	for (size_t i = 0; i < sizeof(controllers) / sizeof(controllers[0]); i++)
		if (at < sizeof(text) && probe_mount_find(roots, "cgroup", controllers[i], &mount) == 0)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s at %.100s", at ? ", " : "",
					       controllers[i], mount.seen);
	if (!at)
		probe_say(ret, PROBE_OK, "no controller is bound to cgroup v1");
	else
		probe_say(ret, PROBE_MISSING, "cgroup v1 holds %.200s", text);
}

void probe_knobs(const struct probe_roots *roots, struct probe_result *ret)
{
	struct probe_mount mount;
	char dir[PATH_MAX];

	if (!mount_get(roots, &mount, ret))
		return;
	probe_child_find(&mount, dir);
	if (!dir[0]) {
		probe_say(ret, PROBE_DEGRADED, "no cgroup below the root to look at");
		probe_remedy(ret, "make one and ask again");
	} else if (!probe_file_exists(dir, "cpu.max") || !probe_file_exists(dir, "cpu.weight")) {
		probe_say(ret, PROBE_MISSING, "%.150s has no cpu.max or no cpu.weight", dir);
	} else if (!probe_file_exists(dir, "cpu.idle")) {
		probe_say(ret, PROBE_DEGRADED, "cpu.max and cpu.weight are there, cpu.idle is not");
		probe_remedy(ret, "run a kernel from 5.15 on");
	} else {
		probe_say(ret, PROBE_OK, "cpu.max, cpu.weight and cpu.idle are there");
	}
}

/* Files of a controller in some cgroup below the root. */
static void controller_say(const struct probe_roots *roots, const char *controller, const char *const files[],
			   struct probe_result *ret)
{
	struct probe_mount mount;
	char dir[PATH_MAX];

	if (!mount_get(roots, &mount, ret))
		return;
	probe_child_find(&mount, dir);
	for (size_t i = 0; dir[0] && files[i]; i++) {
		if (probe_file_exists(dir, files[i]))
			continue;
		probe_say(ret, PROBE_MISSING, "%.150s has no %s", dir, files[i]);
		probe_remedy(ret, "enable it: echo +%s into cgroup.subtree_control of its parent", controller);
		return;
	}
	if (dir[0])
		probe_say(ret, PROBE_OK, "the %s controller has its files", controller);
	else
		probe_say(ret, PROBE_DEGRADED, "no cgroup below the root to look at");
}

void probe_knobs_memory(const struct probe_roots *roots, struct probe_result *ret)
{
	controller_say(roots, "memory", (const char *const[]){ "memory.low", "memory.high", "memory.stat", NULL }, ret);
}

void probe_knobs_io(const struct probe_roots *roots, struct probe_result *ret)
{
	controller_say(roots, "io", (const char *const[]){ "io.max", NULL }, ret);
}

/* Of a list as "0-3,8-95"; 0 where there is none to read. */
static unsigned long cpu_last(const struct probe_roots *roots)
{
	char text[1024];
	int length = probe_file_read(roots->sys, "devices/system/cpu/present", text, sizeof(text));

	while (length > 0 && text[length - 1] >= '0' && text[length - 1] <= '9')
		length--;
	return length < 0 ? 0 : strtoul(text + length, NULL, 10);
}

void probe_knobs_cpuset(const struct probe_roots *roots, struct probe_result *ret)
{
	unsigned long last = cpu_last(roots);

	controller_say(roots, "cpuset", (const char *const[]){ "cpuset.cpus", NULL }, ret);
	if (ret->state != PROBE_OK || last < CPUS_MAX)
		return;
	probe_say(ret, PROBE_DEGRADED, "there is a CPU %lu, and a plan names CPUs 0 to %d alone: nobody is confined to CPUs here", last, CPUS_MAX - 1);
	probe_remedy(ret, "none needed: cpu.weight and cpu.max are used as ever");
}

/* A file that is not there although its controller is: then it is the kernel that lacks it. */
void probe_knobs_rare(const struct probe_roots *roots, struct probe_result *ret)
{
	static const struct {
		const char *file, *beside, *since;
	} FILES[] = {
		{ "cpu.max.burst", "cpu.max", "Linux 5.14" },
		{ "io.latency", "io.max", "CONFIG_BLK_CGROUP_IOLATENCY" },
		{ "cpuset.cpus.partition", "cpuset.cpus", "Linux 5.0" },
		{ "cpuset.cpus.exclusive", "cpuset.cpus", "Linux 6.7" },
	};
	struct probe_mount mount;
	char dir[PATH_MAX], names[160] = "", needs[160] = "";

	if (!mount_get(roots, &mount, ret))
		return;
	probe_child_find(&mount, dir);
	for (size_t i = 0; dir[0] && i < sizeof(FILES) / sizeof(FILES[0]); i++) {
		if (!probe_file_exists(dir, FILES[i].beside) || probe_file_exists(dir, FILES[i].file))
			continue;
		snprintf(names + strlen(names), sizeof(names) - strlen(names), " %s", FILES[i].file);
		snprintf(needs + strlen(needs), sizeof(needs) - strlen(needs), "%s%s", needs[0] ? ", " : "", FILES[i].since);
	}
	if (!names[0]) {
		probe_say(ret, dir[0] ? PROBE_OK : PROBE_DEGRADED, dir[0] ? "what the enabled controllers can have is there" :
			  "no cgroup below the root to look at");
		return;
	}
	probe_say(ret, PROBE_DEGRADED, "this kernel has no%s", names);
	probe_remedy(ret, "run one with %s; forestall goes without", needs);
}

void probe_psi(const struct probe_roots *roots, struct probe_result *ret)
{
	char text[256];
	int r = probe_file_read(roots->proc, "pressure/cpu", text, sizeof(text));

	if (r > 0)
		probe_say(ret, PROBE_OK, "/proc/pressure/cpu is there");
	else
		probe_say(ret, PROBE_MISSING, "/proc/pressure/cpu cannot be read: %s",
			  r < 0 ? strerror(-r) : "it is empty");
}

void probe_psi_cgroup(const struct probe_roots *roots, struct probe_result *ret)
{
	static const char *const files[] = { "cpu.pressure", "memory.pressure", "io.pressure" };
	struct probe_mount mount;
	char dir[PATH_MAX], text[256];
	int r;

	if (!mount_get(roots, &mount, ret))
		return;
	probe_child_find(&mount, dir);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		r = probe_file_read(dir[0] ? dir : mount.dir, files[i], text, sizeof(text));
		if (r > 0)
			continue;
		probe_say(ret, PROBE_MISSING, "%s of a cgroup cannot be read: %s", files[i],
			  r < 0 ? strerror(-r) : "it is empty");
		return;
	}
	probe_say(ret, PROBE_OK, "cgroups have pressure files of cpu, memory and io");
}

void probe_xattr(const struct probe_roots *roots, struct probe_result *ret)
{
	struct probe_mount mount;
	char text[SLO_TEXT_MAX];

	if (!mount_get(roots, &mount, ret))
		return;
	/* Reading one that is not there tells as much as writing one would. */
	if (getxattr(mount.dir, ANNOTATE_TRUSTED, text, sizeof(text)) >= 0 || errno == ENODATA || errno == ERANGE)
		probe_say(ret, PROBE_OK, "cgroup directories carry trusted xattrs");
	else
		probe_say(ret, PROBE_DEGRADED, "cgroup directories carry no trusted xattrs: %s", strerror(errno));
}
