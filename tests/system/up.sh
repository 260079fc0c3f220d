#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The supervisor beside programs that do not do what they should. They lie beside a copy of it, as it looks for them.
. "$(dirname "$0")/../lib.sh"
[[ $EUID == 0 ]] || skip_all "needs root, as the supervisor does"
run=$scratch/run
cp "$bin/forestall-up" "$scratch"
printf '#!/bin/sh\ncase "$*" in *--undo) exit;; esac\nexec sleep 60\n' >"$scratch/forestall-act"
# Listens and never answers: the second who asks finds the queue full.
cat >"$scratch/forestalld" <<'EOT'
#!/usr/bin/perl
use Socket;
socket(my $s, AF_UNIX, SOCK_SEQPACKET, 0) or die;
bind($s, pack_sockaddr_un("$ARGV[1]/mind.sock")) && listen($s, 0) or die;
sleep 60;
EOT
chmod +x "$scratch"/forestall*
"$scratch/forestall-up" --run-dir "$run" --no-web 2>"$scratch/up.log" &
up=$!
at_exit "kill -KILL $up"
asks_in_vain() { [[ $(grep -c "$run/mind.sock" /proc/net/unix) -ge 2 ]]; }
check "a mind that does not answer is asked" within 10 asks_in_vain
sleep 2.5
kill -TERM $up
check "and does not keep the supervisor from ending" within 10 not kill -0 $up
check "which leaves nobody behind" not pgrep -f "$scratch/forestall"

# Answers its first question, and no other.
cat >"$scratch/forestalld" <<'EOT'
#!/usr/bin/perl
use Socket;
my $path = "$ARGV[1]/mind.sock";
unlink $path;
socket(my $s, AF_UNIX, SOCK_SEQPACKET, 0) or die;
bind($s, pack_sockaddr_un($path)) && listen($s, 8) or die;
accept(my $asker, $s) or die;
sysread($asker, my $question, 100) && syswrite($asker, '{"ok":true,"observed":1}') or die;
sleep 60;
EOT
socket=$scratch/notify
perl -MIO::Socket::UNIX -e '
	my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => shift) or die "bind: $!";
	$| = 1;
	print "$_\n" while defined $s->recv($_, 100)' "$socket" >"$scratch/told" &
at_exit "kill $!"
within 5 test -S "$socket"
# In a process group of its own: whoever it kills by mistake is none of ours. Pulses come faster than a mind is started again.
NOTIFY_SOCKET=$socket WATCHDOG_USEC=200000 setsid "$scratch/forestall-up" --run-dir "$run" --no-web 2>"$scratch/up.log" &
up=$!
at_exit "kill -KILL $up"
is_started() { (($(grep -c 'up: forestalld started' "$scratch/up.log") >= $1)); } # TIMES
check "a mind that answers is said to be ready" within 10 grep -q READY=1 "$scratch/told"
check "one that has ceased to answer is killed" within 20 grep -q 'has not answered 3 times: killed' "$scratch/up.log"
check "and started again" within 10 is_started 2
check "while the supervisor stays" kill -0 $up
check "which is ready again" within 10 eval '(($(grep -c READY=1 "$scratch/told") >= 2))'
check "and the watchdog of systemd is fed all the while" eval '(($(grep -c WATCHDOG=1 "$scratch/told") >= 3))'
kill -TERM $up
wait $up
finish
