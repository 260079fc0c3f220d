#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --systemd --cpus 2
# vm-6.12: --systemd-version 257
# CPUs of units of a real systemd are taken and given back: AllowedCPUs= of the administrator stays, nothing of ours does.
. "$(dirname "$0")/../lib.sh"
. tests/vm/units.sh
at_exit systemctl stop plain.service file.service late.service lasting.service other.service

mkdir -p /run/systemd/system /etc/systemd/system/{file,late}.service.d
for unit in file late lasting other; do
	printf '[Service]\nExecStart=/bin/sleep 1000\nSlice=work.slice\n' >/run/systemd/system/$unit.service
done
admins="/etc/systemd/system/file.service.d/10-cpus.conf /etc/systemd/system/late.service.d/99-cpus.conf"
printf '[Service]\nAllowedCPUs=0-1\n' | tee $admins >/dev/null
systemctl daemon-reload
systemctl start dbus.service file.service late.service lasting.service other.service
systemctl set-property lasting.service AllowedCPUs=0-1
lasting=/etc/systemd/system.control/lasting.service.d/50-AllowedCPUs.conf
systemd-run --quiet --unit=plain --slice=work.slice sleep 1000
within 10 test -e "$top/plain.service/cpuset.cpus"
units="plain file late lasting"
for unit in $units; do before[$unit.service]=$(state $unit.service); done
admins_text=$(cat $admins $lasting)
drop_ins() { find /run/systemd /etc/systemd -name '*AllowedCPUs*' -o -name '*-cpus.conf' | sort; }
drop_ins_before=$(drop_ins)
# None and all mean the same, and the kernel lets nobody empty the file where processes are: then all are named, and nobody's property says so.
given_back() { # UNIT
	local now
	now=$(state "$1")
	[[ -n $(file "$1" cpuset.cpus) && -z ${cpus_before[$1]} ]] && now=$(grep -v '^cpuset.cpus:0-1$' <<<"$now")
	is "$now" "${before[$1]}" && reads "$1" cpuset.cpus.effective 0-1
}
declare -A cpus_before
for unit in $units; do cpus_before[$unit.service]=$(file $unit.service cpuset.cpus); done
all_before() {
	local unit
	for unit in $units; do given_back $unit.service || return; done
	is "$(drop_ins)" "$drop_ins_before" && is "$(cat $admins $lasting)" "$admins_text"
}
pinned() { reads "$1" cpuset.cpus 1 && reads "$1" cpuset.cpus.effective 1 && says "$1" AllowedCPUs 1; }

planned_or_said() {
	plan 60000 "$1" cpuset.cpus 2 >"$scratch/plan"
	case $(file "$1" cpuset.cpus)\ $(cat "$scratch/plan") in
	1\ renewed* | 1\ applied* | 0-1\ contended*) ;;
	*) false ;;
	esac
}

check "one unit has no CPUs of its own" says plain.service AllowedCPUs ""
check "one has the administrator's" says file.service AllowedCPUs "0-1"
check "and one what was set for good" says lasting.service AllowedCPUs "0-1"
check "the hands start" hands_start
for unit in plain file lasting; do
	for round in 1 2; do
		check "$unit, $round: CPU 1 is taken" takes 60000 $unit.service cpuset.cpus 2
		check "$unit, $round: by file and property" pinned $unit.service
		check "$unit, $round: undo" undo
		check "$unit, $round: all is as it was" within 10 all_before
	done
	systemctl daemon-reload
	check "$unit: after a daemon-reload as well" all_before
	check "$unit: another knob of it can be taken after that" takes 60000 $unit.service memory.high 67108864
	check "$unit: and be given back" eval 'undo && within 10 all_before'
	check "$unit: a short lease takes CPU 1" takes 300 $unit.service cpuset.cpus 2
	check "$unit: and gives it back at its end" within 10 all_before
done

# --- in the middle of it
for unit in plain file; do
	check "$unit: CPU 1 is taken" takes 60000 $unit.service cpuset.cpus 2
	systemctl daemon-reload
	check "$unit: daemon-reload leaves it" pinned $unit.service
	systemctl restart other.service
	check "$unit: so does the restart of another unit" pinned $unit.service
	check "$unit: it is still ours" outcome renewed 60000 $unit.service cpuset.cpus 2
	check "$unit: undo" undo
	check "$unit: nothing of it is left" within 10 all_before
	check "$unit: CPU 1 is taken again" takes 60000 $unit.service cpuset.cpus 2
	hands_kill
	check "$unit: killed hands leave it" pinned $unit.service
	check "$unit: undo without hands" "$bin/forestall-act" --undo --run-dir "$run"
	check "$unit: gives all back" within 10 all_before
	check "$unit: the hands start anew" hands_start
	check "$unit: CPU 1 is taken once more" takes 60000 $unit.service cpuset.cpus 2
	hands_kill
	systemctl daemon-reload
	systemctl restart other.service
	check "$unit: new hands undo what they find" hands_start
	check "$unit: all of it" within 10 all_before
done
# What was set for good hides our file of the same name, and a drop-in of a later name is read after it.
for unit in lasting late; do
	check "$unit: CPU 1 is taken" takes 60000 $unit.service cpuset.cpus 2
	systemctl daemon-reload
	check "$unit: after a daemon-reload it is as planned, or said to be somebody else's" within 10 planned_or_said $unit.service
	echo "# $unit: $(file $unit.service cpuset.cpus), property $(property $unit.service AllowedCPUs), $(cat "$scratch/plan")"
	check "$unit: nothing of ours is left" eval '"$test_programs/mind_driver" "$run/act.sock" undo >/dev/null; within 10 all_before'
done
hands_end

for step in apply.written apply.done undo.journaled undo.written; do
	for unit in plain file; do
		hands=(env "FORESTALL_STEP=$step" "$test_programs/forestall-act" --mode enforce --run-dir "$run" --disable-file "$disable")
		hands_start
		plan 200 $unit.service cpuset.cpus 2 >/dev/null 2>&1
		within 10 not kill -0 "$pid"
		check_not "$unit: killed at $step" kill -0 "$pid"
		hands=("$bin/forestall-act" --mode enforce --run-dir "$run" --disable-file "$disable")
		check "$unit: $step: new hands start" hands_start
		check "$unit: $step: all is as it was" within 10 all_before
		hands_end
	done
done

# --- the bus
hands_start
for unit in plain file; do
	check "$unit: CPU 1 is taken before the bus hangs" takes 60000 $unit.service cpuset.cpus 2
	kill -STOP "$(pidof dbus-daemon)"
	check "$unit: undo does not wait for it" undo
	check "$unit: and has all CPUs" reads $unit.service cpuset.cpus.effective 0-1
	kill -CONT "$(pidof dbus-daemon)"
	check "$unit: the property follows" within 20 all_before
	check "$unit: and nothing is held" within 10 bash -c "! grep -q . '$run/journal'"
done
hands_end

# --- the unit's processes go
hands_start
check "CPU 1 is taken" takes 60000 file.service cpuset.cpus 2
systemctl stop file.service
"$test_programs/mind_driver" "$run/act.sock" undo >/dev/null
systemctl start file.service
check "a unit that was stopped in the middle starts as it was" within 10 all_before
check "CPU 1 of a transient unit is taken" takes 1500 plain.service cpuset.cpus 2
systemctl stop plain.service
check "gone in the middle is normal" within 10 bash -c "! grep -q . '$run/journal'"
check "and leaves nothing" is "$(find /run/systemd -path '*plain.service*')" ""
hands_end
systemctl revert lasting.service
echo "# after $SECONDS s, $(systemctl --version | head -n 1)"
finish
