#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernel: 6.1
# vm: --systemd --mem 1G
# Units of a real systemd fail in every way that they can: each is told once, with its cause and the time until it was back.
. "$(dirname "$0")/../lib.sh"
run=/run/forestall-test
ask() { "$bin/forestall" --run-dir "$run" "$@"; }
# "CAUSE VALUE RECOVERED RECOVERY_S" per failure of a unit, the last one first
failures() { ask failure list "/system.slice/$1" --json | tr -d '\n ' | tr '{' '\n' |
	sed -n 's/.*"cause":"\([a-z-]*\)","value":\([0-9]*\),.*"recovered":\([a-z]*\),"recovery_s":\([0-9.a-z-]*\).*/\1 \2 \3 \4/p'; }
is() { [[ $(failures "$1") == $2 ]] || { echo "'$(failures "$1")', not '$2'"; false; }; } # UNIT PATTERN
unit() { # NAME LINE...
	printf '[Service]\n' >/run/systemd/system/$1.service
	printf '%s\n' "${@:2}" >>/run/systemd/system/$1.service
}
main() { systemctl show "$1" -P MainPID; }
main_is_new() { local now; now=$(main "$1") && ((now && now != $2)); }

mkdir -p /run/systemd/system /etc/forestall/instances.d
printf '[/system.slice/hungry.service]\nslo = tier=critical\n' >/etc/forestall/instances.d/test.conf
unit exits 'ExecStart=/bin/sh -c "sleep 0.5; exit 7"'
unit missing 'ExecStart=/bin/false'
unit killed 'ExecStart=/bin/sleep 1000' Restart=always RestartSec=700ms
unit before 'ExecStart=/bin/sleep 1000' Restart=always RestartSec=200ms
unit hungry 'ExecStart=/bin/sh -c "echo 0; exec tail /dev/zero"' MemoryMax=30M MemorySwapMax=0 OOMPolicy=kill
unit worker 'ExecStart=/bin/sh -c "tail /dev/zero; exec sleep 1000"' MemoryMax=30M MemorySwapMax=0 OOMPolicy=continue
printf '[Slice]\nMemoryMax=30M\nMemorySwapMax=0\n' >/run/systemd/system/small.slice
unit sliced 'ExecStart=/bin/sh -c "echo 0; exec tail /dev/zero"' Slice=small.slice OOMPolicy=kill
unit watchdog 'ExecStart=/bin/sleep 1000' WatchdogSec=1 NotifyAccess=all
unit late 'ExecStart=/bin/sleep 1000' Type=notify TimeoutStartSec=1
unit loops 'ExecStart=/bin/sh -c "sleep 0.3; exit 9"' Restart=always RestartSec=100ms StartLimitBurst=3 StartLimitInterval=60
unit fine 'ExecStart=/bin/sleep 1000'
systemctl daemon-reload
systemctl start dbus.service before.service
"$bin/forestall" --run-dir "$run" up --mode observe --forecaster statistical --model "" --no-web 2>"$scratch/up.log" &
up=$!
at_exit "kill $up; wait $up"
check "up is ready" within 60 ask status
sleep 2

systemctl start exits.service missing.service killed.service fine.service
systemctl start --no-block hungry.service worker.service watchdog.service late.service loops.service
check "a status" within 20 is exits.service "exit 7 false null"
check "of a program that ends at once as well" within 10 is missing.service "exit 1 false null"
check "OOM of the main process" within 20 is hungry.service "oom 9 false null"
check "OOM of another, that the main process survives" within 20 is worker.service "oom 9 true 0*"
systemctl start --no-block sliced.service
limit_is() { ask failure list "$1" --json | tr -d '\n ' | grep -q "\"cause\":\"oom\",.*\"limit\":\"$2\""; } # PATH LIMIT
check "its own limit" within 20 limit_is /system.slice/hungry.service /system.slice/hungry.service
check "that of the slice above" within 20 limit_is /small.slice/sliced.service /small.slice
check "people see whose" bash -c "'$bin/forestall' --run-dir '$run' failure list | grep -E ' oom +SIGKILL +own ' &&
	'$bin/forestall' --run-dir '$run' failure list | grep -E ' oom +SIGKILL +/small.slice '"
check "the watchdog" within 20 is watchdog.service "watchdog 6 false null"
check "a start that takes too long" within 20 is late.service "unit-failed * false null"
old=$(main killed)
kill -KILL "$old"
check "a signal" within 10 is killed.service "signal 9 *"
check "systemd starts it again" within 20 main_is_new killed "$old"
check "which is when it is back" within 10 is killed.service "signal 9 true *"
took=$(failures killed.service | awk '{ print $4 }')
check "after its RestartSec, and not much later ($took s)" awk -v s="$took" 'BEGIN { exit !(s >= 0.69 && s < 30) }'
old=$(main before)
kill -SEGV "$old"
check "who ran before us is known by its MainPID" within 10 is before.service "signal 11 *"
check "and comes back" within 20 is before.service "signal 11 true *"
check "a unit that is started in vain is not back in the end" within 30 is loops.service "exit 9 false null*"
check "each of its ends is one failure" test "$(failures loops.service | grep -c exit)" = 3
systemctl stop fine.service
sleep 1
check "a stop is no failure" is fine.service ""
systemctl start exits.service
check "a unit that fails again was back before" within 20 is exits.service $'exit 7 false null\nexit 7 true *'
check "instance show tells them" bash -c "'$bin/forestall' --run-dir '$run' instance show /system.slice/killed.service | grep -q SIGKILL"
ask failure list | sed 's/^/# /'
sed 's/^/# /' "$scratch/up.log" | head -n 20
finish
