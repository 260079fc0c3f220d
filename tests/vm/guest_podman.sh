#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --systemd
# Containers of a real podman, of both its kinds of cgroups, are found, named, annotated, limited and given back. No image and no
# registry: the root of each is a busybox.
. "$(dirname "$0")/../lib.sh"
forestall() { "$bin/forestall" "$@"; }
podman() { command podman --storage-driver vfs --runtime crun "$@"; }
rootfs=$scratch/rootfs
mkdir -p "$rootfs"/{bin,proc,sys,dev,etc,run,tmp} /etc/forestall/instances.d
cp "$(command -v busybox)" "$rootfs/bin/busybox"
for name in sh sleep; do ln -s busybox "$rootfs/bin/$name"; done

run_container() { # MANAGER NAME OPTION...: the path of its cgroup in $path
	local id
	id=$(podman --cgroup-manager "$1" run -d --name "$2" --network none "${@:3}" --rootfs "$rootfs" sleep 100000) || return 1
	path=$(find /sys/fs/cgroup -type d -name "libpod-$id*")
	path=${path#/sys/fs/cgroup}
}
is_listed() { forestall instance list | grep -q -- "$1"; }
is() { [[ $1 == "$2" ]] || { echo "'$1', not '$2'"; false; }; }
weight() { cat "/sys/fs/cgroup$1/cpu.weight"; }
is_weight() { is "$(weight "$1")" "$2"; }
plan() { # LEASE_MS PATH KNOB VALUE...
	"$test_programs/mind_driver" /run/forestall/act.sock plan "$1" /sys/fs/cgroup "${@:2}"
}
outcome() { [[ $(plan "${@:2}" | tee "$scratch/plan") == "$1 "* ]] || { cat "$scratch/plan"; false; }; }
undo() { "$test_programs/mind_driver" /run/forestall/act.sock undo >"$scratch/undo" && ! grep -qv '^released' "$scratch/undo"; }

cat >/etc/forestall/instances.d/podman.conf <<END
[/machine.slice/libpod-*.scope]
slo = tier=best-effort kind=batch
END
check "podman runs a container with systemd's cgroups" run_container systemd web --cpu-shares 512
scope=$path
check "it has a scope of its own" is "${scope%/libpod-*}" /machine.slice
check "podman runs a container with cgroupfs' cgroups" run_container cgroupfs batch
plain=$path
check "it is in a plain directory" is "${plain%/libpod-*}" /libpod_parent
echo +cpu >/sys/fs/cgroup/libpod_parent/cgroup.subtree_control
scope_was=$(weight "$scope") plain_was=$(weight "$plain")
record() { podman --cgroup-manager systemd inspect -f '{{.HostConfig.CpuShares}} {{.HostConfig.CpuQuota}}' web; }
record_was=$(record)
unit=${scope##*/}
property_was=$(systemctl show "$unit" -P CPUWeight)

forestall up --mode enforce --forecaster persistence --model "" --no-web 2>>"$scratch/up.log" &
up=$!
check "forestall starts" within 60 forestall status
check "the scope is found" within 20 is_listed "$scope"
check "and so is the directory" is_listed "$plain"
check "the one is annotated by the operator's glob" bash -c "'$bin/forestall' instance show '$scope' | grep -q best-effort"
check "the other by slo set" forestall slo set "$plain" 'tier=best-effort kind=batch'
check "at once" within 10 bash -c "'$bin/forestall' instance show '$plain' | grep -q best-effort"
check "the scope has the container's name" is_listed podman:web
check "and so has the directory" is_listed podman:batch

for case in "$scope" "$plain"; do
	was=$([[ $case == "$scope" ]] && echo "$scope_was" || echo "$plain_was")
	check "${case%/*}: a limit is set" within 10 outcome applied 60000 "$case" cpu.weight 11
	check "${case%/*}: it is there" is_weight "$case" 11
	check "${case%/*}: undo" undo
	check "${case%/*}: it is as it was" is_weight "$case" "$was"
done
check "the property of the scope is as it was" is "$(systemctl show "$unit" -P CPUWeight)" "$property_was"
check "a limit of the scope" within 10 outcome applied 60000 "$scope" cpu.weight 11
check "is in its property too" is "$(systemctl show "$unit" -P CPUWeight)" 11
systemctl daemon-reload
check "which daemon-reload keeps" is_weight "$scope" 11
check "but not in podman's record, which would keep it for good" is "$(record)" "$record_was"
check "what is inside is refused" outcome owned 1000 "$scope/container" cpu.weight 11
check "podman itself is refused" outcome owned 1000 "/machine.slice/libpod-conmon-${unit#libpod-}" cpu.weight 11
check "a limit of the directory" within 10 outcome applied 60000 "$plain" cpu.weight 11
for case in "systemd web $scope" "cgroupfs batch $plain"; do
	read -r manager name path <<<"$case"
	podman --cgroup-manager "$manager" update --cpu-shares 2048 "$name" >/dev/null
	now=$(weight "$path")
	check_not "podman update of $name is seen" is "$now" 11
	sleep 2
	check "it stands" is_weight "$path" "$now"
	check "and the hands stay off" not outcome applied 60000 "$path" cpu.weight 12
done
scope_was=$(weight "$scope") plain_was=$(weight "$plain") property_was=$(systemctl show "$unit" -P CPUWeight)
check "another knob of the scope can be taken" within 10 outcome applied 60000 "$scope" cpu.max 50000 100000
check "and of the directory" within 10 outcome applied 60000 "$plain" cpu.max 50000 100000
kill -KILL "$(pgrep -x forestall-act)"
is_unlimited() { [[ $(cat "/sys/fs/cgroup$1/cpu.max") == "max 100000" ]]; }
check "killed hands come back and undo" within 30 is_unlimited "$scope"
check "what they held" within 10 is_unlimited "$plain"
check "and nothing else" is_weight "$scope" "$scope_was"
check "not the property either" is "$(systemctl show "$unit" -P CPUWeight)" "$property_was"
check "a container is limited" within 20 outcome applied 60000 "$scope" cpu.max 50000 100000
podman --cgroup-manager systemd restart -t 0 web >/dev/null
check "podman restart starts it as podman has it" within 20 is_unlimited "$scope"
"$test_programs/mind_driver" /run/forestall/act.sock undo >/dev/null
check "what was held is over with it" within 20 bash -c "! grep -q . /run/forestall/journal"
check "and nothing of it left" is_unlimited "$scope"
check "a container is limited" within 20 outcome applied 3000 "$scope" cpu.max 50000 100000
check "podman ends it" podman rm -f -t 0 web
check "which is normal" within 20 bash -c "! grep -q . /run/forestall/journal"
check "and leaves nothing" is "$(find /run/systemd -path "*$unit.d*")" ""
check "it is no instance any more" within 20 not is_listed "$scope"
podman rm -f -t 0 batch
kill -TERM $up
wait $up
tail -n 3 "$scratch/up.log" | sed 's/^/# /'
finish
