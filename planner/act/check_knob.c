/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What single knobs need to do no harm where they are, beyond the bounds of their values. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cgroup.h"
#include "check.h"
#include "host.h"
#include "nft.h"
#include "tc.h"
#include "tc_ingress.h"

#define MIB(bytes) ((unsigned long long)(bytes) >> 20)
#define STAT_BYTES 8192
#define SLEEPS_NS_MAX 3000000000ull

/* A setting that is renewed was judged when it was made, and the world may have moved since. */
static bool change_is_renewal(const struct change *change)
{
	return change->hold && knob_equal(change->hold->knob, &change->hold->wanted, &change->wanted);
}

static bool number_check(const struct change *change, const char *name, uint64_t *ret_number, struct result_item *ret)
{
	int r = place_number(&change->place, name, ret_number);

	return r == 0 || item_fail(ret, (enum knob)change->action->knob, r);
}

static int parents_read(const struct change *change, char ret_text[KNOB_TEXT_MAX], uint64_t *ret)
{
	const char *file = change->action->knob == KNOB_CPUSET_MEMS ? "../cpuset.mems.effective" : "../cpuset.cpus.effective";
	int r = cgroup_file_read(change->place.dir_fd, file, ret_text, KNOB_TEXT_MAX);

	ret_text[r < 0 ? 0 : strcspn(ret_text, "\n")] = '\0';
	return r < 0 ? r : cpus_parse(ret_text, ret);
}

/* The CPUs of a partition are its own, and no longer in the parent's cpuset.cpus.effective. */
static bool place_is_partition(const struct place *place)
{
	struct knob_value partition;

	return place_read(place, KNOB_CPUSET_PARTITION, &partition) == 0 && partition.value != PARTITION_MEMBER;
}

static bool check_cpuset(struct apply *apply, struct change *change, struct result_item *ret)
{
	bool has_cpus = change->action->knob != KNOB_CPUSET_MEMS, is_partition = has_cpus && place_is_partition(&change->place);
	const char *file = has_cpus ? "cpuset.cpus" : "cpuset.mems";
	uint64_t parents, wanted = change->wanted.value;
	char text[KNOB_TEXT_MAX];
	int r;

	(void)apply;
	if (has_cpus && host_has_many_cpus())
		return item_refuse(ret, OUTCOME_UNAVAILABLE, "%s: only for hosts of up to 64 CPUs", file);
	r = parents_read(change, text, &parents);
	if (r < 0)
		return item_fail(ret, (enum knob)change->action->knob, r);
	/* When the last of them goes offline the kernel lets it run wherever the parent may. */
	if (change_is_renewal(change))
		return !wanted || is_partition || (wanted & parents) ||
		       item_refuse(ret, OUTCOME_REFUSED, "none of them is in the parent's %s.effective now: %.30s", file, text);
	/* kernel/cgroup/cpuset.c, validate_change(): ENOSPC. */
	if (wanted == 0 && change->current.value != 0 && change->action->knob != KNOB_CPUSET_EXCLUSIVE && place_has_processes(&change->place))
		return item_refuse(ret, OUTCOME_REFUSED, "with processes in it %s cannot be emptied: name all %s", file,
				   has_cpus ? "CPUs" : "nodes");
	if (wanted & ~parents)
		return item_refuse(ret, OUTCOME_REFUSED, "not within the parent's %s.effective: %.40s", file, text);
	return !is_partition ||
	       item_refuse(ret, OUTCOME_REFUSED, "it is a cpuset partition: its CPUs are taken from others");
}

/*
 * The kernel takes any of the three words and says in the file what became of it, now or later, when CPUs go or a parent
 * changes. It is changed from "member" alone, where an undo always can go back to.
 */
static bool check_partition(struct apply *apply, struct change *change, struct result_item *ret)
{
	char text[KNOB_TEXT_MAX];

	(void)apply;
	if (!change->hold && (change->current.value != PARTITION_MEMBER || change->current.aux))
		return item_refuse(ret, OUTCOME_REFUSED, "somebody made a partition of it: that stays");
	if (!change_is_renewal(change) || !change->current.aux ||
	    cgroup_file_read(change->place.dir_fd, "cpuset.cpus.partition", text, sizeof(text)) < 0)
		return true;
	text[strcspn(text, "\n")] = '\0';
	return item_refuse(ret, OUTCOME_REFUSED, "the kernel broke it: %.76s", text);
}

