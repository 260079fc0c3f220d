/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forestall model challenge, which asks the mind for a challenger, and what that is: forestall model train --challenger, a process that learns
 * from the history, starting where the champion is, puts what it learned into the store with the verdict on it, and says that in one line.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "challenge.h"
#include "client.h"
#include "command.h"
#include "learn/learn.h"
#include "print.h"
#include "sense/modelfile.h"

#define EPOCHS 24
#define LEARNING_RATE 1e-3f	/* a third of a training from nothing: it starts from something */
#define CPU_SHARE 0.7		/* of the CPU time, for the epochs; the rest is for the verdict */
#define WINDOWS_TOLD 200

struct challenge {
	const char *state_dir, *champion_path;
	uint32_t cpu_s, memory_mb;
	struct challenge_history history;
	struct train_options options;
	struct model *champion, *challenger;
	struct train_comparison comparison;
	uint32_t epochs_run;
	bool is_better;
	char name[STORE_NAME_MAX], reason[STORE_REASON_MAX];
	char message[STORE_MESSAGE_MAX];
};

/* The mind bounds it too; this is for who starts it by hand, and for a mind that dies. */
static void self_bound(const struct challenge *challenge)
{
	struct rlimit memory = { (rlim_t)challenge->memory_mb << 20, (rlim_t)challenge->memory_mb << 20 };
	struct sched_param idle = { 0 };
	FILE *file = fopen("/proc/self/oom_score_adj", "we");

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpriority(PRIO_PROCESS, 0, 19);
	sched_setscheduler(0, SCHED_IDLE, &idle);
	setrlimit(RLIMIT_AS, &memory);
	if (file) {
		fputs("1000", file);
		fclose(file);
	}
}

