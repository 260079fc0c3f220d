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
pids=() burners=()

cleanup() {
	local pid group
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
	wait 2>/dev/null || true
	umount "$work/disk" 2>/dev/null || true
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

"$here/plan" "$seed" "$seconds" >"$work/plan"
read -r _ rate bound_us shapes family slo <"$work/plan"
mkdir -p "$top"
for group in "$root" "$top"; do
	for controller in cpu memory io; do echo +$controller >"$group/cgroup.subtree_control" 2>/dev/null || true; done
done
mkdir -p "$top/server"
setfattr -n trusted.forestall.slo -v "$slo tier=critical kind=latency" "$top/server"
family_start "$family" "$top/server"
mkdir -p "$top/client"
family_warm "$family" "$top/client"
"$bin/forestalld" --run-dir "$work" --config-dir "$work/none" --model "" --record "$out" \
	--label "where=$where family=$family families=$shapes seed=$seed seconds=$seconds" 2>"$work/forestalld.log" &
daemon=$!
# Of a connection older than it, it measures no response time; and its memory is not free for anybody.
until [[ -S $work/mind.sock ]] && "$bin/forestall" --run-dir "$work" status >/dev/null 2>&1; do sleep 0.2; done
epoch_ns=$(awk '{ printf "%d000000", ($1 + 3) * 1000 }' /proc/uptime) # awk's integers may be 32 bits
while read -r name threads weight lead spread program plan size operation; do
	family_burn "$family" "$size" "$operation"
	mkdir -p "$top/$name"
	[[ ! -e $top/$name/cpu.weight ]] || echo "$weight" >"$top/$name/cpu.weight"
	setfattr -n trusted.forestall.slo -v "tier=best-effort kind=batch" "$top/$name"
	announce=()
	if [[ $program != - ]]; then
		ln -sf /bin/true "$work/$program"
		announce=(--announce "$work/$program" --announce-lead "$lead" --announce-spread "$spread")
	fi
	run_in "$top/$name" "$load/load-burn" --threads "$threads" --plan "$plan" --seed "$seed" --start-ns "$epoch_ns" \
		--out "$work/$name.csv" "${announce[@]}" "${burn_args[@]}"
	burners+=("$pid")
done < <(tail -n +2 "$work/plan")
run_in "$top/client" "${client_in[@]}" "$load/load-client" --port "$port" --rate "$rate" --seconds "$seconds" --seed "$seed" \
	--poisson --fifo --bound-us "$bound_us" --start-ns "$epoch_ns" --out "$work/client.csv" "${client_args[@]}"
wait "$pid"
for pid in "${burners[@]}"; do
	# One that still runs when the client is done has not failed.
	kill -0 "$pid" 2>/dev/null || wait "$pid" || die "an antagonist failed"
done
kill -TERM "$daemon"
wait "$daemon" || { cat "$work/forestalld.log" >&2; exit 1; }
# What the client saw, for whoever looks for parameters.
[[ -z ${CLIENT_CSV:-} ]] || cp "$work/client.csv" "$CLIENT_CSV"
