/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "units.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>

#include "host.h"

#define RETRY_NS 10000000000ull
#define ASKS_MAX 16	/* under way at once */
#define MANAGER "org.freedesktop.systemd1"
#define UNIT_PREFIX "/org/freedesktop/systemd1/unit"
#define SERVICE MANAGER ".Service"

struct ask {
	struct units *units;
	char unit[OBSERVE_PATH_MAX];	/* "": free */
};

struct units {
	struct watch *watch;
	sd_bus *bus;		/* NULL: not connected */
	uint64_t retry_ns;
	uint32_t asked_slot;	/* up to here services were asked for their MainPID */
	struct ask ask[ASKS_MAX];
};

/* What one signal may say; times in us, 0 where it says nothing. */
struct change {
	char result[32], active[32];
	uint32_t main_pid, exec_pid;
	int32_t code, status;
	uint64_t exited_us, entered_us, changed_us;
};

struct units *units_new(struct watch *watch)
{
	struct units *units = calloc(1, sizeof(*units));

	if (units)
		units->watch = watch;
	return units;
}

static void bus_drop(struct units *units)
{
	units->bus = sd_bus_close_unref(units->bus);
	units->asked_slot = 0;
	memset(units->ask, 0, sizeof(units->ask));
	watch_systemd(units->watch, false);
}

void units_free(struct units *units)
{
	if (!units)
		return;
	bus_drop(units);
	free(units);
}

static int value_read(sd_bus_message *message, const char *type, void *ret, size_t size)
{
	const char *text;
	int r = sd_bus_message_enter_container(message, 'v', type);

	if (r < 0)
		return r;
	if (type[0] != 's')
		r = sd_bus_message_read_basic(message, type[0], ret);
	else if ((r = sd_bus_message_read_basic(message, 's', &text)) > 0 && strlen(text) < size)
		strcpy(ret, text);
	return r < 0 ? r : sd_bus_message_exit_container(message);
}

/* A property that we know, of the type that it has had since there is systemd; any other is skipped. */
static int property_read(sd_bus_message *message, struct change *change)
{
	static const struct {
		const char *name, *type;
		size_t offset;
	} known[] = {
#define KNOWN(name, type, field) { name, type, offsetof(struct change, field) }
		KNOWN("Result", "s", result), KNOWN("ActiveState", "s", active), KNOWN("MainPID", "u", main_pid),
		KNOWN("ExecMainPID", "u", exec_pid), KNOWN("ExecMainCode", "i", code), KNOWN("ExecMainStatus", "i", status),
		KNOWN("ExecMainExitTimestampMonotonic", "t", exited_us),
		KNOWN("ActiveEnterTimestampMonotonic", "t", entered_us), KNOWN("StateChangeTimestampMonotonic", "t", changed_us),
#undef KNOWN
	};
	const char *name, *contents;
	char type;
	int r = sd_bus_message_read_basic(message, 's', &name);

	if (r <= 0)
		return r < 0 ? r : -EBADMSG;
	r = sd_bus_message_peek_type(message, &type, &contents);
	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(name, known[i].name) && type == 'v' && !strcmp(contents, known[i].type))
			return value_read(message, contents, (char *)change + known[i].offset, sizeof(change->result));
	return sd_bus_message_skip(message, "v");
}

static int change_read(sd_bus_message *message, struct change *change)
{
	const char *interface;
	int r = sd_bus_message_read_basic(message, 's', &interface);

	if (r > 0)
		r = sd_bus_message_enter_container(message, 'a', "{sv}");
	while (r > 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
		r = property_read(message, change);
		if (r >= 0)
			r = sd_bus_message_exit_container(message);
	}
	return r;
}

/* Of the results that systemd knows those that say more than "failed". */
static enum failure_cause cause_of(const char *result)
{
	static const struct {
		const char *result;
		enum failure_cause cause;
	} causes[] = { { "exit-code", FAILURE_EXIT }, { "signal", FAILURE_SIGNAL }, { "core-dump", FAILURE_SIGNAL },
		       { "watchdog", FAILURE_WATCHDOG }, { "oom-kill", FAILURE_OOM } };

	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		if (!strcmp(causes[i].result, result))
			return causes[i].cause;
	return FAILURE_UNIT;
}

static uint64_t time_or_now(uint64_t us)
{
	return us ? us * 1000 : host_now_ns();
}

/* The watchdog speaks before its victim has ended, and of that it knows no status yet. */
static void result_tell(struct units *units, const char *unit, const struct change *change)
{
	struct observe_failure failure = { .cause = cause_of(change->result), .pid = change->exec_pid };

	failure.value = change->code ? (uint32_t)change->status : failure.cause == FAILURE_WATCHDOG ? SIGABRT : 0;
	failure.time_ns = time_or_now(change->exited_us);
	watch_unit_failed(units->watch, unit, &failure);
}

