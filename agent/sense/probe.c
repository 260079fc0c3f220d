/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "probe_table.h"

#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define UNIFIED "boot with systemd.unified_cgroup_hierarchy=1 or cgroup_no_v1=all"

static const char *const state_names[] = { "ok", "degraded", "missing" };
static const char *const need_names[] = { "observe", "act", "do more" };
_Static_assert(ARRAY_COUNT(state_names) == PROBE_STATE_COUNT, "a name per state");
_Static_assert(ARRAY_COUNT(need_names) == PROBE_NEED_COUNT, "a name per need");

static const struct {
	const char *name;
	enum probe_need need;
	const char *purpose;
	void (*run)(const struct probe_roots *roots, struct probe_result *ret);
	const char *remedy;
	bool asks_kernel;
} probes[] = {
	{ "kernel", PROBE_FOR_COMFORT, "for the record; nothing depends on it", probe_kernel, "", true },
	{ "btf", PROBE_FOR_OBSERVE, "one BPF object for every kernel", probe_btf,
	  "run a kernel built with CONFIG_DEBUG_INFO_BTF=y", false },
	{ "capabilities", PROBE_FOR_OBSERVE, "loading BPF programs, reading trusted xattrs", probe_capabilities,
	  "run as root, outside of an unprivileged container", false },
	{ "bpf.tracepoint", PROBE_FOR_OBSERVE, "seeing every task switch", probe_tracepoint,
	  "run a kernel from 5.5 on with CONFIG_BPF_SYSCALL, CONFIG_BPF_JIT and BTF, as root", true },
	{ "bpf.ringbuf", PROBE_FOR_OBSERVE, "records from kernel to agent", probe_ringbuf,
	  "run a kernel from 5.8 on, as root", true },
	{ "bpf.abilities", PROBE_FOR_COMFORT, "what is known of tasks, sockets and requests, without bounds", probe_abilities,
	  "run a newer kernel; forestall goes without", true },
	{ "bpf.perf_event", PROBE_FOR_COMFORT, "counting tasks that never leave their CPU", probe_perf_event,
	  "set kernel.perf_event_paranoid to 2 or less, or grant CAP_PERFMON", true },
#define SIGNAL_PROBE_ROW(id, name, lost, fallback)                                                        \
	{ "signal." name, PROBE_FOR_COMFORT, lost, probe_signal_##id,                           \
	  "run a kernel that has the hook, as root; forestall goes without", true },
	SIGNAL_TABLE(SIGNAL_PROBE_ROW)
#undef SIGNAL_PROBE_ROW
	{ "bpffs", PROBE_FOR_COMFORT, "maps for bpftool to look at", probe_bpffs,
	  "mount -t bpf bpf /sys/fs/bpf", false },
	{ "sched_info", PROBE_FOR_OBSERVE, "queue waits, the SLI itself", probe_sched_info,
	  "run a kernel built with CONFIG_SCHED_INFO=y (SCHEDSTATS or TASK_DELAY_ACCT selects it)", false },
	{ "psi", PROBE_FOR_COMFORT, "cpu_some, mem_some and mem_full", probe_psi, "boot with psi=1", false },
	{ "psi.cgroup", PROBE_FOR_COMFORT, "the same of each instance", probe_psi_cgroup,
	  "boot with psi=1 and without cgroup_disable=pressure", false },
	{ "cgroup2", PROBE_FOR_OBSERVE, "what instances are", probe_cgroup_mount,
	  "mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified, or " UNIFIED, false },
	{ "cgroup2.controllers", PROBE_FOR_ACT, "changing who gets CPU", probe_controllers, UNIFIED, false },
	{ "cgroup2.enabled", PROBE_FOR_ACT, "knobs in the cgroups below the root", probe_enabled,
	  "echo +cpu into cgroup.subtree_control of the cgroup2 root", false },
	{ "cgroup1", PROBE_FOR_ACT, "controllers that an old hierarchy keeps from cgroup2", probe_legacy, UNIFIED,
	  false },
	{ "knobs", PROBE_FOR_ACT, "cpu.max, cpu.weight and cpu.idle of an instance", probe_knobs,
	  "enable the cpu controller for it: echo +cpu into cgroup.subtree_control of its parent", false },
	{ "knobs.memory", PROBE_FOR_COMFORT, "memory of an instance, memory.low and memory.high", probe_knobs_memory,
	  "make a cgroup and ask again", false },
	{ "knobs.io", PROBE_FOR_COMFORT, "io.max of an instance", probe_knobs_io, "make a cgroup and ask again", false },
	{ "knobs.cpuset", PROBE_FOR_COMFORT, "cpuset.cpus of an instance", probe_knobs_cpuset,
	  "make a cgroup and ask again", false },
	{ "knobs.rare", PROBE_FOR_COMFORT, "what newer or other kernels have, for action hold alone", probe_knobs_rare,
	  "make a cgroup and ask again", false },
	{ "xattr", PROBE_FOR_COMFORT, "SLO annotations on cgroup directories", probe_xattr,
	  "annotate in /etc/forestall/instances.d instead", false },
	{ "systemd", PROBE_FOR_COMFORT, "who owns the cgroups", probe_systemd,
	  "control workloads in cgroups of their own or below a unit with Delegate=yes", false },
	{ "run", PROBE_FOR_OBSERVE, "sockets, journal", probe_run_dir, "make /run a writable tmpfs", false },
	{ "run.tmpfs", PROBE_FOR_COMFORT, "a journal that ends with the boot it belongs to", probe_run_tmpfs,
	  "mount -t tmpfs tmpfs /run at boot", false },
	{ "disabled", PROBE_FOR_ACT, "the operator's emergency switch", probe_disabled,
	  "rm /etc/forestall/disable once it is safe to act", false },
};

