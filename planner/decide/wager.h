/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Testing by betting: who bets a part of his wealth on the sign of a difference that is as likely as its negative does not gain on average,
 * and the chance that a wealth of 1 ever comes to 1/alpha is at most alpha, however often one looks (Ville's inequality; Shafer 2021; for
 * symmetric differences de la Pena 1999). The part that is staked is an odd function of the difference. Several bets at once, at different
 * scales, are their mean. Pure.
 */
#ifndef FORESTALL_WAGER_H
#define FORESTALL_WAGER_H

#define WAGER_BETS 5

/* All zero: nothing was bet yet. */
struct wager {
	double wealth[WAGER_BETS];	/* logarithms */
};

/* Bets that x is above 0; in seconds per block. */
void wager_bet(struct wager *wager, double x);

/* 1 at the start; a claim is believed at 1/alpha. */
double wager_wealth(const struct wager *wager);

#endif
