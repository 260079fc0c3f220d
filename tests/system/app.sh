#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What applications say of themselves: whose it is, what it is worth, and that it is judged as an SLI. With a StatsD client of
# others, and with packets by hand.
. "$(dirname "$0")/../lib.sh"
[[ $EUID == 0 && -n $cgroot ]] || skip_all "needs root and a cgroup v2 mount"
"$bin/forestall" doctor >"$scratch/doctor" || skip_all "doctor: this kernel cannot be observed"
run=$scratch/run
group=forestall-app-$$
ask() { "$bin/forestall" --run-dir "$run" "$@"; }
show() { ask instance show "/$group/$1" --json | tr -d '\n ' >"$scratch/show"; }
says() { show "$1" && grep -qE "$2" "$scratch/show"; } # GROUP PATTERN
status() { ask status --json | tr -d '\n ' | grep -qE "$1"; }
join() { echo $BASHPID >"$cgroot/$group/$1/cgroup.procs"; } # in a subshell
# Lines of stdin as packets, one each; with an argument: for ever, ten times a second.
send() { perl -MIO::Socket::UNIX -e '
	my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Peer => shift) or die "connect: $!"; my @lines = <STDIN>;
	do { $s->send($_) for @lines; select(undef, undef, undef, 0.1) if @ARGV } while (@ARGV);' "$run/app.dgram" "$@" 2>/dev/null; }
forever() { # GROUP LINES...
	local where=$1; shift
	(join "$where" && printf '%s\n' "$@" | send forever) &
	at_exit "kill -- $!; pkill -P $!"
}

mkdir "$cgroot/$group"
for where in web web/worker other; do mkdir "$cgroot/$group/$where"; done
tap_cleanups=("rmdir $cgroot/$group/web/worker $cgroot/$group/web $cgroot/$group/other $cgroot/$group" "${tap_cleanups[@]}")
at_exit "cat $cgroot/$group/{web,web/worker,other}/cgroup.procs | xargs -r kill; sleep 0.5"
"$bin/forestall" --run-dir "$run" up --mode observe --no-web --record "$scratch/run.forestall" 2>"$scratch/up.log" &
up=$!
at_exit "kill $up; wait $up"
check "up is ready" within 15 ask status
check "an SLI of the application is an annotation" ask slo set "/$group/web" 'app.checkout_ms<20 app.depth<5 tier=critical'
check "anybody may write" test "$(stat -c %a "$run/app.dgram")" = 666

forever web/worker 'checkout_ms:10|ms' 'checkout_ms:11|ms' 'checkout_ms:12|ms'
forever web 'depth:3|g'
check "a timer of a process below is the 99th percentile of its instance" within 10 says web '"app.checkout_ms":\{"value":1[12]\.[0-9.e]*,"bound":20\.0'
check "a gauge is its value" within 5 says web '"app.depth":\{"value":3\.0'
check "both are kept" says web '"app.depth":\{[^}]*"violated":false'
# The one value of a gauge is what was told last: nobody may go on telling the old one.
xargs kill <"$cgroot/$group/web/cgroup.procs"
nobody_in() { [[ -z $(<"$cgroot/$group/$1/cgroup.procs") ]]; }
check "who told it before is gone" within 5 nobody_in web
forever web 'depth:8|g'
check "what is over its bound is violated" within 10 says web '"app.depth":\{[^}]*"violated":true'
check "with a risk" within 5 says web '"app.depth":\{[^}]*"risk":0\.[1-9]'
forever other 'requests_total 1000'
check "who is not annotated is heard as itself" within 10 says other '"name":"requests_total","kind":"counter","value":0\.0'

# An annotated one has a socket of its own, which is free when others flood the shared one.
escaped=$(systemd-escape --path "/$group/web" 2>/dev/null || echo "${group//-/\\x2d}-web")
own="$run/app/$escaped.dgram"
check "an annotated one has a socket of its own" within 5 test -S "$own"
check_not "who is not annotated has none" test -e "$run/app/${escaped%web}other.dgram"
flood() { (join other && exec perl -MIO::Socket::UNIX -e 'my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Peer => shift) or die;
	$s->send("noise:1|c") while 1' "$run/app.dgram") & at_exit "kill $!"; }
for i in 1 2 3; do flood; done
at_once() { (join "$1" && exec perl -MIO::Socket::UNIX -e 'my ($to, @lines) = @ARGV; my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Blocking => 0,
	Peer => $to) or die; for (@lines) { $s->send($_) or exit 1 }' "$own" "${@:2}"); }
check "the shared one is full" within 10 not eval '(join web && perl -MIO::Socket::UNIX -e "my \$s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Blocking => 0,
	Peer => shift) or die; for (1 .. 20) { \$s->send(q(noise:1|c)) or exit 1 }" "$run/app.dgram")'
check "its own is not" at_once web 'own_gauge:7|g'
check "and what it says there is heard" within 5 says web '"name":"own_gauge","kind":"gauge","value":7'
at_once other 'forged:1|g'
sleep 1
check_not "nobody speaks for it there" says web '"name":"forged"'
check_not "nor for himself" says other '"name":"forged"'
pkill -f 'noise:1' ; sleep 1
(join other && echo 'once:1|c' | send)
check "a sender that has ended is known by its exec" within 5 says other '"name":"once"'
(join other && printf 'fine:1|g\nworse|g\n' | send)
check "a bad line is counted" within 5 status '"bad":1,'
check "and named, with its instance and what is wrong" status "/$group/other:'worse\|g'hasno"
if /usr/bin/python3 -c 'import statsd' 2>/dev/null; then
	(join other && /usr/bin/python3 - "$run/app.stream" <<'END'
import statsd, sys, time
client = statsd.UnixSocketStatsClient(sys.argv[1])
for i in range(30):
    with client.pipeline() as pipe:
        for ms in range(1, 41):
            pipe.timing('page', ms)
        pipe.incr('hits', 5)
        pipe.gauge('users', 17)
    time.sleep(0.1)
END
	) &
	client=$!
	check "a real client's timer" within 10 says other '"name":"page","kind":"timer","value":(3[89]|4[0-3])'
	check "its counter, as a rate" within 5 says other '"name":"hits","kind":"counter","value":[1-9]'
	check "its gauge" says other '"name":"users","kind":"gauge","value":17'
	wait $client
else
	tap_report 0 "a real client # skip python3-statsd is not installed"
fi
check "instance show lists them" bash -c "'$bin/forestall' --run-dir '$run' instance show '/$group/other' | grep -q requests_total"
(join other && for i in {1..40}; do echo "name$i:1|c"; done | send)
check "an instance has so many names and no more" within 5 status '"nameless":[1-9]'
kill -TERM $up
wait $up
check_not "no socket is left" test -e "$run/app.dgram"
check_not "nor of an instance" test -e "$run/app"
check "a replay is bit for bit the same" "$bin/forestall" replay "$scratch/run.forestall"
"$bin/forestall" replay "$scratch/run.forestall" --json 2>/dev/null | grep "/$group/web\"" >"$scratch/replay"
check "with the application's SLI" grep -q '"leading":"app.checkout_ms","unit":"number","sli":1[12]' "$scratch/replay"
finish