static void change_take(struct units *units, const char *unit, const struct change *change)
{
	struct observe_failure failed = { .cause = FAILURE_UNIT, .time_ns = time_or_now(change->changed_us) };

	if (change->result[0] && strcmp(change->result, "success"))
		result_tell(units, unit, change);
	watch_unit_main(units->watch, unit, change->main_pid);
	if (!strcmp(change->active, "failed"))
		watch_unit_failed(units->watch, unit, &failed);
	else if (!strcmp(change->active, "active"))
		watch_unit_active(units->watch, unit, time_or_now(change->entered_us));
}

static int on_changed(sd_bus_message *message, void *context, sd_bus_error *error)
{
	struct change change = { 0 };
	char *unit = NULL;

	(void)error;
	if (sd_bus_path_decode(sd_bus_message_get_path(message), UNIT_PREFIX, &unit) > 0 && strlen(unit) < OBSERVE_PATH_MAX &&
	    change_read(message, &change) >= 0)
		change_take(context, unit, &change);
	free(unit);
	return 0;
}

static int on_subscribed(sd_bus_message *message, void *context, sd_bus_error *error)
{
	struct units *units = context;

	(void)error;
	watch_systemd(units->watch, !sd_bus_message_is_method_error(message, NULL));
	return 0;
}

/* systemd tells nobody of changes before somebody subscribed. */
static int bus_subscribe(struct units *units)
{
	static const char *const interfaces[] = { MANAGER ".Unit", SERVICE, MANAGER ".Scope" };
	char match[320];
	int r = 0;

	for (size_t i = 0; i < sizeof(interfaces) / sizeof(interfaces[0]) && r >= 0; i++) {
		snprintf(match, sizeof(match), "type='signal',sender='" MANAGER "',interface='org.freedesktop.DBus.Properties',"
			 "member='PropertiesChanged',path_namespace='" UNIT_PREFIX "',arg0='%s'", interfaces[i]);
		r = sd_bus_add_match_async(units->bus, NULL, match, on_changed, NULL, units);
	}
	if (r >= 0)
		r = sd_bus_call_method_async(units->bus, NULL, MANAGER, "/org/freedesktop/systemd1", MANAGER ".Manager",
					     "Subscribe", on_subscribed, units, NULL);
	return r;
}

static void bus_connect(struct units *units, uint64_t now_ns)
{
	if (now_ns < units->retry_ns)
		return;
	units->retry_ns = now_ns + RETRY_NS;
	/* Opening does not wait: the greeting goes on while the first calls are on their way. */
	if (sd_booted() <= 0 || sd_bus_open_system(&units->bus) < 0)
		return;
	if (bus_subscribe(units) < 0)
		bus_drop(units);
}

static int on_main(sd_bus_message *message, void *context, sd_bus_error *error)
{
	struct ask *ask = context;
	uint32_t pid = 0;

	(void)error;
	if (!sd_bus_message_is_method_error(message, NULL) && value_read(message, "u", &pid, sizeof(pid)) >= 0)
		watch_unit_main(ask->units->watch, ask->unit, pid);
	ask->unit[0] = '\0';
	return 0;
}

static int main_ask(struct units *units, struct ask *ask, const char *unit)
{
	char *path = NULL;
	int r = sd_bus_path_encode(UNIT_PREFIX, unit, &path);

	ask->units = units;
	strcpy(ask->unit, unit);
	if (r >= 0)
		r = sd_bus_call_method_async(units->bus, NULL, MANAGER, path, "org.freedesktop.DBus.Properties", "Get", on_main,
					     ask, "ss", SERVICE, "MainPID");
	free(path);
	if (r < 0)
		ask->unit[0] = '\0';
	return r;
}

/* Of the services that there are, once; those that start later say it by themselves. */
static void mains_ask(struct units *units)
{
	const char *unit;

	for (int i = 0; i < ASKS_MAX; i++) {
		if (units->ask[i].unit[0])
			continue;
		do
			unit = watch_service(units->watch, ++units->asked_slot);
		while (unit && !unit[0]);
		if (!unit) {
			units->asked_slot--;
			return;
		}
		main_ask(units, &units->ask[i], unit);
	}
}

/* It is greeted, or services were asked for. */
static bool is_awaiting(const struct units *units)
{
	bool is_asking = false;

	for (int i = 0; i < ASKS_MAX; i++)
		is_asking |= units->ask[i].unit[0];
	return is_asking || sd_bus_is_ready(units->bus) <= 0;
}

bool units_tick(struct units *units, uint64_t now_ns)
{
	int r = 1;

	if (!units->bus)
		bus_connect(units, now_ns);
	for (int i = 0; units->bus && i < UNITS_MESSAGES_MAX && r > 0; i++)
		r = sd_bus_process(units->bus, NULL);
	if (units->bus && (r < 0 || sd_bus_is_open(units->bus) <= 0))
		bus_drop(units);
	else if (units->bus)
		mains_ask(units);
	return units->bus && (r > 0 || is_awaiting(units));
}
