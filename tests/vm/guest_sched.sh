#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Scheduling as the kernel side counts it, against the reference, on a Debian kernel with quotas.
export CMOCKA_MESSAGE_OUTPUT=TAP FORESTALL_MUST_RUN=1
exec build/test/test_sched
