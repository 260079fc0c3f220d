/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The models of this host, in one directory that root alone writes:
 *
 *	NAME.model	those that were trained here, each with its provenance and the verdict on it
 *	champions	who speaks, and who did before: one line each, the youngest first,
 *			"forestall-champions 1\n" then "UNIXSECONDS champion|rolled-back NAME REASON\n"
 *	excluded	windows of the history that are not learned from: "FROM TO REASON\n", UNIX seconds
 *
 * The champion is the first line that is not rolled back; without one it is the model that forestall came with. The file is replaced as a
 * whole (temporary file, fsync, rename), so that a crash at any moment leaves the old champion or the new one.
 */
#ifndef FORESTALL_STORE_H
#define FORESTALL_STORE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#define STORE_NAME_MAX 64
#define STORE_REASON_MAX 160
#define STORE_CHAMPIONS_MAX 32	/* lines; the oldest are forgotten */
#define STORE_WINDOWS_MAX 256
#define STORE_MESSAGE_MAX 512
#define STORE_SUFFIX ".model"

struct store_champion {
	uint64_t unix_s;	/* since when */
	bool is_rolled_back;
	char name[STORE_NAME_MAX];	/* without the suffix */
	char reason[STORE_REASON_MAX];
};

struct store_champions {
	struct store_champion at[STORE_CHAMPIONS_MAX];	/* the youngest first */
	uint32_t count;
};

/* A window of time, both ends included. */
struct store_window {
	uint64_t from_s, to_s;
	char reason[STORE_REASON_MAX];
};

struct store_windows {
	struct store_window at[STORE_WINDOWS_MAX];
	uint32_t count;
};

/* How the last canary of a setting ended (decide/cohort.h): a line "UNIXSECONDS setting STATE KNOB VALUE PERIOD GLOB\n". glob "": there was none. */
struct store_setting {
	uint64_t unix_s, value, period_us;
	char state[STORE_NAME_MAX], knob[STORE_NAME_MAX], glob[256];
};

/* How the last canary of a policy ended (decide/canary.h): one line "UNIXSECONDS STATE CONFIGURED BASE CANDIDATE\n". base "": there was none. */
struct store_policy {
	uint64_t unix_s;
	char state[STORE_NAME_MAX], configured[STORE_NAME_MAX], base[STORE_NAME_MAX], candidate[STORE_NAME_MAX];
	struct store_setting setting;
};

/*
 * Makes the directory and the one it lies in, if need be; both must be root's alone to write. 0, or -errno and one line in message, as
 * all below that have one.
 */
int store_make(const char *dir, char message[STORE_MESSAGE_MAX]);

/* None is no error. -EINVAL: the file is damaged. *ret is untouched on failure. */
int store_champions_load(const char *dir, struct store_champions *ret, char message[STORE_MESSAGE_MAX]);

/* NULL: the model that forestall came with. */
const struct store_champion *store_champion(const struct store_champions *champions);

/* A name is of letters, digits, '-', '_' and '.', and does not begin with '.'. */
bool store_name_is_sound(const char *name);

/* A reason is one line, not empty, that fits. */
bool store_reason_is_sound(const char *reason);

/* DIR/NAME.model. */
void store_path(const char *dir, const char *name, char ret[PATH_MAX]);

/* The model, which must be there and whole, becomes the champion. */
int store_promote(const char *dir, const char *name, const char *reason, uint64_t unix_s, char message[STORE_MESSAGE_MAX]);

/*
 * The champion is no longer one; ret_name says who is then, "" for the model that forestall came with. -ENOENT: there was none;
 * -EINVAL: the one before it is no longer a whole model.
 */
int store_rollback(const char *dir, char ret_name[STORE_NAME_MAX], char message[STORE_MESSAGE_MAX]);

/* Removes the oldest models, but neither the champion nor the one before it, until there are at most models_max. */
void store_prune(const char *dir, uint32_t models_max);

/* None is no error. */
int store_windows_load(const char *dir, struct store_windows *ret, char message[STORE_MESSAGE_MAX]);
int store_windows_add(const char *dir, const struct store_window *window, char message[STORE_MESSAGE_MAX]);

/* Whether from_s .. to_s touches one of them. */
bool store_windows_hold(const struct store_windows *windows, uint64_t from_s, uint64_t to_s);

/* The file is `path` itself. */
int store_policy_load(const char *path, struct store_policy *ret, char message[STORE_MESSAGE_MAX]);
int store_policy_save(const char *path, const struct store_policy *policy, char message[STORE_MESSAGE_MAX]);

#endif
