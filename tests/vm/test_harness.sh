#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Tests tests/vm/run itself. One line a case, "ok NAME" or "not ok NAME";
# exit status 0 only if all are ok. With -v the guests' output is shown.
# shellcheck disable=SC2016,SC2317 # the guest expands these; check calls functions by name
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd -P)
root=$(cd "$here/../.." && pwd -P)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
verbose=${1-}

# Kernels first, so that no download counts against a guest's time.
for kernel in 6.12 6.1; do
	"$here/kernel" "$kernel" >/dev/null || exit 125
done

check() { # NAME CONDITION...
	local name=$1
	shift
	if "$@" >/dev/null 2>&1; then
		echo "ok $name"
	else
		echo "not ok $name"
		failed=1
	fi
}

# boot NAME ARGUMENT...: runs a guest, keeps what it gave in $work/NAME.*
boot() {
	local name=$1
	shift
	"$here/run" --console "$work/$name.console" "$@" >"$work/$name.out" 2>"$work/$name.err"
	echo $? >"$work/$name.status"
}
status_is() { [[ $(cat "$work/$1.status") == "$2" ]]; }
has() { grep -qE -- "$2" "$work/$1"; }
hasnt() { ! has "$@"; }

mkdir "$work/result" "$work/data"
echo 'preloaded text' >"$work/data/file"
for n in {1..20}; do # more than one pipe buffer, to see that no output is lost
	printf '%05000d\n' "$n" >>"$work/data/big"
done

cat >"$work/data/plain" <<'END'
echo to-stdout
echo to-stderr >&2
echo reopened >/dev/stderr
echo "cwd $PWD"
echo "user $(id -u)"
echo "kernel $(uname -r)"
echo "pid1 $(cat /proc/1/comm)"
echo "env $FORESTALL_TEST"
echo "controllers $(cat /sys/fs/cgroup/cgroup.subtree_control)"
mkdir /sys/fs/cgroup/t && echo '20000 100000' >/sys/fs/cgroup/t/cpu.max &&
	echo "cpu.max $(cat /sys/fs/cgroup/t/cpu.max)"
[ -r /sys/fs/cgroup/t/memory.pressure ] && head -n 1 /sys/fs/cgroup/t/memory.pressure
echo "disk $(cat /sys/block/nullb0/size)"
dd if=/dev/zero of=/dev/nullb0 bs=4k count=4 oflag=direct 2>/dev/null && echo disk-written
[ -s tests/vm/run ] && echo repository-visible
touch tests/vm/probe 2>/dev/null || echo repository-read-only
touch /usr/bin/probe /etc/forestall/probe /tmp/probe && echo rest-writable
for fs in bpf tracing debug/sched security; do
	[ -d /sys/fs/$fs ] || [ -d /sys/kernel/$fs ] && echo "mounted $fs"
done
{ : </dev/tcp/127.0.0.1/9; } 2>&1 | grep -q refused && echo loopback
modprobe sch_htb && grep -q sch_htb /proc/modules && echo modprobe
mkdir "$OUT/sub" && echo result >"$OUT/sub/file"
sleep 1000 &
exit 7
END

boot plain --disk 64M --out "$work/result" --env "FORESTALL_TEST=a 'b' \$c" \
	--preload "$work/data" -- bash "$work/data/plain" &
boot timeout --timeout 45 -- sh -c 'echo before; sleep 1000' &
wait
check "exit status comes back" status_is plain 7
check "stdout" has plain.out '^to-stdout$'
check "stderr" has plain.err '^to-stderr$'
check "the two are separate" hasnt plain.out to-stderr
check "/dev/stderr can be opened again" has plain.err '^reopened$'
check "working directory" has plain.out "^cwd $root\$"
check "root in the guest" has plain.out '^user 0$'
check "kernel 6.12" has plain.out '^kernel 6\.12'
check "environment" has plain.out "^env a 'b' \\\$c\$"
check "controllers" has plain.out '^controllers .*cpuset cpu io memory'
check "cpu.max" has plain.out '^cpu.max 20000 100000$'
check "pressure" has plain.out '^some avg10='
check "disk" has plain.out '^disk 131072$'
check "disk can be written" has plain.out '^disk-written$'
check "repository visible" has plain.out '^repository-visible$'
check "repository read-only" has plain.out '^repository-read-only$'
check "rest writable" has plain.out '^rest-writable$'
check "host untouched" test ! -e /usr/bin/probe
check "bpffs, tracefs, debugfs, securityfs" test "$(grep -c '^mounted' "$work/plain.out")" = 4
check "loopback" has plain.out '^loopback$'
check "modprobe" has plain.out '^modprobe$'
check "out directory" grep -qx result "$work/result/sub/file"
check "timeout is 124" status_is timeout 124
check "timeout is said" has timeout.err 'did not end within 45 s'
check "output before the timeout" has timeout.out '^before$'

