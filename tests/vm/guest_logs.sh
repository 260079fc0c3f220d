#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernel: 6.12
# vm: --systemd --mem 1G
# What services write into a real journal is theirs, by cgroup; an OOM kill in the kernel's log is its victim's.
. "$(dirname "$0")/../lib.sh"
run=/run/forestall-test
ask() { "$bin/forestall" --run-dir "$run" "$@"; }
says() { ask instance show "/system.slice/$1" --json | tr -d '\n' | grep -qE "$2" || { ask instance show "/system.slice/$1"; false; }; }
unit() { # NAME LINE...
	printf '[Service]\nRemainAfterExit=yes\n' >/run/systemd/system/$1.service
	printf '%s\n' "${@:2}" >>/run/systemd/system/$1.service
}
status() { ask status --json | tr -d '\n ' | grep -oE "$1"; }

mkdir -p /run/systemd/system
unit talks 'ExecStart=/bin/sh -c "sleep 4; for i in 1 2 3; do echo request $$i took $$i$$i ms; sleep 0.2; done; echo done talking; exec sleep 1000"'
unit warns 'ExecStart=/bin/sh -c "sleep 4; echo \"<4>pool is nearly empty, 3 left\"; echo \"<3>cannot reach 10.0.0.7\"; exec sleep 1000"'
unit quick 'ExecStart=/bin/sh -c "sleep 4; for i in 1 2 3 4 5 6 7 8 9; do /bin/echo quick word; done; exec sleep 1000"'
unit floods 'ExecStart=/bin/sh -c "yes hello hello | head -n 20000; exec sleep 1000"' LogRateLimitIntervalSec=0
unit after 'ExecStart=/bin/sh -c "echo end of the flood; exec sleep 1000"'
unit hungry 'ExecStart=/bin/sh -c "sleep 4; tail /dev/zero; exec sleep 1000"' MemoryMax=30M MemorySwapMax=0 OOMPolicy=continue
systemctl daemon-reload
systemctl start dbus.service
check "the journal runs" systemctl is-active systemd-journald
echo "before the start" | systemd-cat -t test
"$bin/forestall" --run-dir "$run" up --mode observe --forecaster statistical --model "" --no-web --record "$scratch/run.forestall" 2>"$scratch/up.log" &
up=$!
at_exit "kill $up; wait $up"
check "up is ready" within 60 ask status
sleep 2
systemctl start --no-block talks.service warns.service quick.service hungry.service
check "lines are their service's, as templates" within 60 says talks.service '"text":"request <\*> took <\*> ms","severity":"info","count":3,'
check "all of them" within 20 says talks.service '"text":"done talking","severity":"info","count":1,'
check "with the severity that they were sent with" within 20 says warns.service '"error":1,"warning":1'
check "also of processes that have ended since" within 20 says quick.service '"text":"quick word","severity":"info","count":9,'
check "each in its own" says warns.service '"text":"cannot reach <\*>","severity":"error"'
check_not "and no other's" says warns.service 'request'
root_says() { ask instance show "$1" --json | tr -d '\n' | grep -q 'oom-kill:constraint='; }
check "the kernel's word on an OOM kill is its victim's" within 90 root_says /system.slice/hungry.service
check "and that is a failure too" within 10 bash -c "'$bin/forestall' --run-dir '$run' failure list /system.slice/hungry.service | grep -q oom"
systemctl start --no-block floods.service
# Each line is read or skipped, and counted; also one that journald could tell no cgroup of, because its writer had ended.
journal_lines() { ask status --json | tr -d '\n ' | grep -oE '"log":.*"strangers":[^}]*' | grep -oE '"journal":[0-9]+' | awk -F: '{ n += $2 } END { print n }'; }
check "a flood is counted" within 200 eval '(($(journal_lines) >= 20000))'
systemctl start --no-block after.service
check "and does not hold up what comes after it" within 30 says after.service 'end of the flood'
echo "# $(status '"log":\{.*\}\},"inst')"
echo "# $(status '"tick":\{[^}]*\}')"
kill -TERM $up
wait $up
check "a replay is bit for bit the same" "$bin/forestall" replay "$scratch/run.forestall"
finish
