/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "web_http.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "value.h"
#include "web_metrics.h"

#define SECONDS_DEFAULT 300

struct web_http {
	struct MHD_Daemon *daemon;
	const struct web_world *world;
	int fd;
	bool is_tcp;
};

/* What one request is answered with. */
struct reply {
	unsigned int status;
	const char *type;
	char *text;	/* NULL: out of memory */
	size_t bytes;
};

static void reply_json(struct reply *reply, unsigned int status, json_t *value)
{
	reply->status = status;
	reply->type = "application/json";
	reply->text = value ? json_dumps(value, JSON_COMPACT) : NULL;
	reply->bytes = reply->text ? strlen(reply->text) : 0;
	json_decref(value);
}

static bool is_fresh(const struct web_world *world)
{
	return web_view_is_fresh(world->view, world->now_ns());
}

/* An argument that is a whole number from min to max; `otherwise` when it is not given. False: it is no such number. */
static bool argument_number(struct MHD_Connection *connection, const char *key, long min, long max, long otherwise,
			    long *ret)
{
	const char *text = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, key);
	char *end;

	*ret = otherwise;
	if (!text)
		return true;
	errno = 0;
	*ret = strtol(text, &end, 10);
	return end != text && !*end && !errno && *ret >= min && *ret <= max;
}

static void metrics_answer(const struct web_world *world, struct MHD_Connection *connection, struct reply *reply)
{
	(void)connection;
	if (world->poll)
		web_poll_want(world->poll);
	reply->status = MHD_HTTP_OK;
	reply->type = "text/plain; version=0.0.4; charset=utf-8";
	reply->text = web_metrics_format(world->view, is_fresh(world), web_history_is_up(world->history),
					 &reply->bytes);
}

static void status_answer(const struct web_world *world, struct MHD_Connection *connection, struct reply *reply)
{
	uint64_t age_ns = world->now_ns() - world->view->time_ns;

	(void)connection;
	reply_json(reply, MHD_HTTP_OK,
		   json_pack("{s:b, s:b, s:o, s:b, s:O?}", "ok", 1, "mind_up", is_fresh(world), "age_ms",
			     world->view->rounds ? json_integer((json_int_t)(age_ns / 1000000)) : json_null(),
			     "history_up", web_history_is_up(world->history), "mind", world->view->status));
}

static void instances_answer(const struct web_world *world, struct MHD_Connection *connection, struct reply *reply)
{
	json_t *page;
	long offset, limit;

	if (!argument_number(connection, "offset", 0, INT32_MAX, 0, &offset) ||
	    !argument_number(connection, "limit", 1, HTTP_PAGE_MAX, HTTP_PAGE_MAX, &limit)) {
		reply_json(reply, MHD_HTTP_BAD_REQUEST,
			   value_error("offset is a number from 0, limit one from 1 to %d", HTTP_PAGE_MAX));
		return;
	}
	if (!is_fresh(world)) {
		reply_json(reply, MHD_HTTP_SERVICE_UNAVAILABLE, value_error("the mind does not answer now"));
		return;
	}
	page = json_array();
	for (long i = offset; i < offset + limit && (size_t)i < json_array_size(world->view->instances); i++)
		json_array_append(page, json_array_get(world->view->instances, (size_t)i));
	reply_json(reply, MHD_HTTP_OK,
		   json_pack("{s:b, s:I, s:I, s:o, s:O?}", "ok", 1, "total",
			     (json_int_t)json_array_size(world->view->instances), "offset", (json_int_t)offset,
			     "instances", page, "rest", world->view->rest));
}

static void history_answer(const struct web_world *world, struct MHD_Connection *connection, struct reply *reply)
{
	const char *path = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "path");
	json_t *answer;
	long seconds;

	if (!path || path[0] != '/' ||
	    !argument_number(connection, "seconds", 1, HISTORY_SECONDS_MAX, SECONDS_DEFAULT, &seconds)) {
		reply_json(reply, MHD_HTTP_BAD_REQUEST,
			   value_error("history needs path=/CGROUP, and seconds is a number from 1 to %d",
				       HISTORY_SECONDS_MAX));
		return;
	}
	answer = web_history_query(world->history, path, (uint32_t)seconds, world->now_s());
	if (answer)
		reply_json(reply, MHD_HTTP_OK, answer);
	else
		reply_json(reply, MHD_HTTP_SERVICE_UNAVAILABLE, value_error("no history is being kept now"));
}

