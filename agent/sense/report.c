/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app_socket.h"
#include "log_source.h"
#include "units.h"

struct report {
	struct failures failures;
	struct watch *watch;
	struct units *units;
	struct app *app;
	struct app_socket *app_socket;	/* NULL: it cannot be made */
	struct log *log;
	struct log_journal *journal;
	struct log_kmsg *kmsg;
	struct log_files *files;
};

static void app_open(struct report *report, const char *run_dir)
{
	int r = app_socket_open(run_dir, report->app, report->watch, &report->app_socket);

	if (r)
		fprintf(stderr, "forestalld: %s/app.dgram: %s; applications are not heard\n", run_dir, strerror(-r));
}

static bool logs_open(struct report *report, const struct report_setup *setup)
{
	struct log_setup log = { .slots_max = setup->slots_max, .observe = setup->observe, .context = setup->context };

	report->log = log_new(&log);
	if (!report->log)
		return false;
	report->journal = log_journal_new(report->log, report->watch);
	report->kmsg = log_kmsg_new(report->log, report->watch);
	report->files = log_files_new(report->log, report->watch, setup->config);
	return report->journal && report->kmsg && report->files;
}

struct report *report_new(const struct report_setup *setup)
{
	struct report *report = calloc(1, sizeof(*report));
	struct watch_setup watch = {
		.root = setup->cgroup_root, .slots_max = setup->slots_max, .is_oom_told = setup->is_oom_told,
		.observe = setup->observe, .context = setup->context,
	};
	struct app_setup app = { .slots_max = setup->slots_max, .observe = setup->observe, .context = setup->context };

	if (!report)
		return NULL;
	watch.failures = &report->failures;
	report->watch = watch_new(&watch);
	report->app = app_new(&app);
	if (report->watch)
		report->units = units_new(report->watch);
	if (!report->units || !report->app || !logs_open(report, setup)) {
		report_free(report);
		return NULL;
	}
	app_open(report, setup->run_dir);
	return report;
}

void report_free(struct report *report)
{
	if (!report)
		return;
	log_journal_free(report->journal);
	log_kmsg_free(report->kmsg);
	log_files_free(report->files);
	log_free(report->log);
	app_socket_close(report->app_socket);
	app_free(report->app);
	units_free(report->units);
	watch_free(report->watch);
	free(report);
}

void report_observe(struct report *report, const struct observation *observation)
{
	if (!report)
		return;
	if (observation->kind == OBSERVE_FAILURE)
		failures_take(&report->failures, &observation->failure);
	watch_observe(report->watch, observation);
	app_observe(report->app, observation);
	if (report->app_socket)
		app_socket_observe(report->app_socket, observation);
	log_observe(report->log, observation);
}

bool report_tick(struct report *report, uint64_t now_ns, bool is_second)
{
	bool is_behind = units_tick(report->units, now_ns);

	is_behind |= watch_tick(report->watch, is_second);
	if (report->app_socket)
		app_socket_tick(report->app_socket, now_ns);
	app_tick(report->app, now_ns, is_second);
	is_behind |= log_journal_tick(report->journal, now_ns);
	is_behind |= log_kmsg_tick(report->kmsg, now_ns);
	is_behind |= log_files_tick(report->files, now_ns, is_second);
	return is_behind;
}

int report_fd(const struct report *report) { return report->app_socket ? app_socket_fd(report->app_socket) : -1; }

const struct log *report_log(const struct report *report) { return report->log; }
const struct app *report_app(const struct report *report) { return report->app; }
struct watch *report_watch(struct report *report) { return report->watch; }
const struct failures *report_failures(const struct report *report) { return &report->failures; }
