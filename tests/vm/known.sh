# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced in guests: what is known to differ on a kernel. Everything else must be there and equal.
export CMOCKA_MESSAGE_OUTPUT=TAP FORESTALL_MUST_RUN=1
case $(uname -r) in
5.10.*) # No folios, and one major fault fewer in memory.stat.
	export FORESTALL_MAY_LACK="swap wait.quota" FORESTALL_SLACK=1 ;;
6.1.*) # The throttled time of tasks is not told.
	export FORESTALL_MAY_LACK=wait.quota ;;
7.*) # One event max more in memory.events than reclaims are begun.
	export FORESTALL_SLACK=1 ;;
esac
