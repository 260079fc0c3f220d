/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the pages of the four families of load call things, and in which units they show them. */
#ifndef DEMO_FAMILY_H
#define DEMO_FAMILY_H

#include <stdbool.h>

struct family {
	const char *name;
	const char *scene;	/* the sentence the page begins with */
	const char *demand;	/* of an antagonist, as forecast */
	double demand_scale;	/* from what replay prints to what is shown */
	const char *limit;	/* the antagonists' main limit */
	double limit_top;
	const char *usage;	/* what the antagonists got */
	double usage_top;
	bool usage_is_level;	/* shown as it is; else its growth per second */
};

/* NULL when there is none of that name. Static storage. */
const struct family *family_find(const char *name);

#endif
