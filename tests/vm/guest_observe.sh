#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --preload build/test
exec bash tests/vm/observe_writes_nothing.sh
