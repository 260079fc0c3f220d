/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A world whose scheduling is also looked at by a reference that timestamps every wakeup and switch (reference.bpf.c), with a hog
 * beside the instance where one is wanted. All that enters it runs on one CPU.
 */
#ifndef FORESTALL_TEST_STAGE_H
#define FORESTALL_TEST_STAGE_H

#include "reference.skel.h"
#include "world.h"

struct stage {
	struct world world;
	struct reference_bpf *reference;
	pid_t hog;
	char hog_cgroup[600];
};

void stage_open(struct stage *stage);
void stage_close(struct stage *stage);

/* The caller runs on the stage's CPU from now on. */
void stage_enter(void);

/* A process outside of the instance, in a cgroup beside it, that only spins; policy as for sched_setscheduler. */
void hog_start(struct stage *stage, int policy);
void hog_end(struct stage *stage);

/* Fails unless the two differ by no more than that share of `whole`. */
void within(const char *what, uint64_t ours, uint64_t reference, double share, uint64_t whole);

#endif
