/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What forestall-web makes of the mind's answers: metrics text. See also test_web_history.c. */
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"
#include "web_world.h"
#include "serve/web_listen.h"
#include "sense/measure.h"
#include "serve/web_metrics.h"

static size_t lines_with(const char *text, const char *word)
{
	size_t count = 0;

	for (; (text = strstr(text, word)); text += strlen(word))
		count++;
	return count;
}

static void metrics_escape_whatever_a_cgroup_is_called(void **state)
{
	struct web_view view = view_of(json_pack("[o]", instance("/a\"b\\c\nd", "runq_p99<5ms", 0.5)));
	size_t bytes;
	char *text = web_metrics_format(&view, true, true, &bytes);

	(void)state;
	assert_int_equal(strlen(text), bytes);
#define WHO "{path=\"/a\\\"b\\\\c\\nd\",tier=\"critical\""
	assert_non_null(strstr(text, "forestall_used" WHO ",resource=\"cpu\"} 0.5\n"));
	assert_non_null(strstr(text, "forestall_sli_seconds" WHO ",sli=\"runq_p99\"} 0.0025\n"));
#undef WHO
	assert_non_null(strstr(text, "forestall_mode{mode=\"observe\"} 1\n"));
	assert_non_null(strstr(text, "forestall_ring_records_total{state=\"produced\"} 7\n"));
	assert_non_null(strstr(text, "forestall_decisions_total{reason=\"foresight\"} 5\n"));
	assert_non_null(strstr(text, "forestall_prevented_total 1.5\n"));
	/* What was not measured is no line. */
	assert_null(strstr(text, "pressure=\"cpu_some\""));
	free(text);
	view_done(&view);
}

static void who_rules_and_who_is_on_canary_are_metrics(void **state)
{
	static const char *const lines[] = {
		"forestall_policy{policy=\"forestall\",role=\"rules\"} 1\n", "forestall_policy{policy=\"reactive\",role=\"canary\"} 1\n",
		"forestall_canary_state{state=\"runs\"} 1\n", "forestall_canary_pairs 3\n", "forestall_canary_over_bound_seconds -2.5\n",
		"forestall_canary_evidence{claim=\"better\"} 7\n", "forestall_canary_needed{claim=\"better\"} 20\n",
		"forestall_probes_allowed 1\n", "forestall_probes_total{end=\"whole\"} 4\n",
		"forestall_saved_seconds_total{by=\"foresight\"} 1.5\n", "forestall_taken_back_total{what=\"standing\"} 2\n",
		"forestall_left_alone_total{what=\"came\"} 6\n",
	};
	struct web_view view = view_of(json_array());
	json_t *ledger = json_object_get(view.status, "ledger");
	size_t bytes;
	char *text;

	(void)state;
	json_object_set_new(view.status, "policy", json_string("forestall"));
	json_object_set_new(view.status, "canary", json_pack("{s:s, s:s, s:i, s:f, s:n, s:{s:f}, s:{s:f}}", "state", "runs", "candidate",
							     "reactive", "pairs", 3, "bad_s", -2.5, "less_work_s", "evidence", "better",
							     7.0, "needed", "better", 20.0));
	json_object_set_new(view.status, "probes", json_pack("{s:b, s:{s:i}, s:{}}", "allowed", 1, "ended", "whole", 4, "taken"));
	json_object_set_new(ledger, "saved_s", json_pack("{s:f}", "foresight", 1.5));
	json_object_set_new(ledger, "taken_back", json_pack("{s:i}", "standing", 2));
	json_object_set_new(ledger, "left_alone", json_pack("{s:i}", "came", 6));
	text = web_metrics_format(&view, true, true, &bytes);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(text, lines[i]))
			fail_msg("no line %s in:\n%s", lines[i], text);
	assert_null(strstr(text, "less_work"));
	free(text);
	view_done(&view);
}

