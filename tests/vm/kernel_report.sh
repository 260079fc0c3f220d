#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# In a guest of tests/kernels: what this kernel has into $OUT, then the tests of the kernel side, the agent's start among them.
set -u
build/bin/forestall signal list --json >"$OUT/signals.json" || exit 1
build/test/insns >"$OUT/insns" || exit 1
uname -r >"$OUT/release"
status=0
mkdir /sys/fs/cgroup/load
build/bin/forestalld --run-dir /run/forestall >"$OUT/forestalld.log" 2>&1 &
mind=$!
for ((i = 0; i < 300; i++)); do build/bin/forestall status >/dev/null 2>&1 && break; sleep .2; done
# What is counted of it, tests/check/kernels holds against what the kernel lacks.
build/bin/forestall slo set /load 'runq_p99<50ms' || status=1
(echo $BASHPID >/sys/fs/cgroup/load/cgroup.procs; for ((i = 0; i < 100; i++)); do build/bin/forestall --version >/dev/null; sleep .05; done) &
sleep 4
if build/bin/forestall instance show /load --json >"$OUT/instance.json"; then echo "ok - the agent observes"; else echo "not ok - the agent observes"; status=1; fi
kill $mind
wait $mind
for test in nerve sched signals; do bash tests/vm/guest_$test.sh || status=1; done
exit $status
