#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --systemd --disk 256M
# vm-6.12: --systemd-version 257
# With the systemd that Debian has beside each kernel: 252 with 6.1, 257 with 6.12.
# Units of a real systemd are changed by their properties, and come back as they were: property, cgroup file, drop-ins.
. "$(dirname "$0")/../lib.sh"
. tests/vm/units.sh
at_exit systemctl stop job.scope web.service plain.service
bus_stop() { kill -STOP "$(pidof dbus-daemon)"; }
bus_go() { kill -CONT "$(pidof dbus-daemon)"; }

systemd-run --quiet --scope --unit=job --slice=work.slice -p CPUWeight=200 -p IOWeight=77 -p MemoryHigh=300M sleep 1000 &
mkdir -p /run/systemd/system
printf '[Service]\nExecStart=/bin/sleep 1000\nSlice=work.slice\nCPUWeight=50\n' >/run/systemd/system/web.service
systemctl daemon-reload
systemctl start dbus.service web.service
systemd-run --quiet --unit=plain --slice=work.slice sleep 1000
within 10 test -e "$top/job.scope"
systemctl set-property --runtime work.slice MemoryLow=16M MemoryMin=16M # a child's protection is a share of its parent's
before[job.scope]=$(state job.scope) before[web.service]=$(state web.service) before[plain.service]=$(state plain.service)

check "the hands start" hands_start
check "nothing is connected before there is a need" not grep -q dbus <(ss -xp | grep forestall-act)

# --- a scope
check "a scope's weight is taken" takes 60000 job.scope cpu.weight 20
check "its file says so" reads job.scope cpu.weight 20
check "and so does its property" says job.scope CPUWeight 20
check "the journal says by whom" grep -q 'via=systemd' "$run/journal"
systemctl daemon-reload
check "it survives daemon-reload" reads job.scope cpu.weight 20
check "and is still ours" outcome renewed 60000 job.scope cpu.weight 20
check "undo" undo
check "the scope is as it was, drop-ins included" within 10 is_before job.scope
check "a lease that ends does the same" takes 300 job.scope cpu.weight 30
check "by itself" within 10 is_before job.scope

# --- every property, on a unit that sets none of them
disk=$(cat /sys/block/nullb0/dev)
for case in "cpu.weight 30 CPUWeight" "cpu.max 20000 CPUQuotaPerSecUSec 100000" "cpu.max 2500 CPUQuotaPeriodUSec 10000" \
	"memory.low 8388608 MemoryLow" "memory.min 8388608 MemoryMin" "memory.high 67108864 MemoryHigh" "memory.max 67108864 MemoryMax" "io.weight 30 IOWeight" \
	"io.max.rbps 2097152 IOReadBandwidthMax $disk" "io.max.wiops 100 IOWriteIOPSMax $disk"; do
	read -r knob value name more <<<"$case"
	was=$(property plain.service "$name")
	check "$knob is set by $name" takes 60000 plain.service "$knob" "$value" $more
	check_not "$name is changed" says plain.service "$name" "$was"
	check "$knob: undo" undo
	check "$knob: all is as it was" within 10 is_before plain.service
done
check "a unit's inside is not systemd's to set" outcome owned 1000 plain.service cpu.idle 1

# --- a unit with a file, started again in the middle
check "a service's weight is taken" takes 60000 web.service cpu.weight 5
systemctl restart web.service
check "properties outlive a restart" reads web.service cpu.weight 5
check "the new cgroup is not taken while the old claim stands" outcome owned 60000 web.service cpu.weight 6
"$test_programs/mind_driver" "$run/act.sock" undo >/dev/null
check "undo finds the new one" within 10 is_before web.service
check "which can be taken then" takes 60000 web.service cpu.weight 5
systemctl stop web.service
"$test_programs/mind_driver" "$run/act.sock" undo >/dev/null
systemctl start web.service
check "a unit that was stopped in the middle starts as it was" within 10 is_before web.service
systemd-run --quiet --unit=short --slice=work.slice sleep 1000
check "a transient unit is taken" takes 1500 short.service cpu.weight 5
systemctl stop short.service
check "gone in the middle is normal" within 10 bash -c "! grep -q . '$run/journal'"
check "and leaves nothing" is "$(find /run/systemd -path '*short.service*')" ""

# --- somebody else
check "a weight is taken" takes 60000 web.service cpu.weight 5
echo 66 >"$top/web.service/cpu.weight"
sleep 1
check "what is written to the file stays" reads web.service cpu.weight 66
check "with the property as it was" says web.service CPUWeight 50
check "and the hands stay off" outcome contended 60000 web.service cpu.weight 5
check "also off the unit's other knobs, which would wipe it" within 10 outcome owned 60000 web.service cpu.max 20000 100000
echo 50 >"$top/web.service/cpu.weight"
check "a quota is taken" takes 60000 web.service cpu.max 20000 100000
systemctl set-property --runtime web.service CPUQuota=70%
sleep 1
check "what is set by set-property stays" reads web.service cpu.max "70000 100000"
"$test_programs/mind_driver" "$run/act.sock" undo >/dev/null
check "to the end" reads web.service cpu.max "70000 100000"
check "with its drop-in" test -e "$control/web.service.d/50-CPUQuota.conf"
systemctl revert web.service
hands_end