static void a_setting_on_canary_and_advice_are_metrics(void **state)
{
	static const char *const lines[] = {
		"forestall_setting{glob=\"/a/\\\"*\",knob=\"cpu.weight\",value=\"300\",stage=\"part\"} 1\n", "forestall_setting_members 4\n",
		"forestall_setting_state{state=\"runs\"} 1\n", "forestall_setting_pairs 3\n", "forestall_setting_cuts 0\n",
		"forestall_setting_over_bound_seconds -2.5\n", "forestall_setting_evidence{claim=\"better\"} 7\n",
		"forestall_setting_time_evidence{claim=\"harms\"} 2\n", "forestall_setting_needed{claim=\"better\"} 20\n",
		"forestall_advice{path=\"/web\",resource=\"cpu\",why=\"no_giver\",help=\"annotate\",other=\"/a\\\\b\"} 1\n",
		"forestall_advice{path=\"/web\",resource=\"memory\",why=\"promised\",help=\"promise_less\",other=\"\"} 1\n",
	};
	struct web_view view = view_of(json_array());
	json_t *advice;
	size_t bytes;
	char *text;

	(void)state;
	text = web_metrics_format(&view, true, true, &bytes);
	assert_null(strstr(text, "forestall_setting"));
	assert_null(strstr(text, "forestall_advice{"));
	free(text);
	json_object_set_new(view.status, "setting", json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:i, s:i, s:i, s:f, s:n, s:{s:f}, s:{s:f}, s:{s:f}}", "state",
							      "runs", "glob", "/a/\"*", "knob", "cpu.weight", "value", "300", "stage", "part",
							      "on", 1, "members", 4, "pairs", 3, "cuts", 0, "bad_s", -2.5, "less_work_s",
							      "evidence", "better", 7.0, "time_evidence", "harms", 2.0, "needed", "better", 20.0));
	advice = json_pack("[{s:s, s:s, s:s, s:s, s:s}, {s:s, s:s, s:s, s:s, s:n}]", "path", "/web", "resource", "cpu", "why", "no_giver", "help",
			   "annotate", "other", "/a\\b", "path", "/web", "resource", "memory", "why", "promised", "help", "promise_less",
			   "other");
	json_object_set_new(view.status, "advice", advice);
	text = web_metrics_format(&view, true, true, &bytes);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(text, lines[i]))
			fail_msg("no line %s in:\n%s", lines[i], text);
	assert_null(strstr(text, "setting_less_work"));
	free(text);
	view_done(&view);
}

static void one_metric_a_kind_with_what_it_is_of_as_label(void **state)
{
	static const char *const lines[] = {
		"forestall_used{%s,resource=\"memory\"} 4096\n",
		"forestall_used{%s,resource=\"io\"} 500\n",
		"forestall_demand{%s,resource=\"cpu\"} 1\n",
		"forestall_demand{%s,resource=\"io\"} 7\n",
		"forestall_demand_expected{%s,resource=\"memory\",level=\"0.9\",horizon=\"2\"} 8192\n",
		"forestall_pressure_ratio{%s,pressure=\"io_full\"} 0.25\n",
		"forestall_bound_seconds{%s,sli=\"runq_p99\"} 0.005\n",
		"forestall_bound_ratio{%s,sli=\"mem_some\"} 0.02\n",
		"forestall_bad_ratio{%s,sli=\"runq_p99\"} 0.002\n",
		"forestall_violated{%s,sli=\"runq_p99\"} 1\n",
		"forestall_violated{%s,sli=\"mem_some\"} 0\n",
		"forestall_risk_ratio{%s,sli=\"mem_some\",horizon=\"2\"} 0.125\n",
		"forestall_impaired{%s,resource=\"memory\"} 1\n",
	};
	struct web_view view = view_of(json_pack("[o, o]", instance("/a", "runq_p99<5ms", 0.5), instance("/b", "", 0)));
	char line[256], *text;
	size_t bytes;

	(void)state;
	text = web_metrics_format(&view, true, true, &bytes);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		snprintf(line, sizeof(line), lines[i], "path=\"/a\",tier=\"critical\"");
		if (!strstr(text, line))
			fail_msg("no line %s in:\n%s", line, text);
	}
	assert_non_null(strstr(text, "forestall_capacity{resource=\"net\"} 1000000\n"));
	assert_int_equal(lines_with(text, "# TYPE forestall_used gauge"), 1);
	/* What was not measured, is not bound or in another unit is no line. */
	assert_null(strstr(text, "resource=\"net\"} 0"));
	assert_int_equal(lines_with(text, "forestall_sli_seconds{"), 1);
	assert_int_equal(lines_with(text, "forestall_sli_ratio{"), 0);
	assert_int_equal(lines_with(text, "forestall_impaired{"), 1);
	free(text);
	view_done(&view);
}

