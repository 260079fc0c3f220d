#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Observe and shadow write nothing: looked for in the system calls, in the
# descriptors, in the capabilities, and by trying to write from inside. The same
# look at enforce has to find its write, or it would prove nothing. Runs as root
# in a guest, or natively: there, without the cpu controller, on a tree of files.
# ACT and DRIVER name the programs, by default those in build/test.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd -P)
build=$(cd "$here/../.." && pwd -P)/build/test
act=${ACT:-$build/forestall-act}
driver=${DRIVER:-$build/mind_driver}
work=$(mktemp -d /tmp/observe.XXXXXX)
run=$work/run
count=0 failed=0 tracer=''

finish() {
	[[ -z $tracer ]] || kill "$tracer" 2>/dev/null || true
	[[ ! -d /sys/fs/cgroup/observe_test ]] || rmdir /sys/fs/cgroup/observe_test || true
	rm -rf "$work"
}
trap finish EXIT

check() { # NAME COMMAND...: ok when the command succeeds
	local name=$1
	shift
	count=$((count + 1))
	if "$@"; then
		echo "ok $count - $name"
	else
		echo "not ok $count - $name"
		failed=$((failed + 1))
	fi
}

cgroup_make() {
	cgroup=/observe_test
	if grep -qw cpu /sys/fs/cgroup/cgroup.subtree_control 2>/dev/null; then
		root=/sys/fs/cgroup
		mkdir "$root$cgroup"
	else
		root=$work/tree
		mkdir -p "$root$cgroup"
		: >"$root$cgroup/cgroup.procs"
		echo 100 >"$root$cgroup/cpu.weight"
		echo 'max 100000' >"$root$cgroup/cpu.max"
	fi
	echo "# cgroup root $root"
}

# Everything in a trace that changes something outside RUN. strace -y shows the
# path of every descriptor, also of the one a call returns.
violations() { # TRACE
	grep -E \
		-e '(open|openat|openat2|creat)\(.*O_(WRONLY|RDWR|CREAT|TRUNC|APPEND)' \
		-e '(write|pwrite64|writev|pwritev2?)\([0-9]+<' \
		-e '(sendfile|splice|copy_file_range|fallocate|f?truncate)\(' \
		-e 'f?l?(setxattr|removexattr)\(' \
		-e 'connect\(' -e 'sendto\([^)]*sa_family' \
		-e '(mkdir|rmdir|rename|unlink|symlink|link|mknod|chmod|chown|utimens)(at2?)?\(' \
		-e '(clone3?|v?fork)\(' "$1" |
		grep -Ev -e "[<\"]$run[/>\"]" -e 'write\(2<' -e '"/dev/null"' || true
}

hands_start() { # MODE
	rm -rf "$run"
	trace=$work/trace.$1
	strace -f -y -s 64 -o "$trace" "$act" --mode "$1" --cgroup-root "$root" --run-dir "$run" \
		--disable-file "$work/disable" 2>>"$work/log" &
	tracer=$!
	for ((i = 0; i < 200; i++)); do
		if "$driver" "$run/act.sock" mode >"$work/mode" 2>/dev/null; then
			pid=$(cut -d' ' -f1 "$run/act.lock")
			return
		fi
		sleep 0.05
	done
	echo "Bail out! the hands do not start:"
	cat "$work/log"
	exit 1
}

hands_end() {
	kill -TERM "$pid"
	wait "$tracer" || echo "# the hands ended with $?"
	tracer=''
}

plan() { # ARGUMENT...: prints the outcome
	"$driver" "$run/act.sock" plan 5000 "$root" "$cgroup" "$@" | cut -d' ' -f1
}

is() { [[ $1 == "$2" ]] || { echo "# $1, not $2"; false; }; }
is_empty() { [[ -z $1 ]] || { sed 's/^/# /' <<<"$1"; false; }; }

capabilities() { awk '/^Cap(Prm|Eff|Bnd|Inh|Amb)/ { print $2 }' "/proc/$pid/status" | sort -u | tr '\n' ' '; }

# Writable descriptors that are neither sockets, nor the kernel's own event
# files, nor the lock, nor stdio.
writable_descriptors() {
	local fd link flags
	for fd in "/proc/$pid/fd/"*; do
		link=$(readlink "$fd")
		flags=$(awk '/^flags/ { print $2 }' "/proc/$pid/fdinfo/${fd##*/}")
		((flags & 3)) || continue
		((${fd##*/} > 2)) || continue
		case $link in
		socket:* | anon_inode:* | "$run/act.lock") ;;
		*) echo "$fd -> $link" ;;
		esac
	done
}

cannot_write_inside() {
	! nsenter --mount="/proc/$pid/ns/mnt" bash -c "echo 55 >'$root$cgroup/cpu.weight'" 2>/dev/null
}

cgroup_make
before=$(grep -r . "$root$cgroup" --include='cpu.weight*' --include='cpu.max*' --include=cpu.idle)

for mode in observe shadow; do
	hands_start "$mode"
	check "$mode: the mode is reported" is "$(cat "$work/mode")" "$mode"
	check "$mode: a weight would be set" is "$(plan cpu.weight 55)" would
	check "$mode: a quota would be set" is "$(plan cpu.max 50000 100000)" would
	check "$mode: what is out of bounds is refused" is "$(plan cpu.weight 0)" refused
	check "$mode: no capability in any set" is "$(capabilities)" '0000000000000000 '
	check "$mode: no new privileges, a filter is loaded" is \
		"$(awk '/^(NoNewPrivs|Seccomp):/ { printf "%s ", $2 }' "/proc/$pid/status")" '1 2 '
	check "$mode: no writable descriptor" is_empty "$(writable_descriptors)"
	check "$mode: cgroups are read-only inside" cannot_write_inside
	hands_end
	check "$mode: no system call changes anything" is_empty "$(violations "$trace")"
	check "$mode: the limits are as before" is \
		"$(grep -r . "$root$cgroup" --include='cpu.weight*' --include='cpu.max*' --include=cpu.idle)" "$before"
done

hands_start enforce
check "enforce: the weight is set" is "$(plan cpu.weight 55)" applied
check "enforce: CAP_DAC_OVERRIDE and CAP_NET_ADMIN are left" is "$(capabilities)" '0000000000000000 0000000000001002 '
hands_end
found=$(violations "$trace")
check "enforce: the same look finds the file being opened" grep -q 'openat.*cpu.weight.*O_WRONLY' <<<"$found"
check "enforce: the same look finds the write" grep -q 'write(.*cpu.weight.*"55"' <<<"$found"
check "enforce: and all is undone at the end" is \
	"$(grep -r . "$root$cgroup" --include='cpu.weight*' --include='cpu.max*' --include=cpu.idle)" "$before"

echo "1..$count"
echo "# $count checks, $failed failed"
((failed == 0))
