/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forestalld: the mind. Reads, forecasts, decides; writes nothing but its sockets and recordings. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"

static const char usage[] =
	"usage: forestalld [OPTIONS]\n"
	"  --run-dir DIR        sockets (/run/forestall)\n"
	"  --config-dir DIR     forestall.conf and instances.d (/etc/forestall)\n"
	"  --cgroup-root DIR    cgroup v2 mount (found in /proc/self/mounts)\n"
	"  --forecaster NAME    lstm, statistical or persistence\n"
	"  --model FILE         model to load; \"\" for none\n"
	"  --record FILE        record from the first tick on\n"
	"  --label TEXT         what the recording is of\n"
	"  --state-dir DIR      history, models and profiles of this host (/var/lib/forestall)\n";

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "run-dir", required_argument, NULL, 'r' },	{ "config-dir", required_argument, NULL, 'c' },
		{ "cgroup-root", required_argument, NULL, 'g' }, { "forecaster", required_argument, NULL, 'f' },
		{ "model", required_argument, NULL, 'm' },	{ "record", required_argument, NULL, 'o' },
		{ "label", required_argument, NULL, 'l' },	{ "state-dir", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct daemon_options chosen = { .run_dir = "/run/forestall", .config_dir = "/etc/forestall",
					 .state_dir = LEARN_STATE_DIR };
	static struct daemon daemon;
	char error[DAEMON_ERROR_MAX];
	int option, r;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'r': chosen.run_dir = optarg; break;
		case 'c': chosen.config_dir = optarg; break;
		case 'g': chosen.cgroup_root = optarg; break;
		case 'f': chosen.forecaster = optarg; break;
		case 'm': chosen.model_path = optarg; break;
		case 'o': chosen.record_path = optarg; break;
		case 'l': chosen.label = optarg; break;
		case 's': chosen.state_dir = optarg; break;
		case 'h': fputs(usage, stdout); return 0;
		default: fputs("forestalld: `forestalld --help` lists the options\n", stderr); return 2;
		}
	}
	r = daemon_open(&daemon, &chosen, error);
	if (r) {
		fprintf(stderr, "forestalld: %s\n", error);
		return 1;
	}
	fprintf(stderr, "forestalld: watching %s, forecaster %s%s%s\n", daemon.cgroup_root,
		forecast_source_name(daemon.config.forecaster), daemon.model ? ", model " : "",
		daemon.model ? daemon.model_path : "");
	r = daemon_run(&daemon);
	daemon_close(&daemon);
	if (r)
		fprintf(stderr, "forestalld: event loop: %s\n", strerror(-r));
	return r ? 1 : 0;
}
