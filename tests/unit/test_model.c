/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Model files: exact round trip, and no damage gets through. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "predict/feature.h"
#include "predict/forecast.h"
#include "predict/model.h"
#include "sense/modelfile.h"
#include "predict/train.h"

static struct model model, parsed;
static char message[MODEL_MESSAGE_MAX];
static uint8_t *file;	/* of exactly file_size bytes, so that ASan sees a read past it */
static size_t file_size;

static void make_model(uint32_t hidden, const char *provenance)
{
	uint32_t noise = 1;

	memset(&model, 0, sizeof(model));
	model.reference.config = (struct lstm_config) { FEATURE_COUNT, hidden, OUTPUT_COUNT, OUTPUT_DIRECT };
	for (uint32_t i = 0; i < FEATURE_COUNT; i++) {
		model.reference.input_low[i] = -(float)i / 16;
		model.reference.input_high[i] = 1 + (float)i / 8;
	}
	for (enum lstm_tensor tensor = 0; tensor < LSTM_TENSOR_COUNT; tensor++) {
		size_t count;
		float *values = lstm_float_tensor(&model.reference, tensor, &count);

		for (size_t i = 0; i < count; i++) {
			noise = noise * 1664525 + 1013904223;
			values[i] = (float)(int32_t)noise / 4e9f;
		}
	}
	assert_int_equal(train_quantize(&model.reference, &model.weights), 0);
	snprintf(model.provenance, sizeof(model.provenance), "%s", provenance);
}

static void format_model(void)
{
	uint8_t *room = malloc(MODEL_BYTES_MAX);
	int r = model_format(&model, room, MODEL_BYTES_MAX, &file_size, message, sizeof(message));

	if (r < 0)
		print_message("%s\n", message);
	assert_int_equal(r, 0);
	free(file);
	file = malloc(file_size);
	memcpy(file, room, file_size);
	free(room);
}

static int make_small_file(void **state)
{
	(void)state;
	make_model(16, "{\"trainer\": \"test\", \"note\": \"sch\xc3\xb6n\"}");
	format_model();
	memset(&parsed, 0x5a, sizeof(parsed));
	return 0;
}

static int free_file(void **state)
{
	(void)state;
	free(file);
	file = NULL;
	return 0;
}

static int parse(const uint8_t *bytes, size_t size)
{
	strcpy(message, "unset");
	return model_parse(bytes, size, &parsed, message, sizeof(message));
}

/* Where text is in the file. */
static size_t find(const char *text)
{
	const uint8_t *at = memmem(file, file_size, text, strlen(text));

	assert_non_null(at);
	return (size_t)(at - file);
}

/* The checksum made right again after the payload of the record at header was changed. */
static void seal(const char *name)
{
	char start[64], checksum[16];
	size_t size, header, payload;
	char *end;

	snprintf(start, sizeof(start), "record %s ", name);
	header = find(start) + strlen(start);
	size = strtoul((char *)file + header, &end, 10);
	payload = (size_t)((uint8_t *)end - file) + 1 + 9;
	snprintf(checksum, sizeof(checksum), "%08lx", crc32(0, file + payload, (uInt)size));
	memcpy(end + 1, checksum, 8);
}

static uint8_t *payload_of(const char *name)
{
	char start[64];
	uint8_t *at;

	snprintf(start, sizeof(start), "record %s ", name);
	at = file + find(start);
	return (uint8_t *)memchr(at, '\n', 64) + 1;
}

static void assert_refused(int error, const char *words)
{
	static struct model before;

	memset(&parsed, 0x5a, sizeof(parsed));
	before = parsed;
	assert_int_equal(parse(file, file_size), error);
	if (!strstr(message, words))
		fail_msg("'%s' does not say '%s'", message, words);
	assert_non_null(strstr(message, "forestall model train"));
	assert_null(strchr(message, '\n'));
	assert_memory_equal(&parsed, &before, sizeof(parsed));
}

static void round_trip_is_exact(void **state)
{
	(void)state;
	for (uint32_t hidden = 16; hidden <= 64; hidden += 16) {
		make_model(hidden, hidden == 32 ? "" : "{}\n\xf0\x9f\x90\xa2");
		format_model();
		assert_int_equal(parse(file, file_size), 0);
		assert_string_equal(message, "");
		assert_memory_equal(&parsed, &model, sizeof(model));
		print_message("H = %u: %zu bytes\n", hidden, file_size);
	}
}

