#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --preload build/test --disk 64M
exec bash tests/vm/kill_act.sh
