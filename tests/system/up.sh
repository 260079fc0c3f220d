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
finish
