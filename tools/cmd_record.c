/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forestall record */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "print.h"

static volatile sig_atomic_t is_interrupted;

static void on_signal(int signal_number)
{
	(void)signal_number;
	is_interrupted = 1;
}

/* The mind has another working directory. -1 when the name is too long. */
static int path_complete(const char *given, char ret[PATH_MAX])
{
	char cwd[PATH_MAX];
	int n;

	if (given[0] == '/')
		n = snprintf(ret, PATH_MAX, "%s", given);
	else if (getcwd(cwd, sizeof(cwd)))
		n = snprintf(ret, PATH_MAX, "%s/%s", cwd, given);
	else
		n = -1;
	return n < 0 || n >= PATH_MAX ? -1 : 0;
}

static void progress_print(const char *path, unsigned long seconds, unsigned long wanted)
{
	struct stat st;
	double megabytes = stat(path, &st) == 0 ? (double)st.st_size / 1e6 : 0;

	if (wanted)
		fprintf(stderr, "\r%lu of %lu s, %.1f MB (Ctrl-C ends early) ", seconds, wanted, megabytes);
	else
		fprintf(stderr, "\r%lu s, %.1f MB (Ctrl-C ends) ", seconds, megabytes);
}

/* Until the time is over or the user has enough. */
static void seconds_wait(const char *path, unsigned long wanted)
{
	struct sigaction action = { .sa_handler = on_signal };
	bool is_terminal = isatty(STDERR_FILENO);

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	for (unsigned long seconds = 0; !is_interrupted && (!wanted || seconds < wanted); seconds++) {
		struct timespec pause = { .tv_sec = 1 };

		if (is_terminal)
			progress_print(path, seconds, wanted);
		nanosleep(&pause, NULL);
	}
	if (is_terminal)
		fputc('\n', stderr);
}

static int seconds_parse(const char *text, unsigned long *ret)
{
	char *end;

	errno = 0;
	*ret = strtoul(text, &end, 10);
	return text[0] < '0' || text[0] > '9' || *end || errno || !*ret ? -1 : 0;
}

int cmd_record(const struct context *context, int argc, char **argv)
{
	unsigned long seconds = 0;
	char path[PATH_MAX];
	json_t *answer;

	if ((argc != 2 && argc != 4) || argv[1][0] == '-' ||
	    (argc == 4 && (strcmp(argv[2], "--seconds") || seconds_parse(argv[3], &seconds) < 0)))
		return command_usage("record", "FILE [--seconds N]");
	if (path_complete(argv[1], path) < 0) {
		print_problem("%.100s: the path is too long; choose another place", argv[1]);
		return 1;
	}
	answer = client_ask(context, json_pack("{s:s, s:s}", "q", "record.start", "path", path));
	if (!answer)
		return 1;
	json_decref(answer);
	seconds_wait(path, seconds);
	answer = client_ask(context, json_pack("{s:s}", "q", "record.stop"));
	if (!answer)
		return 1;
	json_decref(answer);
	print_note("%s: recorded", path);
	return 0;
}
