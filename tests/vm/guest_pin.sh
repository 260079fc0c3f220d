#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --cpus 2
# The whole path on two CPUs: a hog that shares no directory with the protected, so that weights do not divide between them, is
# confined to the CPU set apart for givers, and let go after it. What that is worth is not asked: both CPUs are one thread of the host.
. "$(dirname "$0")/../lib.sh"
top=/sys/fs/cgroup/pin
away=/sys/fs/cgroup/away/deep
mkdir -p "$top/server" "$top/client" "${away%/deep}"
echo "+cpu +cpuset" >/sys/fs/cgroup/cgroup.subtree_control
echo "+cpu +cpuset" >"${away%/deep}/cgroup.subtree_control"
mkdir "$away"
setfattr -n trusted.forestall.slo -v 'runq_p99<4ms tier=critical kind=latency' "$top/server"
setfattr -n trusted.forestall.slo -v 'tier=best-effort kind=batch' "$away"
redis-server --port 7001 --save '' --dir "$scratch" --logfile "$scratch/redis.log" &
echo $! >"$top/server/cgroup.procs"
within 20 redis-cli -p 7001 ping
redis-cli -p 7001 setrange page 65535 x >/dev/null
"$test_programs/load-client" --port 7001 --rate 500 --seconds 400 --poisson --fifo --command 'BITCOUNT page' \
	--out "$scratch/client.csv" &
at_exit "kill $!"
echo $! >"$top/client/cgroup.procs"
"$bin/forestall" up --mode enforce --forecaster persistence --no-web 2>>"$scratch/up.log" &
up=$!
hog() {
	"$test_programs/load-burn" --threads 6 --plan '0+90000:100-100' --out "$scratch/burn.csv" &
	hog=$!
	echo $hog >"$away/cgroup.procs"
}
hog_end() { kill $hog; wait $hog; }
has_cpus() { [[ $(cat "$away/cpuset.cpus.effective") == "$1" ]] || { cat "$away/cpuset.cpus.effective"; false; }; }
weight_is() { [[ $(cat "$away/cpu.weight") == "$1" ]]; }

shows() { "$bin/forestall" "${@:2}" | tee /dev/stderr | grep -qE "$1"; }
never_for() { local end=$((SECONDS + $1)); shift; while ((SECONDS < end)); do ! "$@" || return 1; sleep 0.2; done; }

check "enforce starts" within 30 "$bin/forestall" status
check "nobody is confined before there is a need" never_for 3 has_cpus 1
hog
check "the plan confines the hog to the second CPU" within 30 has_cpus 1
check "for a measured danger of the server" shows '/away/deep .*cpuset.cpus.*(reflex|hold) *held' journal show
check "the decision says by what" shows 'cpuset.cpus' decision explain 1
check "its weight is not touched: none divides between them" weight_is 100
check "it is held while the hog is there" never_for 3 has_cpus 0-1
hog_end
check "let go after the hog" within 30 has_cpus 0-1
hog
check "and confined again with the next" within 30 has_cpus 1
kill -TERM $up
check "the end of forestall is clean" wait $up
check "and leaves nobody confined" has_cpus 0-1
check "nothing of it is held" eval '! grep -s . /run/forestall/journal'
hog_end
sed 's/^/# /' "$scratch/up.log" | tail -n 20
finish
