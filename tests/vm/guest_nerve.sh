#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel side on a Debian kernel.
. tests/vm/known.sh
exec build/test/test_nerve
