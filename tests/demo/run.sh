#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The demo: the same load three times in a virtual machine (observe, reactive,
# forestall), then a table and a report in HTML. Called by `make demo`.
set -euo pipefail

usage() {
	cat <<'END'
usage: tests/demo/run.sh [OPTION]...
  --seed N        seed of the load (default: the one in tests/demo/shapes)
  --order-seed N  seed of the order of the arms (default: random, printed)
  --jobs N        virtual machines at a time (default 2, or 1 on one core)
  --out DIR       results (default build/demo)
  --bin DIR       forestall's programs (default build/bin)
  --load DIR      load programs and demo-report (default build/test)
  --report-only   make table and report again from DIR
END
}

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=tests/demo/shapes
. "$here/shapes"
seed=$demo_seed order_seed=$RANDOM jobs=2 out=$root/build/demo bin=$root/build/bin load=$root/build/test report_only=0
forestall=${FORESTALL:-}
while (($#)); do
	case $1 in
	--seed) seed=$2; shift 2 ;;
	--order-seed) order_seed=$2; shift 2 ;;
	--jobs) jobs=$2; shift 2 ;;
	--out) out=$2; shift 2 ;;
	--bin) bin=$(realpath "$2"); shift 2 ;;
	--load) load=$(realpath "$2"); shift 2 ;;
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
	for need in redis-server:redis-server redis-cli:redis-tools setfattr:attr; do
		command -v "${need%%:*}" >/dev/null || die "${need%%:*} is missing: apt-get install ${need#*:}"
	done
	for need in "$forestall" "$load/load-client" "$load/load-burn" "$load/load-watch" "$load/demo-report"; do
		[[ -x $need ]] || die "$need is missing: run make"
	done
}

# The three arms in an order that the order seed decides.
shuffled_arms() {
	awk -v seed="$order_seed" 'BEGIN {
		srand(seed)
		n = split("observe reactive forestall", arm, " ")
		for (i = n; i > 1; i--) { j = 1 + int(rand() * i); t = arm[i]; arm[i] = arm[j]; arm[j] = t }
		for (i = 1; i <= n; i++) print arm[i]
	}'
}

# One command line for all arms: other boot or CPU flags move figures by a quarter.
run_arm() {
	local arm=$1 preload=() program
	# What is run while we measure must not be fetched from the host's disk then.
	for program in redis-server redis-cli setfattr bash awk sed grep sleep true; do
		preload+=(--preload "$(type -P "$program")")
	done
	for program in "$load"/load-{client,burn,watch} "$forestall" "$bin/forestalld" "$bin/forestall-act"; do
		[[ ! -e $program ]] || preload+=(--preload "$program")
	done
	exec "$root/tests/vm/run" --kernel 6.12 --icount --cpus 1 --mem 1G --timeout 500 "${preload[@]}" \
		--env "BIN=$bin" --env "LOAD=$load" --env "FORESTALL=$forestall" --out "$out/$arm" \
		-- tests/demo/scenario.sh "$arm" "$seed" /out
}

# "45 %" of an arm, or its state.
arm_state() {
	local arm=$1 line
	[[ -n ${pid_of[$arm]-} ]] || { echo waiting; return; }
	line=$(grep -a "^$arm: progress" "$out/$arm.log" 2>/dev/null | tail -n 1) || { echo booting; return; }
	# shellcheck disable=SC2086
	set -- $line
	echo "$(($3 * 100 / $4)) %"
}

show_progress() {
	local arm line=''
	for arm in "${arms[@]}"; do
		line+="$(printf '%-9s %-8s ' "$arm" "$(arm_state "$arm")")"
	done
	line+="$((SECONDS - began)) s"
	if [[ -t 1 ]]; then
		printf '\r%s ' "$line"
	elif (((SECONDS - shown) >= 15)); then
		printf '%s\n' "$line"
		shown=$SECONDS
	fi
}

running_count() {
	local arm n=0
	for arm in "${!pid_of[@]}"; do
		! kill -0 "${pid_of[$arm]}" 2>/dev/null || n=$((n + 1))
	done
	echo $n
}

run_arms() {
	local arm failed=0
	for arm in "${arms[@]}"; do
		while (($(running_count) >= jobs)); do show_progress; sleep 1; done
		rm -rf "${out:?}/$arm"
		mkdir -p "$out/$arm"
		run_arm "$arm" >"$out/$arm.log" 2>&1 &
		pid_of[$arm]=$!
	done
	while (($(running_count))); do show_progress; sleep 1; done
	shown=-15
	show_progress
	[[ ! -t 1 ]] || echo
	for arm in "${arms[@]}"; do
		wait "${pid_of[$arm]}" && continue
		failed=1
		echo "demo: arm $arm broke; the end of $out/$arm.log:" >&2
		tail -n 15 "$out/$arm.log" >&2
	done
	return $failed
}

export_decisions() {
	local arm
	for arm in "${arms[@]}"; do
		[[ -s $out/$arm/run.rec ]] || die "arm $arm left no recording"
		"$forestall" replay "$out/$arm/run.rec" --json >"$out/$arm/decisions.jsonl" 2>"$out/$arm/replay.log" ||
			die "arm $arm does not replay: $(tail -n 1 "$out/$arm/replay.log")"
	done
}

declare -A pid_of=()
shown=-15
mapfile -t arms < <(shuffled_arms)
trap 'for p in "${pid_of[@]}"; do kill "$p" 2>/dev/null || true; done' EXIT
check_tools
mkdir -p "$out"
out=$(cd "$out" && pwd)
if ((!report_only)); then
	echo "demo: load seed $seed, order seed $order_seed: ${arms[*]}; $jobs at a time, about 5 minutes"
	run_arms || die "not all arms ran to their end"
	export_decisions
fi
"$load/demo-report" --out "$out/report.html" "$out/observe" "$out/reactive" "$out/forestall"
echo "demo: $((SECONDS - began)) s; report: $out/report.html"
