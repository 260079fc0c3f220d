#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A recorded run comes out of the replay bit for bit; one that was tampered with does not.
. "$(dirname "$0")/../lib.sh"
[[ $EUID == 0 && -n $cgroot ]] || skip_all "needs root and a cgroup v2 mount"
"$bin/forestall" doctor >/dev/null || skip_all "doctor: this kernel cannot be observed"
run=$scratch/run
group=$cgroot/forestall-replay-$$
burning_pair "$group"
"$bin/forestall" --run-dir "$run" up --mode shadow --no-web 2>"$scratch/up.log" &
up=$!
at_exit "kill $up; wait $up"
within 15 "$bin/forestall" --run-dir "$run" status || skip_all "forestall does not start: $(cat "$scratch/up.log")"
sleep 2
# In the middle of a run: the mind's memory is part of the recording.
check "a running mind is recorded" "$bin/forestall" --run-dir "$run" record "$scratch/a.rec" --seconds 8
kill -TERM $up
wait $up
check "it replays bit for bit" "$bin/forestall" replay "$scratch/a.rec"
"$bin/forestall" replay --json "$scratch/a.rec" >"$scratch/lines" 2>"$scratch/summary"
check "there were forecasts" grep -Eq '[1-9][0-9]* forecasts' "$scratch/summary"
# Where a cgroup has no knob there is nothing to plan; test_recording replays plans everywhere.
[[ ! -e $group/batch/cpu.weight ]] || check "there were plans" grep -q '"reason":"reflex"' "$scratch/lines"
cp "$scratch/a.rec" "$scratch/b.rec.gz"
gzip -dc "$scratch/b.rec.gz" >"$scratch/raw"
size=$(stat -c %s "$scratch/raw")
tampered_is_caught() { # One byte of the last fifth, behind the memory at the start: an observation or an output.
	local offset=$((size * $1 / 100)) byte
	cp "$scratch/raw" "$scratch/bad"
	byte=$(od -An -tu1 -j $offset -N 1 "$scratch/raw")
	printf "\\x$(printf %02x $(((byte + 77) % 256)))" | dd of="$scratch/bad" bs=1 seek=$offset conv=notrunc 2>/dev/null
	gzip -c "$scratch/bad" >"$scratch/bad.rec"
	! "$bin/forestall" replay "$scratch/bad.rec"
}
caught=0
for at in $(seq 80 99); do tampered_is_caught $at >/dev/null 2>&1 && caught=$((caught + 1)); done
# Some bytes carry nothing (padding, a path's tail), so not every change can show.
check "tampering shows ($caught of 20)" test $caught -ge 3
check_not "a file that is no recording is refused" "$bin/forestall" replay /etc/passwd
head -c $(($(stat -c %s "$scratch/a.rec") * 9 / 10)) "$scratch/a.rec" >"$scratch/cut.rec"
check "a recording cut by a crash replays up to there" "$bin/forestall" replay "$scratch/cut.rec"
finish
