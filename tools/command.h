/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands of `forestall`. Each gets its own words in argv[1..], argv[0] being the last word of its name, and
 * returns the exit status: 0 done, 1 failed, 2 wrong usage. Data goes to stdout, everything for people to stderr.
 */
#ifndef FORESTALL_COMMAND_H
#define FORESTALL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#define EXIT_USAGE 2

#ifndef FORESTALL_VERSION
#define FORESTALL_VERSION "0.1.0"
#endif

/* The options that may stand anywhere on the line. */
struct context {
	bool is_json;
	bool is_pretty;			/* implies is_json */
	const char *run_dir;		/* /run/forestall */
	const char *config_dir;		/* /etc/forestall */
	const char *cgroup_root;	/* NULL: where cgroup2 is mounted */
	const char *state_dir;		/* NULL: /var/lib/forestall */
};

int cmd_doctor(const struct context *context, int argc, char **argv);
int cmd_instance_list(const struct context *context, int argc, char **argv);
int cmd_instance_show(const struct context *context, int argc, char **argv);
int cmd_instance_top(const struct context *context, int argc, char **argv);
int cmd_slo_set(const struct context *context, int argc, char **argv);
int cmd_slo_show(const struct context *context, int argc, char **argv);
int cmd_slo_check(const struct context *context, int argc, char **argv);
int cmd_forecast_show(const struct context *context, int argc, char **argv);
int cmd_event_add(const struct context *context, int argc, char **argv);
int cmd_event_list(const struct context *context, int argc, char **argv);
int cmd_event_remove(const struct context *context, int argc, char **argv);
int cmd_event_import(const struct context *context, int argc, char **argv);
int cmd_forecast_explain(const struct context *context, int argc, char **argv);

/* "forecast show PATH --paths N [--seed S]": joint paths instead of quantiles. */
int cmd_forecast_paths(const struct context *context, int argc, char **argv);
int cmd_profile_show(const struct context *context, int argc, char **argv);
int cmd_failure_list(const struct context *context, int argc, char **argv);
int cmd_signal_list(const struct context *context, int argc, char **argv);
int cmd_signal_table(const struct context *context, int argc, char **argv);
int cmd_plan_show(const struct context *context, int argc, char **argv);
int cmd_decision_list(const struct context *context, int argc, char **argv);
int cmd_decision_explain(const struct context *context, int argc, char **argv);
int cmd_policy_show(const struct context *context, int argc, char **argv);
int cmd_policy_canary(const struct context *context, int argc, char **argv);
int cmd_action_canary(const struct context *context, int argc, char **argv);
int cmd_action_rollback(const struct context *context, int argc, char **argv);
int cmd_policy_rollback(const struct context *context, int argc, char **argv);
int cmd_ledger(const struct context *context, int argc, char **argv);
int cmd_action_hold(const struct context *context, int argc, char **argv);
int cmd_place(const struct context *context, int argc, char **argv);
int cmd_mode_get(const struct context *context, int argc, char **argv);
int cmd_mode_set(const struct context *context, int argc, char **argv);
int cmd_journal_show(const struct context *context, int argc, char **argv);
int cmd_journal_undo(const struct context *context, int argc, char **argv);
int cmd_panic(const struct context *context, int argc, char **argv);
int cmd_model_list(const struct context *context, int argc, char **argv);
int cmd_model_promote(const struct context *context, int argc, char **argv);
int cmd_model_rollback(const struct context *context, int argc, char **argv);
int cmd_model_challenge(const struct context *context, int argc, char **argv);
int cmd_model_exclude(const struct context *context, int argc, char **argv);
int cmd_model_show(const struct context *context, int argc, char **argv);
int cmd_record(const struct context *context, int argc, char **argv);
int cmd_up(const struct context *context, int argc, char **argv);
int cmd_status(const struct context *context, int argc, char **argv);

/*
 * These read all of their options themselves; of those before the object only -j comes through, as a first word
 * "--json".
 */
int cmd_model_train(int argc, char **argv);
int cmd_replay(int argc, char **argv);

/* Says that exactly `wanted` words should have been given. */
int command_usage(const char *command, const char *arguments);

/* The mount point to use, into ret. 0, or 1 after it said what is wrong. */
int command_root(const struct context *context, char *ret, size_t size);

/*
 * The path below the cgroup root that the user means: "/a/b", "a/b/", or with the mount point before it. 0, or 1 after
 * it said what is wrong.
 */
int command_path(const struct context *context, const char *given, char *ret, size_t size);

#endif