size_t probe_count(void) { return ARRAY_COUNT(probes); }
const char *probe_name(size_t idx) { return probes[idx].name; }
enum probe_need probe_need(size_t idx) { return probes[idx].need; }
const char *probe_purpose(size_t idx) { return probes[idx].purpose; }
bool probe_asks_kernel(size_t idx) { return probes[idx].asks_kernel; }
const char *probe_state_name(enum probe_state state) { return state_names[state]; }
const char *probe_need_name(enum probe_need need) { return need_names[need]; }

size_t probe_find(const char *name)
{
	size_t idx = 0;

	while (idx < ARRAY_COUNT(probes) && strcmp(probes[idx].name, name))
		idx++;
	return idx;
}

void probe_run(size_t idx, const struct probe_roots *roots, struct probe_result *ret)
{
	memset(ret, 0, sizeof(*ret));
	probes[idx].run(roots, ret);
	if (ret->state != PROBE_OK && !ret->remedy[0])
		probe_remedy(ret, "%s", probes[idx].remedy);
}

void probe_say(struct probe_result *ret, enum probe_state state, const char *format, ...)
{
	va_list args;

	ret->state = state;
	va_start(args, format);
	vsnprintf(ret->reason, sizeof(ret->reason), format, args);
	va_end(args);
}

void probe_remedy(struct probe_result *ret, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ret->remedy, sizeof(ret->remedy), format, args);
	va_end(args);
}

int probe_file_read(const char *root, const char *name, char *text, size_t size)
{
	char path[PATH_MAX];
	ssize_t n;
	int fd, r;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, size - 1);
	r = n < 0 ? -errno : (int)n;
	close(fd);
	if (r < 0)
		return r;
	text[n] = '\0';
	if (n && text[n - 1] == '\n')
		text[--n] = '\0';
	return (int)n;
}

bool probe_file_exists(const char *root, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return access(path, F_OK) == 0;
}

/* Where a mount point of the host stands below the roots. */
static void mount_dir_map(const struct probe_roots *roots, const char *dir, char ret[PATH_MAX])
{
	const struct {
		const char *prefix, *root;
	} map[] = { { "/sys", roots->sys }, { "/run", roots->run }, { "/proc", roots->proc }, { "/etc", roots->etc } };

	for (size_t i = 0; i < ARRAY_COUNT(map); i++) {
		size_t length = strlen(map[i].prefix);

		if (strncmp(dir, map[i].prefix, length) || (dir[length] && dir[length] != '/'))
			continue;
		snprintf(ret, PATH_MAX, "%s%s", map[i].root, dir + length);
		return;
	}
	snprintf(ret, PATH_MAX, "%s", dir);
}

static FILE *mounts_open(const struct probe_roots *roots)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/mounts", roots->proc);
	return setmntent(path, "re");
}

int probe_mount_find(const struct probe_roots *roots, const char *type, const char *option, struct probe_mount *ret)
{
	FILE *mounts = mounts_open(roots);
	struct mntent entry;
	char buffer[8192];
	int r = -ENOENT;

	if (!mounts)
		return -errno;
	while (r && getmntent_r(mounts, &entry, buffer, sizeof(buffer))) {
		if (strcmp(entry.mnt_type, type) || (option && !hasmntopt(&entry, option)))
			continue;
		snprintf(ret->seen, sizeof(ret->seen), "%s", entry.mnt_dir);
		snprintf(ret->options, sizeof(ret->options), "%s", entry.mnt_opts);
		mount_dir_map(roots, entry.mnt_dir, ret->dir);
		r = 0;
	}
	endmntent(mounts);
	return r;
}

int probe_mount_at(const struct probe_roots *roots, const char *dir, char *ret_type, size_t size)
{
	FILE *mounts = mounts_open(roots);
	struct mntent entry;
	char buffer[8192];
	int r = -ENOENT;

	if (!mounts)
		return -errno;
	/* The last one wins: it lies on top. */
	while (getmntent_r(mounts, &entry, buffer, sizeof(buffer)))
		if (!strcmp(entry.mnt_dir, dir)) {
			snprintf(ret_type, size, "%s", entry.mnt_type);
			r = 0;
		}
	endmntent(mounts);
	return r;
}

bool probe_word_in(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = text; (at = strstr(at, word)); at += length)
		if ((at == text || at[-1] == ' ') && (!at[length] || at[length] == ' ' || at[length] == '\n'))
			return true;
	return false;
}

void probe_child_find(const struct probe_mount *mount, char ret_dir[PATH_MAX])
{
	DIR *dir = opendir(mount->dir);
	struct dirent *entry;

	ret_dir[0] = '\0';
	while (dir && !ret_dir[0] && (entry = readdir(dir)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			snprintf(ret_dir, PATH_MAX, "%.2000s/%s", mount->dir, entry->d_name);
	if (dir)
		closedir(dir);
}
