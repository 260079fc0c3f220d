#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --icount --mem 1G --timeout 590
# Who is first on a wire: a real redis behind a link of 20 Mbit/s, beside one of best effort that sends twice as much in bursts. Once it was
# hurt it is first, by a class of HTB or on fq by departure times, the other goes on with the rest, and however that ends the device is as before.
. "$(dirname "$0")/../lib.sh"
top=/sys/fs/cgroup/wire load=$test_programs work=$scratch port=7777
run_in() { bash -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$1" "${@:2}" & pid=$!; at_exit kill $pid; }
die() { echo "$*" >&2; exit 1; }
# shellcheck source=tests/load/families.sh
. tests/load/families.sh

start() {
	"$bin/forestall" up --mode enforce --forecaster persistence --no-web 2>>"$scratch/up.log" &
	up=$!
	within 30 "$bin/forestall" status
}
stop() { kill -TERM $up; wait $up; }
look() { tc qdisc show dev near0; tc class show dev near0; tc filter show dev near0 egress; }
as_before() { diff "$scratch/before" <(look); }
total() { tc -d class show dev near0 | sed -nE 's/^class htb 464f:ffff .*ceil ([0-9]+)Kbit .*/\1/p'; }
# In Kbit/s: less than the link does, and more than half of that.
has_total() { local kbit; kbit=$(total); echo "total $kbit Kbit/s"; ((kbit > 10000 && kbit <= 20500)); }
is_first() { grep -q '/wire/server .*net.first max -> .*via=tc' /run/forestall/journal; }
# Requests of SECONDS that were answered later than 20 ms, of a hundred a second.
late() {
	ip netns exec far "$load/load-client" --port $port --rate 100 --seconds "$1" --bound-us 20000 "${client_args[@]}" --out "$scratch/late.csv" >/dev/null
	awk -F, 'NR > 1 { late += $6 } END { print late + 0 }' "$scratch/late.csv"
}
late_are() { # COMPARISON SECONDS
	local n
	n=$(late "$2")
	echo "# $n of $((100 * $2)) late" | tee -a "$scratch/figures"
	(($n $1))
}
# Bytes that left so far of all with a limit or first.
sent() { tc -s class show dev near0 | sed -nE '/^class htb 464f:ffff /,/Sent/ s/^ Sent ([0-9]+) bytes.*/\1/p'; }
sent_is() { # COMPARISON, of the mean of 18 s
	local rate=$((($(sent) - before) / 18))
	echo "# $rate bytes/s" | tee -a "$scratch/figures"
	((rate $1))
}

mkdir -p "$top/server" "$top/batch" "$top/client"
setfattr -n trusted.forestall.slo -v 'retrans<1% tier=critical kind=latency' "$top/server"
setfattr -n trusted.forestall.slo -v 'tier=best-effort kind=batch' "$top/batch"
family_start net "$top/server"
look >"$scratch/before"
family_warm net "$top/client"
family_burn net 200
run_in "$top/batch" "$load/load-burn" "${burn_args[@]}" --threads 6 --plan '0+3000:100-100*150/6000' --out "$scratch/burn.csv"
run_in "$top/client" ip netns exec far "$load/load-client" --port $port --rate 100 --seconds 900 "${client_args[@]}" --out "$scratch/client.csv"

check "without anybody it is hurt" late_are '> 300' 12
check "it starts" start
check "the server is first" within 60 is_first
check "of a total that the link bears" within 10 has_total
before=$(sent)
check "then it is hurt no more" late_are '< 60' 18
check "under a total that the link bears" has_total
check "and both send more than half of the total, though the other pauses half of the time" sent_is "> $(total) * 125 / 2"
check "it says so" bash -c "'$bin/forestall' plan show | grep -q net.first"
check "it stops" stop
check "and the device is as before" as_before

check "it starts anew" start
check "and is first again" within 60 is_first
kill -STOP $up
pkill -KILL forestall-act
pkill -KILL forestall
wait $up
check "killed, all of it, it leaves the device limited" not as_before
check "and an undo from outside takes it back" "$bin/forestall-act" --undo
check "to as it was" as_before

tc qdisc add dev near0 root fq
look >"$scratch/before"
check "it starts on fq" start
check "and the server is first there too" within 60 is_first
sleep 6
check "and hurt no more" late_are '< 60' 18
check "it stops at last" stop
check "with fq as it was" as_before
cat "$scratch/figures"
finish
