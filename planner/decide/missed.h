/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What something that stands is worth to whom it stands for: how many of about the last ten seconds it did not keep from being violated. Pure. */
#ifndef FORESTALL_MISSED_H
#define FORESTALL_MISSED_H

#include <stdbool.h>

#define MISSED_FADE 0.9f	/* a second */
#define MISSED_HELP 3.0f	/* from so many on it is not enough: dangers are answered beside it */
#define MISSED_VAIN 6.0f	/* and of no use: it is let go, */
#define MISSED_OFF_NS 600000000000ull	/* for so long */

static inline float missed_second(float missed, bool is_violated) { return missed * MISSED_FADE + (is_violated ? 1 : 0); }

#endif
