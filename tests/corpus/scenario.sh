#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# One training run: a server with an SLO, an open-loop client and the antagonists that `plan SEED` draws, observed and
# recorded by forestalld, which acts on nothing. Runs in a guest, or natively in a cgroup v2 tree without controllers.
set -euo pipefail
(($# == 3)) || { echo "usage: tests/corpus/scenario.sh SEED SECONDS OUTFILE" >&2; exit 2; }
seed=$1 seconds=$2 out=$3
here=$(cd "$(dirname "$0")" && pwd)
bin=${BIN:-$here/../../build/bin}
load=${LOAD:-$here/../../build/test}
where=${WHERE:-vm}
# shellcheck source=tests/load/families.sh
. "$here/../load/families.sh"
root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
top=$root/corpus-$seed
work=$(mktemp -d)
port=$((20000 + seed % 20000))
pids=() burners=() kind=none

cleanup() {
	local pid group
	touch "$work/over"
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
	wait 2>/dev/null || true
	family_stop "$kind" || true
	for group in "$top"/* "$top"; do rmdir "$group" 2>/dev/null || true; done
	rm -rf "$work"
}
trap cleanup EXIT
die() { printf 'corpus: %s\n' "$*" >&2; exit 1; }

run_in() {
	local group=$1
	shift
	mkdir -p "$group"
	bash -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$group" "$@" &
	pid=$!
	pids+=("$pid")
}

annotate() { # NAME SLO
	mkdir -p "$top/$1"
	setfattr -n trusted.forestall.slo -v "$2" "$top/$1"
}

# One life after the other, until the run is over: whatever its end, that is what is recorded.
run_again() { # AGAIN_MS GROUP COMMAND...
	local pause=$1 child
	shift
	sleep 3
	while [[ ! -e $work/over ]]; do
		bash -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$@" &
		child=$!
		# shellcheck disable=SC2064 # this child
		trap "kill $child 2>/dev/null || true" TERM
		wait "$child" 2>/dev/null || true
		sleep "$((pause / 1000)).$(printf %03d $((pause % 1000)))"
	done
}

start_burner() { # the fields of a line of the plan
	local name=$1 threads=$2 weight=$3 lead=$4 spread=$5 program=$6 plan=$7 size=$8 operation=$9
	local kind=${10} by=${11} limit=${12} status=${13} again=${14}
	local command=("$load/load-burn" --threads "$threads" --plan "$plan" --seed "$seed" --out "$work/$name.csv" --status "$status")
	[[ ! -e $top/$name/cpu.weight ]] || echo "$weight" >"$top/$name/cpu.weight"
	[[ $limit == - ]] || echo "${limit}M" >"$top/$name/memory.max"
	family_burn "$kind" "$size" "$operation"
	case $by in
	-) ;;
	exec) ln -sf /bin/true "$work/$program"; command+=(--announce "$work/$program") ;;
	forks) command+=(--announce-by forks --announce "$program") ;;
	log) command+=(--announce-by log --announce "$work/$name.log") ;;
	connect) command+=(--announce-by connect --announce "127.0.0.1:$port") ;;
	esac
	[[ $by == - ]] || command+=(--announce-lead "$lead" --announce-spread "$spread")
	if [[ $again == - ]]; then
		run_in "$top/$name" "${command[@]}" --start-ns "$epoch_ns" "${burn_args[@]}"
		burners+=("$pid")
	else
		run_again "$again" "$top/$name" "${command[@]}" "${burn_args[@]}" &
		pids+=("$!")
	fi
}

# Segments of a plan as times at which the link begins and ends to lose packets.
lose() { # LOSS PLAN
	local segment start
	sleep 3
	start=$SECONDS
	for segment in ${2//,/ }; do
		IFS=+: read -r from length _ <<<"$segment"
		sleep $((from / 1000 - (SECONDS - start) > 0 ? from / 1000 - (SECONDS - start) : 0))
		tc -n wire qdisc replace dev wire1 parent 1:1 handle 10: netem loss "$1%" limit 200
		sleep $((length / 1000))
		tc -n wire qdisc replace dev wire1 parent 1:1 handle 10: netem loss 0% limit 200
	done
}

"$here/plan" "$seed" "$seconds" >"$work/plan"
read -r _ kind rate bound_us slo quota client_plan < <(grep ^server "$work/plan")
label="$(sed -n 's/^label //p' "$work/plan") where=$where"
mkdir -p "$top" "$work/etc/instances.d"
for group in "$root" "$top"; do
	for controller in cpu memory io; do echo +$controller >"$group/cgroup.subtree_control" 2>/dev/null || true; done
done
annotate server "${slo//;/ } tier=critical kind=latency"
[[ $quota == - ]] || echo "$((quota * 1000)) 100000" >"$top/server/cpu.max"
family_start "$kind" "$top/server"
mkdir -p "$top/client"
family_warm "$kind" "$top/client"
if read -r _ front_rate front_plan < <(grep ^front "$work/plan"); then
	# The port behind the server's is another server's, through which the load comes first.
	annotate front "tier=standard kind=latency"
	port=$((port + 1))
	family_start "$kind" "$top/front"
	front_args=("${client_args[@]}" --port "$port" --rate 1 --surge "$front_rate" --plan "$front_plan")
	port=$((port - 1))
fi
# Who is there and annotated before the daemon looks is annotated from the first second on.
for name in $(awk '$1 == "burn" { print $2 }' "$work/plan"); do annotate "$name" "tier=best-effort kind=batch"; done
printf '[/corpus-%s/%s]\nlog = %s\n' "$seed" batch1 "$work/batch1.log" >"$work/etc/instances.d/logs.conf"
"$bin/forestalld" --run-dir "$work" --config-dir "$work/etc" --model "" --record "$out" --label "$label" 2>"$work/forestalld.log" &
daemon=$!
# Of a connection older than it, it measures no response time; and its memory is not free for anybody.
until [[ -S $work/mind.sock ]] && "$bin/forestall" --run-dir "$work" status >/dev/null 2>&1; do
	kill -0 "$daemon" 2>/dev/null || { cat "$work/forestalld.log" >&2; exit 1; }
	sleep 0.2
done
epoch_ns=$(awk '{ printf "%d000000", ($1 + 3) * 1000 }' /proc/uptime) # awk's integers may be 32 bits
while read -r -a fields; do start_burner "${fields[@]:1}"; done < <(grep ^burn "$work/plan")
if read -r _ loss loss_plan < <(grep ^wire "$work/plan"); then
	lose "$loss" "$loss_plan" &
	pids+=("$!")
fi
client_of=(--seconds "$seconds" --seed "$seed" --poisson --fifo --start-ns "$epoch_ns")
if [[ -n ${front_args[*]:-} ]]; then
	run_in "$top/client" "$load/load-client" "${client_of[@]}" "${front_args[@]}" --out "$work/front.csv"
fi
if [[ $client_plan != - ]]; then
	client_of+=(--surge "$rate" --plan "$client_plan")
	rate=1
fi
run_in "$top/client" "${client_in[@]}" "$load/load-client" --port "$port" --rate "$rate" "${client_of[@]}" --bound-us "$bound_us" \
	--out "$work/client.csv" "${client_args[@]}"
wait "$pid"
for pid in "${burners[@]}"; do
	# One that still runs when the client is done has not failed.
	kill -0 "$pid" 2>/dev/null || wait "$pid" || die "an antagonist failed"
done
kill -TERM "$daemon"
wait "$daemon" || { cat "$work/forestalld.log" >&2; exit 1; }
# What the client saw, for whoever looks for parameters.
[[ -z ${CLIENT_CSV:-} ]] || cp "$work/client.csv" "$CLIENT_CSV"
