#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernel: 6.12
# vm: --systemd
# A machine of a real libvirt, emulated in a guest that is emulated itself: it is found, limited by the call to systemd that virsh
# makes, left to virsh when that speaks, and given back. It boots a sector that says U and turns in a circle.
. "$(dirname "$0")/../lib.sh"
forestall() { "$bin/forestall" "$@"; }
is() { [[ $1 == "$2" ]] || { echo "'$1', not '$2'"; false; }; }
file() { cat "/sys/fs/cgroup$path/$1"; }
reads() { is "$(file "$1")" "$2"; }
says() { is "$(systemctl show "${path##*/}" -P "$1")" "$2"; }
shares() { is "$(virsh -q schedinfo tiny | awk '$1 == "cpu_shares" { print $3 }')" "$1"; }
plan() { "$test_programs/mind_driver" /run/forestall/act.sock plan "$1" /sys/fs/cgroup "${@:2}"; }
outcome() { [[ $(plan "${@:2}" | tee "$scratch/plan") == "$1 "* ]] || { cat "$scratch/plan"; false; }; }
undo() { "$test_programs/mind_driver" /run/forestall/act.sock undo >"$scratch/undo" && ! grep -qv '^released' "$scratch/undo"; }
throttled() { awk '$1 == "nr_throttled" { print $2 }' "/sys/fs/cgroup$path/cpu.stat"; }
is_throttled() { (($(throttled) > $1)); }
drop_ins() { find /run/systemd/transient /run/systemd/system.control -path '*machine-qemu*.d/*' 2>/dev/null; }

mkdir -p /etc/libvirt /etc/forestall/instances.d
# Who libvirt asks for before it reads that it is not to use them; Debian makes them with libvirt-daemon-system.
echo 'libvirt-qemu:x:64055:64055::/:/bin/false' >>/etc/passwd
echo 'libvirt-qemu:x:64055:' >>/etc/group
printf 'auth_unix_rw = "none"\nauth_unix_ro = "none"\n' >/etc/libvirt/libvirtd.conf
printf 'user = "root"\ngroup = "root"\nsecurity_driver = "none"\nnamespaces = []\nstdio_handler = "file"\n' >/etc/libvirt/qemu.conf
printf '[/machine.slice/machine-qemu*.scope]\nslo = tier=best-effort kind=batch\n' >/etc/forestall/instances.d/libvirt.conf
printf '\xfa\xb0U\xba\xf8\x03\xee\xeb\xfe' >"$scratch/boot"
truncate -s 510 "$scratch/boot"
printf '\x55\xaa' >>"$scratch/boot"
truncate -s 1474560 "$scratch/boot"
cat >"$scratch/tiny.xml" <<END
<domain type='qemu'>
  <name>tiny</name><memory unit='MiB'>16</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type><boot dev='fd'/></os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='floppy'><driver name='qemu' type='raw'/><source file='$scratch/boot'/><target dev='fda'/></disk>
    <serial type='file'><source path='$scratch/serial'/></serial>
    <controller type='usb' model='none'/><memballoon model='none'/>
  </devices>
</domain>
END
systemctl start dbus.service
libvirt_start() {
	LIBVIRT_LOG_OUTPUTS=3:stderr libvirtd >"$scratch/libvirtd.log" 2>&1 &
	libvirtd=$!
	within 60 virsh -q version
}
at_exit 'kill $libvirtd'

check "libvirt answers" libvirt_start
check "it starts a machine" virsh -q create "$scratch/tiny.xml"
path=$(find /sys/fs/cgroup/machine.slice -maxdepth 1 -name 'machine-qemu*tiny.scope')
path=${path#/sys/fs/cgroup}
check "which has a scope of its own" test -n "$path"
[[ -n $path ]] || { sed 's/^/# /' "$scratch/libvirtd.log"; finish; }
check "and boots" within 120 grep -q U "$scratch/serial"
virsh -q suspend tiny
echo "# up after $SECONDS s"
was=$(file cpu.weight) property_was=$(systemctl show "${path##*/}" -P CPUWeight)

forestall up --mode enforce --forecaster persistence --model "" --no-web 2>>"$scratch/up.log" &
up=$!
check "forestall starts" within 60 forestall status
is_listed() { forestall instance list | grep -qF "$path"; }
check "the machine is found" within 20 is_listed
is_annotated() { forestall instance show "$path" | grep -q best-effort; }
check "and annotated by the operator's glob" within 10 is_annotated

check "its weight is taken" within 10 outcome applied 60000 "$path" cpu.weight 11
check "it is there" reads cpu.weight 11
check "in the property too" says CPUWeight 11
check "and virsh shows it" shares 11
systemctl daemon-reload
check "daemon-reload keeps it" reads cpu.weight 11
check "undo" undo
check "the weight is as it was" reads cpu.weight "$was"
check "and the property" says CPUWeight "$property_was"
check "and no drop-in is left" is "$(drop_ins)" ""
check "what is inside is libvirt's" outcome owned 1000 "$path/libvirt/vcpu0" cpu.weight 11
check "its quota is taken" within 10 outcome applied 60000 "$path" cpu.max 10000 100000
before=$(throttled)
virsh -q resume tiny
check "and holds it back" within 20 is_throttled "$before"
virsh -q suspend tiny
check "undo" undo
check "it has none any more" reads cpu.max "max 100000"

check "a weight that is held" within 10 outcome applied 60000 "$path" cpu.weight 11
virsh -q schedinfo tiny --set cpu_shares=300 >/dev/null
check "virsh changes" within 10 reads cpu.weight 300
sleep 2
check "and keeps" reads cpu.weight 300
check "the hands stay off" outcome contended 60000 "$path" cpu.weight 11
check "and virsh shows its own" shares 300
check "another knob can be taken" within 10 outcome applied 60000 "$path" cpu.max 50000 100000
kill -KILL "$(pgrep -x forestall-act)"
is_unlimited() { reads cpu.max "max 100000"; }
check "killed hands come back and undo" within 30 is_unlimited
check "but not what virsh set" shares 300
check "a machine is limited" within 20 outcome applied 3000 "$path" cpu.max 50000 100000
check "virsh ends it" virsh -q destroy tiny
check "which is normal" within 20 not grep -q . /run/forestall/journal
check "and leaves nothing" is "$(drop_ins)" ""

# Where no machined runs libvirt makes a directory of its own, and writes to its files.
systemctl mask --now systemd-machined.service dbus-org.freedesktop.machine1.service 2>/dev/null
rm -f /usr/share/dbus-1/system-services/org.freedesktop.machine1.service
kill $libvirtd
wait $libvirtd
check "libvirt answers without machined" libvirt_start
check "it starts a machine" virsh -q create "$scratch/tiny.xml"
virsh -q suspend tiny
path=$(cd /sys/fs/cgroup && echo machine/qemu-*-tiny.libvirt-qemu)
path=/$path
check "its weight is taken" within 10 outcome applied 60000 "$path" cpu.weight 11
check "and virsh shows it" shares 11
check "what is inside is libvirt's" outcome owned 1000 "$path/vcpu0" cpu.weight 11
virsh -q schedinfo tiny --set cpu_shares=300 >/dev/null
check "virsh changes it, and the hands stay off" within 10 outcome contended 60000 "$path" cpu.weight 11
check "undo" undo
check "leaves that" reads cpu.weight 300
virsh -q destroy tiny
kill -TERM $up
wait $up
sed 's/^/# /' "$scratch/libvirtd.log" "$scratch/up.log" | tail -n 12
echo "# after $SECONDS s"
finish
