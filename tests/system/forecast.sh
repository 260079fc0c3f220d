#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# bench_forecast: what is missing is said in one line, and recordings that are not the corpus's are not scored.
set -uo pipefail
cd "$(dirname "$0")/../.."
bench=build/test/bench_forecast
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
echo 1..3
refused() { # NUMBER WHAT WORDS FOLDER
	local text status
	text=$("$bench" model/default.model "$4" 2>&1 >/dev/null)
	status=$?
	if ((status != 0)) && [[ $(wc -l <<<"$text") == 1 && $text == *"$3"* ]]; then
		echo "ok $1 - $2"
	else
		echo "not ok $1 - $2: status $status, said: $text"
	fi
}
refused 1 "a folder that is not there" "make corpus" "$folder/none"
refused 2 "a folder without recordings" "make corpus" "$folder"
echo "not a recording" >"$folder/x.rec"
refused 3 "a file that is no recording is named" "x.rec" "$folder"
