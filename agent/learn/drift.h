/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether the champion has become worse than it was: pure.
 *
 * What is watched is how much worse its risk within 2 s is, squared, than that of the statistical forecaster, which learns as it goes: hard
 * times make both worse, a world that the champion does not know makes it alone worse. The means of minutes go into a Page-Hinkley test
 * (Page 1954): the sum of what each is above the mean so far and DRIFT_SLACK, above its lowest value by DRIFT_ALARM. Begun anew with each champion.
 */
#ifndef FORESTALL_DRIFT_H
#define FORESTALL_DRIFT_H

#include <stdbool.h>
#include <stdint.h>

#define DRIFT_SLACK 0.01	/* of the squared error: less is not worth training for */
#define DRIFT_ALARM 0.5		/* .05 worse for twelve minutes */
#define DRIFT_MINUTES_MIN 30	/* the mean so far means nothing before */
#define DRIFT_LABELS_MIN 10	/* a minute with fewer is not counted */

struct drift {
	double minute_sum;
	uint32_t minute_count, seconds;
	double mean, sum, least;
	uint32_t minutes;
};

/* One risk of which it is known what came of it. */
void drift_take(struct drift *drift, float champion, float statistical, bool is_violated);

/* Ends a second. True when the champion has drifted. */
bool drift_second(struct drift *drift);

#endif
