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
cpu_is_real() { # The burner spins: it has at least a tenth of a CPU even on a busy machine, and no more than one.
	ask instance list --json | tr -d '\n ' | grep -o "\"path\":\"/${group##*/}\".*" | grep -o '"cpu":[0-9.]*' | head -n 1 |
		awk -F: '{ found = $2 > 0.1 && $2 < 1.3 } END { exit !found }'
}
check "the burner's cgroup shows the CPU it burns" within 20 cpu_is_real
check "instance top shows it" bash -c "'$bin/forestall' --run-dir '$run' instance top --once | grep -q '${group##*/}'"
top_fits() { ask instance top --once | awk 'length > 120 { wide = 1; print "# " length ": " $0 } END { exit wide }'; }
check "top fits 120 columns" top_fits
# Two hogs on each CPU that the burner may use: it waits, and who ran then is named, with what is runnable now.
mkdir "$group/hog"
at_exit "rmdir $group/hog"
for i in $(seq $((2 * $(nproc)))); do
	(echo $BASHPID >"$group/hog/cgroup.procs"; exec "$test_programs/load-burn" --threads 1 --plan 0+120000:100-100 --out /dev/null) &
	at_exit "kill $!; wait $!"
done
show() { ask instance show "/${group##*/}" --json | tr -d '\n ' >"$scratch/show"; }
check "an annotated one is told who ran in its long waits" ask slo set "/${group##*/}" 'runq_p99<5ms'
hog_is_named() { show && grep -qE "\"runners\":\[.*\"path\":\"/${group##*/}/hog\",\"cgroup_id\":$(stat -c %i "$group/hog"),\"ns\":[0-9]+,\"share\":[01]\.[0-9e-]*[1-9]" "$scratch/show"; }
check "the hog is, with its share" within 20 hog_is_named
shares_add_up() { show && grep -oE '"share":[0-9.e-]+' "$scratch/show" | awk -F: '{ sum += $2 } END { exit !(sum > 0.5 && sum < 1.0001) }'; }
check "shares are of all who ran" within 10 shares_add_up
check "and people see it" bash -c "'$bin/forestall' --run-dir '$run' instance show '/${group##*/}' | grep -A 9 'RAN MEANWHILE' | grep -q '/${group##*/}/hog '"
forecast_of_hog() { ask instance list --json | tr -d '\n ' | sed 's/"path":/\n&/g' | grep "^\"path\":\"/${group##*/}/hog\"" | grep -q "\"forecast\":\"$1\""; }
check "who nobody annotated has no forecast" forecast_of_hog none
hogs_are_runnable() { ask instance show "/${group##*/}/hog" --json | tr -d '\n ' | grep -qE "\"runnable\":\{\"now\":$((2 * $(nproc)))(\.0)?,"; }
check "all hogs are runnable now" within 20 hogs_are_runnable
check "and is foreseen when asked for" bash -c "'$bin/forestall' --run-dir '$run' forecast show '/${group##*/}/hog' | grep -q '^by lstm, '"
check "from then on in the list too" within 5 forecast_of_hog lstm
mkdir "$group/child"
check "a new cgroup is there at once" within 5 bash -c "'$bin/forestall' --run-dir '$run' instance show '/${group##*/}/child'"
rmdir "$group/child"
check "and gone when it is gone" within 5 bash -c "! '$bin/forestall' --run-dir '$run' instance show '/${group##*/}/child'"
ask status --json >"$scratch/status"
check "doctor tells what the kernel did not, while the mind runs" bash -c "'$bin/forestall' --run-dir '$run' doctor | grep -q '^coverage .* switches'"
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
