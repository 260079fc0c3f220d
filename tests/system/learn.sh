#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the mind keeps of its past, and what it learns from it.
. "$(dirname "$0")/../lib.sh"
[[ $EUID == 0 && -n $cgroot ]] || skip_all "needs root and a cgroup v2 mount"
"$bin/forestall" doctor >/dev/null || skip_all "doctor: this kernel cannot be observed"
run=$scratch/run state=$scratch/state
history=$state/history
group=$cgroot/forestall-learn-$$
mkdir "$group" "$group/server" "$group/batch" "$scratch/conf"
at_exit "rmdir $group/server $group/batch $group"
setfattr -n trusted.forestall.slo -v 'runq_p99<1us tier=critical' "$group/server"
setfattr -n trusted.forestall.slo -v 'tier=best-effort' "$group/batch"
for name in server batch; do
	"$test_programs/load-burn" --threads 3 --plan '0+60000:70-70' --out "$scratch/$name.csv" &
	at_exit "kill $!; wait $!"
	echo $! >"$group/$name/cgroup.procs"
done
printf '[learn]\nhistory_mb = 1\n' >"$scratch/conf/forestall.conf"
up() { "$bin/forestall" --run-dir "$run" --config-dir "$scratch/conf" up --mode shadow --no-web --state-dir "$state" 2>>"$scratch/up.log" & up=$!; }
ask() { "$bin/forestall" --run-dir "$run" -j "$@"; }
learns() { ask status | grep -q "$1"; }
recordings() { (($(find "$history" -name '*.rec' -size +0 | wc -l) == $1)); }
up
at_exit "kill $up; wait $up"
within 15 ask status || skip_all "forestall does not start: $(cat "$scratch/up.log")"

check "the past is kept in a directory of root's alone" within 12 recordings 1
check "and status says how much of it" within 12 learns '"history":{"files":1,'
sleep 7 # It is flushed every 5 s.
mind=$(pgrep -P $up forestalld)
kill -KILL "$mind"
check "a mind that is killed begins another recording" within 15 recordings 2
sleep 3
kill -TERM $up
wait $up
first=$(find "$history" -name '*.rec' | sort | head -n 1) second=$(find "$history" -name '*.rec' | sort | tail -n 1)
check "what was kept until the kill replays bit for bit" "$bin/forestall" replay "$first"
check "and what was kept after it" "$bin/forestall" replay "$second"
"$bin/forestall" replay "$second" >"$scratch/summary"
check "with its forecasts" grep -Eq '[1-9][0-9]* forecasts' "$scratch/summary"

mount -t tmpfs -o size=256k,mode=755 none "$history" || skip_all "no tmpfs can be mounted"
at_exit "umount $history"
head -c 300k /dev/zero >"$history/filler" 2>/dev/null
: >"$scratch/up.log"
up
at_exit "kill $up; wait $up"
within 15 ask status
check "a full disk is said" within 15 learns '"error":"No space left on device"'
ticks() { ask plan show | sed 's/.*"id":\([0-9]*\).*/\1/'; }
before=$(ticks)
check "and the mind goes on" within 5 test "$(sleep 2 && ticks)" -gt "$before"
check "once on stderr" test "$(grep -c 'history: No space' "$scratch/up.log")" = 1
rm "$history/filler"
check "when there is room again the past is kept again" within 20 learns '"error":null'
check "in a recording" within 12 recordings 1
kill -TERM $up
wait $up
finish
