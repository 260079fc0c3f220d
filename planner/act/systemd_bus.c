/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdbool.h>
#include <time.h>

#include "bounds.h"
#include "log.h"
#include "systemd.h"
#include "systemd_bus.h"

/* One process has one pair of hands, and one connection. */
static struct {
	sd_bus *bus;
	uint64_t rest_until_us;
	bool is_silent;		/* it was said that nobody answers */
} wire;

struct answer {
	sd_bus_message *reply;
	bool is_done;
};

static uint64_t clock_us(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

static void bus_close(void)
{
	wire.bus = sd_bus_close_unref(wire.bus);
}

/* A bus that hangs for an hour is worth one line, and one when it is back. */
static int bus_rest(const char *why)
{
	if (!wire.is_silent)
		log_line("systemd: %s; asked again every %d s until it answers", why, SYSTEMD_REST_MS / 1000);
	wire.is_silent = true;
	wire.rest_until_us = clock_us() + SYSTEMD_REST_MS * 1000ull;
	return -EHOSTDOWN;
}

int systemd_bus_open(sd_bus **ret)
{
	if (clock_us() < wire.rest_until_us)
		return -EHOSTDOWN;
	if (wire.bus && sd_bus_is_open(wire.bus) <= 0)
		bus_close();
	/* Does not wait: the greeting goes on while the first call is on its way. */
	if (!wire.bus && sd_bus_open_system(&wire.bus) < 0)
		return bus_rest("no system bus");
	*ret = wire.bus;
	return 0;
}

static int answer_take(sd_bus_message *reply, void *arg, sd_bus_error *error)
{
	struct answer *answer = arg;

	(void)error;
	answer->reply = sd_bus_message_ref(reply);
	answer->is_done = true;
	return 1;
}

/*
 * sd_bus_call() waits for the greeting of the bus without any limit; this does not. A connection that is slow is kept:
 * what was sent on it comes before what is sent later.
 */
static int answer_wait(struct answer *answer, uint64_t deadline_us)
{
	while (!answer->is_done) {
		uint64_t now_us = clock_us();
		int r;

		if (now_us >= deadline_us)
			return bus_rest("no answer in time");
		r = sd_bus_process(wire.bus, NULL);
		if (r == 0)
			r = sd_bus_wait(wire.bus, deadline_us - now_us);
		if (r < 0 && r != -EINTR) {
			bus_close();
			return bus_rest("the bus went away");
		}
	}
	return 0;
}

static void bus_is_back(void)
{
	if (wire.is_silent)
		log_line("systemd: answers again");
	wire.is_silent = false;
}

/* The bus' own errors mean that systemd has not heard of it. */
static int error_number(const sd_bus_error *error)
{
	static const char *const SILENCE[] = {
		SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER,
		SD_BUS_ERROR_DISCONNECTED, SD_BUS_ERROR_TIMEOUT,
	};

	for (size_t i = 0; i < sizeof(SILENCE) / sizeof(*SILENCE); i++)
		if (sd_bus_error_has_name(error, SILENCE[i]))
			return bus_rest(error->name);
	bus_is_back();
	if (sd_bus_error_has_name(error, SYSTEMD_NAME ".NoSuchUnit") ||
	    sd_bus_error_has_name(error, SYSTEMD_NAME ".LoadFailed") ||
	    sd_bus_error_has_name(error, SD_BUS_ERROR_UNKNOWN_OBJECT))
		return -ENOENT;
	log_line("systemd: %s: %s", error->name, error->message);
	return sd_bus_error_get_errno(error) > 0 ? -sd_bus_error_get_errno(error) : -EIO;
}

int systemd_bus_call(sd_bus_message *message, sd_bus_message **ret_reply)
{
	struct answer answer = { 0 };
	sd_bus_slot *slot = NULL;
	int r;

	r = sd_bus_call_async(wire.bus, &slot, message, answer_take, &answer, 0);
	if (r >= 0)
		r = answer_wait(&answer, clock_us() + SYSTEMD_CALL_MS * 1000ull);
	else
		r = bus_rest("nothing can be sent");
	sd_bus_slot_unref(slot);
	if (r == 0 && sd_bus_message_is_method_error(answer.reply, NULL) > 0)
		r = error_number(sd_bus_message_get_error(answer.reply));
	else if (r == 0)
		bus_is_back();
	if (r == 0 && ret_reply)
		*ret_reply = sd_bus_message_ref(answer.reply);
	sd_bus_message_unref(answer.reply);
	return r;
}
