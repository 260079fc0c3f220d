/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records at a rate that no switch of tasks can make: the code that the hooks tell a row with, run for a slot that is nobody's, on
 * every CPU in turns (tests/bpf/flood.bpf.c). Needs two CPUs and a kernel that has bpf_loop.
 */
#ifndef FORESTALL_BENCH_FLOOD_FEED_H
#define FORESTALL_BENCH_FLOOD_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "sense/load.h"

struct feed;

/* NULL with a line on stderr where that cannot be. */
struct feed *feed_open(struct nerve *nerve, uint32_t slot);
void feed_close(struct feed *feed);

/* Switches counted and told, or only counted, on `cpu`, from another one; ns that each took. */
double feed_put(struct feed *feed, uint32_t cpu, uint64_t count, bool is_told);

/* So many a second, told, shared by all CPUs, until feed_stop(); 0 or -errno. */
int feed_start(struct feed *feed, uint64_t rate);
void feed_stop(struct feed *feed);

/* Put so far. */
uint64_t feed_count(const struct feed *feed);

#endif
