/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FORESTALL_ACT_LOG_H
#define FORESTALL_ACT_LOG_H

/*
 * One line to stderr, prefixed with the program's name. Never blocks: a line that the reader of stderr has no room
 * for is dropped, because a stuck log must not keep the hands from undoing.
 */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
