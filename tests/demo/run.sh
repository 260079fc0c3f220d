#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The demo: for each family of load and each seed, the same load three times in
# a virtual machine (observe, reactive, forestall), then tables and a page each.
# Called by `make demo` and `make demo-full`.
set -euo pipefail

usage() {
	cat <<'END'
usage: tests/demo/run.sh [OPTION]...
  --families LIST of cpu, memory, io and net (default "cpu memory"); with --shapes control those of tests/control/shapes
  --shapes WHICH  demo or control: whose timeline (default demo)
  --arms LIST     of scenario.sh (default "observe reactive forestall"); with others, or other shapes, there is neither table nor page
  --seeds LIST    seeds of the load (default: the one in tests/demo/shapes)
  --order-seed N  seed of the order of the runs (default: random, printed)
  --jobs N        virtual machines at a time (default 2, or 1 on one core)
  --out DIR       results (default build/demo)
  --bin DIR       forestall's programs (default build/bin)
  --load DIR      load programs and demo-report (default build/test)
  --resume        leave alone what DIR has already: to be used with the same programs only
  --report-only   make table and report again from DIR
END
}

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=tests/demo/shapes
. "$here/shapes"
# shellcheck source=tests/load/families.sh
. "$here/../load/families.sh"
families="cpu memory" seeds=$demo_seed
page_arms="observe reactive forestall" arms=$page_arms
resume=0 shapes=demo order_seed=$RANDOM jobs=2 out=$root/build/demo bin=$root/build/bin load=$root/build/test report_only=0
forestall=${FORESTALL:-}
while (($#)); do
	case $1 in
	--families) families=$2; shift 2 ;;
	--arms) arms=$2; shift 2 ;;
	--shapes) shapes=$2; shift 2 ;;
	--seeds) seeds=$2; shift 2 ;;
	--order-seed) order_seed=$2; shift 2 ;;
	--jobs) jobs=$2; shift 2 ;;
	--out) out=$2; shift 2 ;;
	--bin) bin=$(realpath "$2"); shift 2 ;;
	--load) load=$(realpath "$2"); shift 2 ;;
	--resume) resume=1; shift ;;
	--report-only) report_only=1; shift ;;
	-h | --help) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
done
forestall=${forestall:-$bin/forestall}
(($(nproc) > 1)) || jobs=1
began=$SECONDS

die() { printf 'demo: %s\n' "$*" >&2; exit 1; }

check_tools() {
	local need
	((EUID == 0)) || die "the guest's file server needs root: run it with sudo"
	for need in redis-server:redis-server redis-cli:redis-tools setfattr:attr nginx:nginx-light mkfs.ext4:e2fsprogs \
		tc:iproute2; do
		command -v "${need%%:*}" >/dev/null || die "${need%%:*} is missing: apt-get install ${need#*:}"
	done
	for need in "$forestall" "$load/load-client" "$load/load-burn" "$load/load-sink" "$load/load-watch" \
		"$load/demo-report"; do
		[[ -x $need ]] || die "$need is missing: run make"
	done
}

# All runs that are to be made as FAMILY/SEED/ARM: family by family, in an order of arms that the order seed decides.
shuffled_runs() {
	awk -v order_seed="$order_seed" -v families="$families" -v seeds="$seeds" -v arms="$arms" 'BEGIN {
		srand(order_seed)
		family_count = split(families, family, " ")
		seed_count = split(seeds, seed, " ")
		for (f = 1; f <= family_count; f++)
			for (s = 1; s <= seed_count; s++) {
				n = split(arms, arm, " ")
				for (i = n; i > 1; i--) { j = 1 + int(rand() * i); t = arm[i]; arm[i] = arm[j]; arm[j] = t }
				for (i = 1; i <= n; i++) print family[f] "/" seed[s] "/" arm[i]
			}
	}'
}

runs_to_make() {
	local run
	shuffled_runs | while read -r run; do
		((resume)) && [[ -e $out/$run.status && $(<"$out/$run.status") == 0\ * ]] || echo "$run"
	done
}

