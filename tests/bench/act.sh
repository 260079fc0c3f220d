#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The guest of bench_act: a cgroup with a hog, two devices, a disk, and hands in enforce. Run by `make bench-act`.
set -euo pipefail
cd "$(dirname "$0")/../.."
cg=/sys/fs/cgroup
modprobe veth
ip link add n0 type veth peer name n1
ip addr add 10.77.0.1/24 dev n0
ip link set n0 up && ip link set n1 up
ip route add default via 10.77.0.2
mkdir $cg/bench && echo "+cpu +cpuset +memory +io" >$cg/bench/cgroup.subtree_control && mkdir $cg/bench/hog
echo 64M >$cg/bench/memory.low && echo 64M >$cg/bench/memory.min
echo "95000 100000" >$cg/bench/hog/cpu.max # a burst needs a quota
build/test/load-burn --threads 1 --plan "0+600000:100-100" --out /tmp/burn.csv &
echo $! >$cg/bench/hog/cgroup.procs
# What measures must not wait for what is measured.
mkdir $cg/meter && echo 10000 >$cg/meter/cpu.weight && echo $$ >$cg/meter/cgroup.procs
build/bin/forestall-act --mode enforce --run-dir /run/bench --disable-file /run/bench.disable 2>/run/bench.log &
for ((i = 0; i < 100; i++)); do [[ -S /run/bench/act.sock ]] && break || sleep 0.1; done
build/test/bench_act /run/bench/act.sock /bench/hog n0 /dev/nullb0
