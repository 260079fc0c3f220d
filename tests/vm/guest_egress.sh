#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --icount --wire --timeout 590
# net.egress and net.ingress by the hands, on real devices and real connections: what arrives is what the limit says, others are not touched,
# and afterwards each device is as before. `near` limits at the host's device, /box in a network namespace of its own.
. "$(dirname "$0")/../lib.sh"
cg=/sys/fs/cgroup
act=$bin/forestall-act
run=$scratch/run
limit=2500000		# bytes/s, 20 Mbit/s
other=40		# Mbit/s that the cgroup without limit sends

# --- two hosts and a container: n0 - n1@far, e0@box - f1@far ------------------------------------------------------------
world_make() {
	modprobe veth && modprobe ifb numifbs=1 && modprobe cls_matchall && ip link set lo up && ip netns add far && ip netns add box &&
		cable n0 '' 10.77.0.1 fd77::1 n1 far 10.77.0.2 fd77::2 &&
		cable e0 box 10.78.0.1 fd78::1 f1 far 10.78.0.2 fd78::2 &&
		ip route add default via 10.77.0.2 && ip -6 route add default via fd77::2 &&
		ip -n box route add default via 10.78.0.2 && ip -n box -6 route add default via fd78::2 &&
		mkdir $cg/near $cg/near/child $cg/free $cg/box $cg/empty &&
		for port in 5201 5202; do ip netns exec far iperf3 -s -D -p $port >/dev/null || return; done
	stay near/child && stay free && stay box ip netns exec box
}
cable() { # DEV NETNS IP4 IP6 PEER NETNS IP4 IP6
	ip link add "$1" ${2:+netns "$2"} type veth peer name "$5" netns "$6" && end "$1" "$2" "$3" "$4" && end "$5" "$6" "$7" "$8"
}
end() { # DEV NETNS IP4 IP6
	local in=(ip)
	[[ -z $2 ]] || in=(ip -n "$2")
	"${in[@]}" addr add "$3/24" dev "$1" && "${in[@]}" addr add "$4/64" dev "$1" nodad && "${in[@]}" link set "$1" up
}
# In a cgroup: CGROUP COMMAND...
inside() { bash -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$cg/$1" "${@:2}"; }
stay() { inside "$1" "${@:2}" sleep 100000 & }

# --- the hands ----------------------------------------------------------------------------------------------------------
start() { # MODE
	"$act" --mode "$1" --run-dir "$run" --disable-file "$scratch/disable" 2>>"$scratch/act.log" &
	within 20 driver mode || return
	pid=$(cut -d' ' -f1 "$run/act.lock")
}
driver() { "$test_programs/mind_driver" "$run/act.sock" "$@"; }
plan() { driver plan 60000 $cg "$1" net.egress "$2"; } # CGROUP BYTES_PER_SECOND
first() { driver plan 60000 $cg "$1" net.first "$2"; } # CGROUP BYTES_PER_SECOND
first_says() { first "$2" "${3:-$limit}" | tee /dev/stderr | grep -qE "^$1"; } # as plan_says
plan_says() { plan "$2" "${3:-$limit}" | tee /dev/stderr | grep -qE "^$1"; } # PATTERN CGROUP [RATE]
ingress_says() { driver plan 60000 $cg "$2" net.ingress "${3:-$limit}" | tee /dev/stderr | grep -qE "^$1"; } # as plan_says
is_attached() { bpftool cgroup list "$cg/$1" | grep on_ingress; } # CGROUP
undo_says() { driver undo | tee /dev/stderr | grep -qE "^$1"; }
stop() { kill -TERM "$pid"; wait "$pid"; }
kill_hard() { kill -KILL "$pid"; not wait "$pid" 2>/dev/null; }
door_is_gone() { ! pgrep -x forestall-door; }
capabilities() { awk '/^CapPrm/ { print $2 }' "/proc/$1/status"; }
has_capabilities() { [[ $(capabilities "$1") == "$2" ]] || { capabilities "$1"; false; }; }
holds_nothing() { [[ -z $(find "/proc/$pid/fd" -lname '*bpf*') ]] && door_is_gone; }

# --- what a device looks like -------------------------------------------------------------------------------------------
# [-n NETNS] DEV. The number that the kernel gives a loaded program is not the device's.
look() {
	local dev=${*: -1} in=()
	(($# == 1)) || in=("$1" "$2")
	tc "${in[@]}" qdisc show dev "$dev"
	tc "${in[@]}" class show dev "$dev" | grep -v 'class mq'
	tc "${in[@]}" filter show dev "$dev" egress 2>&1
	tc "${in[@]}" filter show dev "$dev" ingress 2>&1
}
remember() { look "$@" >"$scratch/look.${*: -1}"; }
as_before() { diff "$scratch/look.${*: -1}" <(look "$@"); }
is_limited() { look "$@" | grep -q 'pref 17999.* forestall '; }

# --- what arrives -------------------------------------------------------------------------------------------------------
# CGROUP ADDRESS [IPERF OPTION]...: prints the bytes/s that far received, of packets as they are on the wire, once the
# connection has found its pace.
arrived() {
	local share='1514/1448'
	[[ $2 != *:* ]] || share='1514/1428'
	inside "$1" "${NETNS_EXEC[@]}" iperf3 -c "$2" -O 2 -t 4 -f k "${@:3}" 2>&1 |
		awk "/receiver/ { for (i = 1; i < NF; i++) if (\$(i + 1) == \"Kbits/sec\") printf \"%d\n\", \$i * 125 * $share }"
}
NETNS_EXEC=()
is_near() { # RATE GOT: within 10 %
	echo "$2 of $1 bytes/s: $((${2:-0} * 100 / $1)) %" | tee -a "$scratch/figures"
	((${2:-0} * 10 >= $1 * 9 && ${2:-0} * 10 <= $1 * 11))
}
arrives() { is_near "$1" "$(arrived "${@:2}")"; } # RATE CGROUP ADDRESS
both_arrive() { # [IPERF OPTION]...: while near/child sends all it can, free sends what it always does
	local free
	arrived near/child 10.77.0.2 "$@" >"$scratch/near.rate" &
	free=$(arrived free 10.77.0.2 -p 5202 -b ${other}M "$@")
	wait $!
	is_near $limit "$(cat "$scratch/near.rate")" && is_near $((other * 125000)) "$((free * 1448 / 1514))"
}
# CGROUP MBIT: with net.first it sends MBIT; free, which has a limit, what is left of the total.
first_then_the_rest() {
	local free first
	arrived "$1" 10.77.0.2 -b "$2M" >"$scratch/first.rate" &
	free=$(arrived free 10.77.0.2 -p 5202)
	wait $!
	first=$(cat "$scratch/first.rate")
	is_near $(($2 * 125000)) "$((first * 1448 / 1514))" && is_near $((limit - first)) "$free"
}

# Who is first, and what all may send: on a device that has WHAT.
first_cases() { # WHAT
	check "$1, first: less than the bounds is refused" first_says refused /near 1000
	check "$1, first: who is first: applied" first_says "applied $limit " /near
	check "$1, first: the same again is a renewal" first_says "renewed $limit " /near
	check "$1, first: net.egress on it too is refused by name" plan_says 'unavailable .*net.first' /near
	check "$1, first: one behind it, with a limit of more than the total" plan_says 'applied 5000000 ' /free 5000000
	check "$1, first: and net.first on that too is refused by name" first_says 'unavailable .*net.egress' /free
	check "$1, first: alone it may send the total" arrives $limit free 10.77.0.2 -p 5202
	check "$1, first: beside who is first what is left of it" first_then_the_rest near/child 8
	check "$1, first: who is first is not held back by the total" is_near 5000000 "$(($(arrived near/child 10.77.0.2 -b 40M) * 1448 / 1514))"
	check "$1, first: another total is applied in place" first_says 'applied 4000000 ' /near 4000000
	check "$1, first: and arrives" arrives 4000000 free 10.77.0.2 -p 5202
	check "$1, first: of two who are first the least total counts" first_says "applied $limit " /near/child
	check "$1, first: and arrives" arrives $limit free 10.77.0.2 -p 5202
	check "$1, first: each reads back its own" first_says 'renewed 4000000 ' /near 4000000
	check "$1, first: one is let go" bash -c "'$test_programs/mind_driver' '$run/act.sock' release $cg /near/child net.first | grep -q ^released"
	check "$1, first: and the other's counts" arrives 4000000 free 10.77.0.2 -p 5202
	check "$1, first: it is let go too" bash -c "'$test_programs/mind_driver' '$run/act.sock' release $cg /near net.first | grep -q ^released"
	check "$1, first: and the limit alone is left" arrives 5000000 free 10.77.0.2 -p 5202
	check "$1, first: all is released" undo_says released
}

mkdir -p "$scratch"
modprobe=$(cat /proc/sys/kernel/modprobe)
check "two hosts and a container" world_make
within 10 pgrep -x sleep
check "the hands start" start enforce
check "they keep CAP_DAC_OVERRIDE and CAP_NET_ADMIN" has_capabilities "$pid" 0000000000001002

# --- refused, and left alone ---------------------------------------------------------------------------------------------
remember n0
check "a cgroup without process is refused" plan_says 'unavailable .*no process in it' /empty
check "less than the bounds is refused" plan_says refused /near 1000
echo /bin/false >/proc/sys/kernel/modprobe
check "a missing sch_htb is named" plan_says 'unavailable .*htb' /near
check "and nothing was changed" as_before n0
modprobe sch_htb
check "a missing sch_ingress is named" plan_says 'unavailable .*sch_ingress' /near
check "and its root went again" as_before n0
modprobe sch_ingress
check "a missing cls_bpf is named" plan_says 'unavailable .*cls_bpf' /near
check "and nothing was left" as_before n0
echo "$modprobe" >/proc/sys/kernel/modprobe
tc qdisc add dev n0 root handle 1: pfifo limit 77
remember n0
check "a root qdisc that somebody configured is refused by name" plan_says 'unavailable .*pfifo 1:' /near
check "and is as before" as_before n0
tc qdisc del dev n0 root
tc qdisc add dev n0 ingress
check "so is an ingress qdisc" plan_says 'unavailable .*ingress' /near
tc qdisc del dev n0 ingress

# --- the host's device, HTB -----------------------------------------------------------------------------------------------
remember n0
check "the limit is applied and read back" plan_says "applied $limit " /near
check "the same again is a renewal" plan_says "renewed $limit " /near
check "HTB, IPv4: what arrives is the limit" arrives $limit near/child 10.77.0.2
check "HTB, IPv6: what arrives is the limit" arrives $limit near/child fd77::2
check "HTB: another cgroup's packets are not limited" both_arrive
check "another rate is applied in place" plan_says 'applied 5000000 ' /near 5000000
check "HTB: and arrives" arrives 5000000 near/child 10.77.0.2
check "a second cgroup gets a class of its own" plan_says "applied $limit " /near/child
check "HTB: the inner limit counts" arrives $limit near/child 10.77.0.2
check "all is released" undo_says released
check "and the device is as before" as_before n0

# --- who is first, and what all may send ------------------------------------------------------------------------------------
first_cases HTB
check "and the device is as before" as_before n0
check "held again" first_says "applied $limit " /near
tc class change dev n0 parent 464f: classid 464f:ffff htb rate 8mbit
check "a total that somebody changed is contended" first_says 'contended 1000000 ' /near
check "and left alone" first_says contended /near
stop
tc qdisc del dev n0 root && tc qdisc del dev n0 clsact
check "and the device is as before" as_before n0
check "the hands start again" start enforce
tc qdisc add dev n0 clsact && tc filter add dev n0 egress pref 10 protocol all matchall action ok
remember n0
check "beside somebody's filter" plan_says "applied $limit " /near
check "released" undo_says released
check "that filter and its clsact stay" as_before n0
tc qdisc del dev n0 clsact
remember n0
check "held again" plan_says "applied $limit " /near
tc class change dev n0 parent 464f: classid 464f:2 htb rate 8mbit
check "a class that somebody changed is contended" plan_says 'contended 1000000 ' /near
check "and left alone" plan_says contended /near
stop
tc qdisc del dev n0 root && tc qdisc del dev n0 clsact
check "the hands start again" start enforce
check "held again" plan_says "applied $limit " /near
tc qdisc replace dev n0 root handle 1: pfifo limit 77
check "where somebody replaces our root" plan_says contended /near
check "all that is ours goes" not is_limited n0
stop
tc qdisc del dev n0 root
check "and the device is as before" as_before n0

# --- the host's device, departure times -----------------------------------------------------------------------------------
modprobe sch_fq
tc qdisc add dev n0 root fq
remember n0
check "the hands start on fq" start enforce
check "the limit is applied" plan_says "applied $limit " /near
check "fq is still the root" bash -c 'tc qdisc show dev n0 root | grep -q "^qdisc fq "'
check "EDT, IPv4: what arrives is the limit" arrives $limit near/child 10.77.0.2
check "EDT, IPv6: what arrives is the limit" arrives $limit near/child fd77::2
check "EDT: another cgroup's packets are not limited" both_arrive
check "another rate is applied in place" plan_says 'applied 5000000 ' /near 5000000
check "EDT: and arrives" arrives 5000000 near/child 10.77.0.2
check "all is released" undo_says released
first_cases EDT
check "and the device is as before" as_before n0
tc qdisc del dev n0 root

# --- what arrives for a cgroup --------------------------------------------------------------------------------------------
over_lo() { arrived near/child 127.0.0.1 -p 5203 -b 160M -R >"$scratch/lo.rate" && grep -q . "$scratch/lo.rate"; }
over_lo_arrives_more() {
	iperf3 -s -D -p 5203 >/dev/null && within 20 over_lo || return
	echo "over lo: $(cat "$scratch/lo.rate") bytes/s" | tee -a "$scratch/figures"
	(($(cat "$scratch/lo.rate") > 4 * limit))
}
remember n0
check "less than the bounds is refused" ingress_says refused /near 1000
check "what arrives is limited, and read back" ingress_says "applied $limit " /near
check "the same again is a renewal" ingress_says "renewed $limit " /near
check "by a program on the cgroup" is_attached near
check "and no device is touched" as_before n0
check "ingress, IPv4: what arrives is the limit" arrives $limit near/child 10.77.0.2 -R
check "ingress, IPv6: what arrives is the limit" arrives $limit near/child fd77::2 -R
check "ingress: another cgroup's packets are not limited" both_arrive -R
check "ingress: nor is what comes over lo" over_lo_arrives_more
check "another rate is applied in place" ingress_says 'applied 5000000 ' /near 5000000
check "ingress: and arrives" arrives 5000000 near/child 10.77.0.2 -R
check "a cgroup inside gets a limit of its own" ingress_says "applied $limit " /near/child
check "ingress: the tighter one counts" arrives $limit near/child 10.77.0.2 -R
check "all is released" undo_says released
check_not "and no program is left" is_attached near
check "held again" ingress_says applied /near
bpftool link detach id "$(bpftool -j link list | grep -oE '\{[^}]*cgroup_inet_ingress[^}]*\}' | sed -nE 's/.*"id":([0-9]+).*/\1/p' | head -n 1)"
check "what somebody detached is contended" ingress_says "contended 18446744073709551615 " /near
check "and left alone" ingress_says contended /near
check "and only said" not is_attached near

# --- a container ------------------------------------------------------------------------------------------------------------
remember n0
remember -n box e0
NETNS_EXEC=(ip netns exec box)
check "a container's limit is applied" plan_says "applied $limit " /box
check "on its own device" is_limited -n box e0
check "and not on the host's" as_before n0
check "veth, IPv4: what arrives is the limit" arrives $limit box 10.78.0.2
check "veth, IPv6: what arrives is the limit" arrives $limit box fd78::2
check "released" undo_says released
check "the container's device is as before" as_before -n box e0
check "so is what arrives for it" ingress_says "applied $limit " /box
check "veth, ingress, IPv4: what arrives is the limit" arrives $limit box 10.78.0.2 -R
check "veth, ingress, IPv6: what arrives is the limit" arrives $limit box fd78::2 -R
check "released" undo_says released
tc -n box qdisc add dev e0 root handle 464f: htb && tc -n box class add dev e0 parent 464f: classid 464f:2 htb rate 1mbit
check "what is left of ours and held by nobody is taken over" plan_says "applied $limit " /box
check "released" undo_says released
check "and goes" as_before -n box e0
ip netns exec box tc qdisc add dev e0 root handle 1: pfifo limit 77
check "a container's own root qdisc is refused" plan_says 'unavailable .*pfifo 1:' /box
ip netns exec box tc qdisc del dev e0 root
NETNS_EXEC=()

# --- the hands are killed -----------------------------------------------------------------------------------------------------
check "both are held" plan_says applied /near
check "both are held" plan_says applied /box
check "and what arrives for the container" ingress_says applied /box
check "by a program" is_attached box
kill_hard
check_not "killed: what arrives is free at once" is_attached box
check "killed: the limits stay, the door does not" within 5 door_is_gone
check "the host's" is_limited n0
check "the container's" is_limited -n box e0
check "the hands start anew, in observe" start observe
check "the host's device is as before" as_before n0
check "the container's device is as before" as_before -n box e0
check "and nothing is claimed" not grep . "$run/journal"
check "in observe they would" plan_says would /near
check "and with what arrives" ingress_says would /near
check "but have no capability" has_capabilities "$pid" 0000000000000000
check "no program, map or door" holds_nothing
stop
check "enforce again" start enforce
check "held" plan_says applied /box
echo 1 >$cg/box/cgroup.kill
within 10 grep -q 'populated 0' $cg/box/cgroup.events
rmdir $cg/box
kill_hard
check "killed, and the container's cgroup gone: --undo finds its namespace" "$act" --undo --run-dir "$run"
check "and the device is as before" as_before -n box e0
mkdir $cg/box
stay box ip netns exec box
check "enforce again" start enforce
within 5 grep -q . $cg/box/cgroup.procs
sleep 1
check "held" plan_says applied /box
ip -n box link del e0
check "the veth is deleted: no error" undo_says '(released|gone)'
check "held no more" not undo_says .
check "the hands are well" driver mode
stop

# --- killed at every step -------------------------------------------------------------------------------------------------------
act=$test_programs/forestall-act
for knob in plan first; do
for step in apply.journaled apply.written apply.read apply.done undo.journaled undo.written undo.undone; do
	export FORESTALL_STEP=$step
	start enforce
	$knob /near $limit >/dev/null 2>&1
	driver undo >/dev/null 2>&1
	wait "$pid"
	status=$?
	unset FORESTALL_STEP
	check "$knob: killed at $step" test $status = 137
	check "--undo" "$act" --undo --run-dir "$run"
	check "and the device is as before" as_before n0
done
done
act=$bin/forestall-act

# --- a device with a queue of its own -------------------------------------------------------------------------------------------
kind=$(cat /proc/sys/net/core/default_qdisc)
ip link set ifb0 up && ip addr add 10.79.0.1/24 dev ifb0
ip route del default && ip -6 route del default && ip route add default via 10.79.0.2
check "enforce on a device with the kernel's default $kind" start enforce
remember ifb0
check "held" plan_says applied /near
check "by HTB" is_limited ifb0
check "released" undo_says released
check "the kernel's default is back" as_before ifb0
[[ $kind == fq_codel ]] && echo pfifo_fast >/proc/sys/net/core/default_qdisc || echo fq_codel >/proc/sys/net/core/default_qdisc
check "a default that would not come back is refused" plan_says 'unavailable .*default_qdisc' /near
check "and is as before" as_before ifb0
stop

# --- a card, on a wire --------------------------------------------------------------------------------------------------------------
card() { basename "$(dirname "$(grep -l "52:54:00:46:4f:0$1" /sys/class/net/*/address)")"; }
modprobe virtio_net
within 10 card 1
c0=$(card 1) c1=$(card 2)
ip link set "$c1" netns far && end "$c0" '' 10.80.0.1 fd80::1 && end "$c1" far 10.80.0.2 fd80::2
ip route replace default via 10.80.0.2 && ip -6 route replace default via fd80::2
remember "$c0"
check "the hands start with a card" start enforce
check "held on it" plan_says "applied $limit " /near
check "a card, HTB, IPv4: what arrives is the limit" arrives $limit near/child 10.80.0.2
check "a card, HTB, IPv6: what arrives is the limit" arrives $limit near/child fd80::2
check "released" undo_says released
check "the card is as before" as_before "$c0"
tc qdisc replace dev "$c0" root fq
remember "$c0"
check "held by departure times" plan_says "applied $limit " /near
check "a card, EDT, IPv4: what arrives is the limit" arrives $limit near/child 10.80.0.2
check "a card, EDT, IPv6: what arrives is the limit" arrives $limit near/child fd80::2
check "what arrives is limited too" ingress_says "applied $limit " /near
check "a card, ingress, IPv4: what arrives is the limit" arrives $limit near/child 10.80.0.2 -R
check "a card, ingress, IPv6: what arrives is the limit" arrives $limit near/child fd80::2 -R
check "released" undo_says released
check "the card is as before" as_before "$c0"
stop
sed 's/^/# /' "$scratch/figures" "$scratch/act.log"
finish
