/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the daemon learns on its host; what it learns with is in learn/. */
#include "daemon.h"

#include <errno.h>

int daemon_learn_open(struct daemon *daemon)
{
	struct learn_setup setup = { .state_dir = daemon->options.state_dir, .config = &daemon->config.learn };

	daemon->learn = learn_new(&setup);
	return daemon->learn ? 0 : -ENOMEM;
}

void daemon_learn(struct daemon *daemon, uint64_t now_ns)
{
	struct learn_model model = { daemon->model_bytes, daemon->model ? daemon->model_size : 0 };

	learn_second(daemon->learn, daemon->mind, &model, now_ns);
}
