/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One process that `forestall up` keeps: started, and told apart by how it ended. A child of a supervisor that dies
 * gets SIGTERM from the kernel, upon which the hands undo.
 */
#ifndef FORESTALL_PROCESS_H
#define FORESTALL_PROCESS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCESS_WORDS_MAX 16

struct process {
	const char *name;
	char path[PATH_MAX];
	const char *word[PROCESS_WORDS_MAX];	/* argv, NULL at its end; kept by the caller */
	int words;
	pid_t pid;		/* 0: does not run */
	uint64_t start_ns;	/* when it was started last */
	uint64_t due_ns;	/* when to start it again; 0: not at all */
	uint32_t backoff_ms;	/* before the next start */
};

enum process_end {
	PROCESS_ENDED_WELL,	/* status 0 */
	PROCESS_CHANGED_MODE,	/* status 75 */
	PROCESS_GAVE_UP,		/* another status: it said why on stderr */
	PROCESS_KILLED,		/* by a signal */
};

uint64_t process_now_ns(void);

/* Finds the program beside this one. -ENOENT when it is not there. */
int process_init(struct process *process, const char *name);

/* Adds a word to its command line; a NULL value adds neither. */
void process_option(struct process *process, const char *option, const char *value);

/* Starts it; due_ns is 0 then. 0 or -errno. A program that cannot be executed ends with status 127. */
int process_start(struct process *process);

/* What wait(2) said of it. *ret_code is its status or signal. */
enum process_end process_end(struct process *process, int wait_status, int *ret_code);

/* Sets due_ns after a pause that doubles from one failure to the next, up to backoff_max_ms. */
void process_delay(struct process *process, uint32_t backoff_max_ms);

/* Asks it to end, waits, then makes it. The wait status, 0 when it did not run. */
int process_stop(struct process *process, uint32_t patience_ms);

#endif
