#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Bad input of every kind: one line that names the thing and the remedy, exit 1 or 2, nothing changed.
. "$(dirname "$0")/../lib.sh"
[[ $EUID == 0 ]] || skip_all "needs root, to take things away from itself"
mkdir -p "$scratch/conf/instances.d"
mind() { timeout 20 "$bin/forestalld" --run-dir "$scratch/run" --config-dir "$scratch/conf" "$@"; }
hands() { timeout 20 "$bin/forestall-act" --run-dir "$scratch/run-act" "$@"; }

in_namespace() { unshare --mount --propagation private bash -c "$@"; }

head -c 3000 /dev/urandom >"$scratch/noise.model"
refused "a file that is no model" "model|noise.model" mind --model "$scratch/noise.model"
refused "a model that is not there" "model|nowhere" mind --model "$scratch/nowhere.model"
if [[ -e model/default.model ]]; then
	head -c 2000 model/default.model >"$scratch/cut.model"
	refused "a model that was cut" "cut.model" mind --model "$scratch/cut.model"
	sed '1s/forestall-model [0-9]*/forestall-model 9/' model/default.model >"$scratch/old.model"
	refused "a model of another version" "old.model|version" mind --model "$scratch/old.model"
	(($(stat -c %s model/default.model) > 20000)) && {
		cp model/default.model "$scratch/flip.model"
		printf '\xff\xee' | dd of="$scratch/flip.model" bs=1 seek=20000 conv=notrunc 2>/dev/null
		refused "a model with a flipped byte" "flip.model" mind --model "$scratch/flip.model"
	}
fi
refused "an unknown forecaster" "forecaster|persistence" mind --forecaster crystal-ball
refused "an unknown option" "frobnicate" mind --frobnicate
echo '[mind]
colour = red' >"$scratch/conf/forestall.conf"
refused "an unknown key in forestall.conf" "forestall.conf:2|colour" mind
echo '[mind]
instances_max = lots' >"$scratch/conf/forestall.conf"
refused "a bad value in forestall.conf" "forestall.conf:2|instances_max" mind
echo '[plan]
risk_act = 7' >"$scratch/conf/forestall.conf"
refused "a value out of range" "forestall.conf:2|risk_act" mind
rm "$scratch/conf/forestall.conf"
echo '[/demo/*]
slo = runq_p99<5parsecs' >"$scratch/conf/instances.d/a.conf"
refused "a malformed annotation in instances.d" "a.conf:2|duration" mind
rm "$scratch/conf/instances.d/a.conf"
refused "a run directory that cannot be written" "/proc/nowhere" timeout 20 "$bin/forestalld" --run-dir /proc/nowhere --config-dir "$scratch/conf"
refused "hands whose run directory cannot be written" "/proc/nowhere" timeout 20 "$bin/forestall-act" --run-dir /proc/nowhere
refused "a mode that is none" "mode|enforce" hands --mode reckless
refused "a decision that is no number" "decision list" "$bin/forestall" decision explain yesterday
refused "a slo check with a typing error" "column|runq_p99" "$bin/forestall" slo check 'runq_p9<5ms'
refused "a slo on a cgroup that is not there" "nowhere" "$bin/forestall" slo set /nowhere-at-all 'tier=critical'
refused "a share that is no number" "lots" "$bin/forestall" policy canary reactive --share lots
refused "an unknown option of policy canary" "--block" "$bin/forestall" policy canary reactive --time 5
refused "a setting on canary without its value" "GLOB KNOB VALUE" "$bin/forestall" action canary "/a/*" cpu.weight
refused "an unknown option of action canary" "GLOB KNOB VALUE" "$bin/forestall" action canary "/a/*" cpu.weight 5 --time 5
refused "a knob that is none" "cpu.max|cgroup.freeze" "$bin/forestall" action hold / cpu.maxx 5
refused "a value that is none" "lots|cpu.weight" "$bin/forestall" action hold / cpu.weight lots
refused "a knob held on a cgroup that is not there" "nowhere" "$bin/forestall" action hold /nowhere-at-all cpu.weight 50
refused "a knob held without hands" "act.sock|up" "$bin/forestall" --run-dir "$scratch/none" action hold / cpu.weight 50
refused "an unknown option of action hold" "seconds" "$bin/forestall" action hold / cpu.weight 50 --secs 5
refused "a part of the machine that is none" "core:N" "$bin/forestall" action hold / cpuset.cpus nod:1
refused "a part that this machine does not have" "lstopo" "$bin/forestall" action hold / cpuset.cpus core:4000
refused "a knob without its value" "KNOB VALUE" "$bin/forestall" action hold / cpu.weight 50 cpu.max
refused "a placement without a set" "--set" "$bin/forestall" place --limit 5
refused "a placement of nothing" "limit" "$bin/forestall" place --set '/a' --limit 0
refused "a placement to be applied to no server" "server" "$bin/forestall" place --set '/a' --limit 5 --apply 80
refused "a server that is none" "PATH=PORT" "$bin/forestall" place --set '/a' --limit 5 --apply 80 --server /a
refused "a placement that no mind answers" "forestalld|up" "$bin/forestall" --run-dir "$scratch/none" place --set '/a' --limit 5
mkdir -p "$scratch/run-show"
printf '%s\n' 'intent 1 5 /a 7 io.max.rbps max -> 9 reason=0 via=systemd dev=8:0' 'done 1 9' 'intent 2 5 /a 7 net.egress max -> 9 reason=0 via=tc' >"$scratch/run-show/journal"
check "journal show reads what was not written to a file" bash -c "'$bin/forestall' --run-dir '$scratch/run-show' journal show | grep -q net.egress"
refused "no such command" "forestall" "$bin/forestall" frobnicate
refused "no mind to ask" "forestalld|up" "$bin/forestall" --run-dir "$scratch/none" instance list
refused "a recording that is none" "recording" "$bin/forestall" replay /etc/passwd
refused "a corpus that is empty" "corpus" "$bin/forestall" model train --corpus "$scratch" --out "$scratch/m"

