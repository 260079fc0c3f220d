#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel side on a Debian kernel.
export CMOCKA_MESSAGE_OUTPUT=TAP FORESTALL_MUST_RUN=1
exec build/test/test_nerve