/* kernel/sched/core.c, tg_set_cfs_bandwidth(): EINVAL. */
static bool check_quota(struct apply *apply, struct change *change, struct result_item *ret)
{
	struct knob_value burst;

	/* Undone after it, a quota below the burst would be refused. */
	if (!change_is_renewal(change) && lease_find(&apply->leases, change->action->cgroup_id, KNOB_CPU_BURST, 0))
		return item_refuse(ret, OUTCOME_REFUSED, "cpu.max.burst is held here: release it first");
	if (place_read(&change->place, KNOB_CPU_BURST, &burst) < 0 || change->wanted.value == KNOB_MAX ||
	    burst.value <= change->wanted.value)
		return true;
	return item_refuse(ret, OUTCOME_REFUSED, "below its cpu.max.burst of %llu us: that has to go first",
			   (unsigned long long)burst.value);
}

static bool check_burst(struct apply *apply, struct change *change, struct result_item *ret)
{
	struct knob_value quota;
	int r = place_read(&change->place, KNOB_CPU_MAX, &quota);

	(void)apply;
	if (r < 0)
		return item_fail(ret, KNOB_CPU_MAX, r);
	if (quota.value == KNOB_MAX && change->wanted.value)
		return item_refuse(ret, OUTCOME_REFUSED, "cpu.max is max here: there is no quota to save up from");
	return change->wanted.value <= quota.value ||
	       item_refuse(ret, OUTCOME_REFUSED, "a burst is at most the quota of cpu.max: %llu us",
			   (unsigned long long)quota.value);
}

static uint64_t protected_elsewhere(const struct apply *apply, const struct change *change)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < apply->leases.count; i++)
		if ((apply->leases.hold[i].knob == KNOB_MEMORY_LOW || apply->leases.hold[i].knob == KNOB_MEMORY_MIN) &&
		    &apply->leases.hold[i] != change->hold)
			bytes += apply->leases.hold[i].wanted.value;
	return bytes;
}

/*
 * mm/page_counter.c, effective_protection(): what is protected is bounded by what the parent has of it. So each level
 * below the root needs some; with memory_recursiveprot the topmost is enough, which then shares out what is left.
 */
static bool protection_reaches(struct change *change, struct result_item *ret)
{
	const char *file = knob_spec((enum knob)change->action->knob)->file;
	char path[48];
	int r = place_unprotected_find(&change->place, file, host_protects_recursively(), path, sizeof(path));

	if (r < 0)
		return item_fail(ret, (enum knob)change->action->knob, r);
	return r == 0 || item_refuse(ret, OUTCOME_UNAVAILABLE, "%s of %.40s is 0, none acts below: set it there", file, path);
}

static bool check_protection(struct apply *apply, struct change *change, struct result_item *ret)
{
	const char *file = knob_spec((enum knob)change->action->knob)->file;
	uint64_t wanted = change->wanted.value, current, high, limit;

	if (wanted == 0 || change_is_renewal(change))
		return true;
	if (!number_check(change, "memory.current", &current, ret) || !number_check(change, "memory.high", &high, ret))
		return false;
	limit = current + current / 4 + MEMORY_LOW_MARGIN;
	if (wanted > limit)
		return item_refuse(ret, OUTCOME_REFUSED, "%s is at most 5/4 of what is used and 64 MiB: %llu MiB", file,
				   MIB(limit));
	if (wanted > high)
		return item_refuse(ret, OUTCOME_REFUSED, "%s above memory.high: %llu MiB", file, MIB(high));
	limit = host_memory_bytes() / MEMORY_LOW_SHARE;
	if (wanted + protected_elsewhere(apply, change) > limit)
		return item_refuse(ret, OUTCOME_REFUSED, "all that is protected would be over half of the memory: %llu MiB",
				   MIB(limit));
	return protection_reaches(change, ret);
}

/*
 * mm/memcontrol.c, mem_cgroup_handle_over_high(): a task that is over its limit is counted, and then sleeps for two seconds at most. Where none is
 * for longer they only stay below it.
 */
