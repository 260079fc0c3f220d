/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "protocol.h"

static const char *const MODE_NAMES[] = { "observe", "shadow", "canary", "enforce" };
_Static_assert(sizeof(MODE_NAMES) / sizeof(*MODE_NAMES) == MODE_COUNT, "every mode has a name");

static const char *const KNOB_NAMES[] = {
	"cpu.weight",	  "cpu.max",   "cpu.idle",    "cpuset.cpus", "memory.low",   "memory.high",
	"memory.reclaim", "io.weight", "io.max.rbps", "io.max.wbps", "io.max.riops", "io.max.wiops",
	"cpu.max.burst",  "memory.min", "cpuset.mems", "cgroup.freeze", "net.egress",
	"net.share",	  "net.priority", "memory.max", "io.latency", "cpuset.cpus.exclusive", "cpuset.cpus.partition",
	"net.ingress",	  "io.cost",	  "net.first",
};
_Static_assert(sizeof(KNOB_NAMES) / sizeof(*KNOB_NAMES) == KNOB_COUNT, "every knob has a name");

static const char *const OUTCOME_NAMES[] = {
	"none",	     "applied",	 "renewed", "released",	   "would",   "gone",
	"contended", "excluded", "owned",   "unavailable", "refused", "failed",
	"pending",
};
_Static_assert(sizeof(OUTCOME_NAMES) / sizeof(*OUTCOME_NAMES) == OUTCOME_COUNT, "every outcome has a name");

const char *mode_name(enum mode mode)
{
	return (unsigned int)mode < MODE_COUNT ? MODE_NAMES[mode] : "?";
}

const char *knob_name(enum knob knob)
{
	return (unsigned int)knob < KNOB_COUNT ? KNOB_NAMES[knob] : "?";
}

enum knob knob_find(const char *name)
{
	uint32_t knob = 0;

	while (knob < KNOB_COUNT && strcmp(knob_name((enum knob)knob), name) != 0)
		knob++;
	return (enum knob)knob;
}

const char *outcome_name(enum outcome outcome)
{
	return (unsigned int)outcome < OUTCOME_COUNT ? OUTCOME_NAMES[outcome] : "?";
}

enum mode mode_parse(const char *name)
{
	for (unsigned int i = 0; i < MODE_COUNT; i++)
		if (strcmp(name, MODE_NAMES[i]) == 0)
			return (enum mode)i;
	return MODE_COUNT;
}
