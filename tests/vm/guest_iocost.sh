#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --disk 256M
# io.cost of a disk: only where it is allowed and somebody was hurt, let go where it is of no use, and off again however it ends.
. "$(dirname "$0")/../lib.sh"
top=/sys/fs/cgroup/disk
qos=/sys/fs/cgroup/io.cost.qos
disk=$(cat /sys/block/nullb0/dev)
says() { grep -q "^$disk $1" $qos; }
is_off() { ! says enable=1; }
start() {
	"$bin/forestall" up --mode enforce --forecaster persistence --no-web 2>>"$scratch/up.log" &
	up=$!
	within 30 "$bin/forestall" status
}
stop() { kill -TERM $up; wait $up; }
allow() { printf '[plan]\nio_cost = %s\n' "$1" >/etc/forestall/forestall.conf; }
never_for() { local end=$((SECONDS + $1)); shift; while ((SECONDS < end)); do "$@" || return 1; sleep 0.2; done; }
reads() { # CGROUP THREADS
	"$test_programs/load-burn" --kind io --target /dev/nullb0 --bytes 16384 --threads "$2" --plan "0+400000:100-100" --out "$scratch/$1.csv" &
	echo $! >"$top/$1/cgroup.procs"
	at_exit kill $!
}

mkdir -p "$scratch" /etc/forestall "$top"
echo +io >/sys/fs/cgroup/cgroup.subtree_control
echo +io >"$top/cgroup.subtree_control"
mkdir "$top/server" "$top/batch"
# A request takes 200 us: this bound is out of reach.
setfattr -n trusted.forestall.slo -v 'io_p99<150us tier=critical kind=latency' "$top/server"
setfattr -n trusted.forestall.slo -v 'tier=best-effort kind=batch' "$top/batch"
reads server 1
reads batch 4

allow no
check "it starts" start
hurt() { "$bin/forestall" instance show /disk/server | grep -qi violated; }
check "the server is hurt" within 20 hurt
check "without the operator's word the disk is nobody's" never_for 8 is_off
says_policy() { "$bin/forestall" policy show | grep -q "^io.cost    $1"; }
check "and it says how to allow it" says_policy "not allowed"
check "it stops" stop

allow yes
check "it starts with it" start
check "and switches io.cost on, as tight as it may be" within 30 says 'enable=1 ctrl=user rpct=95.00 rlat=100 wpct=95.00 wlat=100 min=10.00'
check "for the sake of the server, as the journal says" grep -q '/disk/server .*io.cost max -> 100 .*via=disk' /run/forestall/journal
check "then weights divide the disk" within 20 grep -q 'default 10$' "$top/batch/io.weight"
check "where it is of no use it is let go" within 60 is_off
check "for ten minutes" never_for 8 is_off
check "it stops again" stop

check "it starts anew" start
check "and has it again" within 30 says enable=1
# The hands first, with nobody there who would start others.
kill -STOP $up
pkill -KILL forestall-act
pkill -KILL forestall
wait $up
check "killed, all of it, it leaves it on" says enable=1
check "and an undo from outside takes it back" "$bin/forestall-act" --undo
check "to off, with the kernel's own terms" says 'enable=0 ctrl=auto'
check "the weight too" grep -q 'default 100$' "$top/batch/io.weight"

echo "$disk enable=1 ctrl=user rpct=90 rlat=7000 wpct=90 wlat=7000 min=50 max=100" >$qos
check "it starts where somebody else has it on" start
check "and leaves it as it is" never_for 10 says 'enable=1 ctrl=user rpct=90.00 rlat=7000'
check "but uses weights" within 20 grep -q 'default 10$' "$top/batch/io.weight"
check "it stops at last" stop
check "with that still as it was" says 'enable=1 ctrl=user rpct=90.00 rlat=7000'
finish