# --- the hands die
hands_start
check "two knobs are taken" takes 60000 job.scope cpu.weight 20
check "of one scope" takes 60000 job.scope memory.high 67108864
hands_kill
check "killed hands leave them" reads job.scope cpu.weight 20
check "new hands start" hands_start
check "and both are as they were" within 10 is_before job.scope
for step in apply.journaled apply.written apply.done undo.journaled undo.written; do
	hands_end
	hands=(env "FORESTALL_STEP=$step" "$test_programs/forestall-act" --mode enforce --run-dir "$run" --disable-file "$disable")
	hands_start
	plan 200 job.scope cpu.weight 20 >/dev/null 2>&1
	within 10 not kill -0 "$pid"
	check_not "killed at $step" kill -0 "$pid"
	hands=("$bin/forestall-act" --mode enforce --run-dir "$run" --disable-file "$disable")
	check "$step: new hands start" hands_start
	check "$step: the scope is as it was" within 10 is_before job.scope
done

# --- the bus does
check "a weight is taken before the bus hangs" takes 60000 job.scope cpu.weight 20
check "and a plain unit's" takes 60000 plain.service cpu.weight 20
mkdir /sys/fs/cgroup/apart
apart() { "$test_programs/mind_driver" "$run/act.sock" plan "$1" /sys/fs/cgroup /apart cpu.weight 20 | cut -d' ' -f1; }
apart_reads() { is "$(cat /sys/fs/cgroup/apart/cpu.weight)" "$1"; }
# What waits for the bus is asked for all the time, as a mind would.
beside() {
	for ((i = 0; i < 5; i++)); do
		outcome failed 60000 job.scope cpu.max 20000 100000 && "$@" || return
		sleep 0.7
	done
}
beside_ends() { outcome failed 60000 job.scope cpu.max 20000 100000 && apart_reads 100; }
said() { sed -n "$log_before,\$p" "$scratch/hands.log" | grep -c "$1"; }
log_before=$(($(wc -l <"$scratch/hands.log") + 1))
bus_stop
begun=$(date +%s%N)
check "undo does not wait for a bus that hangs" undo
took=$((($(date +%s%N) - begun) / 1000000))
echo "# undo of two knobs beside a bus that hangs: $took ms"
check "the limit is lifted" reads job.scope cpu.weight 200
check "both are" reads plain.service cpu.weight 100
check "and no reload brings it back" is "$(find /run/systemd -name '50-CPUWeight.conf')" ""
check "the journal still has it" grep -q lifted "$run/journal"
check "nothing is taken meanwhile" outcome failed 60000 job.scope cpu.max 20000 100000
check "a cgroup that is no unit is" is "$(apart 60000)" applied
check "and its lease goes on" beside eval 'is "$(apart 6000)" renewed'
check "and ends" within 40 beside_ends
check "the silence is one line" is "$(said 'systemd: ')" 1
check "and each limit that was lifted" is "$(said 'lifted; its property')" 2
bus_go
check "when the bus is back the property follows" within 20 is_before job.scope
check "of both" within 20 is_before plain.service
check "which is another line" is "$(said 'systemd: answers again')" 1
check "and nothing is held" within 10 bash -c "! grep -q . '$run/journal'"
check "a weight is taken again" takes 60000 job.scope cpu.weight 20
hands_kill
bus_stop
check "undo from outside, without hands and bus" "$bin/forestall-act" --undo --run-dir "$run"
check "lifts the limit" reads job.scope cpu.weight 200
bus_go
check "and the next hands" hands_start
check "put the property right" within 20 is_before job.scope
check "a weight is taken once more" takes 60000 job.scope cpu.weight 20
mv /run/dbus/system_bus_socket /run/dbus/away
kill -KILL "$(pidof dbus-daemon)"
check "a bus that is gone" undo
check "keeps no limit either" reads job.scope cpu.weight 200
mv /run/dbus/away /run/dbus/system_bus_socket
check "and its return puts the property right" within 20 is_before job.scope
hands_end
check "in the end nothing is held" is "$(cat "$run/journal")" ""

