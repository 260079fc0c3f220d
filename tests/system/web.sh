#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# forestall-web beside the others: what it shows is true, it may do nothing, and nobody misses it when it is killed.
. "$(dirname "$0")/../lib.sh"
[[ $EUID == 0 && -n $cgroot ]] || skip_all "needs root and a cgroup v2 mount"
[[ -x $bin/forestall-web ]] || skip_all "forestall-web is not built"
"$bin/forestall" doctor >"$scratch/doctor" || skip_all "doctor: this kernel cannot be observed"
chmod 0711 "$scratch" # The unprivileged one has to come to its state directory.
run=$scratch/run
group=$cgroot/forestall-web-$$
burner=/${group##*/} # Not "name": check has one of its own.
port=$((20000 + $$ % 10000))
ask() { "$bin/forestall" --run-dir "$run" "$@"; }

# METHOD TARGET [HEADER]: status line, header and body, over loopback.
http() {
	exec 9<>"/dev/tcp/127.0.0.1/$port" || return 1
	printf '%s %s HTTP/1.1\r\n%s\r\nConnection: close\r\n\r\n' "$1" "$2" "${3:-Host: localhost}" >&9
	timeout 10 cat <&9
	exec 9<&-
}
says() { http "$1" "$2" "${@:4}" | grep -q -- "$3"; } # METHOD TARGET PATTERN [HEADER]
web_pid() { pgrep -P "$up" -x forestall-web; }
burner_cpu() { http GET /metrics | awk -v want="forestall_used{path=\"$burner\"," 'index($0, want) == 1 && /resource="cpu"/ { print $NF }'; }
burner_is_real() { burner_cpu | awk '{ found = $1 > 0.1 && $1 < 1.3 } END { exit !found }'; }
history_rows() { http GET "/v1/history?path=$burner&seconds=60" | grep -o '"t":' | wc -l; }
history_grows() { (($(history_rows) >= ${1:-3})); }

mkdir "$group"
at_exit "rmdir $group"
"$test_programs/load-burn" --threads 1 --plan 0+120000:100-100 --out "$scratch/burn.csv" &
burn=$!
at_exit "kill $burn; wait $burn"
echo $burn >"$group/cgroup.procs"
"$bin/forestall" --run-dir "$run" up --mode observe --web-listen "127.0.0.1:$port" --state-dir "$scratch/state" \
	2>"$scratch/up.log" &
up=$!
at_exit "kill $up; wait $up"
check "up is ready" within 15 ask status
check "web answers" within 15 says GET /v1/status '"mind_up":true'
pid=$(web_pid)
hands=$(pgrep -P "$up" -x forestall-act) mind=$(pgrep -P "$up" -x forestalld)

check "the burner is in /metrics with the CPU it burns" within 10 burner_is_real
check "its type is said" says GET /metrics '^# TYPE forestall_used gauge'
check "/v1/instances holds it" says GET /v1/instances "\"path\":\"$burner\""
# A parser of others reads it. The first scrape asks for the signals; from the next second on they are there.
burner_signals() {
	http GET /metrics | sed '1,/^\r$/d' >"$scratch/metrics"
	/usr/bin/python3 - "$burner" "$scratch/metrics" <<'END'
import sys
from prometheus_client.parser import text_string_to_metric_families
families = {f.name: f for f in text_string_to_metric_families(open(sys.argv[2]).read())}
mine = {name: {s.name: s.value for s in f.samples if s.labels.get("path") == sys.argv[1]} for name, f in families.items()}
on_cpu = mine["forestall_cpu_oncpu_seconds"]["forestall_cpu_oncpu_seconds_total"]
assert families["forestall_cpu_oncpu_seconds"].type == "counter" and 0.1 < on_cpu < 600, on_cpu
assert families["forestall_cpu_runnable"].type == "gauge"
for name in "cpu_switches", "cpu_migrations", "cpu_wait_other_seconds":
    assert mine["forestall_" + name]["forestall_" + name + "_total"] >= 0, name
for name in "net_drops", "io_done":
    assert families["forestall_" + name].type == "counter", name
# What is not measured is no line, but is said to be a metric.
for name in "memory_event_oom_kill", "net_rtt_seconds", "net_response_p99_seconds":
    assert "forestall_" + name in families and not mine["forestall_" + name], name
END
}
check "all signals are there, as a parser of others reads them" within 15 burner_signals
before=$(grep -F "forestall_cpu_oncpu_seconds_total{path=\"$burner\"" "$scratch/metrics" | awk '{ print $NF }')
oncpu_grows() { burner_signals && awk -v a="$before" '/^forestall_cpu_oncpu_seconds_total/ && index($0, want) { exit !($NF > a) }' \
	want="path=\"$burner\"" "$scratch/metrics"; }
check "and grow" within 15 oncpu_grows
check "history grows" within 15 history_grows 3
unix_answers() { curl -sf --unix-socket "$run/web.sock" http://x/metrics | grep -q forestall_mind_up; }
check "the Unix socket answers too" unix_answers

status_is() { grep -qE "^$1:[[:space:]]+$2$" "/proc/$pid/status"; } # FIELD PATTERN
check "it is not root, by no identity" status_is Uid '([1-9][0-9]*)[[:space:]]+\1[[:space:]]+\1[[:space:]]+\1'
check "nor by a group" status_is Gid '([1-9][0-9]*)[[:space:]]+\1[[:space:]]+\1[[:space:]]+\1'
check "it has no other groups" status_is Groups '[[:space:]]*'
for set in CapInh CapPrm CapEff CapBnd CapAmb; do check "$set is empty" status_is $set 0000000000000000; done
check "it can gain none" status_is NoNewPrivs 1
check "beside what it was given it holds sockets and its history only" bash -c "! find /proc/$pid/fd -type l ! -name '[012]' -printf '%l\n' |
	grep -Ev '^(socket:|anon_inode:|pipe:|/dev/null|$scratch/state/web/history.db)'"

check "a POST is refused with 405" says POST /metrics '^HTTP/1.1 405'
check "a DELETE too" says DELETE /v1/instances '^HTTP/1.1 405'
check "what is not there is 404" says GET /../../etc/passwd '^HTTP/1.1 404'
check "history of no path is 400" says GET /v1/history '^HTTP/1.1 400'
check "as is a number that is none" says GET "/v1/history?path=/&seconds=1e9" '^HTTP/1.1 400'
check "and a foreign Host over TCP" says GET /metrics '^HTTP/1.1 400' 'Host: evil.example'
long_is_read() { says GET "/$(head -c 20000 /dev/zero | tr '\0' a)" '^HTTP/1.1 [2-3]\|^HTTP/1.1 404'; }
check_not "a URL of 20 kB is not even looked up" long_is_read # 414, or a reset that overtakes it.
check "errors are JSON" says GET /nowhere '^{"ok":false,"error":'

kill -KILL "$pid"
web_is_new() { local now; now=$(web_pid) && [[ -n $now && $now != "$1" ]]; }
check "killed, it comes back" within 10 web_is_new "$pid"
check "and answers" within 10 says GET /v1/status '"mind_up":true'
check "the others did not notice" bash -c "kill -0 $hands && kill -0 $mind && '$bin/forestall' --run-dir '$run' status"
check "what it had written is still there" within 15 history_grows 3

pid=$(web_pid)
kill -STOP "$mind"
check "a mind that is silent is said to be down, at once answered" within 12 says GET /metrics '^forestall_mind_up 0'
check "and has no old numbers" bash -c "[[ -z '$(burner_cpu)' ]]"
kill -CONT "$mind"
check "and up again when it speaks" within 10 says GET /metrics '^forestall_mind_up 1'
kill -KILL "$mind"
check "a mind that starts anew gets a web that does" within 20 web_is_new "$pid"
check "which answers" within 20 says GET /v1/status '"mind_up":true'

kill -KILL "$burn"
check "a failure is counted by its cause" within 10 says GET /metrics '^forestall_failures_total{cause="signal"} [1-9]'
check "and kept" within 20 says GET "/v1/history?path=$burner&seconds=600" '"failures":\[{"unix_ms":[0-9]*,"cause":"signal","value":9'

check "an address that is not loopback is wrong usage" bash -c "'$bin/forestall-web' --run-dir '$run' --listen 0.0.0.0:9 2>'$scratch/e'
	[[ \$? == 2 ]] && grep -q 'only 127.0.0.1' '$scratch/e'"
mkdir "$scratch/mine" && touch "$scratch/mine/file"
"$bin/forestall-web" --run-dir "$run" --state-dir "$scratch/mine" 2>"$scratch/e"
check "a second one is refused" grep -q 'web.sock: Address already in use' "$scratch/e"
check "and gave nothing away" test "$(stat -c %u "$scratch/mine")" = 0

kill -TERM $up
wait $up
check "up ends cleanly" test $? = 0
check_not "no process is left" pgrep -f -- "--run-dir $run"
finish