static void checksums_are_those_of_zlib(void **state)
{
	uint8_t *copy = malloc(file_size);

	(void)state;
	memcpy(copy, file, file_size);
	seal("gates");
	seal("features");
	assert_memory_equal(copy, file, file_size);
	free(copy);
}

/* A bit, all bits, or a digit's neighbour in turn, all three in the first lines: whatever changes is refused. */
static void every_corrupted_byte_is_refused(void **state)
{
	static const uint8_t flips[] = { 0x01, 0x80, 0xff };

	(void)state;
	for (size_t i = 0; i < file_size; i++) {
		for (size_t f = 0; f < sizeof(flips); f++) {
			if (i > 1024 && f != i % sizeof(flips))
				continue;
			file[i] ^= flips[f];
			if (parse(file, file_size) == 0)
				fail_msg("byte %zu ^ %#x got through", i, flips[f]);
			assert_true(message[0] != 0);
			file[i] ^= flips[f];
		}
	}
	assert_int_equal(parse(file, file_size), 0);
}

/* Each length in a buffer of its own size, so that a read past it shows. */
static void every_truncation_is_refused(void **state)
{
	(void)state;
	for (size_t size = 0; size < file_size; size++) {
		uint8_t *cut = malloc(size > 0 ? size : 1);

		memcpy(cut, file, size);
		if (parse(cut, size) != -EBADMSG)
			fail_msg("%zu of %zu bytes: %s", size, file_size, message);
		free(cut);
	}
}

static void each_damage_has_its_own_message(void **state)
{
	(void)state;
	file[0] = 'F';
	assert_refused(-EBADMSG, "not a forestall model");
	make_small_file(state);
	file[strlen("forestall-model ")] = '2';
	assert_refused(-EPROTONOSUPPORT, "format version 2, this build reads 3");
	make_small_file(state);
	payload_of("gates")[9] ^= 1;
	assert_refused(-EBADMSG, "checksum of record 'gates' differs");
	make_small_file(state);
	file[find("record head ")] = 'R';
	assert_refused(-EBADMSG, "header of record 'head'");
	make_small_file(state);
	payload_of("config")[-11] = '7';
	assert_refused(-EBADMSG, "record 'config' has 17 bytes");
	make_small_file(state);
	file_size -= 100;
	assert_refused(-EBADMSG, "ends before record 'float_direct' does");
	make_small_file(state);
	file[file_size - 1] = ' ';
	assert_refused(-EBADMSG, "record 'float_direct' is not closed");
}

static void surplus_bytes_are_refused(void **state)
{
	(void)state;
	file = realloc(file, file_size + 1);
	file[file_size++] = '\n';
	assert_refused(-EBADMSG, "1 bytes after the last record");
	file = realloc(file, MODEL_BYTES_MAX + 1);
	file_size = MODEL_BYTES_MAX + 1;
	assert_refused(-EFBIG, "too large");
}

static void another_feature_table_is_refused(void **state)
{
	(void)state;
	memcpy(payload_of("features") + strlen("own_cpu\n"), "all", 3);
	seal("features");
	assert_refused(-EINVAL, "input 1 is 'all_events', here 'own_events'");
}

static void another_shape_is_refused(void **state)
{
	(void)state;
	payload_of("config")[0] = 40;
	seal("config");
	assert_refused(-EINVAL, "40 inputs and 168 outputs, 48 of them direct, this build has 64, 168 and 48");
	make_small_file(state);
	payload_of("config")[4] = 24;
	seal("config");
	assert_refused(-EINVAL, "hidden size 24");
	make_small_file(state);
	memset(payload_of("config") + 4, 0xff, 4);
	seal("config");
	assert_refused(-EINVAL, "hidden size 4294967295");
	make_small_file(state);
	payload_of("config")[4] = 32;
	seal("config");
	assert_refused(-EBADMSG, "does not fit its kind");
}

static void put_float(const char *name, size_t i, float value)
{
	memcpy(payload_of(name) + i * sizeof(value), &value, sizeof(value));
	seal(name);
}

static void values_out_of_bounds_are_refused(void **state)
{
	(void)state;
	put_float("gate_scale", 3, NAN);
	assert_refused(-ERANGE, "value 3 of record 'gate_scale' is nan");
	make_small_file(state);
	put_float("head_scale", 53, -1);
	assert_refused(-ERANGE, "value 53 of record 'head_scale'");
	make_small_file(state);
	put_float("gate_scale", 0, 0);
	assert_refused(-ERANGE, "'gate_scale'");
	make_small_file(state);
	put_float("input_scale", 0, INFINITY);
	assert_refused(-ERANGE, "'input_scale'");
	make_small_file(state);
	put_float("float_gates", 7, NAN);
	assert_refused(-ERANGE, "'float_gates'");
	make_small_file(state);
	payload_of("gates")[0] = 64;
	seal("gates");
	assert_refused(-ERANGE, "value 0 of record 'gates' is 64");
}