static void stuck_move(struct change *change, struct stuck *stuck)
{
	uint64_t now_ns = change->now.mono_ns, count = stuck->count;
	char text[STAT_BYTES];

	if (cgroup_file_read(change->place.dir_fd, "memory.events", text, sizeof(text)) == 0)
		count = stat_find(text, "high");
	if (count != stuck->count || !stuck->since_ns)
		stuck->slept_ns = now_ns;
	stuck->count = count;
	if (!stuck->since_ns || now_ns - stuck->slept_ns > SLEEPS_NS_MAX)
		stuck->since_ns = now_ns;
}

/* A limit that stopped growth has done what it was for: it may stay, or be loosened, but not for good. */
static bool stuck_check(struct change *change)
{
	const struct hold *hold = change->hold;

	if (!hold || change->wanted.value < hold->wanted.value)
		return false;
	change->stuck = hold->stuck;
	stuck_move(change, &change->stuck);
	if (change->wanted.value - hold->wanted.value >= MEMORY_LET_ON)
		change->stuck.since_ns = change->now.mono_ns;
	return change->now.mono_ns - change->stuck.since_ns < MEMORY_STUCK_MS * 1000000ull;
}

/*
 * Above memory.high the kernel makes each task of the cgroup reclaim and then sleep. Memory that cannot be swapped out
 * cannot be reclaimed, so without swap it would sleep for good: a service that stands still and is not even killed.
 */
static bool swapless_check(struct change *change, struct result_item *ret)
{
	uint64_t wanted = change->wanted.value, current, anonymous;
	char text[STAT_BYTES];
	int r;

	if (!number_check(change, "memory.current", &current, ret))
		return false;
	if (wanted < current && !change_is_renewal(change))
		return item_refuse(ret, OUTCOME_REFUSED, "without swap never below memory.current: %llu MiB", MIB(current));
	r = cgroup_file_read(change->place.dir_fd, "memory.stat", text, sizeof(text));
	if (r < 0)
		return item_fail(ret, KNOB_MEMORY_HIGH, r);
	anonymous = stat_find(text, "anon") + stat_find(text, "shmem");
	return anonymous < wanted - wanted / MEMORY_HIGH_SPARE || stuck_check(change) ||
	       item_refuse(ret, OUTCOME_REFUSED, "without swap nothing is left to reclaim: %llu MiB of anonymous memory",
			   MIB(anonymous));
}

static bool check_memory_high(struct apply *apply, struct change *change, struct result_item *ret)
{
	uint64_t wanted = change->wanted.value, low;

	(void)apply;
	if (wanted == KNOB_MAX)
		return true;
	if (!number_check(change, "memory.low", &low, ret))
		return false;
	if (wanted < low)
		return item_refuse(ret, OUTCOME_REFUSED, "memory.high below memory.low: %llu MiB", MIB(low));
	return place_can_swap(&change->place) || swapless_check(change, ret);
}

/*
 * What lies above memory.max the kernel reclaims, and where it cannot, it kills. So does an undo that comes back to less
 * than is used by then. Nothing of that is done without the operator's word; nor is a limit held on under which it killed.
 */
static bool check_memory_max(struct apply *apply, struct change *change, struct result_item *ret)
{
	uint64_t wanted = change->wanted.value, low, current;
	uint64_t original = change->hold ? change->hold->original.value : change->current.value;
	bool may_kill = change->action->flags & ACTION_MAY_KILL;
	char text[STAT_BYTES];

	(void)apply;
	if (!number_check(change, "memory.low", &low, ret) || !number_check(change, "memory.current", &current, ret))
		return false;
	if (cgroup_file_read(change->place.dir_fd, "memory.events", text, sizeof(text)) == 0)
		change->kills = stat_find(text, "oom_kill");
	if (change_is_renewal(change))
		return may_kill || change->kills <= change->hold->kills ||
		       item_refuse(ret, OUTCOME_REFUSED, "the kernel killed %llu in it since: let go",
				   (unsigned long long)(change->kills - change->hold->kills));
	if (wanted < low)
		return item_refuse(ret, OUTCOME_REFUSED, "memory.max below memory.low: %llu MiB", MIB(low));
	if (wanted < current && !may_kill)
		return item_refuse(ret, OUTCOME_REFUSED, "below memory.current, %llu MiB, the kernel may kill: --may-kill lets it",
				   MIB(current));
	return wanted <= original || may_kill ||
	       item_refuse(ret, OUTCOME_REFUSED, "back at %llu MiB the kernel may kill: --may-kill lets it", MIB(original));
}