refused "no BTF" "/sys/kernel/btf|BTF" in_namespace "mount -t tmpfs none /sys/kernel/btf && exec timeout 20 '$bin/forestalld' --run-dir '$scratch/run' --config-dir '$scratch/conf'"
refused "no cgroup v2" "cgroup v2|mount" in_namespace "for i in {1..20}; do
		at=\$(awk '\$3 == \"cgroup2\" { print \$2; exit }' /proc/self/mounts)
		[[ -n \$at ]] && umount -l \"\$at\" || break
	done
	exec timeout 20 '$bin/forestalld' --run-dir '$scratch/run' --config-dir '$scratch/conf'"
refused "no capability to load BPF" "cap_bpf|root" setpriv --bounding-set=-all --inh-caps=-all timeout 20 "$bin/forestalld" --run-dir "$scratch/run" --config-dir "$scratch/conf"
# The kernel's answer to every bpf() call once its maps are made is "no", as a verifier that refuses would say it.
refused "a kernel that refuses a program" "BPF|doctor" strace -f -o /dev/null -e trace=bpf -e inject=bpf:error=EACCES:when=25+ \
	timeout 20 "$bin/forestalld" --run-dir "$scratch/run" --config-dir "$scratch/conf"
head -c 4096 /dev/urandom >"$scratch/btf"
refused "a kernel whose BTF is broken" "BPF|doctor" in_namespace "mount --bind '$scratch/btf' /sys/kernel/btf/vmlinux &&
	exec timeout 20 '$bin/forestalld' --run-dir '$scratch/run' --config-dir '$scratch/conf'"
check "doctor names a missing PSI" in_namespace "mount -t tmpfs none /proc/pressure 2>/dev/null || mount --bind /dev/null /proc/pressure/cpu;
	'$bin/forestall' doctor | grep -A3 '^\(missing\|degraded\) *psi' | grep -q 'psi=1'"
check_not "nothing of all that left a socket" test -e "$scratch/run/mind.sock"
check_not "nor a process" pgrep -f -- "--run-dir $scratch"
check_not "nor a pin" test -e /sys/fs/bpf/forestall
finish
