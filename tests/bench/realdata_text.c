/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Compressed text through a pipe: xz is a program on every Debian, and needs no library here. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "realdata.h"

void *must_alloc(size_t count, size_t bytes)
{
	void *memory = calloc(count ? count : 1, bytes);

	if (!memory) {
		fprintf(stderr, "no memory for %zu x %zu bytes\n", count, bytes);
		abort();
	}
	return memory;
}

FILE *text_open(const char *path, int *ret_child)
{
	size_t length = strlen(path);
	int ends[2];

	*ret_child = -1;
	if (length < 3 || strcmp(path + length - 3, ".xz"))
		return fopen(path, "r");
	if (pipe(ends) < 0)
		return NULL;
	*ret_child = fork();
	if (*ret_child == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		execlp("xz", "xz", "-dc", "--", path, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	if (*ret_child > 0)
		return fdopen(ends[0], "r");
	close(ends[0]);
	return NULL;
}

int text_close(FILE *file, int child)
{
	int status = 0;

	fclose(file);
	if (child > 0 && (waitpid(child, &status, 0) < 0 || status != 0)) {
		fprintf(stderr, "xz -dc failed: is xz-utils installed, and the file whole?\n");
		return -1;
	}
	return 0;
}
