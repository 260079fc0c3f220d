/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "family.h"

#include <stddef.h>
#include <string.h>

static const struct family families[] = {
	{"cpu", "A redis server with an SLO shares one CPU with the antagonists.", "CPUs", 1,
	 "cpu.weight of the antagonists, as the witness read it; marks: actions", 1000, "CPU that the antagonists got", 1, false},
	{"memory", "An nginx with an SLO serves files from the page cache; the antagonists take memory, and there is no swap.",
	 "MiB", 1.0 / 1048576, "memory.high of the antagonists in MiB (no line: none), as the witness read it; marks: actions",
	 1000, "memory of the antagonists in MiB", 250, true},
	{"io", "A redis server with an SLO flushes every write to a disk that the antagonists read from.", "MB/s", 1e-6,
	 "io.max of the antagonists in MB/s (no line: none), as the witness read it; marks: actions", 1000,
	 "MB/s that the antagonists got", 50, false},
	{"net", "A redis server with an SLO answers over a link of 20 Mbit/s that the antagonists send through.", "MB/s", 1e-6,
	 "marks: limits on what the antagonists send, as forestall logged them", 1000, "MB/s that the antagonists sent", 5, false},
	{"quota", "A redis server with an SLO and a cpu.max of its own is asked for more than that allows.", "CPUs", 1,
	 "cpu.weight of the others; marks: actions", 1000, "CPU that the others got", 1, false},
	{"mixed", "Two redis servers with SLOs and six batches share a CPU and a disk.", "CPUs", 1,
	 "cpu.weight of the batches; marks: actions", 1000, "CPU that the batches got", 1, false},
};

const struct family *family_find(const char *name)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		if (!strcmp(families[i].name, name))
			return &families[i];
	return NULL;
}
