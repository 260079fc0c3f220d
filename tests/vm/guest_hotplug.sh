#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernel: 6.12
# vm: --cpus 2
# A CPU goes offline and comes back: what ran there stays counted, who was confined to it is told so and let go, and there is less to share.
. "$(dirname "$0")/../lib.sh"
. tests/vm/known.sh
build/test/test_hotplug || tap_failed=1

run=$scratch/run
group=/sys/fs/cgroup/hot
online=/sys/devices/system/cpu/cpu1/online
mkdir $group
echo +cpuset >$group/cgroup.subtree_control
mkdir $group/batch
sleep 100000 &
echo $! >$group/batch/cgroup.procs
"$bin/forestall-act" --mode enforce --run-dir "$run" --disable-file "$scratch/disable" 2>"$scratch/act.log" &
hands=$!
driver() { "$test_programs/mind_driver" "$run/act.sock" "$@"; }
plan() { driver plan "$1" /sys/fs/cgroup /hot/batch cpuset.cpus "$2"; } # LEASE_MS MASK
says() { plan "${@:2}" | tee /dev/stderr | grep -qE "^$1"; }
file() { [[ $(cat "$group/batch/cpuset.cpus$1") == "$2" ]] || { cat "$group/batch/cpuset.cpus$1"; false; }; }

check "the hands start" within 20 driver mode
check "a cgroup is confined to CPU 1" says applied 4000 2
check "and runs there" file .effective 1
check "the same again is a renewal" says renewed 4000 2
echo 0 >$online
check "without that CPU it runs where all others do" file .effective 0
check "so it is not renewed" says 'refused .*none of them is in the parent.s cpuset.cpus.effective now: 0' 4000 2
check "and let go when the lease ends" within 10 not grep -q . "$run/journal"
check "to all there are, CPU 1 as well" file '' 0-1
check "a CPU that is offline is refused by name" says 'refused .*not within the parent.s cpuset.cpus.effective: 0' 4000 2
echo 1 >$online
check "with the CPU it has that again" file .effective 0-1
check "and can be confined again" says applied 60000 2
check "then to another one" says applied 60000 1
echo 0 >$online
check "that one's limit stands" says renewed 60000 1
check "undo while the CPU is away" eval 'driver undo | grep -q ^released'
echo 1 >$online
check "leaves nothing of it" file .effective 0-1

"$bin/forestalld" --run-dir "$scratch/mind" --config-dir "$scratch" 2>"$scratch/mind.log" &
mind=$!
shares() { "$bin/forestall" --run-dir "$scratch/mind" status | grep -q "^host  *$1 CPUs"; }
givers() { "$bin/forestall" --run-dir "$scratch/mind" -j status | grep -q "\"giver_cpus\":\"$1\""; }
check "the mind has two CPUs to share" within 60 shares 2
check "and confines givers to the second" within 5 givers 1
echo 0 >$online
check "and one when the other is away" within 20 shares 1
check "which it keeps from nobody" within 5 givers ""
echo 1 >$online
check "and two again" within 20 shares 2
check "of which the second is the givers' again" within 5 givers 1
kill $mind
wait $mind
kill -TERM $hands
check "the hands end well" wait $hands
sed 's/^/# /' "$scratch/act.log"
finish
