/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whatever model_parse takes is whole: it comes back from model_format byte for byte and speaks in finite numbers; what it does not take is
 * named and changes nothing. Checksums are made right first for every other input: else nothing behind them would ever be reached.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "predict/model.h"
#include "predict/model_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Walks the records as far as they are some. */
static void checksums_mend(uint8_t *bytes, size_t size)
{
	uint8_t *at = memchr(bytes, '\n', size);

	while (at) {
		size_t left = (size_t)(bytes + size - ++at), length;
		uint8_t *end = memchr(at, '\n', left);
		char head[128] = "", name[64], checksum[16];

		if (!end || (size_t)(end - at) >= sizeof(head))
			return;
		memcpy(head, at, (size_t)(end - at));
		if (sscanf(head, "record %63s %9zu %*8s", name, &length) != 2 || end - at < 8 ||
		    length > (size_t)(bytes + size - end - 1))
			return;
		snprintf(checksum, sizeof(checksum), "%08x", model_checksum(end + 1, length));
		memcpy(end - 8, checksum, 8);
		at = end + 1 + length;
		if (at >= bytes + size)
			return;
	}
}

static void model_speak(const struct model *model)
{
	static float input[LSTM_INPUT_MAX], output[LSTM_OUTPUT_MAX];
	struct lstm_state state = { 0 }, *states[] = { &state };

	for (int step = 0; step < 3; step++) {
		lstm_step(&model->weights, LSTM_PORTABLE, states, input, output, 1);
		for (uint32_t i = 0; i < model->weights.config.output; i++)
			if (!isfinite(output[i]))
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct model model, before;
	static uint8_t again[MODEL_BYTES_MAX];
	char message[MODEL_MESSAGE_MAX] = "x";
	uint8_t *exact = malloc(size ?: 1);
	size_t written = 0;

	memcpy(exact, data, size);
	if (size & 1)
		checksums_mend(exact, size);
	before = model;
	if (model_parse(exact, size, &model, message, sizeof(message)) < 0) {
		if (!message[0] || strchr(message, '\n') || memcmp(&model, &before, sizeof(model)))
			abort();
	} else {
		if (message[0] || model_format(&model, again, sizeof(again), &written, message, sizeof(message)) ||
		    written != size || memcmp(again, exact, size))
			abort();
		model_speak(&model);
	}
	free(exact);
	return 0;
}
