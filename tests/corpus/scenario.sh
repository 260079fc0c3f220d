#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# One training run: a redis with an SLO, an open-loop client and the antagonists that `plan SEED` draws, observed and
# recorded by forestalld, which acts on nothing. Runs in a guest, or natively in a cgroup v2 tree without controllers.
set -euo pipefail
(($# == 3)) || { echo "usage: tests/corpus/scenario.sh SEED SECONDS OUTFILE" >&2; exit 2; }
seed=$1 seconds=$2 out=$3
here=$(cd "$(dirname "$0")" && pwd)
bin=${BIN:-$here/../../build/bin}
load=${LOAD:-$here/../../build/test}
where=${WHERE:-vm}
root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
top=$root/corpus-$seed
work=$(mktemp -d)
port=$((20000 + seed % 20000))
pids=()

cleanup() {
	local pid group
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
	wait 2>/dev/null || true
	for group in "$top"/* "$top"; do rmdir "$group" 2>/dev/null || true; done
	rm -rf "$work"
}
trap cleanup EXIT

run_in() {
	local group=$1
	shift
	mkdir -p "$group"
	bash -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$group" "$@" &
	pids+=($!)
}

"$here/plan" "$seed" "$seconds" >"$work/plan"
read -r _ rate bound_us families <"$work/plan"
mkdir -p "$top"
for group in "$root" "$top"; do echo +cpu >"$group/cgroup.subtree_control" 2>/dev/null || true; done
mkdir -p "$top/server"
setfattr -n trusted.forestall.slo -v "runq_p99<${bound_us}us tier=critical kind=latency" "$top/server"
run_in "$top/server" redis-server --port "$port" --save '' --appendonly no --dir "$work" --logfile "$work/redis.log"
for _ in {1..100}; do
	[[ $(redis-cli -p "$port" ping 2>/dev/null) != PONG ]] || break
	sleep 0.1
done
redis-cli -p "$port" setrange page 65535 x >/dev/null
epoch_ns=$(awk '{ printf "%d000000", ($1 + 2) * 1000 }' /proc/uptime) # awk's integers may be 32 bits
"$bin/forestalld" --run-dir "$work" --config-dir "$work/none" --model "" --record "$out" \
	--label "where=$where families=$families seed=$seed seconds=$seconds" 2>"$work/forestalld.log" &
daemon=$!
while read -r name threads weight lead spread program plan; do
	mkdir -p "$top/$name"
	[[ ! -e $top/$name/cpu.weight ]] || echo "$weight" >"$top/$name/cpu.weight"
	setfattr -n trusted.forestall.slo -v "tier=best-effort kind=batch" "$top/$name"
	announce=()
	if [[ $program != - ]]; then
		ln -sf /bin/true "$work/$program"
		announce=(--announce "$work/$program" --announce-lead "$lead" --announce-spread "$spread")
	fi
	run_in "$top/$name" "$load/load-burn" --threads "$threads" --plan "$plan" --seed "$seed" --start-ns "$epoch_ns" \
		--out "$work/$name.csv" "${announce[@]}"
done < <(tail -n +2 "$work/plan")
run_in "$top/client" "$load/load-client" --port "$port" --rate "$rate" --seconds "$seconds" --seed "$seed" --poisson \
	--fifo --command "BITCOUNT page" --start-ns "$epoch_ns" --out "$work/client.csv"
wait "${pids[-1]}"
kill -TERM "$daemon"
wait "$daemon" || { cat "$work/forestalld.log" >&2; exit 1; }