static const struct route {
	const char *path;
	void (*answer)(const struct web_world *world, struct MHD_Connection *connection, struct reply *reply);
} routes[] = { { "/metrics", metrics_answer }, { "/v1/status", status_answer },
	       { "/v1/instances", instances_answer }, { "/v1/history", history_answer } };

static const struct route *route_find(const char *path)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (!strcmp(routes[i].path, path))
			return &routes[i];
	return NULL;
}

/* HTTP/1.0 has none, and a browser always sends one. */
static bool host_is_loopback(struct MHD_Connection *connection)
{
	static const char *const names[] = { "127.0.0.1", "localhost", "[::1]" };
	const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);

	for (size_t i = 0; host && i < sizeof(names) / sizeof(names[0]); i++) {
		size_t bytes = strlen(names[i]);

		if (!strncmp(host, names[i], bytes) && (!host[bytes] || host[bytes] == ':'))
			return true;
	}
	return !host;
}

static void request_answer(const struct web_http *http, struct MHD_Connection *connection, const char *path,
			   const char *method, struct reply *reply)
{
	const struct route *route = route_find(path);

	if (http->world->poll)
		web_poll_look(http->world->poll);
	if (strcmp(method, MHD_HTTP_METHOD_GET))
		reply_json(reply, MHD_HTTP_METHOD_NOT_ALLOWED, value_error("only GET is answered here"));
	else if (http->is_tcp && !host_is_loopback(connection))
		reply_json(reply, MHD_HTTP_BAD_REQUEST, value_error("the Host must be a loopback address"));
	else if (!route)
		reply_json(reply, MHD_HTTP_NOT_FOUND,
			   value_error("there are /metrics, /v1/status, /v1/instances and /v1/history"));
	else
		route->answer(http->world, connection, reply);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path,
				  const char *method, const char *version, const char *upload, size_t *upload_bytes,
				  void **request)
{
	struct reply reply = { 0 };
	struct MHD_Response *response;
	enum MHD_Result r;

	(void)version, (void)upload, (void)upload_bytes, (void)request;
	/* At the first call, before any body is read. */
	request_answer(context, connection, path, method, &reply);
	if (!reply.text)
		return MHD_NO;
	response = MHD_create_response_from_buffer(reply.bytes, reply.text, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(reply.text);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply.type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (reply.status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET");
	r = MHD_queue_response(connection, reply.status, response);
	MHD_destroy_response(response);
	return r;
}

struct web_http *web_http_new(int listen_fd, bool is_tcp, const struct web_world *world)
{
	struct web_http *http = calloc(1, sizeof(*http));
	const union MHD_DaemonInfo *info;

	if (http) {
		http->world = world;
		http->is_tcp = is_tcp;
		http->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, http,
						MHD_OPTION_LISTEN_SOCKET, listen_fd,
						MHD_OPTION_CONNECTION_LIMIT, (unsigned int)HTTP_CONNECTIONS_MAX,
						MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)HTTP_IDLE_S,
						MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_HEADER_BYTES_MAX,
						MHD_OPTION_END);
	}
	if (!http || !http->daemon) {
		free(http);
		close(listen_fd);
		return NULL;
	}
	info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	http->fd = info ? info->epoll_fd : -1;
	return http;
}

void web_http_free(struct web_http *http)
{
	if (!http)
		return;
	MHD_stop_daemon(http->daemon);
	free(http);
}

int web_http_fd(const struct web_http *http)
{
	return http->fd;
}

int web_http_pause_ms(const struct web_http *http, int most)
{
	MHD_UNSIGNED_LONG_LONG pause_ms;

	if (MHD_get_timeout(http->daemon, &pause_ms) != MHD_YES || pause_ms > (MHD_UNSIGNED_LONG_LONG)most)
		return most;
	return (int)pause_ms;
}

void web_http_run(struct web_http *http)
{
	MHD_run(http->daemon);
}
