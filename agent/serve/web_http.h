/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What forestall-web answers, over HTTP/1.1, GET only, no files:
 *
 * /metrics				Prometheus text, see web_metrics.h
 * /v1/status				what the mind says of itself, and {"mind_up","age_ms","history_up"} beside it
 * /v1/instances?offset=N&limit=M	{"total","offset","instances":[...],"rest"}: those named (serve/answer_pick.h), at
 *					most HTTP_PAGE_MAX of them, and the sum of the rest
 * /v1/history?path=P&seconds=N		see web_history_query(); seconds is 300 when not given
 *
 * Errors are {"ok":false,"error":"..."}: 400 a bad argument, or a foreign Host over TCP (a web page must not read
 * this through a name it made point here), 404, 405, 503 no mind or no history now. Everything a client can make
 * large is bounded: header and URL, connections, how long one may be idle.
 *
 * Runs in the caller's thread, never blocks.
 */
#ifndef FORESTALL_WEB_HTTP_H
#define FORESTALL_WEB_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "web_history.h"
#include "web_poll.h"

#define HTTP_PAGE_MAX 1000
#define HTTP_CONNECTIONS_MAX 32
#define HTTP_IDLE_S 10
#define HTTP_HEADER_BYTES_MAX 8192	/* request line and header together */

struct web_http;

/* What is answered from; must outlive the servers. */
struct web_world {
	const struct web_view *view;
	struct web_poll *poll;		/* is told that somebody wants signals; NULL: nobody asks a mind */
	struct web_history *history;
	uint64_t (*now_ns)(void);	/* monotonic */
	int64_t (*now_s)(void);		/* wall clock */
};

/* Serves on a listening socket, which it takes over. NULL when it cannot be. is_tcp: the Host header is checked. */
struct web_http *web_http_new(int listen_fd, bool is_tcp, const struct web_world *world);
void web_http_free(struct web_http *http);

/* Readable when web_http_run() has something to do. */
int web_http_fd(const struct web_http *http);

/* After how many milliseconds it has, readable or not; at most `most`. */
int web_http_pause_ms(const struct web_http *http, int most);
void web_http_run(struct web_http *http);

#endif
