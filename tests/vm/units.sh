# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced after lib.sh where systemd is PID 1: hands that are asked for knobs of the units of one slice, and what is looked at in those.
slice=/work.slice
top=/sys/fs/cgroup$slice
run=/run/forestall-test
disable=$scratch/disable
# shellcheck disable=SC2034 # used by who sources this
control=/run/systemd/system.control
hands=("$bin/forestall-act" --mode enforce --run-dir "$run" --disable-file "$disable")

hands_start() {
	"${hands[@]}" 2>>"$scratch/hands.log" &
	pid=$!
	within 20 "$test_programs/mind_driver" "$run/act.sock" mode
}
hands_kill() { kill -KILL "$pid"; wait "$pid" 2>/dev/null; }
hands_end() { kill -TERM "$pid"; wait "$pid"; }
plan() { # LEASE_MS UNIT KNOB VALUE...: prints "OUTCOME VALUE TEXT"
	"$test_programs/mind_driver" "$run/act.sock" plan "$1" /sys/fs/cgroup "$slice/$2" "${@:3}"
}
outcome() { [[ $(plan "${@:2}" | tee "$scratch/plan") == "$1 "* ]] || { cat "$scratch/plan"; tail -n 5 "$scratch/hands.log"; false; }; }
# As the mind does: a guest of a busy host may be too slow for the time that a bus is given.
takes() { within 10 outcome applied "$@"; }
undo() { "$test_programs/mind_driver" "$run/act.sock" undo >"$scratch/undo" && ! grep -qv '^released' "$scratch/undo"; }
file() { cat "$top/$1/$2"; }
property() { systemctl show "$1" -P "$2"; }
is() { [[ $1 == "$2" ]] || { echo "'$1', not '$2'"; false; }; }
reads() { is "$(file "$1" "$2")" "$3"; }
says() { is "$(property "$1" "$2")" "$3"; }
# Everything of a unit that may not change for good.
state() {
	(cd "$top/$1" && grep -s . cpu.weight cpu.max memory.low memory.min memory.high memory.max io.weight io.max cpuset.cpus cpuset.cpus.effective)
	systemctl show "$1" -p CPUWeight -p CPUQuotaPerSecUSec -p CPUQuotaPeriodUSec -p MemoryLow -p MemoryMin -p MemoryHigh -p MemoryMax -p IOWeight \
		-p IOReadBandwidthMax -p AllowedCPUs
	find /run/systemd/transient /run/systemd/system.control /etc/systemd/system.control -path "*/$1.d*" 2>/dev/null
}
is_before() { is "$(state "$1")" "${before[$1]}"; }
declare -A before
