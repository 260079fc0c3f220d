/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whatever slo_parse takes comes back from slo_format, and no wish loosens it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "predict/slo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size), again[SLO_TEXT_MAX];
	struct slo slo, same, wish;
	struct slo_error error = { 0 };

	if (slo_parse(text, &slo, &error) == 0) {
		slo_format(&slo, again);
		if (slo_parse(again, &same, &error) || memcmp(&slo, &same, sizeof(slo)))
			abort();
		slo_init(&wish);
		slo_tighten(&wish, &slo);
		if (slo_is_bound(&wish) || wish.tier > TIER_STANDARD)
			abort();
	} else if (!error.column || error.column > SLO_TEXT_MAX || !error.reason[0]) {
		abort();
	}
	free(text);
	return 0;
}
