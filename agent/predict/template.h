/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Templates of log lines, found as they come: "Received block blk_17 of size 42" is "Received block <*> of size <*>". Pure.
 *
 * After Drain (He and others, ICWS 2017): lines with the same number of words and the same first two words share a leaf; there a
 * line joins the template of which most constant words are its own, and what differs becomes a variable. A word with a digit
 * in it, a path and what stands after '=' are variables from the start. Drain's tree has a fixed depth, so that the way to
 * a leaf is one hash here. Bounded: of too many templates the one that was not seen longest goes.
 */
#ifndef FORESTALL_TEMPLATE_H
#define FORESTALL_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEMPLATES_MAX 512
#define TEMPLATE_WORDS_MAX 24	/* what comes after them is not looked at */
#define TEMPLATE_TEXT_MAX 160

struct template {
	uint32_t name_hash;	/* of the line that made it; stays. Never 0 */
	uint32_t words;
	uint32_t word[TEMPLATE_WORDS_MAX];	/* hash; 0: variable */
	uint64_t count;
	uint64_t used_ns;
	char text[TEMPLATE_TEXT_MAX];	/* with <*> for variables, cut at its end */
};

/* A plain value, all zero at the start. */
struct templates {
	uint32_t leaf[TEMPLATES_MAX];	/* of each template */
	struct template at[TEMPLATES_MAX];
	uint32_t count;
	uint64_t forgotten;
};

/* Puts a line to its template, a new one if need be, and says which. A line without words is template of no words. */
uint32_t template_take(struct templates *templates, const char *line, size_t bytes, uint64_t now_ns);

/* As syslog(3) has them. */
enum severity {
	SEVERITY_EMERGENCY, SEVERITY_ALERT, SEVERITY_CRITICAL, SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_NOTICE, SEVERITY_INFO,
	SEVERITY_DEBUG, SEVERITY_COUNT
};

/* What the first words of a line say of itself; info when they say nothing. */
enum severity severity_guess(const char *line, size_t bytes);
const char *severity_name(enum severity severity);

#endif
