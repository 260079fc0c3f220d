#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Scheduling as the kernel side counts it, against the reference, on a Debian kernel with quotas.
export CMOCKA_MESSAGE_OUTPUT=TAP FORESTALL_MUST_RUN=1
status=0
for test in sched queue; do build/test/test_$test || status=1; done
exit $status
