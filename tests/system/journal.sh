#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A journal of its own, which journald rotates and throws away while it is flooded: each line that it numbered was read, skipped or
# is told as lost, and what comes after it is read. Nobody else sees this journal.
if [[ ! ${FORESTALL_OWN_MOUNTS:-} ]] && unshare --mount true 2>/dev/null; then
	FORESTALL_OWN_MOUNTS=1 exec unshare --mount --propagation private "$0"
fi
. "$(dirname "$0")/../lib.sh"
journald=/lib/systemd/systemd-journald
[[ $EUID == 0 && -n $cgroot && ${FORESTALL_OWN_MOUNTS:-} ]] || skip_all "needs root, a cgroup v2 mount and mounts of its own"
[[ -x $journald ]] || skip_all "needs $journald"
"$bin/forestall" doctor >"$scratch/doctor" || skip_all "doctor: this kernel cannot be observed"
run=$scratch/run
group=forestall-journal-$$
journal=/run/log/journal
mkdir -p $journal /run/systemd /var/log/journal
for at in /run/log /run/systemd /var/log/journal; do mount -t tmpfs -o mode=755 none $at || skip_all "cannot mount on $at"; done
mkdir -p $journal /run/systemd/journald.conf.d
printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=2M\nRuntimeMaxFileSize=512K\nRateLimitIntervalSec=0\nReadKMsg=no\nAudit=keep\n' \
	>/run/systemd/journald.conf.d/small.conf
$journald 2>"$scratch/journald.log" &
journald_pid=$!
at_exit "kill $journald_pid; wait $journald_pid"
ask() { "$bin/forestall" --run-dir "$run" "$@"; }
says() { ask instance show "/$group" --json | tr -d '\n' | grep -qE "$1"; }
counts() { ask status --json | tr -d '\n ' | grep -oE '"log":\{.*"strangers":\{[^}]*\}'; }
counted() { counts | grep -oE '"journal":[0-9]+' | awk -F: '{ n += $2 } END { print n + 0 }'; }
dropped() { counts | grep -oE '"dropped":\{"journal":[0-9]+' | grep -oE '[0-9]+$'; }
numbered() { printf '%d' "0x$(journalctl -q -n 1 -o export | grep -oP '__CURSOR=.*;i=\K[0-9a-f]+')"; }
all_are_counted() { (($(numbered) - $(counted) == begin)) || { echo "$(numbered) - $(counted) is not $begin: $(counts)"; false; }; }
write() { # COMMAND: in the instance
	(echo $BASHPID >"$cgroot/$group/cgroup.procs"; exec systemd-cat -t test bash -c "$1; sleep 1")
}
flood() { write "seq -f 'line %.0f of the flood' $1"; }

mkdir "$cgroot/$group"
tap_cleanups=("rmdir $cgroot/$group" "${tap_cleanups[@]}")
"$bin/forestall" --run-dir "$run" up --mode observe --no-web 2>"$scratch/up.log" &
up=$!
at_exit "kill $up; wait $up"
check "up is ready" within 40 ask status
sleep 2
begin=$(($(numbered) - $(counted)))
mind=$(pgrep -P "$up" -x forestalld)
write 'echo first words'
check "a line is its writer's" within 20 says '"text":"first words","severity":"info","count":1,'
flood 3000
check "a flood through rotated files is read or skipped, and counted" within 60 all_are_counted
lost=$(dropped)
# More comes than the journal keeps while the mind reads none of it.
kill -STOP "$mind"
flood 6000
kill -CONT "$mind"
check "what journald threw away meanwhile is counted" within 60 all_are_counted
check "as lost" test "$(dropped)" -gt "$lost"
# Files are damaged while the mind has read a part of the first and knows where the next begin.
kill -STOP "$mind"
flood 3000
kill -CONT "$mind"
sleep 0.3
kill -STOP "$mind"
kill -USR2 $journald_pid
sleep 0.5
for file in $journal/*/system@*.journal; do dd if=/dev/zero of="$file" bs=4k seek=10 count=118 conv=notrunc status=none; done
kill -CONT "$mind"
write 'echo last words'
check "what is damaged is passed by" within 60 says '"text":"last words","severity":"info","count":1,'
check "and counted" within 30 all_are_counted
echo "# $(counts)"
finish
