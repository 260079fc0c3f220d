/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mind's side of the socket to the hands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "act/hands.h"

#define SLOT 3

static int hands_listen(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)) | listen(fd, 1), 0);
	return fd;
}

/* Reads what the mind said, and answers that it was done. The count of actions. */
static uint32_t messages_answer(int fd, struct hands *hands)
{
	static struct message message;
	static struct result result;
	uint32_t actions = 0;

	while (recv(fd, &message, sizeof(message), MSG_DONTWAIT) > 0) {
		result = (struct result){ .version = PROTOCOL_VERSION, .kind = MESSAGE_RESULT, .mode = MODE_ENFORCE, .count = message.count };
		send(fd, &result, offsetof(struct result, item) + result.count * sizeof(result.item[0]), 0);
		actions += message.count;
	}
	while (hands_answer(hands, &result))
		;
	return actions;
}

static void nothing_is_owed_by_who_is_gone(void **state)
{
	static struct predictor_instance instance[SLOT + 1];
	static struct plan plan = { .id = 1, .time_ns = 1000000000ull, .count = 1, .action = { { .slot = SLOT, .knob = KNOB_CPU_WEIGHT, .value = 1 } } };
	uint32_t live[] = { SLOT };
	struct predictor predictor = { .instance = instance, .live = live, .live_count = 1 };
	struct mind mind = { .predictor = &predictor, .policy = { .lease_ms = 2000 } };
	struct hands *hands;
	char path[64];
	int listener, fd;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/test_hands.%d", getpid());
	listener = hands_listen(path);
	hands = hands_new(path, SLOT + 1);
	hands_plan(hands, &mind, &plan);
	fd = accept(listener, NULL, NULL);
	assert_int_equal(messages_answer(fd, hands), 1);
	assert_true(hands_owe(hands));
	/* Its cgroup goes, and nothing more is wanted. */
	predictor.live_count = 0;
	plan = (struct plan){ .id = 2, .time_ns = plan.time_ns + 100000000 };
	hands_plan(hands, &mind, &plan);
	assert_int_equal(messages_answer(fd, hands), 0);
	assert_false(hands_owe(hands));
	assert_null(hands_outcome(hands, SLOT, KNOB_CPU_WEIGHT));
	hands_free(hands);
	close(fd);
	close(listener);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_owed_by_who_is_gone),
	};

	return cmocka_run_group_tests_name("hands", tests, NULL, NULL);
}