static double cpu_used_s(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static int history_load(struct challenge *challenge)
{
	struct store_windows *windows = calloc(1, sizeof(*windows));
	char models[PATH_MAX], dir[PATH_MAX];
	int r = windows ? 0 : -ENOMEM;

	snprintf(models, sizeof(models), "%.3000s/models", challenge->state_dir);
	snprintf(dir, sizeof(dir), "%.3000s/history", challenge->state_dir);
	if (!r)
		r = store_windows_load(models, windows, challenge->message);
	if (!r)
		r = challenge_history_load(dir, windows, ((uint64_t)challenge->memory_mb << 20) / 2, &challenge->history,
					   challenge->message);
	free(windows);
	return r;
}

static int epochs_run(struct challenge *challenge, const struct train_set *train_part, const struct train_set *validation)
{
	struct train_report report;
	struct train *train;
	int r = train_new(&challenge->options, train_part, validation, &challenge->champion->reference, &train);

	if (r)
		return r;
	while (cpu_used_s() < challenge->cpu_s * CPU_SHARE && !(r = train_epoch(train, &report)))
		challenge->epochs_run = report.epoch;
	r = r == -ENODATA ? 0 : r;
	if (!r)
		r = train_quantize(train_best(train), &challenge->challenger->weights);
	if (!r)
		challenge->challenger->reference = *train_best(train);
	train_free(train);
	return r;
}

static int challenger_train(struct challenge *challenge)
{
	struct train_set parts[2] = { { .count = 0 }, { .count = 0 } };
	int r = challenge_set(&challenge->history, CHALLENGE_TRAIN, &parts[0]);

	if (!r)
		r = challenge_set(&challenge->history, CHALLENGE_VALIDATION, &parts[1]);
	if (!r)
		r = epochs_run(challenge, &parts[0], &parts[1]);
	for (int i = 0; i < 2; i++)
		free((void *)parts[i].sequences);
	if (r)
		snprintf(challenge->message, STORE_MESSAGE_MAX, "training: %s", strerror(-r));
	return r;
}

static int challenger_judge(struct challenge *challenge)
{
	const struct lstm_weights *const rivals[] = { &challenge->champion->weights, &challenge->challenger->weights };
	struct challenge_history *history = &challenge->history;
	struct train_set *parts = calloc(history->count, sizeof(*parts));
	size_t count = 0;
	int r = parts ? 0 : -ENOMEM;

	for (uint32_t i = 0; !r && i < history->count; i++)
		if (history->at[i].part == CHALLENGE_HELD_OUT)
			parts[count++] = (struct train_set){ history->at[i].data.sequence, history->at[i].data.sequence_count };
	if (!r)
		r = lstm_weights_derive(&challenge->challenger->weights);
	if (!r)
		r = train_compare(&challenge->options, rivals, parts, count, &challenge->comparison);
	if (!r)
		challenge->is_better = challenge_is_better(&challenge->comparison, challenge->reason);
	else
		snprintf(challenge->message, STORE_MESSAGE_MAX, "verdict: %s", strerror(-r));
	free(parts);
	return r;
}

static json_t *verdict_json(const struct challenge *challenge)
{
	const struct train_comparison *c = &challenge->comparison;

	return json_pack("{s:b,s:s,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:i,s:I,s:I}", "is_better", challenge->is_better, "reason",
			 challenge->reason, "loss", c->loss[TRAIN_CHALLENGER], "loss_champion", c->loss[TRAIN_CHAMPION], "gain_low",
			 c->low, "ece", c->ece[TRAIN_CHALLENGER], "ece_champion", c->ece[TRAIN_CHAMPION], "entropy",
			 c->entropy[TRAIN_CHALLENGER], "entropy_champion", c->entropy[TRAIN_CHAMPION], "entropy_base", c->entropy_base,
			 "blocks", (int)c->blocks, "labels", (json_int_t)c->labels, "violated", (json_int_t)c->violated);
}

static json_t *windows_json(const struct challenge_history *history)
{
	static const char *const names[CHALLENGE_PART_COUNT] = { "train", "validation", "held-out" };
	json_t *list = json_array();

	for (uint32_t i = history->count > WINDOWS_TOLD ? history->count - WINDOWS_TOLD : 0; i < history->count; i++)
		json_array_append_new(list, json_pack("{s:s,s:I,s:I,s:s}", "file", history->at[i].name, "from",
						      (json_int_t)history->at[i].from_s, "to", (json_int_t)history->at[i].to_s,
						      "part", names[history->at[i].part]));
	return list;
}

static int challenger_save(struct challenge *challenge)
{
	const struct challenge_history *history = &challenge->history;
	char dir[PATH_MAX], path[PATH_MAX], *text = challenge->challenger->provenance;
	json_t *root = json_pack("{s:s,s:s,s:I,s:s,s:i,s:I,s:o,s:{s:i,s:i,s:i},s:o}", "trainer", "forestall model train --challenger",
				 "date", challenge->name, "seed", (json_int_t)challenge->options.seed, "started_from",
				 challenge->champion_path, "epochs", (int)challenge->epochs_run, "frames",
				 (json_int_t)history->frames, "windows", windows_json(history), "left_out", "excluded",
				 (int)history->excluded, "damaged", (int)history->damaged, "too_old", (int)history->too_old,
				 "verdict", verdict_json(challenge));
	size_t n = root ? json_dumpb(root, text, MODEL_PROVENANCE_MAX, JSON_COMPACT | JSON_REAL_PRECISION(6)) : 0;

	json_decref(root);
	if (!n || n > MODEL_PROVENANCE_MAX) {
		snprintf(challenge->message, STORE_MESSAGE_MAX, "provenance: does not fit; exclude windows");
		return -E2BIG;
	}
	text[n] = '\0';
	snprintf(dir, sizeof(dir), "%.3000s/models", challenge->state_dir);
	store_path(dir, challenge->name, path);
	return model_save(path, challenge->challenger, challenge->message, STORE_MESSAGE_MAX);
}

static int challenge_run(struct challenge *challenge)
{
	time_t now = time(NULL);
	struct tm utc;
	int r;

	challenge->champion = calloc(1, sizeof(*challenge->champion));
	challenge->challenger = calloc(1, sizeof(*challenge->challenger));
	if (!challenge->champion || !challenge->challenger) {
		snprintf(challenge->message, STORE_MESSAGE_MAX, "out of memory; raise [learn] memory_mb");
		return -ENOMEM;
	}
	strftime(challenge->name, sizeof(challenge->name), "%Y%m%d-%H%M%S", gmtime_r(&now, &utc));
	r = model_load(challenge->champion_path, challenge->champion, challenge->message, STORE_MESSAGE_MAX);
	if (!r)
		r = history_load(challenge);
	challenge->options.hidden = challenge->champion->weights.config.hidden;
	if (!r)
		r = challenger_train(challenge);
	if (!r)
		r = challenger_judge(challenge);
	return r ? r : challenger_save(challenge);
}

static int options_take(struct challenge *challenge, int argc, char **argv)
{
	static const struct option options[] = {
		{ "state-dir", required_argument, NULL, 'd' }, { "champion", required_argument, NULL, 'c' },
		{ "cpu-s", required_argument, NULL, 'u' },     { "memory-mb", required_argument, NULL, 'm' },
		{ "seed", required_argument, NULL, 's' },      { 0 },
	};
	int option;

	optind = 1;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'd': challenge->state_dir = optarg; break;
		case 'c': challenge->champion_path = optarg; break;
		case 'u': challenge->cpu_s = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'm': challenge->memory_mb = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 's': challenge->options.seed = strtoull(optarg, NULL, 10); break;
		default: return EXIT_USAGE;
		}
	}
	if (challenge->champion_path && challenge->cpu_s && challenge->memory_mb)
		return 0;
	fprintf(stderr, "usage: forestall model train --challenger --champion FILE [--state-dir DIR] [--cpu-s N] [--memory-mb N] [--seed N]\n");
	return EXIT_USAGE;
}

int cmd_model_challenger(int argc, char **argv)
{
	struct challenge challenge = { .state_dir = LEARN_STATE_DIR, .cpu_s = 600, .memory_mb = 512 };
	int r;

	train_options_init(&challenge.options);
	challenge.options.epochs = EPOCHS;
	challenge.options.learning_rate = LEARNING_RATE;
	r = options_take(&challenge, argc, argv);
	if (r)
		return r;
	self_bound(&challenge);
	r = challenge_run(&challenge);
	if (r == -ENODATA)
		printf("refused - %s\n", challenge.message);
	else if (r)
		print_problem("challenger: %s", challenge.message);
	else
		printf("%s %s %s\n", challenge.is_better ? "better" : "refused", challenge.name, challenge.reason);
	challenge_history_free(&challenge.history);
	free(challenge.champion);
	free(challenge.challenger);
	return r && r != -ENODATA ? 1 : 0;
}

int cmd_model_challenge(const struct context *context, int argc, char **argv)
{
	json_t *answer;

	(void)argv;
	if (argc != 1)
		return command_usage("model challenge", "");
	answer = client_ask(context, json_pack("{s:s}", "q", "model.challenge"));
	if (!answer)
		return 1;
	json_decref(answer);
	print_note("a challenger learns now; 'forestall status' says what came of it");
	return 0;
}
