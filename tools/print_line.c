/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines for people, apart from the rest of print.h: the supervisor writes these and links nothing that the rest needs. */
#include "print.h"

#include <stdarg.h>

static void line_print(const char *format, va_list args)
{
	fputs("forestall: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void print_problem(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line_print(format, args);
	va_end(args);
}

void print_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line_print(format, args);
	va_end(args);
}
