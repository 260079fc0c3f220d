/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What bench-agent is made of: cgroups that wake up, processes that look on, and what these cost. */
#ifndef FORESTALL_AGENT_H
#define FORESTALL_AGENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define NS_PER_S 1000000000ull
#define PIDS_MAX 256

uint64_t now_ns(void);
void pause_ms(uint64_t ms);

/* --- agent_load.c: N cgroups below root/forestall-bench, in each a process that wakes up hz times a second ------- */
struct load {
	char root[256];
	uint32_t count;
	pid_t *pid;
	uint64_t *woken;	/* [count], shared with the processes */
	bool *is_over;		/* the same */
	int gate[2];		/* closed when it has begun */
};

/* All are there, and sleep. 0 or -errno; nothing is left then. */
int load_start(struct load *load, const char *cgroup_root, uint32_t count, uint32_t hz);
void load_begin(struct load *load);
void load_stop(struct load *load);
uint64_t load_woken(const struct load *load);

/* --- agent_peer.c: who looks on -------------------------------------------------------------------------------- */
enum peer_kind { PEER_OURS, PEER_NETDATA, PEER_READER, PEER_COUNT };

extern const char *const peer_name[PEER_COUNT];

/* Starts it and waits until it sees the cgroups of the load. The pid, 0: it is not installed, or -errno. */
pid_t peer_start(enum peer_kind kind, const char *scratch, const struct load *load);
void peer_stop(pid_t pid);

/* Reads cpu.stat and the pressure files of each cgroup of the load once a second, descriptors kept open. Never returns. */
void reader_run(const struct load *load);

/* --- agent_cost.c ---------------------------------------------------------------------------------------------- */
struct cost {
	uint64_t cpu_ns;
	uint64_t bpf_ns, bpf_runs;	/* of the programs that cost_watch() found */
	uint64_t empty_ns, empty_runs;	/* the same of an empty program on the same switches: what the counting itself costs */
};

struct memory {
	double rss_mb, maps_mb;		/* resident but for mapped BPF arrays, and what the kernel charges for BPF maps */
	double pss_mb;			/* of rss_mb, its share of what several processes hold */
};

/* Counts run time from now on. 0 or -errno. */
int cost_open(void);
void cost_close(void);

/* From now on the BPF programs of this process and those below it are counted, and no others. */
void cost_watch(pid_t pid);

/* A process and all below it. */
uint32_t family_of(pid_t pid, pid_t family[PIDS_MAX]);
void family_signal(pid_t pid, int number);
struct cost cost_now(pid_t pid);
struct memory memory_now(pid_t pid);
uint64_t process_cpu_ns(pid_t pid);
struct memory process_memory(pid_t pid);
void process_name(pid_t pid, char name[32]);

#endif