static void provenance_must_be_text(void **state)
{
	static const char *const bad[] = { "\x80", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff" };
	static uint8_t room[MODEL_BYTES_MAX];
	size_t size = 7;

	(void)state;
	payload_of("provenance")[5] = 0;
	seal("provenance");
	assert_refused(-EBADMSG, "provenance is not UTF-8 text at byte 5");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		make_model(16, bad[i]);
		assert_int_equal(model_format(&model, room, sizeof(room), &size, message, sizeof(message)), -EBADMSG);
	}
	make_model(16, "");
	memset(model.provenance, 'x', sizeof(model.provenance));
	assert_int_equal(model_format(&model, room, sizeof(room), &size, message, sizeof(message)), -EINVAL);
	model.provenance[MODEL_PROVENANCE_MAX] = 0;
	assert_int_equal(size, 7);
	assert_int_equal(model_format(&model, room, sizeof(room), &size, message, sizeof(message)), 0);
}

static void formatting_needs_room_and_sense(void **state)
{
	static uint8_t room[MODEL_BYTES_MAX];
	size_t size = 7;

	(void)state;
	for (size_t limit = 0; limit < file_size; limit += 997)
		assert_int_equal(model_format(&model, room, limit, &size, message, sizeof(message)), -ENOSPC);
	model.reference.gate[0] = NAN;
	assert_int_equal(model_format(&model, room, sizeof(room), &size, message, sizeof(message)), -ERANGE);
	model.reference.config.hidden = 32;
	assert_int_equal(model_format(&model, room, sizeof(room), &size, message, sizeof(message)), -EINVAL);
	assert_int_equal(size, 7);
}

/* The largest model that can be fits with the longest provenance. */
static void largest_model_fits(void **state)
{
	(void)state;
	make_model(LSTM_HIDDEN_MAX, "");
	memset(model.provenance, 'x', MODEL_PROVENANCE_MAX);
	format_model();
	assert_int_equal(parse(file, file_size), 0);
	assert_memory_equal(&parsed, &model, sizeof(model));
}

static void saved_file_loads_again(void **state)
{
	char directory[] = "/tmp/test_model.XXXXXX", path[64];
	struct stat status;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/default.model", directory);
	assert_int_equal(model_save(path, &model, message, sizeof(message)), 0);
	assert_string_equal(message, "");
	assert_int_equal(model_save(path, &model, message, sizeof(message)), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0644);
	assert_int_equal(model_load(path, &parsed, message, sizeof(message)), 0);
	assert_memory_equal(&parsed, &model, sizeof(model));

	assert_int_equal(truncate(path, 1000), 0);
	assert_int_equal(model_load(path, &parsed, message, sizeof(message)), -EBADMSG);
	assert_memory_equal(message, "model /tmp/", 11);
	model.weights.config.hidden = 5;
	assert_int_equal(model_save(path, &model, message, sizeof(message)), -EINVAL);
	unlink(path);
	/* Fails unless every temporary file is gone. */
	assert_int_equal(rmdir(directory), 0);
}

static void file_errors_name_the_file(void **state)
{
	(void)state;
	assert_int_equal(model_load("/nonexistent/x", &parsed, message, sizeof(message)), -ENOENT);
	assert_string_equal(message, "model /nonexistent/x: cannot open: No such file or directory");
	assert_int_equal(model_save("/nonexistent/x", &model, message, sizeof(message)), -ENOENT);
	assert_non_null(strstr(message, "cannot write"));
	assert_int_equal(model_load("/dev/zero", &parsed, message, sizeof(message)), -EFBIG);
	assert_int_equal(model_load("/tmp", &parsed, message, sizeof(message)), -EISDIR);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_small_file, free_file)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(round_trip_is_exact),
		TEST(checksums_are_those_of_zlib),
		TEST(every_corrupted_byte_is_refused),
		TEST(every_truncation_is_refused),
		TEST(each_damage_has_its_own_message),
		TEST(surplus_bytes_are_refused),
		TEST(another_feature_table_is_refused),
		TEST(another_shape_is_refused),
		TEST(values_out_of_bounds_are_refused),
		TEST(provenance_must_be_text),
		TEST(formatting_needs_room_and_sense),
		TEST(largest_model_fits),
		TEST(saved_file_loads_again),
		TEST(file_errors_name_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
