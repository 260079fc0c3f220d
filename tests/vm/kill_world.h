/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cgroups and processes of the kill test: made, looked at, and put away. Any trouble here ends the test. */
#ifndef FORESTALL_KILL_WORLD_H
#define FORESTALL_KILL_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ROOT "/sys/fs/cgroup"
#define RUN_DIR "/run/kill_act"
#define SOCKET RUN_DIR "/act.sock"
#define DISABLE_FILE "/run/kill_act.disable"
#define DISK "/dev/nullb0"
#define BALLAST_BYTES (40ul << 20)
#define WORLD_PATHS 7
#define SNAPSHOT_BYTES 65536

extern const char *const WORLD[WORLD_PATHS];	/* below ROOT, with different limits each */

struct programs {
	const char *act;
	const char *driver;
};

/* Makes the cgroups with their limits, load in two of them, and in /kt/weighty BALLAST_BYTES that are used slowly. */
void world_make(void);
void world_remove(void);

/* Writes the limits once more, so that what one check found does not make all that follow fail. */
void world_reset(void);

/* Every file that can be written in every cgroup of the world, with its content. */
void snapshot_take(char ret[SNAPSHOT_BYTES]);

/* NULL when the world is as in the snapshot, else the first line that differs; the next call reuses the buffer. */
const char *snapshot_differ(const char *before);

void file_write(const char *path, const char *name, const char *text);
uint64_t number_read(const char *path, const char *name);
void file_read(const char *path, const char *name, char *ret, size_t size);

void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Starts a program with FORESTALL_STEP=step when that is not NULL. Output goes to /run/kill_act.log. */
pid_t process_start(const char *step, char *const argv[]);
pid_t act_start(const struct programs *programs, const char *mode, const char *step);
pid_t driver_start(const struct programs *programs, unsigned int seed, const char *lease_ms);

/* Waits until the hands answer. False when the process ended or stopped before. */
bool act_is_ready(pid_t pid);

/* Waits for the end, or with `stops` for a stop too. Returns the wait status, or -1 after timeout_ms. */
int process_wait(pid_t pid, bool stops, int timeout_ms);

/* Sends the signal and waits for the end. Returns the wait status. */
int process_end(pid_t pid, int signal);

/* Runs `forestall-act --undo` and returns its wait status. */
int undo_run(const struct programs *programs);

/* Whether any process has this name. */
bool name_is_running(const char *comm);

/* Prints an ok or not ok line. Returns `is_ok`. */
bool check(bool is_ok, const char *format, ...) __attribute__((format(printf, 2, 3)));
unsigned int check_count(void);
unsigned int check_failures(void);

/* The world is as in the snapshot and no hands are left; says in a comment line what is not. */
bool world_is_restored(const char *before);

/* Waits until the world is as in the snapshot. Returns the ms it took, or -1 after limit_ms. */
int world_wait(const char *before, int limit_ms);

/* The process that uses all of its memory at once when it gets SIGUSR1. */
pid_t world_ballast(void);

/* The disk as in struct action, and a write to its line in io.max, as somebody else would. */
uint32_t disk_device(void);
void io_max_write(const char *path, const char *keys);
void io_cost_write(const char *words);

/* One action answered by the hands; lease 60 s. Ends the test when they do not answer. */
struct result_item;
struct result_item plan_one(const char *path, uint32_t knob, uint64_t value, uint64_t period_us);

struct result_item plan_device(const char *path, uint32_t knob, uint64_t value, uint32_t device);
struct result_item plan_may_kill(const char *path, uint32_t knob, uint64_t value);
struct result_item release_one(const char *path, uint32_t knob);

/* Makes the hands hold fifteen knobs in six cgroups, cpu.idle over a weight among them. False when they refuse. */
bool plan_some(void);

/* What the knobs of cpuset, memory and io need: without and with swap (kill_knobs.c). Hands must run. */
void knobs_test(void);
void swap_test(void);

/* Asks for it, and says in a comment line what else came of it (kill_rules.c). */
bool outcome_is(const char *path, uint32_t knob, uint64_t value, uint64_t period_us, unsigned int outcome);
/* The file's first line is `text`. */
bool file_says(const char *path, const char *name, const char *text);
void rules_dir_make(const char *path);
void rules_dir_remove(const char *path);

/* What forbids, refuses and yields (kill_rules.c). */
void rules_test(const struct programs *programs, const char *before);

uint64_t clock_ms(void);
void sleep_ms(unsigned int ms);

#endif
