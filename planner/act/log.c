/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "bounds.h"
#include "log.h"

void log_line(const char *format, ...)
{
	struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };
	char line[512] = ACT_COMM ": ";
	size_t used = sizeof(ACT_COMM ": ") - 1;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line + used, sizeof(line) - used - 1, format, args);
	va_end(args);
	if (length < 0 || poll(&out, 1, 0) <= 0 || !(out.revents & POLLOUT))
		return;
	used += (size_t)length < sizeof(line) - used - 1 ? (size_t)length : sizeof(line) - used - 2;
	line[used++] = '\n';
	/* Nothing can be done about a log that fails. */
	if (write(STDERR_FILENO, line, used) < 0)
		return;
}
