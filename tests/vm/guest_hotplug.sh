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

# --- a partition: CPU 1 for nobody else -----------------------------------------------------------------------------------
part=/sys/fs/cgroup/part
mkdir $part
hold() { driver plan "$1" /sys/fs/cgroup /part "$2" "$3"; } # LEASE_MS KNOB VALUE
holds() { hold "${@:2}" | tee /dev/stderr | grep -qE "^$1"; }
reads() { [[ $(cat "$part/$1") == "$2" ]] || { cat "$part/$1"; false; }; }
is_as_before() { reads cpuset.cpus.partition member && reads cpuset.cpus '' && file .effective 0-1 && ! grep . "$run/journal"; }
partition() { holds applied 60000 cpuset.cpus 2 && holds applied "$1" cpuset.cpus.partition "$2"; }
check "a partition without CPUs is refused with the kernel's reason" holds 'refused .*root invalid \(.*empty' 4000 cpuset.cpus.partition 1
check "one of all CPUs too" eval 'holds applied 60000 cpuset.cpus 3 && holds "refused .*root invalid .*Parent" 4000 cpuset.cpus.partition 1'
check "and nothing stays of it" eval 'driver undo | grep -q ^released; is_as_before'
for kind in 1 2; do
	check "CPU 1 is made a partition" partition 60000 $kind
	check "its own" eval 'reads cpuset.cpus.effective 1 && file .effective 0'
	check "the same again is a renewal, of its CPUs too" eval 'holds renewed 60000 cpuset.cpus.partition $kind && holds renewed 60000 cpuset.cpus 2'
	check "its CPUs stand still meanwhile" holds 'refused .*partition' 60000 cpuset.cpus 1
	check "the others have CPU 1 again when it is undone" eval 'driver undo | grep -q ^released; is_as_before'
done
check "what is let go first does not matter" partition 60000 1
check "its CPUs go last" eval 'driver release /sys/fs/cgroup /part cpuset.cpus | grep -q ^released && is_as_before'
check "it is made again" partition 60000 1
echo member >$part/cpuset.cpus.partition
check "what somebody else makes of it stands" eval 'holds contended 60000 cpuset.cpus.partition 1 && reads cpuset.cpus.partition member'
check "and its CPUs are given back" eval 'driver undo | grep -q ^released; is_as_before'
kill -TERM $hands && wait $hands
start() { "$bin/forestall-act" --mode enforce --run-dir "$run" --disable-file "$scratch/disable" 2>>"$scratch/act.log" & hands=$!; within 20 driver mode; }
check "the hands start anew" start
check "it is made again" partition 60000 1
kill -KILL $hands
wait $hands 2>/dev/null
check "the hands are killed: it stays" eval 'reads cpuset.cpus.partition root && file .effective 0'
check "until they start anew" eval 'start && is_as_before'
hand() { "$bin/forestall" --run-dir "$run" action hold /part "$@" >"$scratch/hold.out" 2>&1 & holder=$!; }
hand cpuset.cpus core:1 cpuset.cpus.partition root
check "by hand, and by the name of the core" within 10 reads cpuset.cpus.partition root
kill -INT $holder
check "until the command ends" eval 'wait $holder && is_as_before'
hand cpuset.cpus 0-1 cpuset.cpus.partition root
check "what the kernel refuses takes all of it back" eval '! wait $holder && grep -q "invalid" "$scratch/hold.out" && is_as_before'
check "it is made again" partition 2000 1
echo 0-1 >$part/cpuset.cpus
check "when somebody makes it one of all CPUs the kernel breaks it" holds 'refused .*broke it: root invalid \(' 2000 cpuset.cpus.partition 1
check "so it is let go when its lease ends" within 10 reads cpuset.cpus.partition member
check "and CPU 1 is everybody's" file .effective 0-1
check "while what somebody wrote stays" reads cpuset.cpus 0-1
echo >$part/cpuset.cpus
mkdir $part/inner
echo +cpuset >$part/cgroup.subtree_control
inner() { driver plan 60000 /sys/fs/cgroup /part/inner "$@" | tee /dev/stderr; }
check "CPUs that the parent does not have exclusively are refused" eval 'inner cpuset.cpus.exclusive 2 | grep -q "unavailable .*set theirs first"'
check "the parent gets them" holds applied 60000 cpuset.cpus.exclusive 2
check "then the inner one" eval 'inner cpuset.cpus.exclusive 2 | grep -q ^applied'
check "below what is no partition the kernel wants more than hands have" eval 'inner cpuset.cpus.partition 1 | grep -q "refused .*not permitted"'
check "below one it is made" eval 'holds applied 60000 cpuset.cpus.partition 1 && inner cpuset.cpus.partition 1 | grep -q ^applied'
check "with its CPU" eval '[[ $(cat $part/inner/cpuset.cpus.effective) == 1 ]] && file .effective 0'
check "undone from the last to the first" eval 'driver undo | grep -q ^released; is_as_before && [[ -z $(cat $part/cpuset.cpus.exclusive $part/inner/cpuset.cpus.exclusive) ]]'
rmdir $part/inner

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
