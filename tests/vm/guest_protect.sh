#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --icount
# The whole path in a guest: a real redis is protected from a real hog by cpu.weight, and every way of ending that leaves the
# limits as they were.
. "$(dirname "$0")/../lib.sh"
top=/sys/fs/cgroup/protect
weight() { cat "$top/batch/cpu.weight"; }
is_weight() { [[ $(weight) == "$1" ]]; }
forestall() { "$bin/forestall" "$@"; }
start() { # MODE
	"$bin/forestall" up --mode "$1" --forecaster persistence --no-web 2>>"$scratch/up.log" &
	up=$!
	within 30 "$bin/forestall" status && within 10 mode_is "$1"
}
mode_is() { "$bin/forestall" mode get | grep -q "$1"; }
stop() { kill -TERM $up; wait $up; }
hog() { # SECONDS
	"$test_programs/load-burn" --threads 4 --plan "0+$(($1 * 1000)):100-100" --out "$scratch/burn.csv" &
	hog=$!
	echo $hog >"$top/batch/cgroup.procs"
}
hog_end() { kill $hog 2>/dev/null; wait $hog 2>/dev/null; }

mkdir "$top"
echo +cpu >"$top/cgroup.subtree_control"
mkdir "$top/server" "$top/batch" "$top/client"
mkdir -p "$scratch"
echo 300 >"$top/batch/cpu.weight"
setfattr -n trusted.forestall.slo -v 'runq_p99<4ms tier=critical kind=latency' "$top/server"
setfattr -n trusted.forestall.slo -v 'tier=best-effort kind=batch' "$top/batch"
setfattr -n user.forestall.slo -v 'tier=critical runq_p99<1us' "$top/batch"
redis-server --port 7001 --save '' --dir "$scratch" --logfile "$scratch/redis.log" &
echo $! >"$top/server/cgroup.procs"
within 20 redis-cli -p 7001 ping
redis-cli -p 7001 setrange page 65535 x >/dev/null
"$test_programs/load-client" --port 7001 --rate 500 --seconds 400 --poisson --fifo --command 'BITCOUNT page' \
	--out "$scratch/client.csv" &
echo $! >"$top/client/cgroup.procs"

check "enforce starts" start enforce
check "best effort beside a bound stands back before there is a hog" within 10 is_weight 1
check "and plan show says that it costs nothing" within 5 bash -c "'$bin/forestall' plan show | grep -q standing"
forestall slo set /protect/server 'tier=critical'
check "where nobody has a bound nobody stands back" within 10 is_weight 300
forestall slo set /protect/server 'runq_p99<4ms tier=critical kind=latency'
check "and does so again with the bound" within 10 is_weight 1
check "stop gives it back" stop
check "at once" is_weight 300
# From here on what danger does is looked at, and that alone.
mkdir -p /etc/forestall
printf '[plan]\nposture = 0\n' >/etc/forestall/forestall.conf

check "enforce starts without a posture" start enforce
hog 60
check "the hog's weight is taken" within 15 is_weight 1
check "the journal says so, and why" bash -c "'$bin/forestall' journal show | grep -q 'cpu.weight.*reflex'"
check "plan show says what the hands did" within 5 bash -c "'$bin/forestall' plan show | grep -qi -e applied -e renewed"
check "the decision is listed" bash -c "'$bin/forestall' decision list | grep -q /protect/server"
check "and explained with what was taken from whom" bash -c "'$bin/forestall' decision explain 1 | grep -q '/protect/batch *.*cpu.weight'"
check "and the ledger counts the seconds" within 5 bash -c "'$bin/forestall' ledger | grep -q 'protected *.*[1-9].* s by'"
check "a user xattr does not raise a tier" bash -c "'$bin/forestall' instance show /protect/batch | grep -q best-effort"
hog_end
check "and given back after the hog, while forestall runs on" within 20 is_weight 300
hog 60
check "it is taken again" within 15 is_weight 1
echo 77 >"$top/batch/cpu.weight"
sleep 4
check "a foreign write stands (yielded)" is_weight 77
check "and is reported" bash -c "'$bin/forestall' plan show | grep -qi contended"
check "with what was there, what was ours and what is theirs" bash -c "'$bin/forestall' journal show |
	grep -qE '/protect/batch +cpu.weight +300 +1 +77 .*contended'"
check "stop ends cleanly" stop
check "and does not undo what somebody else wrote" is_weight 77
echo 300 >"$top/batch/cpu.weight"
check "enforce starts again" start enforce
check "the weight is taken" within 15 is_weight 1
check "panic ends well" forestall panic
check "panic gave it back before it returned" is_weight 300
check "panic left the disable file" test -e /etc/forestall/disable
sleep 4
check "nothing is taken while the disable file is there" is_weight 300
rm -f /etc/forestall/disable
check "without it the weight is taken again" within 20 is_weight 1
check "stop ends cleanly again" stop
check "everything is as before" is_weight 300
check "observe starts" start observe
sleep 6
check "observe changes nothing" is_weight 300
check "observe says what it would do" bash -c "'$bin/forestall' plan show | grep -qi would"
check "mode set enforce works on a running forestall" forestall mode set enforce
check "and acts" within 20 is_weight 1
check "mode set observe undoes" forestall mode set observe
check "at once" is_weight 300
stop
hog_end

# The server's own directory is what it lacks CPU in: somebody outside it has nothing to do with that.
outside=/sys/fs/cgroup/outside
outside_is() { [[ $(cat $outside/cpu.weight) == "$1" ]]; }
never_for() { local end=$((SECONDS + $1)); shift; while ((SECONDS < end)); do ! "$@" || return 1; sleep 0.2; done; }
in_danger() { "$bin/forestall" instance show /protect/server | grep -qi violated; }
mkdir $outside
echo 300 >$outside/cpu.weight
setfattr -n trusted.forestall.slo -v 'tier=best-effort kind=batch' $outside
echo "20000 100000" >"$top/cpu.max"
check "enforce starts below a quota" start enforce
sleep 3
hog 60
echo $hog >$outside/cgroup.procs
check "what a directory's own cpu.max takes is not taken from outside it" never_for 10 outside_is 1
check "though the server is in danger" within 5 in_danger
echo "max 100000" >"$top/cpu.max"
check "without that limit the outsider gives" within 15 outside_is 1
stop
check "and gets it back" outside_is 300
hog_end

# A setting on canary: a share of the group has it before all do, and all have what was promoted.
for i in 1 2 3 4; do
	mkdir "$top/worker$i"
	setfattr -n trusted.forestall.slo -v 'tier=standard runq_p99<50ms' "$top/worker$i"
done
have() { (($(grep -lx 250 "$top"/worker*/cpu.weight | wc -l) == $1)); }
check "enforce starts for a group" start enforce
check "a setting goes on canary" within 10 forestall action canary '/protect/worker*' cpu.weight 250 --share 0.5 --block 10
check "half of the group has it" within 30 have 2
check "then nobody, for the comparison" within 30 have 0
check "it is told who has it" bash -c "'$bin/forestall' policy show | grep -q 'cpu.weight = 250 of /protect/worker'"
check "the operator ends it" forestall action rollback
check "and nobody has it" within 5 have 0
stop
sed -i 's/ setting stopped / setting promoted /' /var/lib/forestall/policy
check "enforce starts with one that was promoted" start enforce
check "all have it" within 10 have 4
check "and with the end of forestall nobody" eval 'stop; have 0'
finish
