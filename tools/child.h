/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One process that `forestall up` keeps: started, and told apart by how it ended. A child of a supervisor that dies
 * gets SIGTERM from the kernel, upon which the hands undo.
 */
#ifndef FORESTALL_CHILD_H
#define FORESTALL_CHILD_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CHILD_WORDS_MAX 16

struct child {
	const char *name;
	char path[PATH_MAX];
	const char *word[CHILD_WORDS_MAX];	/* argv, NULL at its end; kept by the caller */
	int words;
	pid_t pid;		/* 0: does not run */
	uint64_t start_ns;	/* when it was started last */
	uint64_t due_ns;	/* when to start it again; 0: not at all */
	uint32_t backoff_ms;	/* before the next start */
};

enum child_end {
	CHILD_ENDED_WELL,	/* status 0 */
	CHILD_CHANGED_MODE,	/* status 75 */
	CHILD_GAVE_UP,		/* another status: it said why on stderr */
	CHILD_KILLED,		/* by a signal */
};

uint64_t child_now_ns(void);

/* Finds the program beside this one. -ENOENT when it is not there. */
int child_init(struct child *child, const char *name);

/* Adds a word to its command line; a NULL value adds neither. */
void child_option(struct child *child, const char *option, const char *value);

/* Starts it; due_ns is 0 then. 0 or -errno. A program that cannot be executed ends with status 127. */
int child_start(struct child *child);

/* What wait(2) said of it. *ret_code is its status or signal. */
enum child_end child_end(struct child *child, int wait_status, int *ret_code);

/* Sets due_ns after a pause that doubles from one failure to the next, up to backoff_max_ms. */
void child_delay(struct child *child, uint32_t backoff_max_ms);

/* Asks it to end, waits, then makes it. The wait status, 0 when it did not run. */
int child_stop(struct child *child, uint32_t patience_ms);

#endif