# One command line for the arms of a family: other boot or CPU flags move figures by a quarter.
start_run() { # FAMILY/SEED/ARM
	local family seed arm program preload=()
	IFS=/ read -r family seed arm <<<"$1"
	# What is run while we measure must not be fetched from the host's disk then.
	for program in "$load"/load-{client,burn,sink,watch} "$load/forestalld-oracle" "$forestall" "$bin"/forestall{-up,d,-act}; do
		[[ ! -e $program ]] || preload+=(--preload "$program")
	done
	# shellcheck disable=SC2046 # words
	exec "$root/tests/vm/run" --kernel 6.12 --icount --cpus 1 --timeout 1800 $(family_vm_options "${family%-harmless}") \
		"${preload[@]}" --env "SHAPES=$shapes" --env "BIN=$bin" --env "LOAD=$load" --env "FORESTALL=$forestall" --out "$out/$1" \
		-- tests/demo/scenario.sh "$family" "$arm" "$seed" /out
}

# What the oracle knew no recording has.
export_decisions() { # FAMILY/SEED/ARM
	[[ $1 != */oracle ]] || return 0
	[[ -s $out/$1/run.rec ]] || die "$1 left no recording"
	"$forestall" replay "$out/$1/run.rec" --json >"$out/$1/decisions.jsonl" 2>"$out/$1/replay.log" ||
		die "$1 does not replay: $(tail -n 1 "$out/$1/replay.log")"
}

# A run has ended when its status is there: a process id may be somebody else's by then.
is_ended() { [[ -e $out/$1.status ]]; } # FAMILY/SEED/ARM

# "45 %" of a run, or its state.
run_state() {
	local line
	line=$(grep -a ": progress" "$out/$1.log" 2>/dev/null | tail -n 1) || { echo booting; return; }
	# shellcheck disable=SC2086
	set -- $line
	echo "$(($3 * 100 / $4)) %"
}

show_progress() {
	local run line="" ended=0
	for run in "${!pid_of[@]}"; do
		if is_ended "$run"; then ended=$((ended + 1)); else line+=", $run $(run_state "$run")"; fi
	done
	line="$ended of ${#runs[@]} done$line, $((SECONDS - began)) s"
	if [[ -t 1 ]]; then
		printf '\r\033[K%s' "$line"
	elif (((SECONDS - shown) >= 15)); then
		printf '%s\n' "$line"
		shown=$SECONDS
	fi
}

running_count() {
	local run n=0
	for run in "${!pid_of[@]}"; do
		is_ended "$run" || n=$((n + 1))
	done
	echo $n
}

run_all() {
	local run failed=0
	for run in "${runs[@]}"; do
		while (($(running_count) >= jobs)); do show_progress; sleep 1; done
		rm -rf "${out:?}/$run" "$out/$run.status"
		mkdir -p "$out/$run"
		{
			status=0 start=$SECONDS
			{ (start_run "$run") && (export_decisions "$run"); } >"$out/$run.log" 2>&1 || status=$?
			echo "$status $((SECONDS - start))" >"$out/$run.status"
		} &
		pid_of[$run]=$!
	done
	while (($(running_count))); do show_progress; sleep 1; done
	shown=-15
	show_progress
	[[ ! -t 1 ]] || echo
	for run in "${runs[@]}"; do
		[[ $(<"$out/$run.status") != 0\ * ]] || continue
		failed=1
		echo "demo: $run broke; the end of $out/$run.log:" >&2
		tail -n 15 "$out/$run.log" >&2
	done
	return $failed
}

stop_runs() {
	local run
	for run in "${!pid_of[@]}"; do
		is_ended "$run" || pkill -P "${pid_of[$run]}" || true
	done
}

# A table and a page for each load, then what all seeds say together.
report() {
	local family seed dir
	rm -f "$out/summary.csv"
	for family in $families; do
		for seed in $seeds; do
			dir=$out/$family/$seed
			printf '\n%s, seed %s\n' "$family" "$seed"
			"$load/demo-report" --out "$dir/report.html" --summary "$out/summary.csv" \
				"$dir/observe" "$dir/reactive" "$dir/forestall"
			echo "page: $dir/report.html"
		done
	done
	[[ $seeds != *' '* ]] || "$here/spread" "$out/summary.csv"
}

declare -A pid_of=()
shown=-15
trap stop_runs EXIT
check_tools
mkdir -p "$out"
out=$(cd "$out" && pwd)
mapfile -t runs < <(runs_to_make)
if ((!report_only)); then
	echo "demo: load seeds $seeds, order seed $order_seed: ${#runs[@]} runs, $jobs at a time"
	run_all || die "not all runs reached their end"
fi
[[ $shapes != demo || $arms != "$page_arms" ]] || report
echo "demo: $((SECONDS - began)) s"