# --- the whole forestall, installed and started as a service
installed() { find /usr/local /etc/systemd/system /usr/lib/systemd/system -name '*forestall*' -not -path '*/share/doc/*' | sort; }
installed_before=$(installed)
check "it is installed" make -s -o all install
check "with a unit that systemd understands" systemd-analyze verify --man=no forestall.service
mkdir -p /etc/forestall/instances.d
printf '[/work.slice/*.scope]\nslo = tier=best-effort kind=batch\n' >/etc/forestall/instances.d/work.conf
printf '[Service]\nExecStart=/bin/sleep 1000\nSlice=work.slice\n' >/run/systemd/system/other.service
systemctl daemon-reload
systemctl start other.service
printf '[plan]\npolicy = static\n' >/etc/forestall/forestall.conf # a plan that needs no danger
printf 'FORESTALL_OPTIONS="--forecaster persistence"\n' >/etc/default/forestall
mkdir -p /run/systemd/system/forestall.service.d
printf '[Service]\nStandardError=append:%s\n' "$scratch/hands.log" >/run/systemd/system/forestall.service.d/log.conf
systemctl daemon-reload
check "it starts" systemctl start forestall
check "and answers from then on" /usr/local/bin/forestall status
service_is() { is "$(systemctl is-active forestall) $(/usr/local/bin/forestall mode get)" "active $1"; }
check "in mode observe" service_is observe
check "it is let act" /usr/local/bin/forestall mode set enforce
shows() { "$bin/forestall" instance show "$slice/$1" | grep -q -- "$2"; }
check "the scope is found, and annotated by a glob" within 20 shows job.scope best-effort
check "the service is found" within 20 shows web.service web.service
check "and annotated by slo set" "$bin/forestall" slo set "$slice/web.service" 'tier=critical kind=latency runq_p99<4ms'
check "at once" within 10 shows web.service critical
# Within two ticks of each the limit is as planned; what systemd takes back in between is the same.
enforced() {
	for ((i = 0; i < 4; i++)); do
		"$@"
		sleep 0.2
		reads job.scope cpu.weight 1 && says job.scope CPUWeight 1 || { enforced_not; return 1; }
	done
}
enforced_not() { # why: what the hands said of it, what the plan says, how late the mind's ticks are
	tail -n 8 "$scratch/hands.log"
	"$bin/forestall" plan show
	"$bin/forestall" status
}
check "the plan limits the scope" within 30 reads job.scope cpu.weight 1
up=$(property forestall.service MainPID)
kill -KILL "$up"
again() { service_is enforce && [[ $(property forestall.service MainPID) != "$up" ]] && reads job.scope cpu.weight 1; }
check "killed, it is started again, in the same mode" within 60 again
check "it is stopped" systemctl stop forestall
check "well" says forestall.service Result success
check "and the scope is as it was" is_before job.scope
check "nothing of it runs or is held" eval '! pgrep "^forestall" && ! grep -s . /run/forestall/journal'
check "it starts once more" systemctl start forestall
# A mind that has just started on a busy host may be silent for longer than a lease.
stands() { for ((i = 0; i < 6; i++)); do again || return; sleep 0.5; done; }
check "and acts as before" within 60 stands
check "daemon-reload in the middle leaves it" enforced systemctl daemon-reload
check "and so does the restart of another unit" enforced systemctl restart other.service
drop_in() { stat -c '%n %i %Z' /run/systemd/{transient,system.control}/job.scope.d/50-CPUWeight.conf 2>/dev/null; }
drop_in_before=$(drop_in)
check "the limit is a drop-in" test -n "$drop_in_before"
check "of the protected one" enforced systemctl restart web.service
check "for which systemd is asked nothing" is "$(drop_in)" "$drop_in_before"
check "and of the manager itself" enforced systemctl daemon-reexec
systemctl set-property web.service CPUWeight=70
check "an administrator's property of another unit too" enforced true
run=/run/forestall
shows_outcome() { "$bin/forestall" plan show | grep -q "$1"; }
check "the plan says that it holds" within 10 shows_outcome renewed
yields() { grep -c 'job.scope cpu.weight: written by somebody else' "$scratch/hands.log"; }
yields_before=$(yields)
echo 66 >"$top/job.scope/cpu.weight"
check "who writes the file has it" within 10 shows_outcome contended
sleep 3
check "and keeps it" reads job.scope cpu.weight 66
check "which is said once" is "$(yields)" $((yields_before + 1))
journal_shows() { "$bin/forestall" journal show | grep -qE "$1"; }
check "and can be looked up" journal_shows 'job.scope +cpu.weight +200 +1 +66 .*contended'
echo 200 >"$top/job.scope/cpu.weight"
check "with the property as it was" within 10 is_before job.scope
check "the scope is changed" takes 60000 job.scope memory.high 67108864
check "panic" "$bin/forestall" panic
check "gives it back before it returns" within 10 is_before job.scope
check "the administrator's drop-in stays" test -e /etc/systemd/system.control/web.service.d/50-CPUWeight.conf
check "and no other is left" is "$(find /run/systemd/system.control /run/systemd/transient -name '50-*.conf' | grep -v work.slice | sort)" \
	"$(printf '%s\n' "${before[@]}" | grep '^/run.*50-.*conf$' | sort)"
rm -f /etc/forestall/disable
systemctl stop forestall
check "it is taken away again" make -s uninstall
check "without a trace" is "$(installed)" "$installed_before"
run=/run/forestall-test

# --- never
for unit in /system.slice /system.slice/dbus.service /init.scope; do
	hands_start
	check "$unit is never touched" is "$("$test_programs/mind_driver" "$run/act.sock" plan 1000 /sys/fs/cgroup "$unit" cpu.weight 5 |
		cut -d' ' -f1)" excluded
	hands_end
done
echo "# after $SECONDS s, $(systemctl --version | head -n 1)"
finish
