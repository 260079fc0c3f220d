#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel says no to a write of the hands, in every way it has: the outcome says so, nothing is half applied, nothing stays in the
# journal, and the next one is made as if nothing had been. The cgroups are this machine's, with the one knob that all of them have;
# the kernel's answer is strace's. Every other knob that is a file: tests/unit/test_refused_write.c.
. "$(dirname "$0")/../lib.sh"
[[ $EUID == 0 && -n $cgroot ]] || skip_all "needs root and cgroup v2, as the hands do"
run=$scratch/run
top=/act-errors-$$
mkdir "$cgroot$top" 2>/dev/null && mkdir "$cgroot$top/web" "$cgroot$top/other" || skip_all "no cgroup can be made in $cgroot"
[[ -e $cgroot$top/web/cgroup.freeze ]] || skip_all "this kernel has no cgroup.freeze"
at_exit "rmdir '$cgroot$top/web' '$cgroot$top/other' '$cgroot$top'"
start() { # INJECTION [MODE]
	strace -f -qq -o /dev/null -P "$cgroot$top/web/cgroup.freeze" -e trace=write -e "inject=write:$1" \
		"$bin/forestall-act" --mode "${2:-enforce}" --cgroup-root "$cgroot" --run-dir "$run" --disable-file "$scratch/disable" \
		2>>"$scratch/act.log" &
	tracer=$!
	within 10 driver mode
}
at_exit 'kill -KILL $(cut -d" " -f1 "$run/act.lock")'
stop() { kill -TERM "$(cut -d' ' -f1 "$run/act.lock")"; wait $tracer; }
driver() { timeout 20 "$test_programs/mind_driver" "$run/act.sock" "$@"; }
plan() { driver plan "${lease:-60000}" "$cgroot" "$top/$1" cgroup.freeze 1; }
says() { plan "$2" | tee /dev/stderr | grep -qE "^$1"; } # PATTERN CGROUP
reads() { [[ $(cat "$cgroot$top/$1/cgroup.freeze") == "$2" ]]; }
holds_nothing() { ! grep . "$run/journal"; }

for case in "EBUSY failed.*busy" "EINVAL failed.*Invalid" "EACCES failed.*denied" "EIO failed.*error" "ENODEV gone.*gone" \
	"EOPNOTSUPP unavailable.*no.way"; do
	read -r error words <<<"$case"
	check "the hands start" start "error=$error:when=1"
	check "$error: is told" says "$words" web
	check "$error: the knob is as before" reads web 0
	check "$error: nothing is held" holds_nothing
	check "$error: another cgroup's is made" says applied other
	check "$error: and the next time this one too" eval 'says applied web && reads web 1'
	stop
	check "$error: both are undone" eval 'reads web 0 && reads other 0 && holds_nothing'
done

check "the hands start" start error=EBUSY:when=2
check "a knob is held" eval 'lease=200 says applied web'
check "an undo that the kernel refuses is tried again" within 10 reads web 0
check "and is over then" within 5 holds_nothing
check "it was refused" grep -q 'cgroup.freeze: cannot be restored: .*busy' "$scratch/act.log"
stop
check "the hands start" start error=EBUSY:when=2+
check "a knob that takes no undo" says applied web
touch "$scratch/disable"
check "is tried when the disable file is there" within 5 grep -q "disabled by $scratch/disable" "$scratch/act.log"
for i in {1..10}; do driver mode >/dev/null; done
check "which is said once, whoever speaks" test "$(grep -c 'disabled by' "$scratch/act.log")" = 1
rm "$scratch/disable"
stop
check "stays in the journal" grep -q 'undone .* failed' "$run/journal"
check "hands that only observe start all the same" start error=EBUSY:when=1+ observe
check "and say what they could not restore" grep -q '1 knobs cannot be restored' "$scratch/act.log"
stop
check "it is still there" eval 'reads web 1 && grep . "$run/journal"'
check "and so do hands that act" start error=EBUSY:when=1
check "which try again" within 10 reads web 0
check "until it is over" within 5 holds_nothing
stop
check "the hands start" start error=EBUSY:when=2+
check "it takes none" says applied web
stop
check "until somebody else undoes it" "$bin/forestall-act" --undo --cgroup-root "$cgroot" --run-dir "$run"
check "as it was" eval 'reads web 0 && holds_nothing'