/* The counters of refault.h; *ret is as before when memory.stat cannot be read. */
static int refault_count_read(const struct place *place, struct refault_count *ret)
{
	char text[STAT_BYTES];
	int r = cgroup_file_read(place->dir_fd, "memory.stat", text, sizeof(text));

	if (r < 0)
		return r;
	ret->refaults = stat_find(text, "workingset_refault_anon") + stat_find(text, "workingset_refault_file");
	ret->steals = stat_find(text, "pgsteal");
	return 0;
}

static bool check_reclaim(struct apply *apply, struct change *change, struct result_item *ret)
{
	uint64_t current, back;
	int r;

	/* A step that is still going on, or just over, is answered by apply. */
	if (change->hold && change->hold->child.pid_fd >= 0)
		return true;
	if (!number_check(change, "memory.current", &current, ret))
		return false;
	if (current == 0)
		return item_refuse(ret, OUTCOME_REFUSED, "it has no process and no memory: nothing to reclaim");
	r = refault_count_read(&change->place, &change->refaults);
	if (r < 0)
		return item_fail(ret, KNOB_MEMORY_RECLAIM, r);
	change->verdict = refault_judge(&apply->refaults, change->action->cgroup_id, change->refaults,
					change->now.mono_ns, &back);
	if (change->verdict == REFAULT_BACK)
		return item_refuse(ret, OUTCOME_REFUSED, "refaults: it read back %llu pages since the last step",
				   (unsigned long long)back);
	if (change->verdict == REFAULT_EARLY && !change->hold)
		return item_refuse(ret, OUTCOME_REFUSED, "the last step of reclaim is less than 0.4 s ago");
	return true;
}

/* Where to limit what is sent shows in no file, and a process that may not act may not look elsewhere. */
static bool check_egress(struct apply *apply, struct change *change, struct result_item *ret)
{
	char text[ACT_TEXT_MAX] = "";
	int r = !change->hold && mode_acts(apply->mode) ? tc_check(&change->place, change->action->knob == KNOB_NET_FIRST, text) : 0;

	if (r == -EOPNOTSUPP)
		return item_refuse(ret, OUTCOME_UNAVAILABLE, "%s", text);
	return r == 0 || item_fail(ret, (enum knob)change->action->knob, r);
}

static bool check_ingress(struct apply *apply, struct change *change, struct result_item *ret)
{
	char text[ACT_TEXT_MAX] = "";

	return change->hold || !mode_acts(apply->mode) || ingress_check(text) == 0 ||
	       item_refuse(ret, OUTCOME_UNAVAILABLE, "%s", text);
}

/* Two cgroups may listen on one port: the share is the one's that had it first. */
static bool is_others_share(const struct apply *apply, const struct action *action)
{
	for (uint32_t i = 0; i < apply->leases.count; i++) {
		const struct hold *hold = &apply->leases.hold[i];

		if (hold->knob == KNOB_NET_SHARE && hold->device == action->device && hold->cgroup_id != action->cgroup_id)
			return true;
	}
	return false;
}

/* Who listens on the clients' port has to have asked for a share of it too: nobody's connections are taken away. */
static bool front_check(const struct apply *apply, const struct change *change, struct result_item *ret)
{
	int64_t stranger = nft_front_stranger(&change->place);

	if (stranger < 0)
		return item_fail(ret, KNOB_NET_SHARE, (int)stranger);
	for (uint32_t i = 0; stranger && i < apply->leases.count; i++) {
		const struct hold *hold = &apply->leases.hold[i];

		if (hold->knob == KNOB_NET_SHARE && hold->cgroup_id == (uint64_t)stranger &&
		    SHARE_FRONT(hold->device) == SHARE_FRONT(change->action->device))
			return true;
	}
	return !stranger || item_refuse(ret, OUTCOME_REFUSED, "another cgroup listens on port %u: give that a share first",
					SHARE_FRONT(change->action->device));
}

