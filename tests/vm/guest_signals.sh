#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --disk 256M --mem 1G
# Memory, IO and network as the kernel side counts them, on a Debian kernel with all controllers, a disk and a lossy link.
export CMOCKA_MESSAGE_OUTPUT=TAP FORESTALL_MUST_RUN=1
modprobe veth
modprobe sch_netem
# A disk for swap: the other one is read by the tests.
swap=/sys/kernel/config/nullb/nullb1
mkdir $swap
echo 128 >$swap/size
echo 1 >$swap/memory_backed
echo 1 >$swap/power
mkswap /dev/nullb1 >/dev/null
export FORESTALL_SWAP=/dev/nullb1
status=0
for test in net link response io memory tree; do
	build/test/test_$test || status=1
done
exit $status
