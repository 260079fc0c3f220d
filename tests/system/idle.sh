#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Where nobody is annotated the mind sleeps until the second is over: a recording has as many ticks as the mind made.
. "$(dirname "$0")/../lib.sh"
[[ $EUID == 0 && -n $cgroot ]] || skip_all "needs root and a cgroup v2 mount"
"$bin/forestall" doctor >/dev/null || skip_all "doctor: this kernel cannot be observed"
run=$scratch/run
group=$cgroot/forestall-idle-$$
mkdir "$group" "$group/job"
at_exit "rmdir $group/job $group"
# Nobody but these: an annotation elsewhere on the host is none of the test's.
"$bin/forestall" --run-dir "$run" --cgroup-root "$group" up --mode observe --no-web 2>"$scratch/up.log" &
up=$!
at_exit "kill $up; wait $up"
check "up is ready" within 15 "$bin/forestall" --run-dir "$run" status
sleep 3	# the hands are known and the bus has answered
ticks_of() { # NAME: in four seconds
	"$bin/forestall" --run-dir "$run" record "$scratch/$1.rec" --seconds 4 &&
		"$bin/forestall" replay "$scratch/$1.rec" 2>&1 | grep -oE '^[^0-9]*[0-9]+ ticks' | grep -oE '[0-9]+'
}
few=10 # of 40
idle=$(ticks_of idle 2>/dev/null)
check "nobody is annotated: $idle ticks in four seconds" test "${idle:-99}" -ge 2 -a "${idle:-99}" -le $few
perl -MIO::Socket::UNIX -e '
	my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Peer => shift) or die "connect: $!";
	while (1) { $s->send("depth:1|g"); select(undef, undef, undef, 0.05) }' "$run/app.dgram" 2>/dev/null &
speaker=$!
at_exit "kill $speaker; wait $speaker"
spoken=$(ticks_of spoken 2>/dev/null)
check "an application that speaks is heard sooner: $spoken" test "${spoken:-0}" -gt $few
kill $speaker
"$bin/forestall" --run-dir "$run" --cgroup-root "$group" slo set /job 'runq_p99<5ms' 2>/dev/null
awake=$(ticks_of awake 2>/dev/null)
check "and with an annotation it wakes for the reflex: $awake" test "${awake:-0}" -gt $few
finish
