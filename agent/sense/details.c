/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "details.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REST (WIRE_DETAIL_BLOCK / 2)	/* so many others are given out before one that was given back, while there are others */

int details_init(struct details *details)
{
	details->head = details->count = 0;
	details->fresh = 1;
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
	bool is_fresh = details->fresh < NERVE_DETAILS_MAX && details->count <= REST;
	uint32_t detail = is_fresh ? details->fresh : details->free[details->head];

	if ((!is_fresh && !details->count) || nerve_detail_reset(nerve, detail))
		return 0;
	if (is_fresh) {
		details->fresh++;
	} else {
		details->head = (details->head + 1) % NERVE_DETAILS_MAX;
		details->count--;
	}
	memset(&details->mark[detail], 0, sizeof(details->mark[detail]));
	return detail;
}

void details_give(struct details *details, uint32_t detail)
{
	if (detail)
		details->free[(details->head + details->count++) % NERVE_DETAILS_MAX] = detail;
}
