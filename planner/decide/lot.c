/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lot.h"

/* splitmix64 (Steele, Lea, Flood 2014). */
uint64_t lot_mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

float lot_unit(uint64_t mixed) { return (float)(mixed >> 40) * 0x1p-24f; }