# Several knobs at once, of which one is refused, by the kernel or by a bound: all are let go.
several() { # CGROUP KNOB VALUE...
	"$bin/forestall" --run-dir "$run" --cgroup-root "$cgroot" action hold "$top/$1" "${@:2}" --seconds 30 >"$scratch/several.out" 2>&1
}
limits_nothing() { [[ -z $(find "/proc/$(cut -d' ' -f1 "$run/act.lock")/fd" -lname '*bpf*link*') ]]; } # the program itself stays loaded for the next
for error in EBUSY EINVAL EIO ENODEV EOPNOTSUPP; do
	check "the hands start" start error=$error:when=1
	check_not "$error: a knob that is refused ends the command" several web net.ingress 1000000 cgroup.freeze 1
	check "$error: the one before it was taken" grep -q 'net.ingress: applied' "$scratch/several.out"
	check "$error: and is let go" eval 'limits_nothing && holds_nothing && reads web 0'
	stop
done
check "the hands start" start error=EBUSY:when=100
several other net.ingress 1000000 &
holder=$!
check "one that is held is seen" within 10 eval '! limits_nothing'
kill -INT "$(pgrep -P $holder)"
wait $holder
check_not "so does one beyond its bounds" several web cgroup.freeze 1 net.ingress 1
check "which names it" grep -q 'net.ingress: refused' "$scratch/several.out"
check "and the one before it is let go too" eval 'limits_nothing && holds_nothing && reads web 0'
stop

# The cgroup goes between the journal and the write: the kernel's ENODEV is a real one then.
check "the hands start" start delay_enter=700000:when=1
plan other >/dev/null
driver plan 60000 "$cgroot" "$top/web" cgroup.freeze 1 >"$scratch/outcome" &
sleep 0.3
rmdir "$cgroot$top/web"
wait $!
check "a cgroup that vanishes in the middle of a write is gone" grep -q '^gone' "$scratch/outcome"
check "and the rest stands" eval '! grep -q "/web " <(tail -n 1 "$run/journal") && reads other 1'

# By hand, for as long as the command runs.
hold() { # VALUE [OPTION...]
	"$bin/forestall" --run-dir "$run" --cgroup-root "$cgroot" action hold "$top/other" cgroup.freeze "$@" >"$scratch/hold.out" 2>&1 &
	hold=$!
}
driver undo >/dev/null
check "to the end" eval 'reads other 0 && holds_nothing'
hold 1
check "a knob is held by hand" within 10 reads other 1
sleep 6 # longer than a lease
check "for as long as the command runs" reads other 1
kill -INT $hold
check "which ends well" wait $hold
check "and lets go" reads other 0
hold 1
within 10 reads other 1
kill -KILL $hold
check "one that was killed holds no longer than its lease" within 10 reads other 0
hold 1 --seconds 2
check "or for as long as it was told" eval 'within 10 reads other 1 && within 10 reads other 0 && wait $hold'
hold 7
check_not "what is refused is an error" wait $hold
check "that says why" grep -q 'neither 0 nor 1' "$scratch/hold.out"

# Another controller wants the same knob otherwise, and writes it all the time.
while :; do echo 0 >"$cgroot$top/other/cgroup.freeze"; sleep 0.05; done &
rival=$!
at_exit "kill $rival"
check "what somebody else writes all the time is tried" says '(applied|contended)' other
contended_again() { for ((i = 0; i < 10; i++)); do says 'contended.*left alone' other || return; sleep 0.1; done; }
check "and left to them" within 10 says 'contended.*left alone' other
check "from then on" contended_again
check "which is said once" eval '[[ $(grep -c "other cgroup.freeze: .*(0, not our 1).*journal show" "$scratch/act.log") == 1 ]]'
check "and can be looked up" eval '"$bin/forestall" --run-dir "$run" journal show |
	grep -qE "'"$top"'/other +cgroup.freeze +0 +1 +0 .* contended"'
check "while nothing is held" holds_nothing
kill $rival
stop
finish
