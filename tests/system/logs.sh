#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Log files of instances are followed through rotation and truncation, lines are templates, and what is rare is an event.
. "$(dirname "$0")/../lib.sh"
[[ $EUID == 0 && -n $cgroot ]] || skip_all "needs root and a cgroup v2 mount"
"$bin/forestall" doctor >"$scratch/doctor" || skip_all "doctor: this kernel cannot be observed"
run=$scratch/run
group=forestall-logs-$$
log=$scratch/app.log
ask() { "$bin/forestall" --run-dir "$run" --config-dir "$scratch/etc" "$@"; }
show() { ask instance show "/$group/$1" --json | tr -d '\n' >"$scratch/show"; }
says() { show "$1" && grep -qE "$2" "$scratch/show"; } # GROUP PATTERN
counted() { says web "\"text\":\"$1\",\"severity\":\"$2\",\"count\":$3,"; } # TEMPLATE SEVERITY COUNT
status() { ask status --json | tr -d '\n ' | grep -qE "$1"; }

mkdir "$cgroot/$group" "$cgroot/$group/web" "$scratch/etc" "$scratch/etc/instances.d"
tap_cleanups=("rmdir $cgroot/$group/web $cgroot/$group" "${tap_cleanups[@]}")
printf '[/%s/w*]\nlog = %s\nlog = %s/late.log\nlog = %s/pipe\nslo = tier=critical runq_p99<5ms\n' "$group" "$log" "$scratch" "$scratch" \
	>"$scratch/etc/instances.d/web.conf"
mkfifo "$scratch/pipe"
echo 'old line before the start' >"$log"
"$bin/forestall" --run-dir "$run" --config-dir "$scratch/etc" up --mode observe --no-web --record "$scratch/run.forestall" 2>"$scratch/up.log" &
up=$!
at_exit "kill $up; wait $up"
check "up is ready" within 15 ask status
sleep 2

echo '2024/05/01 10:22:01 [error] 31#31: *207 upstream timed out' >>"$log"
echo '2024/05/01 10:22:07 [error] 44#44: *9 upstream timed out' >>"$log"
check "lines of one template are counted as one" within 5 counted '<\*> <\*> \[error\] <\*> <\*> upstream timed out' error 2
check_not "what was there before the start is not read" says web 'old line'
printf 'a line in two ' >>"$log"
sleep 0.3
echo 'parts of it' >>"$log"
check "a line that comes in parts is one" within 5 counted 'a line in two parts of it' info 1
mv "$log" "$log.1"
echo 'WARNING last words of the old file' >>"$log.1"
echo 'first words of the new file' >"$log"
check "a file that is rotated is read to its end" within 5 counted 'WARNING last words of the old file' warning 1
check "then the new one" within 5 counted 'first words of the new file' info 1
: >"$log"
sleep 1.5
echo 'after the truncation' >>"$log"
check "a file that is truncated is read from its start" within 5 counted 'after the truncation' info 1
echo 'came later' >"$scratch/late.log"
check "a file may come later" within 5 counted 'came later' info 1
head -c 6000000 /dev/zero | tr '\0' 'x' | fold -w 99 >>"$log"
printf '\nafter the flood\n' >>"$log"
check "who falls behind skips" within 10 counted 'after the flood' info 1
check "and says how much" status '"dropped":\{[^}]*"file":[1-9][0-9]{6}'
check "severities are counted" says web '"error":2,"warning":1'
check "instance show tells them" bash -c "'$bin/forestall' --run-dir '$run' instance show '/$group/web' | grep -q 'upstream timed out'"
if [[ -w /dev/kmsg ]]; then
	echo "<4>forestall test $$: beware of nothing" >/dev/kmsg
	kmsg() { ask instance show / --json | tr -d '\n' | grep -q '"text":"forestall test <\*> beware of nothing","severity":"warning"'; }
	check "what the kernel's log says is the root's" within 5 kmsg
else
	tap_report 0 "kmsg # skip not writable here"
fi
kill -TERM $up
wait $up
check "up ends cleanly" test $? = 0
check "a replay is bit for bit the same" "$bin/forestall" replay "$scratch/run.forestall"
printf '[/a]\nlog = relative.log\n' >"$scratch/etc/instances.d/web.conf"
check "a bad path is refused with its line" bash -c "'$bin/forestalld' --run-dir '$run' --config-dir '$scratch/etc' 2>&1 | grep -q 'web.conf:2: log must be an absolute path'"
finish
