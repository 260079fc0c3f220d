/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of applications: whatever comes, a sample that is taken has a name and a number, and a line that is not has a reason. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sense/appline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void line_check(const char *line, size_t bytes, struct appline_types *types)
{
	char *exact = malloc(bytes ?: 1);	/* so that one byte too many is seen */
	const char *why = NULL;
	struct appline ret;
	int r;

	memcpy(exact, line, bytes);
	r = appline_parse(exact, bytes, types, &ret, &why);
	if (r == 1 && (!ret.name[0] || !memchr(ret.name, 0, sizeof(ret.name)) || !isfinite(ret.value) || !(ret.weight >= 1) ||
		       ret.kind >= APP_KIND_COUNT))
		abort();
	if (r < 0 && (r != -EINVAL || !why))
		abort();
	free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct appline_types types = { .count = 0 };
	const char *text = (const char *)data;

	while (size) {
		const char *end = memchr(text, '\n', size);
		size_t bytes = end ? (size_t)(end - text) : size;

		line_check(text, bytes, &types);
		text += bytes + (end != NULL);
		size -= bytes + (end != NULL);
	}
	return 0;
}
