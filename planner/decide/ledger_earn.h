/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who earned each second saved, and what came of the dangers that were left alone. Inside of the ledger. Pure. */
#ifndef FORESTALL_LEDGER_EARN_H
#define FORESTALL_LEDGER_EARN_H

#include "ledger.h"

/* One tick of a decision that lasts; bad: of the protected now, < 0 unknown. */
void ledger_earn(struct ledger *ledger, const struct plan_policy *policy, struct decision *decision, float bad, bool is_pressed);

/* Once per tick. */
void ledger_leave_alone(struct ledger *ledger, const struct plan_policy *policy, struct plan_view *const views[], uint32_t count,
			const struct plan *plan);

#endif