boot panic --timeout 60 -- sh -c 'echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger; sleep 60' &
boot systemd --systemd -- sh -c 'cat /proc/1/comm; echo oops >&2
	systemctl is-system-running --wait
	systemd-run --quiet --unit=t -p CPUQuota=20% sleep 100
	cat /sys/fs/cgroup/system.slice/t.service/cpu.max; exit 9' &
wait
check "panic is 126" status_is panic 126
check "panic is said" has panic.err 'panicked: '
check "panic shows the console" has panic.err 'sysrq'
check "console is kept" has panic.console 'Kernel panic'
check "systemd is PID 1" has systemd.out '^systemd$'
check "boot done under systemd" has systemd.out '^running$'
check "systemd sets cpu.max" has systemd.out '^20000 100000$'
check "stderr under systemd" has systemd.err '^oops$'
check "exit status under systemd" status_is systemd 9

boot old --kernel 6.1 -- bash -c 'uname -r; kill -9 $$' &
# sleep is run before, and the time is bash's own: guest time jumps while a program comes from a host that is busy.
boot icount --icount --preload "$work/data" -- bash -c 'cat "$1/big"; sleep 0; for time in 0 60; do sleep $time; echo $EPOCHREALTIME >&2; done' - "$work/data" &
wait
check "kernel 6.1" has old.out '^6\.1\.'
check "a killed command" status_is old 137
check "icount" status_is icount 0
check "all output arrives" cmp "$work/icount.out" "$work/data/big"
check "icount: a minute's sleep is a minute in the guest" \
	awk 'NR == 1 { a = $1 } END { d = $1 - a; exit !(d > 59.9 && d < 61) }' "$work/icount.err"

boot unit --systemd -- sh -c 'echo 1 >/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)/cgroup.kill; sleep 100' &
"$here/run" -- sh -c 'echo started; sleep 1000' >"$work/killed.out" 2>/dev/null &
victim=$!
for ((i = 0; i < 300; i++)); do
	[[ -s $work/killed.out ]] && break
	sleep 0.2
done
# All processes of that run carry this in their environment or are its children.
below() { local p; for p in $(ps -o pid= --ppid "$1"); do echo "$p"; below "$p"; done; }
mapfile -t family < <(below "$victim")
kill -9 "$victim"
wait "$victim" 2>/dev/null
for ((i = 0; i < 50; i++)); do # the guest's memory has to be freed first
	alive=0
	for pid in "${family[@]}"; do
		[[ ! -d /proc/$pid ]] || alive=1
	done
	((alive)) || break
	sleep 0.2
done
check "a guest was there to be killed" test "${#family[@]}" -ge 4
check "nothing survives kill -9" test "$alive" = 0
check "no mounts left" test -z "$(grep "$root/build/vm" /proc/mounts)"
wait
check "a killed unit" status_is unit 137

"$here/run" --kernel 6.12 >/dev/null 2>&1
check "no command is 125" test $? = 125
"$here/run" --bogus -- true >/dev/null 2>&1
check "a bad option is 125" test $? = 125
check "help" "$here/run" --help

if ((failed)) || [[ $verbose == -v ]]; then
	rm -f "$work/icount.out"
	tail -n 20 "$work"/*.out "$work"/*.err | cut -c 1-200 >&2
fi
exit "$failed"