/* A server that has gone must not be sent clients any longer than until this is renewed. */
static bool check_share(struct apply *apply, struct change *change, struct result_item *ret)
{
	char text[ACT_TEXT_MAX] = "";
	int r = mode_acts(apply->mode) ? nft_check_port(&change->place, text) : 0;

	if (r < 0)
		return item_refuse(ret, change->hold ? OUTCOME_GONE : OUTCOME_UNAVAILABLE, "%s", text);
	if (!change->hold && is_others_share(apply, change->action))
		return item_refuse(ret, OUTCOME_REFUSED, "another cgroup that listens on port %u has this share",
				   SHARE_PORT(change->action->device));
	return change->hold || !mode_acts(apply->mode) || front_check(apply, change, ret);
}

/* On, or set up and off for now: whoever did that knows the disk. */
static bool check_cost(struct apply *apply, struct change *change, struct result_item *ret)
{
	char disk[DISK_NAME_MAX] = "";

	(void)apply;
	if (change->hold || (change->current.value == KNOB_MAX && !change->current.aux))
		return true;
	disk_find(change->action->device, disk);
	return item_refuse(ret, OUTCOME_OWNED, "io.cost of %s is set up by somebody: see io.cost.qos of the cgroup root", disk);
}

bool check_knob(struct apply *apply, struct change *change, struct result_item *ret)
{
	switch ((enum knob)change->action->knob) {
	case KNOB_CPU_MAX:
		return check_quota(apply, change, ret);
	case KNOB_CPU_BURST:
		return check_burst(apply, change, ret);
	case KNOB_CPUSET_CPUS:
	case KNOB_CPUSET_MEMS:
	case KNOB_CPUSET_EXCLUSIVE:
		return check_cpuset(apply, change, ret);
	case KNOB_CPUSET_PARTITION:
		return check_partition(apply, change, ret);
	case KNOB_MEMORY_LOW:
	case KNOB_MEMORY_MIN:
		return check_protection(apply, change, ret);
	case KNOB_MEMORY_HIGH:
		return check_memory_high(apply, change, ret);
	case KNOB_MEMORY_MAX:
		return check_memory_max(apply, change, ret);
	case KNOB_MEMORY_RECLAIM:
		return check_reclaim(apply, change, ret);
	case KNOB_NET_EGRESS:
	case KNOB_NET_FIRST:
		return check_egress(apply, change, ret);
	case KNOB_NET_INGRESS:
		return check_ingress(apply, change, ret);
	case KNOB_NET_SHARE:
		return check_share(apply, change, ret);
	case KNOB_IO_COST:
		return check_cost(apply, change, ret);
	default:
		return true;
	}
}

bool change_blocks(const struct change *change)
{
	uint64_t current;

	if (change->action->knob == KNOB_MEMORY_RECLAIM)
		return true;
	return (change->action->knob == KNOB_MEMORY_HIGH || change->action->knob == KNOB_MEMORY_MAX) &&
	       change->place.via == VIA_FILE &&
	       (place_number(&change->place, "memory.current", &current) < 0 || change->wanted.value < current);
}

bool effect_check(const struct place *place, enum knob knob, const struct knob_value *value, struct result_item *ret)
{
	const char *file = knob == KNOB_CPUSET_CPUS ? "cpuset.cpus.effective" :
			   knob == KNOB_CPUSET_EXCLUSIVE ? "cpuset.cpus.exclusive.effective" :
			   knob == KNOB_CPUSET_PARTITION ? "cpuset.cpus.partition" : NULL;
	char text[KNOB_TEXT_MAX];
	uint64_t cpus = 0;

	if (!file || value->value == 0 || cgroup_file_read(place->dir_fd, file, text, sizeof(text)) < 0)
		return true;
	text[strcspn(text, "\n")] = '\0';
	if (knob == KNOB_CPUSET_PARTITION)
		return !value->aux || item_refuse(ret, OUTCOME_REFUSED, "the kernel: %.84s", text);
	if (cpus_parse(text, &cpus) == 0 && cpus == value->value)
		return true;
	if (knob == KNOB_CPUSET_EXCLUSIVE)
		return item_refuse(ret, OUTCOME_UNAVAILABLE, "its parents leave it '%.24s' exclusively: set theirs first", text);
	return item_refuse(ret, OUTCOME_UNAVAILABLE, "of these CPUs it gets only %.48s", text);
}
