#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A few seconds of each fuzzer, from real files where it needs one; `make fuzz` takes a minute for each.
. "$(dirname "$0")/../lib.sh"
echo 'int LLVMFuzzerTestOneInput(const char *d, long n) { (void)d; (void)n; return 0; }' >"$scratch/try.c"
clang -fsanitize=fuzzer,address "$scratch/try.c" -o "$scratch/try" 2>/dev/null || skip_all "this clang has no libFuzzer"
for source in tests/fuzz/fuzz_*.c; do
	name=$(basename "$source" .c)
	check "${name#fuzz_} takes whatever comes" tests/fuzz/run 4 "$name"
done
finish
