#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# One arm of the demo, inside the guest: a real server in its own cgroup, an
# open-loop client, an antagonist per phase in sibling cgroups, and forestall
# over it all. Everything is written to OUTDIR with CLOCK_MONOTONIC times.
set -euo pipefail

usage() {
	cat <<'END'
usage: tests/demo/scenario.sh SCENARIO ARM SEED OUTDIR
  SCENARIO: cpu, memory, io or net (tests/load/families.sh); with SHAPES=control one of tests/control/shapes
  ARM: observe    forestall watches and writes nothing
       reactive   forestall acts, its forecaster says "the future is like now"
       forestall  forestall acts on its forecasts
       none       no forestall at all (to try the load)
       policy-P   forestall acts by policy P of [plan] (see docs/ARCHITECTURE.md)
       oracle     forestall knows when each load will come (tests/control/oracle.c)
       no-posture forestall without what it holds while nothing is wrong (posture = 0)
Environment: SHAPES (demo or control, default demo), BIN (default build/bin), LOAD (load programs, default build/test),
  FORESTALL (default $BIN/forestall)
END
}
(($# == 4)) || { usage >&2; exit 2; }
scenario=$1 family=${1%-harmless} arm=$2 seed=$3 out=$4
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/demo/shapes
. "$here/shapes"
# shellcheck source=tests/control/shapes
. "$here/../control/shapes"
"${SHAPES:-demo}_shape" "$scenario"
bin=${BIN:-$here/../../build/bin}
load=${LOAD:-$here/../../build/test}
forestall=${FORESTALL:-$bin/forestall}
demo=/sys/fs/cgroup/demo
port=7777 work=/tmp/demo
# shellcheck source=tests/load/families.sh
. "$here/../load/families.sh"
mkdir -p "$out" "$work"

say() { printf '%s\n' "$*"; }
die() { printf 'demo: %s\n' "$*" >&2; exit 1; }
monotonic_ms() { awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime; }

# Runs a command in the background within a cgroup; its id is left in $pid.
run_in() {
	local group=$1
	shift
	# The pid must be the command's own, so that it can be ended.
	bash -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$group" "$@" &
	pid=$!
}

make_cgroups() {
	local name controllers="+cpu +memory +io"
	mkdir -p "$demo" /sys/fs/cgroup/forestall
	echo "$controllers" >/sys/fs/cgroup/cgroup.subtree_control
	echo "$controllers" >"$demo/cgroup.subtree_control"
	mkdir -p "$demo/server" "$demo/client"
	# The daemon must not have to compete with what it watches.
	echo 1000 >/sys/fs/cgroup/forestall/cpu.weight
	for name in "${demo_phases[@]}"; do
		mkdir -p "$demo/$name"
		echo "$demo_weight" >"$demo/$name/cpu.weight"
		setfattr -n trusted.forestall.slo -v "tier=best-effort kind=batch" "$demo/$name"
	done
	setfattr -n trusted.forestall.slo -v "$demo_slo window=1m budget=1% tier=critical kind=latency" "$demo/server"
	[[ -z ${demo_quota-} ]] || echo "${demo_quota}000 100000" >"$demo/server/cpu.max"
	[[ $family != mixed ]] || {
		mkdir "$demo/api"
		setfattr -n trusted.forestall.slo -v "$demo_api_slo window=1m budget=1% tier=standard kind=latency" "$demo/api"
	}
}

plan_set() { # LINE
	mkdir -p /etc/forestall
	printf '[plan]\n%s\n' "$1" >/etc/forestall/forestall.conf
}

# The demo shows what foresight is worth by itself, and what stands without a danger leaves it nothing to do. In io and mixed of
# `make bench-control` all who use the disk are annotated.
plan_usual() {
	if [[ ${SHAPES:-demo} != control ]]; then
		plan_set "posture = 0"
	elif [[ $family == io || $family == mixed ]]; then
		plan_set "io_cost = yes"
	fi
}

start_forestall() {
	local mode=enforce forecaster=lstm
	case $arm in
	none) return 0 ;;
	observe) mode=observe ;;
	reactive) forecaster=persistence; plan_usual ;;
	forestall) plan_usual ;;
	policy-*) plan_set "policy = ${arm#policy-}" ;;
	no-posture) plan_set "posture = 0" ;;
	oracle)
		plan_usual
		# The same programs, but for the mind.
		mkdir -p "$work/oracle"
		cp "$bin/forestall" "$bin/forestall-up" "$bin/forestall-act" "$work/oracle/"
		cp "$load/forestalld-oracle" "$work/oracle/forestalld"
		forestall=$work/oracle/forestall
		export FORESTALL_ORACLE=$out/meta.csv
		;;
	*) die "no arm '$arm'" ;;
	esac
	"$forestall" slo check "$demo_slo" >/dev/null || die "the SLO is not understood"
	run_in /sys/fs/cgroup/forestall "$forestall" up --mode $mode --forecaster $forecaster --no-web \
		>"$out/forestall.log" 2>&1
	daemon=$pid
	for _ in {1..150}; do
		kill -0 "$daemon" 2>/dev/null || die "forestall ended: $(tail -n 3 "$out/forestall.log")"
		! grep -q ': up: ready' "$out/forestall.log" || break
		sleep 0.1
	done
	"$forestall" status >"$out/status.txt" || die "forestall is not ready after 15 s"
	run_in /sys/fs/cgroup/forestall "$forestall" record "$out/run.rec" >>"$out/forestall.log" 2>&1
	recorder=$pid
}

