/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes of a log file in pieces of any size, through the splitter into the template miner: lines come out whole and in order
 * whatever the pieces, and templates stay bounded. The same bytes as a record of the kernel's log.
 */
#include <stdlib.h>
#include <string.h>

#include "predict/template.h"
#include "sense/logline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct templates templates;

struct taken {
	uint64_t bytes, lines, hash;
};

static void on_line(void *context, const char *line, size_t bytes)
{
	struct taken *taken = context;
	uint32_t idx = template_take(&templates, line, bytes, ++taken->lines);

	if (!bytes || bytes > LOG_LINE_MAX || memchr(line, '\n', bytes) || idx >= templates.count ||
	    templates.count > TEMPLATES_MAX || !templates.at[idx].name_hash ||
	    !memchr(templates.at[idx].text, 0, TEMPLATE_TEXT_MAX) || severity_guess(line, bytes) >= SEVERITY_COUNT)
		abort();
	taken->bytes += bytes;
	for (size_t i = 0; i < bytes; i++)
		taken->hash = taken->hash * 31 + (uint8_t)line[i];
}

static struct taken lines_of(const char *bytes, size_t size, size_t piece)
{
	struct logline logline = { .bytes = 0 };
	struct taken taken = { 0 };

	for (size_t at = 0; at < size; at += piece) {
		size_t count = size - at < piece ? size - at : piece;
		char *exact = malloc(count);

		memcpy(exact, bytes + at, count);
		logline_push(&logline, exact, count, on_line, &taken);
		free(exact);
	}
	return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct logline_kmsg kmsg;
	struct taken whole, pieces;
	char *exact = malloc(size ?: 1);

	memcpy(exact, data, size);
	if (!logline_kmsg_parse(exact, size, &kmsg) &&
	    (kmsg.severity >= SEVERITY_COUNT || kmsg.bytes > size || !memchr(kmsg.path, 0, sizeof(kmsg.path))))
		abort();
	free(exact);
	whole = lines_of((const char *)data, size, size ?: 1);
	pieces = lines_of((const char *)data, size, size ? 1 + data[0] % 16 : 1);
	if (whole.bytes != pieces.bytes || whole.lines != pieces.lines || whole.hash != pieces.hash)
		abort();
	return 0;
}
