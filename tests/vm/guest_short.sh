#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --icount --mem 376M
# Where memory is short: who would take all that is left is held at its limit for as long as it is there, though nothing of it can be reclaimed,
# and what acts keeps its own memory.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../load/families.sh"
top=/sys/fs/cgroup/short
work=$scratch/work load=$test_programs port=7001 servers=()
die() { echo "$*" >&2; exit 1; }
run_in() { # CGROUP COMMAND...
	local group=$1
	shift
	bash -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$group" "$@" &
	pid=$!
	at_exit kill $pid
}
start() {
	"$bin/forestall" up --mode "$1" --forecaster persistence --no-web 2>>"$scratch/up.log" &
	up=$!
	within 30 "$bin/forestall" status
}
stop() { kill -TERM $up; wait $up; }
has_limit() { [[ $(<"$top/hog/memory.high") != max ]]; }
is_free() { ! has_limit; }
files_mb() { awk '/^file / { print int($2 / 1048576) }' "$top/server/memory.stat"; }
free_mb() { awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo; }
locked_kb() { awk '/^VmLck/ { print $2 }' "/proc/$(pgrep -x "$1")/status"; }
is_locked() { (($(locked_kb forestalld) > 1000 && $(locked_kb forestall-act) > 500)); }
slept() { awk '/^high / { print $2 }' "$top/hog/memory.events"; }
is_loose() { (($(locked_kb forestalld) == 0)); }

mkdir -p "$work" "$top"
echo "+memory +cpu +io" >/sys/fs/cgroup/cgroup.subtree_control
echo "+memory +cpu +io" >"$top/cgroup.subtree_control"
mkdir "$top/server" "$top/hog" "$top/client"
setfattr -n trusted.forestall.slo -v 'mem_some<2% resp_p99<10ms memory=32M..64M tier=critical kind=latency' "$top/server"
setfattr -n trusted.forestall.slo -v 'tier=best-effort kind=batch' "$top/hog"
family_start memory "$top/server"
family_warm memory "$top/client"
run_in "$top/client" "$load/load-client" --port $port --rate 160 --seconds 500 --poisson --fifo --bound-us 10000 \
	--out "$scratch/client.csv" "${client_args[@]}"

check "observe starts" start observe
sleep 6
check "who observes does not keep its memory from the host" is_loose
stop
check "enforce starts" start enforce
check "and holds its own memory and that of the hands" within 15 is_locked
mind=$(pgrep -x forestalld) warm=$(files_mb)
run_in "$top/client" "$load/load-watch" "$scratch/limits.csv" "$top/server" "$top/hog"
# It takes all but 10 MiB, and would go on to the end of it.
run_in "$top/hog" "$load/load-burn" --threads 1 --kind memory --bytes $((($(free_mb) - 10) << 20)) \
	--plan "0+8000:0-100,8000+400000:100-100" --out "$scratch/hog.csv"
check "who takes what is free is limited" within 30 has_limit
sleep 30
# t_ns,cgroup,weight,quota_us,period_us,usage_us,memory_high,memory_low,memory_bytes,...: each 50 ms
unlimited() { awk -F, '$2 == "hog" { if ($7 > 0) on = 1; n += on && $7 == 0 } END { print n + 0 }' "$scratch/limits.csv"; }
least_mb() { awk -F, '$2 == "server" && $9 > 0 && (!least || $9 < least) { least = $9 } END { print int(least / 1048576) }' "$scratch/limits.csv"; }
check "and held at its limit for three times as long as the hands let it sleep" test "$(unlimited)" = 0
check "where it is let on by little, and sleeps ($(slept) times)" test "$(slept)" -gt 5
check "so the server's files stay in memory ($(least_mb) of $warm MiB)" test "$(least_mb)" -ge $((warm / 2))
check "the mind is the same" test "$(pgrep -x forestalld)" = "$mind"
check "it stops" stop
check "and leaves no limit" is_free
finish
