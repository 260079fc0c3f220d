#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel side on a Debian kernel.
export CMOCKA_MESSAGE_OUTPUT=TAP
exec build/test/test_nerve
