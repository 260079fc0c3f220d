#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# forestall in observe mode on this machine, whatever it is: real telemetry per cgroup, nothing left behind.
. "$(dirname "$0")/../lib.sh"
[[ $EUID == 0 && -n $cgroot ]] || skip_all "needs root and a cgroup v2 mount"
"$bin/forestall" doctor >"$scratch/doctor" || skip_all "doctor: this kernel cannot be observed"
run=$scratch/run
group=$cgroot/forestall-native-$$
ask() { "$bin/forestall" --run-dir "$run" "$@"; }

mkdir "$group"
at_exit "rmdir $group"
"$test_programs/load-burn" --threads 1 --plan 0+60000:100-100 --out "$scratch/burn.csv" &
burn=$!
at_exit "kill $burn; wait $burn"
echo $burn >"$group/cgroup.procs"
"$bin/forestall" --run-dir "$run" up --mode observe --no-web 2>"$scratch/up.log" &
up=$!
at_exit "kill $up; wait $up"
check "up is ready" within 15 ask status
sleep 3
ask instance list --json >"$scratch/list" 2>/dev/null
cpu_is_real() { # The burner spins: it has at least a tenth of a CPU even on a busy machine, and no more than one.
	tr -d '\n ' <"$scratch/list" | grep -o "\"path\":\"/${group##*/}\".*" | grep -o '"cpu":[0-9.]*' | head -n 1 |
		awk -F: '{ found = $2 > 0.1 && $2 < 1.3 } END { exit !found }'
}
check "the burner's cgroup shows the CPU it burns" cpu_is_real
check "instance top shows it" bash -c "'$bin/forestall' --run-dir '$run' instance top --once | grep -q '${group##*/}'"
top_fits() { ask instance top --once | awk 'length > 120 { wide = 1; print "# " length ": " $0 } END { exit wide }'; }
check "top fits 120 columns" top_fits
mkdir "$group/child"
check "a new cgroup is there at once" within 5 bash -c "'$bin/forestall' --run-dir '$run' instance show '/${group##*/}/child'"
rmdir "$group/child"
check "and gone when it is gone" within 5 bash -c "! '$bin/forestall' --run-dir '$run' instance show '/${group##*/}/child'"
ask status --json >"$scratch/status"
check "no record was lost" grep -Eq '"dropped": ?0' "$scratch/status"
check "the annotation is set and read" bash -c "'$bin/forestall' --run-dir '$run' slo set '/${group##*/}' 'runq_p99<5ms tier=critical' &&
	'$bin/forestall' --run-dir '$run' slo show '/${group##*/}' | grep -q critical"
check "a malformed annotation is refused with its column" bash -c "! '$bin/forestall' slo set '/${group##*/}' 'runq_p99<5parsecs' 2>'$scratch/e' &&
	grep -q 'duration' '$scratch/e'"
check "mode is observe" bash -c "'$bin/forestall' --run-dir '$run' mode get | grep -q observe"
kill -TERM $up
wait $up
check "up ends cleanly" test $? = 0
check_not "no process is left" pgrep -f -- "--run-dir $run"
check_not "no pin is left" test -e /sys/fs/bpf/forestall
check_not "no socket is left" test -e "$run/mind.sock"
if ! grep -qw cpu "$cgroot/cgroup.controllers"; then
	check "doctor says why CPU cannot be controlled here and what to change" grep -q 'cgroup_no_v1=all' "$scratch/doctor"
fi
finish