write_meta() {
	local name
	{
		echo "family,${family/iocost/io}" # what a table or chart is of
		echo "scenario,$scenario"
		echo "arm,$arm"
		echo "seed,$seed"
		echo "seconds,$demo_seconds"
		echo "bound_us,$demo_bound_us"
		echo "slo,$demo_slo"
		for name in "${demo_phases[@]}"; do
			echo "phase,$name,${demo_from[$name]},${demo_to[$name]}"
			"$load/load-burn" --threads 1 --plan "${demo_plan[$name]}" --seed "$seed" --print |
				sed "s/^/segment,$name,/"
		done
	} >"$out/meta.csv"
}

# Whatever is fetched from the host makes the guest's time jump, so all that
# will run is run once before t = 0 is fixed.
warm_up() {
	family_warm "$family" "$demo/client"
	run_in "$demo/client" "$load/load-client" --help >/dev/null
	wait "$pid"
	run_in "$demo/client" "$load/load-burn" --threads 1 --plan "0+100:100-100" --out "$work/warm.csv" \
		--announce "/tmp/$demo_announce_name" --announce-lead 0
	wait "$pid"
	sleep 0.1
	monotonic_ms >/dev/null
}

# What an antagonist of this name takes, as family_burn wants it.
burn_of() { # PHASE
	case $family:$1 in
	quota:*) echo cpu 0 - ;;
	mixed:backup | mixed:scrub) echo io 16384 read ;;
	mixed:cache) echo memory 15 - ;;
	mixed:*) echo cpu 0 - ;;
	*) echo "$family" "$demo_size" "$demo_operation" ;;
	esac
}

# When the service itself is asked for more: in all phases of a quota, by the day in a mixed host.
surge_plan() {
	local name plan=""
	[[ $family == mixed ]] && plan=,$demo_diurnal
	for name in "${demo_phases[@]}"; do
		[[ $family != quota ]] || plan+=,${demo_plan[$name]}
	done
	echo "${plan#,}"
}

start_load() {
	local name announce
	# shellcheck disable=SC2046 # words
	family_burn $(burn_of "${demo_phases[0]}")
	# t = 0 of the run, the same for all programs; they refuse to start later than that.
	epoch_ns=$((($(monotonic_ms) + 3000) * 1000000))
	echo "epoch_ns,$epoch_ns" >>"$out/meta.csv"
	for name in "${demo_phases[@]}"; do
		announce=()
		if [[ $name == "$demo_announced_phase" ]]; then
			announce=(--announce "/tmp/$demo_announce_name" --announce-lead $demo_announce_lead_ms
				--announce-spread $demo_announce_spread_ms)
		fi
		# shellcheck disable=SC2046 # words
		[[ $family != mixed ]] || family_burn $(burn_of "$name")
		run_in "$demo/$name" "$load/load-burn" --threads "${demo_threads_of[$name]:-$demo_threads}" \
			--plan "$(plan_scaled "${demo_plan[$name]}" "${demo_burn_percent:-100}")" \
			--seed "$seed" --start-ns "$epoch_ns" --punctual --out "$out/burn-$name.csv" "${announce[@]}" "${burn_args[@]}"
		burners+=("$pid")
	done
	if [[ $family == mixed ]]; then
		run_in "$demo/client" "$load/load-client" --port $((port + 1)) --rate 50 --seconds "$demo_seconds" --seed "$seed" \
			--poisson --fifo --bound-us "$demo_api_bound_us" --start-ns "$epoch_ns" --punctual --out "$out/client-api.csv" \
			"${api_args[@]}"
		burners+=("$pid")
	fi
	[[ -z ${demo_surge-} ]] || client_args+=(--surge "$demo_surge" --plan "$(surge_plan)")
	run_in "$demo/client" "${client_in[@]}" "$load/load-client" --port $port --rate "$demo_rate" \
		--seconds "$demo_seconds" --seed "$seed" --poisson --fifo --bound-us "$demo_bound_us" \
		--start-ns "$epoch_ns" --punctual --out "$out/client.csv" "${client_args[@]}"
	client=$pid
}

show_progress() {
	local second=0
	while kill -0 "$client" 2>/dev/null && ((second < demo_seconds)); do
		say "$family-$arm: progress $second $demo_seconds"
		sleep 5
		second=$((second + 5))
	done
}

stop_all() {
	local failed=0 process
	wait "$client" || { failed=1; say "$arm: the client failed"; }
	for process in "${burners[@]}"; do
		wait "$process" || { failed=1; say "$arm: an antagonist failed"; }
	done
	kill -TERM "$watch"
	wait "$watch" || { failed=1; say "$arm: the witness failed"; }
	if [[ -n $daemon ]]; then
		kill -INT "$recorder" 2>/dev/null || true
		wait "$recorder" || { failed=1; say "$arm: the recording failed"; }
		kill -TERM "$daemon" 2>/dev/null || { failed=1; say "$arm: forestall ended before the run did"; }
		wait "$daemon" || { failed=1; say "$arm: forestall exited with an error"; }
	fi
	grep -sH . "$demo"/*/{cpu.weight,cpu.max,memory.high,memory.low,memory.events,io.max} >"$out/after.txt" || true
	kill "${servers[@]}"
	[[ -z ${sink-} ]] || kill "$sink"
	return $failed
}

daemon='' recorder='' burners=() servers=()
ln -sf /bin/true "/tmp/$demo_announce_name"
make_cgroups
family_start "$family" "$demo/server"
write_meta
warm_up
start_forestall
run_in "$demo/client" "$load/load-watch" "$out/limits.csv" "$demo/server" "${demo_phases[@]/#/$demo/}"
watch=$pid
start_load
show_progress
stop_all || exit 1
say "$family-$arm: progress $demo_seconds $demo_seconds"
