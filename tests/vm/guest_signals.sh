#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --disk 256M --mem 1G
# Memory, IO and network as the kernel side counts them, on a Debian kernel with all controllers, a disk and a lossy link.
. tests/vm/known.sh
modprobe veth
modprobe sch_netem
# Two disks more: one for swap, and one that takes 20 ms for a request and one request at a time.
disk() { # NAME SETTING=VALUE...
	local at=/sys/kernel/config/nullb/$1 setting
	mkdir "$at"
	for setting in size=128 memory_backed=1 "${@:2}" power=1; do echo "${setting#*=}" >"$at/${setting%%=*}"; done
}
disk nullb1
disk nullb2 irqmode=2 completion_nsec=20000000 hw_queue_depth=1
mkswap /dev/nullb1 >/dev/null
export FORESTALL_SWAP=/dev/nullb1 FORESTALL_SLOW_DISK=/dev/nullb2
status=0
for test in net link response io memory tree; do
	build/test/test_$test || status=1
done
exit $status