/* Whatever is added to the table is here too, or it says where else it is. */
static void every_signal_of_the_table_is_a_metric(void **state)
{
	struct web_view view = view_of(json_pack("[o, o]", instance("/a", "runq_p99<5ms", 0.5), instance("/b", "", 0)));
	json_t *signals = json_object();
	char metric[MEASURE_METRIC_MAX], line[256], *text;
	size_t bytes;

	(void)state;
	for (int m = 0; m < MEASURE_COUNT; m++) {
		measure_metric(&measures[m], metric);
		json_object_set_new(signals, metric, json_real(m * 1e9));
	}
	json_object_set_new(json_array_get(view.instances, 0), "signals", signals);
	text = web_metrics_format(&view, true, true, &bytes);
	for (int m = 0; m < MEASURE_COUNT; m++) {
		const struct measure *measure = &measures[m];
		double value = m * (strcmp(measure->unit, "ns") ? 1e9 : 1);

		measure_metric(measure, metric);
		snprintf(line, sizeof(line), "# TYPE %s %s\n", metric, measure->is_gauge ? "gauge" : "counter");
		assert_int_equal(lines_with(text, line), 1);
		snprintf(line, sizeof(line), "%s{path=\"/a\",tier=\"critical\"} %.9g\n", metric, value);
		assert_int_equal(lines_with(text, line), !measure->shown);
		snprintf(line, sizeof(line), "%s{path=\"/b\",tier=\"normal\"} ", metric);
		assert_int_equal(lines_with(text, line), 0);
	}
	free(text);
	view_done(&view);
}

#define OTHER "used{path=\"other\",tier=\"\",resource=\"cpu\"} "

static void what_is_not_named_is_one_sum(void **state)
{
	struct web_view view = view_of(crowd(3, 20));
	size_t bytes;
	char *text;

	(void)state;
	view.rest = json_pack("{s:i, s:f, s:f, s:f, s:f}", "count", 4977, "cpu", 2.5, "wait", 0.5, "io_bytes", 1e6, "tx_bytes", 0.0);
	text = web_metrics_format(&view, true, true, &bytes);
	assert_int_equal(lines_with(text, "resource=\"cpu\"} "), 2 * 23 + 1);
	assert_int_equal(lines_with(text, "forestall_violated{"), 2 * 3);
	assert_int_equal(lines_with(text, "{path=\"other\""), WEB_SUMS);
	assert_non_null(strstr(text, "forestall_other_instances 4977\n"));
	assert_non_null(strstr(text, OTHER "2.5\n"));
	assert_true(bytes < 32000);
	free(text);
	view_done(&view);
}

static void metrics_name_so_many_at_most(void **state)
{
	struct web_view view = view_of(crowd(5000, 0));
	struct web_pick pick;

	(void)state;
	web_pick_make(&view, &pick);
	assert_int_equal(pick.count, WEB_NAMED_MAX);
	view_done(&view);
}

static void metrics_of_a_silent_mind_hold_no_old_numbers(void **state)
{
	struct web_view view = view_of(crowd(1, 1));
	size_t bytes;
	char *text = web_metrics_format(&view, false, false, &bytes);

	(void)state;
	assert_non_null(strstr(text, "forestall_mind_up 0\n"));
	assert_null(strstr(text, "forestall_used"));
	free(text);
	view_done(&view);
}

static void only_loopback_is_listened_on(void **state)
{
	static const char *const wrong[] = { "0.0.0.0:9000", "[::]:9000", ":9000", "9000", "127.0.0.1:", "127.0.0.1:0",
					     "127.0.0.1:65536", "127.0.0.1:9x", "example.org:80", "127.0.0.11:80" };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(web_listen_tcp(wrong[i]), -EINVAL);
}

static void only_a_dead_socket_is_taken_away(void **state)
{
	char path[64];
	FILE *file;
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/test_web.%d", getpid());
	file = fopen(path, "w");
	fclose(file);
	assert_int_equal(web_listen_unix(path, 0), -EEXIST);
	assert_int_equal(unlink(path), 0);
	fd = web_listen_unix(path, 0);
	assert_true(fd >= 0);
	assert_int_equal(web_listen_unix(path, 0), -EADDRINUSE);
	close(fd);
	fd = web_listen_unix(path, 0);
	assert_true(fd >= 0);
	close(fd);
	unlink(path);
}

/* One round, with a mind that answers in the order of the questions. */
static void round_run(struct web_poll *poll, int mind_fd, int annotated)
{
	char status[64], question[128];
	const char *const answers[] = { status, "{\"ok\":true,\"total\":0,\"instances\":[]}", "{\"ok\":true,\"actions\":[]}" };

	snprintf(status, sizeof(status), "{\"ok\":true,\"instances\":{\"annotated\":%d}}", annotated);
	assert_int_equal(web_poll_begin(poll), 0);
	for (int i = 0; i < 3; i++) {
		assert_true(recv(mind_fd, question, sizeof(question), 0) > 0);
		assert_int_equal(send(mind_fd, answers[i], strlen(answers[i]), 0), strlen(answers[i]));
		assert_int_equal(web_poll_take(poll, NS_PER_SECOND), i == 2);
	}
}

