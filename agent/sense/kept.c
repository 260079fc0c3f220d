/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kept.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Oldest first. */
struct kept {
	struct {
		char *path;
		struct slo slo;
	} item[KEPT_MAX];
	uint32_t count;
};

struct kept *kept_new(void)
{
	return calloc(1, sizeof(struct kept));
}

void kept_free(struct kept *kept)
{
	for (uint32_t i = 0; kept && i < kept->count; i++)
		free(kept->item[i].path);
	free(kept);
}

static void item_remove(struct kept *kept, uint32_t at)
{
	free(kept->item[at].path);
	kept->count--;
	memmove(&kept->item[at], &kept->item[at + 1], (kept->count - at) * sizeof(kept->item[0]));
}

bool kept_take(struct kept *kept, const char *path, struct slo *ret)
{
	for (uint32_t i = kept->count; i-- > 0;) {
		if (strcmp(kept->item[i].path, path))
			continue;
		*ret = kept->item[i].slo;
		item_remove(kept, i);
		return true;
	}
	return false;
}

void kept_put(struct kept *kept, const char *path, const struct slo *slo)
{
	struct slo before;
	char *copy = strdup(path);

	if (!copy)
		return;
	kept_take(kept, path, &before);
	if (kept->count == KEPT_MAX)
		item_remove(kept, 0);
	kept->item[kept->count].path = copy;
	kept->item[kept->count++].slo = *slo;
}
