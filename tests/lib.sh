# SPDX-License-Identifier: GPL-2.0-or-later
# TAP for shell tests; sourced. `check NAME COMMAND...` is one case, `finish` prints the plan and exits.
tap_count=0 tap_failed=0
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
bin=$PWD/build/bin
test_programs=$PWD/build/test
scratch=$(mktemp -d)
cgroot=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
tap_cleanups=("rm -rf $scratch")
tap_cleanup() { local i; for ((i = ${#tap_cleanups[@]} - 1; i >= 0; i--)); do eval "${tap_cleanups[i]}" >/dev/null 2>&1; done; }
trap tap_cleanup EXIT
at_exit() { tap_cleanups+=("$*"); }

tap_report() { # STATUS NAME
	tap_count=$((tap_count + 1))
	if (($1 == 0)); then echo "ok $tap_count - $2"; else echo "not ok $tap_count - $2"; tap_failed=1; fi
}
check() {
	local name=$1
	shift
	"$@" >"$scratch/check.out" 2>&1
	local status=$?
	tap_report $status "$name"
	((status == 0)) || { echo "# $*"; sed 's/^/# /' "$scratch/check.out"; } >&2
}
check_not() { local name=$1; shift; check "$name" not "$@"; }
not() { ! "$@"; }
skip_all() { echo "1..0 # skip $*"; echo "skipped: $*" >&2; exit 77; }
# Waits up to SECONDS for a command to hold.
within() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS < deadline)) || return 1
		sleep 0.2
	done
}
# refused NAME WORDS COMMAND...: exits 1 or 2, its last line on stderr holds each of the |-separated words, and it says no more than
# two lines. A command that is killed or times out fails the case.
refused() {
	local name=$1 words=$2 status word good=0
	shift 2
	"$@" >"$scratch/out" 2>"$scratch/err" </dev/null
	status=$?
	((status == 1 || status == 2)) || good=1
	IFS='|' read -ra word_list <<<"$words"
	for word in "${word_list[@]}"; do grep -qiF -- "$word" "$scratch/err" || good=1; done
	(($(wc -l <"$scratch/err") <= 3)) || good=1
	tap_report $good "$name"
	((good == 0)) || sed "s/^/# exit $status: /" "$scratch/err" >&2
}
# Makes GROUP with an annotated server and batch in it, both burning CPU for a minute, and takes it away in the end.
burning_pair() {
	local name
	mkdir "$1" "$1/server" "$1/batch"
	at_exit "rmdir $1/server $1/batch $1"
	setfattr -n trusted.forestall.slo -v 'runq_p99<1us tier=critical' "$1/server"
	setfattr -n trusted.forestall.slo -v 'tier=best-effort' "$1/batch"
	for name in server batch; do
		"$test_programs/load-burn" --threads 3 --plan '0+60000:70-70' --out "$scratch/$name.csv" &
		at_exit "kill $!; wait $!"
		echo $! >"$1/$name/cgroup.procs"
	done
}
finish() { echo "1..$tap_count"; exit $tap_failed; }
