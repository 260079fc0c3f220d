#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Kill and stop the hands, the mind and both at every named step and at random
# moments, on real cgroups: every limit must be as before. To be run as root
# inside a guest, with the build that has the steps:
#   tests/vm/run --preload build/test --disk 64M -- bash tests/vm/kill_act.sh [SEED]
# ACT, DRIVER and KILL name the programs, by default those in build/test.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd -P)
build=$(cd "$here/../.." && pwd -P)/build/test
act=${ACT:-$build/forestall-act}
driver=${DRIVER:-$build/mind_driver}
kill=${KILL:-$build/kill_act}

for program in "$act" "$driver" "$kill"; do
	if [[ ! -x $program ]]; then
		echo "Bail out! $program is missing: make the test build first"
		exit 1
	fi
done
if ! "$act" --steps >/dev/null; then
	echo "Bail out! $act has no steps: build it with -DFORESTALL_STEPS"
	exit 1
fi
if [[ ! -e /sys/fs/cgroup/cgroup.subtree_control ]]; then
	echo "Bail out! /sys/fs/cgroup is not cgroup v2: run this in a guest, by tests/vm/run"
	exit 1
fi

if [[ ! -b /dev/nullb0 ]]; then
	echo "Bail out! /dev/nullb0 is missing: run the guest with --disk 64M"
	exit 1
fi
mkswap /dev/nullb0 >/dev/null

status=0
"$kill" "$act" "$driver" "$@" || status=$?
if ((status)); then
	echo "# the end of what the programs said:"
	tail -n 40 /run/kill_act.log | sed 's/^/# /' || true
fi
exit "$status"
