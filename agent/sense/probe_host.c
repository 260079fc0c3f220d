/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Probes of the host at large. */
#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "probe_table.h"

void probe_kernel(const struct probe_roots *roots, struct probe_result *ret)
{
	struct utsname name;

	(void)roots;
	uname(&name);
	probe_say(ret, PROBE_OK, "Linux %s on %s", name.release, name.machine);
}

void probe_btf(const struct probe_roots *roots, struct probe_result *ret)
{
	if (probe_file_exists(roots->sys, "kernel/btf/vmlinux"))
		probe_say(ret, PROBE_OK, "/sys/kernel/btf/vmlinux is there");
	else
		probe_say(ret, PROBE_MISSING, "/sys/kernel/btf/vmlinux is not there");
}

/* Bits of CapEff, 0 when it cannot be read. */
static uint64_t capabilities_read(const struct probe_roots *roots)
{
	char text[8192];
	const char *line;

	if (probe_file_read(roots->proc, "self/status", text, sizeof(text)) < 0)
		return 0;
	line = strstr(text, "CapEff:");
	return line ? strtoull(line + strlen("CapEff:"), NULL, 16) : 0;
}

void probe_capabilities(const struct probe_roots *roots, struct probe_result *ret)
{
	static const struct {
		const char *name;
		int bit;
	} wanted[] = { { "CAP_BPF", CAP_BPF }, { "CAP_PERFMON", CAP_PERFMON }, { "CAP_SYS_ADMIN", CAP_SYS_ADMIN },
		       { "CAP_DAC_OVERRIDE", CAP_DAC_OVERRIDE } };
	uint64_t held = capabilities_read(roots);
	char lacking[128] = "";
	size_t at = 0;

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (!(held >> wanted[i].bit & 1))
			at += (size_t)snprintf(lacking + at, sizeof(lacking) - at, " %s", wanted[i].name);
	if (!at)
		probe_say(ret, PROBE_OK, "all that is needed");
	/* Before 5.8 CAP_SYS_ADMIN stood for both, so it alone will do. */
	else if (held >> CAP_SYS_ADMIN & 1)
		probe_say(ret, PROBE_DEGRADED, "without%s", lacking);
	else
		probe_say(ret, PROBE_MISSING, "without%s", lacking);
}

void probe_bpffs(const struct probe_roots *roots, struct probe_result *ret)
{
	char type[64];

	if (probe_mount_at(roots, "/sys/fs/bpf", type, sizeof(type)) == 0 && !strcmp(type, "bpf"))
		probe_say(ret, PROBE_OK, "mounted at /sys/fs/bpf");
	else
		probe_say(ret, PROBE_MISSING,
			  "not mounted at /sys/fs/bpf: maps are not to be seen with bpftool by name");
}

void probe_sched_info(const struct probe_roots *roots, struct probe_result *ret)
{
	unsigned long long run_ns, wait_ns;
	char text[128];

	if (probe_file_read(roots->proc, "self/schedstat", text, sizeof(text)) < 0 ||
	    sscanf(text, "%llu %llu", &run_ns, &wait_ns) != 2)
		probe_say(ret, PROBE_MISSING, "/proc/self/schedstat cannot be read");
	else if (!run_ns && !wait_ns)
		probe_say(ret, PROBE_MISSING, "/proc/self/schedstat counts nothing");
	else
		probe_say(ret, PROBE_OK, "the kernel counts queue waits");
}

void probe_run_dir(const struct probe_roots *roots, struct probe_result *ret)
{
	if (access(roots->run, W_OK | X_OK) == 0)
		probe_say(ret, PROBE_OK, "/run is writable");
	else
		probe_say(ret, PROBE_MISSING, "/run is not writable: %s", strerror(errno));
}

void probe_run_tmpfs(const struct probe_roots *roots, struct probe_result *ret)
{
	char type[64] = "";

	if (probe_mount_at(roots, "/run", type, sizeof(type)) == 0 && !strcmp(type, "tmpfs"))
		probe_say(ret, PROBE_OK, "/run is a tmpfs");
	else
		probe_say(ret, PROBE_DEGRADED, "/run is no tmpfs: the undo journal outlives a reboot, its ids do not");
}

void probe_systemd(const struct probe_roots *roots, struct probe_result *ret)
{
	if (probe_file_exists(roots->run, "systemd/system"))
		probe_say(ret, PROBE_DEGRADED,
			  "systemd is PID 1: its units are observed, this version does not control them");
	else
		probe_say(ret, PROBE_OK, "no systemd: cgroups belong to whoever made them");
}

void probe_disabled(const struct probe_roots *roots, struct probe_result *ret)
{
	if (probe_file_exists(roots->etc, "forestall/disable"))
		probe_say(ret, PROBE_MISSING, "/etc/forestall/disable is there: nothing will be written");
	else
		probe_say(ret, PROBE_OK, "no /etc/forestall/disable");
}
