/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "details.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int details_init(struct details *details)
{
	details->head = details->count = 0;
	for (uint32_t detail = 1; detail < NERVE_DETAILS_MAX; detail++)
		details->free[details->count++] = detail;
	details->mark = calloc(NERVE_DETAILS_MAX, sizeof(*details->mark));
	return details->mark ? 0 : -ENOMEM;
}

void details_done(struct details *details)
{
	free(details->mark);
	details->mark = NULL;
}

uint32_t details_take(struct details *details, struct nerve *nerve)
{
	uint32_t detail;

	if (!details->count)
		return 0;
	detail = details->free[details->head];
	details->head = (details->head + 1) % NERVE_DETAILS_MAX;
	details->count--;
	nerve_detail_reset(nerve, detail);
	memset(&details->mark[detail], 0, sizeof(details->mark[detail]));
	return detail;
}

void details_give(struct details *details, uint32_t detail)
{
	if (detail)
		details->free[(details->head + details->count++) % NERVE_DETAILS_MAX] = detail;
}
