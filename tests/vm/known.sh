# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced in guests: what is known to differ on a kernel. Everything else must be there and equal.
export CMOCKA_MESSAGE_OUTPUT=TAP FORESTALL_MUST_RUN=1
case $(uname -r) in
5.10.*) # No folios, and one major fault fewer in memory.stat.
	export FORESTALL_MAY_LACK="swap wait.quota" FORESTALL_FAULT_UNTOLD=1 ;;
6.1.*) # The throttled time of tasks is not told.
	export FORESTALL_MAY_LACK=wait.quota ;;
7.*) # memory.events may count one max more, of a charge that reclaimed nothing.
	export FORESTALL_MAX_MORE=1 ;;
esac
