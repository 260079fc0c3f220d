#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Cgroups that come and go by the thousand (CHURN=), more of them than there is room or descriptors for, below a root that is spelt
# otherwise than the kernel spells it, and processes of ours that start anew: memory stays what it was, nothing stale is left, what was
# annotated stays annotated, and no counter jumps.
. "$(dirname "$0")/../lib.sh"
[[ $EUID == 0 && -n $cgroot ]] || skip_all "needs root and a cgroup v2 mount"
"$bin/forestall" doctor >/dev/null || skip_all "doctor: this kernel cannot be observed"
churn=${CHURN:-3000} batch=50 max=200
chmod 0711 "$scratch"
run=$scratch/run
group=$cgroot/forestall-churn-$$
name_of_group=/${group##*/}
ask() { "$bin/forestall" --run-dir "$run" "$@"; }
status_of() { ask status --json | tr -d ' \n' | grep -o "\"$1\":[0-9.]*" | head -n 1 | cut -d: -f2; }
http() { # TARGET over the Unix socket
	curl -sf --unix-socket "$run/web.sock" "http://x$1"
}

mkdir -p "$group" "$scratch/conf/instances.d"
printf '[mind]\ninstances_max = %d\n' $max >"$scratch/conf/forestall.conf"
printf '[%s/%s]\nslo = runq_p99<5ms\n' "$name_of_group" 'a*' "$name_of_group" 'fresh?' >"$scratch/conf/instances.d/some.conf"
at_exit "rmdir $group/* $group"
"$test_programs/load-burn" --threads 1 --plan 0+3600000:100-100 --out "$scratch/burn.csv" &
burn=$!
at_exit "kill $burn; wait $burn"
mkdir "$group/burner"
echo $burn >"$group/burner/cgroup.procs"
ln -s "$cgroot" "$scratch/root"
ulimit -n $max
"$bin/forestall" --run-dir "$run" --config-dir "$scratch/conf" --cgroup-root "$scratch/root/" up --mode observe \
	--state-dir "$scratch/state" 2>"$scratch/up.log" &
up=$!
at_exit "kill $up; wait $up"
check "up is ready" within 40 ask status
mind_pid() { pgrep -P "$up" -x forestalld; }
rss() { awk '/^VmRSS/ { print $2 }' "/proc/$(mind_pid)/status"; }

# Something has waited for a CPU in each of them, after the mind has taken them in.
wait_in_each() { # DIRECTORY...
	local made
	sleep 1.2
	(for made; do echo $BASHPID >"$made/cgroup.procs" && /bin/true; done)
}
# One batch of directories, a process in the first of them. Each sixtieth batch is annotated.
turn() {
	local made name=c
	(($1 % 60 != 59)) || name=a
	made=("$group/$name$1".{1..50})
	mkdir "${made[@]}"
	(echo $BASHPID >"${made[0]}/cgroup.procs")
	[[ $name == c ]] || wait_in_each "${made[@]}"
	rmdir "${made[@]}" 2>/dev/null || { sleep 0.05; rmdir "${made[@]}" 2>/dev/null; }
}
# What a slot holds is touched when an annotated one first has it, and has it for so long that what was said of 5 s ahead came true: on a busy
# machine the later ones live as long. All slots are, before memory is looked at.
unfollowed=$(status_of unfollowed)
mkdir "$group"/all{1..200}
none_is_free() { (($(status_of unfollowed) > unfollowed)); }
check "annotated ones take all slots" within 40 none_is_free
# They take more descriptors than there are: who is left short is told, and some are left to answer with.
is_short() {
	local made
	for made in "$group"/all{1..200}; do
		ask instance show "$name_of_group/${made##*/}" 2>&1 | grep -q 'out of descriptors' && return
	done
	return 1
}
check "and more descriptors than there are, which is told of them" within 10 is_short
some_are_free() { (($(find "/proc/$(mind_pid)/fd" -mindepth 1 | wc -l) < max - 8)); }
check "some are left to answer with" some_are_free
wait_in_each "$group"/all*
sleep 8
rmdir "$group"/all* 2>/dev/null || { sleep 0.2; rmdir "$group"/all*; }
churn_to() { while ((turns * batch < $1)); do turn $((turns++)); done; }
turns=0
churn_to $((churn / 2))
mind=$(mind_pid) before=$(rss) grown_max=$((max * 10 + 512))
# A busy host touches more of what each slot may have: some 20 kB of each, once. What leaks does so each time.
for ((end = churn; end <= churn * 5 / 2; end += churn / 2)); do
	churn_to $end
	sleep 1
	after=$(rss)
	((after - before >= grown_max)) || break
	before=$after
done
check "the same mind is there after $((turns * batch)) cgroups" test "$(mind_pid)" = "$mind"
check "in the same memory ($before kB, then $after kB)" test $((after - before)) -lt $grown_max
nothing_is_stale() { ! ask instance list --json | grep -q "$name_of_group/[ac]"; }
check "no cgroup that is gone is shown" within 30 nothing_is_stale
# Ids and slots are given out again: whoever is there now has its own id, its own slot, and what it used and not others before it.
slots_held() { bpftool map dump name slots | grep -c '"key"'; }
no_slot_is_left() { test "$(slots_held)" = "$(status_of observed)"; }
# Another forestalld on this host has such a map as well.
if (($(bpftool map list name slots 2>/dev/null | grep -c 'name slots') == 1)); then check "and no slot is left to one" within 30 no_slot_is_left; fi
histograms_held() { bpftool map dump name bounds | tr -d ' \n' | grep -o '"detail":[1-9][0-9]*' | sort; }
annotated_count() { ask instance list --json | grep -o '"bound":true' | wc -l; }
each_has_its_own() { test "$(histograms_held | wc -l)" = "$(annotated_count)" -a -z "$(histograms_held | uniq -d)"; }
if (($(bpftool map list name bounds 2>/dev/null | grep -c 'name bounds') == 1)); then check "nor a histogram" within 30 each_has_its_own; fi
mkdir "$group"/fresh{1..20}
ids_are_own() {
	local made
	for made in "$group"/fresh*; do
		ask instance show "$name_of_group/${made##*/}" --json | tr -d ' \n' | grep -q "\"cgroup_id\":$(stat -c %i "$made")," || return 1
	done
}
check "those made now have the ids of their directories" within 30 ids_are_own
nothing_is_inherited() {
	local made
	for made in "$group"/fresh*; do
		ask instance show "$name_of_group/${made##*/}" --json | tr -d ' \n' |
			grep -qE '"switches":\{"now":(null|0\.0),"total":(null|0\.0)' || return 1
	done
}
check "and nothing of who had their slots before" nothing_is_inherited
if (($(bpftool map list name bounds 2>/dev/null | grep -c 'name bounds') == 1)); then check "and, if annotated, a histogram each of their own" within 30 each_has_its_own; fi
echo $burn >"$group/fresh7/cgroup.procs"
only_seventh_runs() {
	local made cpu
	for made in "$group"/fresh*; do
		cpu=$(ask instance show "$name_of_group/${made##*/}" --json | tr -d ' \n' | grep -o '"cpu":[0-9.]*' | head -n 1 | cut -d: -f2)
		awk -v cpu="${cpu:-0}" -v is_it="$((${made##*fresh} == 7))" 'BEGIN { exit !(is_it ? cpu > 0.05 : cpu == 0) }' || return 1
	done
}
check "what runs in one of them is counted there alone" within 30 only_seventh_runs
echo $burn >"$group/burner/cgroup.procs"
rmdir "$group"/fresh*
made=$(status_of produced)
all_delivered() { (($(status_of delivered) + $(status_of dropped) >= made)); }
check "every record is accounted for" within 30 all_delivered

# A path that is too long may stand elsewhere on this host.
unfollowed=$(status_of unfollowed)
mkdir "$group"/many{1..250}
check "cgroups beyond the bound are counted" within 30 eval '(($(status_of unfollowed) >= 250 - max))'
check "and no more are followed than there is room for" test "$(status_of observed)" -lt $max
echo $burn >"$group/many250/cgroup.procs"
other_before=$(status_of other_cpu_s)
other_grows() { awk -v a="$other_before" -v b="$(status_of other_cpu_s)" 'BEGIN { exit !(b > a + 0.2) }'; }
[[ $(ask instance list --json) == *"$name_of_group/many250\""* ]] || check "what such a one uses is in other" within 40 other_grows
echo $burn >"$group/burner/cgroup.procs"
rmdir "$group"/many*
check "their count goes with them" within 30 eval '(($(status_of unfollowed) == unfollowed))'

# A unit that restarts has a new directory of the same path.
mkdir "$group/unit"
annotated() { ask instance show "$name_of_group/unit" | grep -q 'runq_p99<5ms'; }
annotate() { ask slo set "$name_of_group/unit" 'runq_p99<5ms tier=critical' && annotated; }
check "a unit is annotated" within 30 annotate
rmdir "$group/unit"
gone() { ! ask instance show "$name_of_group/unit"; }
check "it stops" within 30 gone
mkdir "$group/unit"
check "it starts, and its SLO holds" within 30 annotated
removed() { ask slo set "$name_of_group/unit" --remove && ! annotated; }
check "until it is taken away" within 30 removed

# The counters of tasks and cgroups are older than a mind that starts now.
kill -KILL "$mind"
killed=$SECONDS
back() { [[ -n $(mind_pid) && $(mind_pid) != "$mind" ]] && ask status; }
check "a mind that is killed comes back" within 40 back
sleep 4
cpu_is_sane() { ask instance show "$name_of_group/burner" --json | tr -d ' \n' | grep -o '"cpu":[0-9.]*' |
	awk -F: '$2 > 1.3 { bad = 1 } $2 > 0.05 { seen = 1 } END { exit bad || !seen }'; }
check "no second of the burner shows more than it burned" cpu_is_sane
# Before the slots are given out again, what tasks did since they were born would be counted for nobody in particular.
other_is_sane() { awk -v s="$(status_of other_cpu_s)" -v n="$(nproc)" -v up="$((SECONDS - killed))" 'BEGIN { exit !(s != "" && s <= n * up) }'; }
check "nor is it counted elsewhere" other_is_sane
history_is_sane() { http "/v1/history?path=$name_of_group/burner&seconds=600" | grep -o '"cpu":[0-9.]*' |
	awk -F: '$2 > 1.3 { bad = 1 } { seen++ } END { exit bad || seen < 3 }'; }
if command -v curl >/dev/null; then check "nor does its history, across the restart" within 40 history_is_sane; fi
kill -TERM $up
wait $up
finish
