/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where lines come from. Each source takes what has come since the last tick, at most so much of it, and waits for nothing;
 * what cannot be opened is tried again. What is older than the start is not read. A tick returns true when more has come than it took.
 */
#ifndef FORESTALL_LOG_SOURCE_H
#define FORESTALL_LOG_SOURCE_H

#include "log.h"
#include "watch.h"

struct config;
struct log_journal;
struct log_kmsg;
struct log_files;

/* All return NULL when out of memory; log, watch and config are kept. */

/* journald, by the cgroup that it writes down for each line. */
struct log_journal *log_journal_new(struct log *log, struct watch *watch);
void log_journal_free(struct log_journal *journal);
bool log_journal_tick(struct log_journal *journal, uint64_t now_ns);

/* /dev/kmsg: of the cgroup that a line names, else of the root. */
struct log_kmsg *log_kmsg_new(struct log *log, struct watch *watch);
void log_kmsg_free(struct log_kmsg *kmsg);
bool log_kmsg_tick(struct log_kmsg *kmsg, uint64_t now_ns);

/* The files that the configuration names, also when they are rotated or truncated. */
struct log_files *log_files_new(struct log *log, struct watch *watch, const struct config *config);
void log_files_free(struct log_files *files);
bool log_files_tick(struct log_files *files, uint64_t now_ns, bool is_second);

#endif
