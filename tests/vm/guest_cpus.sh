#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --cpus 2
# What takes two CPUs on a Debian kernel: threads that change theirs, one that goes offline and comes back, and pressure.
. tests/vm/known.sh
status=0
build/test/test_sched 'threads_on_all_cpus*' || status=1
for test in pressure hotplug; do build/test/test_$test || status=1; done
exit $status
