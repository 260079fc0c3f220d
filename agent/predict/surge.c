/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "surge.h"

#include <math.h>
#include <stddef.h>

#define JUMP 2.0f	/* four times the baseline, when the second before */
#define CALM 1.0f	/* was below twice */
#define RATE_CALM (1.0f / 16)
#define RATE_UP (1.0f / 64)
#define TRACE_KEPT 0.7f
#define CORRELATION_RATE (1.0f / 32)
#define VARIANCE_MIN 1e-4f

/* Added to rate and baseline: what is nothing to speak of. */
static const float floor_of[SURGE_RATE_COUNT] = { [SURGE_FORKS] = 3, [SURGE_PACKETS] = 20, [SURGE_CPU] = 4 };

static void follow(float *mean, float value, float rate)
{
	*mean += rate * (value - *mean);
}

/* Whether this second is a jump. */
static int rate_second(struct surge *surge, enum surge_rate i, float rate)
{
	float before = surge->up[i], up;

	if (!surge->seconds)
		surge->base[i] = rate;
	up = log2f((rate + floor_of[i]) / (surge->base[i] + floor_of[i]));
	surge->up[i] = up;
	follow(&surge->base[i], rate, up > CALM ? RATE_UP : RATE_CALM);
	return surge->seconds >= SURGE_SETTLED_S && up >= JUMP && before < CALM;
}

static void correlate(struct surge *surge, float cpu)
{
	follow(&surge->trace_mean, surge->trace, CORRELATION_RATE);
	follow(&surge->trace_square, surge->trace * surge->trace, CORRELATION_RATE);
	follow(&surge->cpu_mean, cpu, CORRELATION_RATE);
	follow(&surge->cpu_square, cpu * cpu, CORRELATION_RATE);
	follow(&surge->product, surge->trace * cpu, CORRELATION_RATE);
}

uint32_t surge_second(struct surge *surge, const float rate[SURGE_RATE_COUNT], float events)
{
	uint32_t jumped = 0;

	for (int i = 0; i < SURGE_RATE_COUNT; i++)
		jumped |= (uint32_t)rate_second(surge, (enum surge_rate)i, rate[i]) << i;
	/* What came in the seconds before this one is held against its load. */
	correlate(surge, rate[SURGE_CPU] / 100);
	events += (float)__builtin_popcount(jumped & ~(1u << SURGE_CPU));
	surge->trace = fmaxf(surge->trace * TRACE_KEPT, log2f(1 + events));
	surge->seconds++;
	return jumped;
}

float surge_follows(const struct surge *surge)
{
	float trace = surge->trace_square - surge->trace_mean * surge->trace_mean;
	float cpu = surge->cpu_square - surge->cpu_mean * surge->cpu_mean;
	float both = surge->product - surge->trace_mean * surge->cpu_mean;

	if (trace < VARIANCE_MIN || cpu < VARIANCE_MIN || both <= 0)
		return 0;
	return surge->trace * fminf(both / sqrtf(trace * cpu), 1);
}

uint32_t surge_kind(enum surge_rate rate, const char *path)
{
	uint32_t hash = 2166136261u ^ ((uint32_t)rate + 1) * 0x9e3779b9u;

	for (; path && *path; path++)
		hash = (hash ^ (unsigned char)*path) * 16777619u;
	return hash ? hash : 1;
}
