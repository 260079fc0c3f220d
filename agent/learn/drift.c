/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drift.h"

static double squared(double x)
{
	return x * x;
}

void drift_take(struct drift *drift, float champion, float statistical, bool is_violated)
{
	double label = is_violated;

	drift->minute_sum += squared((double)champion - label) - squared((double)statistical - label);
	drift->minute_count++;
}

static void minute_take(struct drift *drift, double x)
{
	drift->minutes++;
	drift->mean += (x - drift->mean) / drift->minutes;
	drift->sum += x - drift->mean - DRIFT_SLACK;
	if (drift->sum < drift->least)
		drift->least = drift->sum;
}

bool drift_second(struct drift *drift)
{
	if (++drift->seconds < 60)
		return false;
	if (drift->minute_count >= DRIFT_LABELS_MIN)
		minute_take(drift, drift->minute_sum / drift->minute_count);
	drift->minute_sum = 0;
	drift->minute_count = drift->seconds = 0;
	return drift->minutes >= DRIFT_MINUTES_MIN && drift->sum - drift->least > DRIFT_ALARM;
}
