/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of probes share. Each probe fills *ret and leaves remedy alone where the table's own will do. */
#ifndef FORESTALL_PROBE_TABLE_H
#define FORESTALL_PROBE_TABLE_H

#include "probe.h"
#include "signal.h"

#include <limits.h>

/* Says what was found. */
void probe_say(struct probe_result *ret, enum probe_state state, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Says what to do, in place of the table's remedy. */
void probe_remedy(struct probe_result *ret, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Reads ROOT/name into text, without the last newline. Bytes, or -errno. */
int probe_file_read(const char *root, const char *name, char *text, size_t size);

/* ROOT/name is there. */
bool probe_file_exists(const char *root, const char *name);

struct probe_mount {
	char dir[PATH_MAX];	/* where to look for it, already below the roots */
	char seen[PATH_MAX];	/* as in /proc/mounts */
	char options[256];
};

/* Finds the first mount of that type that has the option; option NULL: any. -ENOENT. */
int probe_mount_find(const struct probe_roots *roots, const char *type, const char *option, struct probe_mount *ret);

/* Finds what is mounted exactly at that place. */
int probe_mount_at(const struct probe_roots *roots, const char *dir, char *ret_type, size_t size);

/* `word` is one of the words of text. */
bool probe_word_in(const char *text, const char *word);

/* Any directory below the cgroup mount, "" when there is none. */
void probe_child_find(const struct probe_mount *mount, char ret_dir[PATH_MAX]);

void probe_btf(const struct probe_roots *roots, struct probe_result *ret);
void probe_capabilities(const struct probe_roots *roots, struct probe_result *ret);
void probe_bpffs(const struct probe_roots *roots, struct probe_result *ret);
void probe_sched_info(const struct probe_roots *roots, struct probe_result *ret);
void probe_run_dir(const struct probe_roots *roots, struct probe_result *ret);
void probe_run_tmpfs(const struct probe_roots *roots, struct probe_result *ret);
void probe_systemd(const struct probe_roots *roots, struct probe_result *ret);
void probe_disabled(const struct probe_roots *roots, struct probe_result *ret);
void probe_kernel(const struct probe_roots *roots, struct probe_result *ret);

void probe_cgroup_mount(const struct probe_roots *roots, struct probe_result *ret);
void probe_controllers(const struct probe_roots *roots, struct probe_result *ret);
void probe_enabled(const struct probe_roots *roots, struct probe_result *ret);
void probe_legacy(const struct probe_roots *roots, struct probe_result *ret);
void probe_knobs(const struct probe_roots *roots, struct probe_result *ret);
void probe_knobs_memory(const struct probe_roots *roots, struct probe_result *ret);
void probe_knobs_io(const struct probe_roots *roots, struct probe_result *ret);
void probe_knobs_rare(const struct probe_roots *roots, struct probe_result *ret);
void probe_knobs_cpuset(const struct probe_roots *roots, struct probe_result *ret);
void probe_psi(const struct probe_roots *roots, struct probe_result *ret);
void probe_psi_cgroup(const struct probe_roots *roots, struct probe_result *ret);
void probe_xattr(const struct probe_roots *roots, struct probe_result *ret);

void probe_tracepoint(const struct probe_roots *roots, struct probe_result *ret);
void probe_ringbuf(const struct probe_roots *roots, struct probe_result *ret);
void probe_abilities(const struct probe_roots *roots, struct probe_result *ret);
void probe_perf_event(const struct probe_roots *roots, struct probe_result *ret);

#define SIGNAL_PROBE_DECLARE(id, name, lost, fallback) \
	void probe_signal_##id(const struct probe_roots *roots, struct probe_result *ret);
SIGNAL_TABLE(SIGNAL_PROBE_DECLARE)
#undef SIGNAL_PROBE_DECLARE

#endif
