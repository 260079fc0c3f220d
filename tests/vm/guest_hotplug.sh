#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernel: 6.12
# vm: --cpus 2
# A CPU goes offline and comes back.
. tests/vm/known.sh
exec build/test/test_hotplug
