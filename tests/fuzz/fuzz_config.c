/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first byte chooses between forestall.conf and an instance file; an error always names its line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "setup/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char problem[CONFIG_PROBLEM_MAX] = "", *text;
	struct config config;

	if (!size)
		return 0;
	text = strndup((const char *)data + 1, size - 1);
	config_init(&config);
	if (config_parse(&config, "f", data[0] & 1, text, problem) && strncmp(problem, "f:", 2))
		abort();
	config_find(&config, "/system.slice/web.service");
	config_done(&config);
	free(text);
	return 0;
}