static void the_mind_is_asked_seldom_while_nobody_would_know(void **state)
{
	struct web_poll *poll;
	int fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd), 0);
	poll = web_poll_new(fd[0]);
	assert_non_null(poll);
	assert_int_equal(web_poll_pause_ns(poll), NS_PER_SECOND);
	round_run(poll, fd[1], 0);
	assert_true(web_poll_pause_ns(poll) > 3 * NS_PER_SECOND && web_poll_pause_ns(poll) < WEB_VIEW_FRESH_NS);
	round_run(poll, fd[1], 1);
	assert_int_equal(web_poll_pause_ns(poll), NS_PER_SECOND);
	round_run(poll, fd[1], 0);
	web_poll_look(poll);
	for (int i = 0; i < 299; i++)
		round_run(poll, fd[1], 0);
	assert_int_equal(web_poll_pause_ns(poll), NS_PER_SECOND);
	round_run(poll, fd[1], 0);
	assert_true(web_poll_pause_ns(poll) > NS_PER_SECOND);
	web_poll_free(poll);
	close(fd[1]);
}

/* A mind of one instance for as many rounds as there are, which tells whether it was asked for few. */
static void *mind_run(void *arg)
{
	const int *fd = arg;
	char question[128];

	while (recv(*fd, question, sizeof(question), 0) > 0) {
		const char *answer = strstr(question, "status") ? "{\"ok\":true,\"instances\":{\"annotated\":1}}" :
				     strstr(question, "\"few\":true") ? "{\"ok\":true,\"total\":1,\"instances\":[{\"path\":\"/few\"}]}" :
				     strstr(question, "instance.pick") ? "{\"ok\":true,\"total\":1,\"instances\":[{\"path\":\"/all\"}]}" :
									 "{\"ok\":true,\"actions\":[]}";

		send(*fd, answer, strlen(answer), MSG_NOSIGNAL);
	}
	return NULL;
}

static const char *round_wait(struct web_poll *poll)
{
	assert_int_equal(web_poll_begin(poll), 0);
	while (!web_poll_take(poll, NS_PER_SECOND))
		;
	return web_pick_text(json_array_get(web_poll_view(poll)->instances, 0), "path");
}

static void who_begins_to_look_sees_all_at_once(void **state)
{
	struct web_poll *poll;
	pthread_t mind;
	int fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd), 0);
	poll = web_poll_new(fd[0]);
	assert_int_equal(pthread_create(&mind, NULL, mind_run, &fd[1]), 0);
	assert_string_equal(round_wait(poll), "/all");
	assert_string_equal(round_wait(poll), "/few");
	/* In the middle of a round that asks for few, too. */
	assert_int_equal(web_poll_begin(poll), 0);
	web_poll_look(poll);
	assert_string_equal(web_pick_text(json_array_get(web_poll_view(poll)->instances, 0), "path"), "/all");
	for (int i = 0; i < 298; i++)
		assert_string_equal(round_wait(poll), "/all");
	round_wait(poll);
	assert_string_equal(round_wait(poll), "/few");
	/* A mind that stands still is not waited for. */
	shutdown(fd[1], SHUT_RD);
	pthread_join(mind, NULL);
	web_poll_look(poll);
	assert_true(web_poll_view(poll)->is_few);
	web_poll_free(poll);
	close(fd[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_begins_to_look_sees_all_at_once),
		cmocka_unit_test(metrics_escape_whatever_a_cgroup_is_called),
		cmocka_unit_test(who_rules_and_who_is_on_canary_are_metrics),
		cmocka_unit_test(a_setting_on_canary_and_advice_are_metrics),
		cmocka_unit_test(one_metric_a_kind_with_what_it_is_of_as_label),
		cmocka_unit_test(every_signal_of_the_table_is_a_metric),
		cmocka_unit_test(what_is_not_named_is_one_sum),
		cmocka_unit_test(metrics_name_so_many_at_most),
		cmocka_unit_test(metrics_of_a_silent_mind_hold_no_old_numbers),
		cmocka_unit_test(only_loopback_is_listened_on),
		cmocka_unit_test(only_a_dead_socket_is_taken_away),
		cmocka_unit_test(the_mind_is_asked_seldom_while_nobody_would_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
