/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What comes before a burst, for whoever can read it. */
#ifndef LOAD_ANNOUNCE_H
#define LOAD_ANNOUNCE_H

enum announce_by {
	ANNOUNCE_EXEC,    /* a program is run */
	ANNOUNCE_FORKS,   /* so many children are forked and end at once */
	ANNOUNCE_LOG,     /* a line is appended to a file */
	ANNOUNCE_CONNECT, /* many connections to IPv4:PORT are made and closed */
	ANNOUNCE_COUNT
};

/* ANNOUNCE_COUNT when there is none of this name: exec, forks, log, connect. */
enum announce_by announce_find(const char *name);

/* Returns when it is done: 0 or -errno. */
int announce(enum announce_by by, const char *what);

#endif
