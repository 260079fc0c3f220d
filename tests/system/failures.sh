#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What fails on this machine is told with its cause, and when it was back: without systemd, from the kernel's records alone.
. "$(dirname "$0")/../lib.sh"
[[ $EUID == 0 && -n $cgroot ]] || skip_all "needs root and a cgroup v2 mount"
"$bin/forestall" doctor >"$scratch/doctor" || skip_all "doctor: this kernel cannot be observed"
run=$scratch/run
top=forestall-fails-$$
ask() { "$bin/forestall" --run-dir "$run" "$@"; }
into() { local group=$1; shift; echo $BASHPID >"$cgroot/$top/$group/cgroup.procs" && exec "$@"; } # in a subshell
# of GROUP: "CAUSE VALUE RECOVERED" of its last failure
last() { ask failure list "/$top/$1" --json | tr -d '\n ' | sed 's/.*"failures":\[{\([^}]*\)}.*/\1/' |
	sed -n 's/.*"cause":"\([a-z-]*\)","value":\([0-9]*\),.*"recovered":\([a-z]*\).*/\1 \2 \3/p'; }
is() { [[ $(last "$1") == "$2" ]] || { echo "'$(last "$1")', not '$2'"; false; }; }
count() { ask failure list "/$top/$1" --json | grep -o '"cause"' | wc -l; }

mkdir "$cgroot/$top"
for group in exits stops killed forks moved; do
	mkdir "$cgroot/$top/$group"
	at_exit "rmdir $cgroot/$top/$group"
done
at_exit "sleep 0.3"
tap_cleanups=("rmdir $cgroot/$top" "${tap_cleanups[@]}")
sleep 1000 &
moved=$!
at_exit "kill $moved"
echo $moved >"$cgroot/$top/moved/cgroup.procs"
"$bin/forestall" --run-dir "$run" up --mode observe --no-web --record "$scratch/run.forestall" 2>"$scratch/up.log" &
up=$!
at_exit "kill $up; wait $up"
check "up is ready" within 15 ask status

(into exits sh -c 'exit 3')
check "a main process that ends with a status is a failure" within 5 is exits "exit 3 false"
into exits sleep 1000 &
at_exit "kill $!"
check "that is over when there is one again" within 5 is exits "exit 3 true"
(into exits sh -c 'exit 4')
sleep 0.5
check "another process beside the main one may end as it likes" is exits "exit 3 true"

into stops sleep 1000 &
stops=$!
sleep 0.5
kill -TERM $stops
into killed sleep 1000 &
killed=$!
sleep 0.5
kill -KILL $killed
check "SIGKILL is a failure" within 5 is killed "signal 9 false"
check "SIGTERM is none" test "$(count stops)" = 0
(into forks sh -c 'sleep 1000 & exit 0')
sleep 1
kill -KILL "$(<"$cgroot/$top/forks/cgroup.procs")"
check "the child of a daemon that forked takes its place" within 5 is forks "signal 9 false"
kill -KILL $moved
check "so does who was there before forestall" within 5 is moved "signal 9 false"

rmdir "$cgroot/$top/killed"
mkdir "$cgroot/$top/killed"
into killed sleep 1000 &
again=$!
at_exit "kill $again"
check "the same path with another cgroup is the same instance" within 5 is killed "signal 9 true"
check "instance show has it" bash -c "'$bin/forestall' --run-dir '$run' instance show '/$top/killed' | grep -q SIGKILL"
check "status counts by cause" bash -c "'$bin/forestall' --run-dir '$run' status --json | tr -d '\n ' | grep -q '\"signal\":[1-9]'"
kill -TERM $up
wait $up
"$bin/forestall" replay "$scratch/run.forestall" --json >"$scratch/replay" 2>"$scratch/summary"
check "a replay tells the same failures" test "$(grep '"failure"' "$scratch/replay" | grep -c "$top/")" = 4
check "and changes nothing else" grep -q 'bit for bit' "$scratch/summary"
finish
