/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether what a recording says can be what a mind once held: what is used as an index, a length or a string. A recording is somebody's file;
 * numbers that are merely wrong make a replay differ, these would make it write anywhere. Inside of replay.c.
 */
#ifndef FORESTALL_REPLAY_SOUND_H
#define FORESTALL_REPLAY_SOUND_H

#include "recording.h"

bool sound_config(const struct predictor_config *config);
bool sound_setup(const struct recording_setup *setup);
bool sound_instance(const struct observe_instance *instance);
bool sound_observation(const struct observation *observation);

/* place: where it is to lie; slots_max: of the setup. */
bool sound_memory(const struct recording_memory *memory, uint32_t slots_max);

/* bytes is the size that this part has. */
bool sound_part(enum memory_part part, const void *at, size_t bytes);

bool sound_ledger(const struct ledger *ledger);
bool sound_advice(const struct advice *advice, uint32_t slots_max);
bool sound_pace(const struct pace *pace);
bool sound_canary(const struct canary *canary);
bool sound_cohort(const struct cohort *cohort, uint32_t slots_max);
bool sound_trial(const struct trial *trial, uint32_t slots_max);
bool sound_result(const struct result *result, size_t bytes);

#endif
