#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The bench on series from elsewhere: what it refuses, that it repeats, and that it learns a rule a child would see. With
# FORESTALL_REALDATA=DIR, on those series too.
. "$(dirname "$0")/../lib.sh"
bench=$test_programs/bench_realdata
data=$scratch/data

# Sessions whose only sign of an anomaly is event 9; FIRST..LAST makes them differ from file to file.
sessions() { # FIRST LAST
	local i
	echo session,label,events
	for ((i = $1; i <= $2; i++)); do
		echo "blk_$i,0,5 $((i % 7 + 1)) 2 $((i % 5 + 1)) 3 $((i / 7 % 7 + 1))"
		((i % 3)) || echo "blk_b$i,1,5 $((i % 7 + 1)) 9 $((i % 5 + 1)) 3 $((i / 7 % 7 + 1))"
	done
}
mkdir -p "$data/hdfs_logs" "$data/nab_cloud"
sessions 1 60 | xz >"$data/hdfs_logs/hdfs100k_train.csv.xz"
sessions 61 120 | xz >"$data/hdfs_logs/hdfs100k_test.csv.xz"

refused "a folder that is not there" "$scratch/nowhere|no such folder" "$bench" "$data" "$scratch/nowhere"
refused "folders that share nothing" "share no data set" "$bench" --only bitbrains "$data" "$data"
printf '[hdfs_logs]\n[nab_cloud]\ncolumn value linear\n' >"$scratch/bad.schema"
refused "a schema with half a line" "bad.schema:3" "$bench" --only nab_cloud --schema "$scratch/bad.schema" "$data" "$data"
head -c 40 "$data/hdfs_logs/hdfs100k_train.csv.xz" >"$data/nab_cloud/nab_cloud_x.csv.xz"
refused "a file that is cut off" "xz -dc failed" "$bench" --only nab_cloud "$data" "$data"
rm "$data/nab_cloud/nab_cloud_x.csv.xz"

"$bench" --only hdfs_logs "$data" "$data" >"$scratch/one" 2>"$scratch/log"
tap_report $? "sessions of another file are judged"
f1=$(tail -n 1 "$scratch/one" | sed -n 's/.*"f1":\([0-9.]*\).*/\1/p')
awk -v f1="${f1:-0}" 'BEGIN { exit !(f1 > .95) }'
tap_report $? "a rule that one event tells is learned (F1 ${f1:-none})"
"$bench" --only hdfs_logs "$data" "$data" 2>/dev/null | cmp -s - "$scratch/one"
tap_report $? "the same seed says the same"
"$bench" --only hdfs_logs --seed 2 "$data" "$data" 2>"$scratch/log2" >/dev/null
! cmp -s "$scratch/log" "$scratch/log2"
tap_report $? "another seed trains another way"

if [[ -z ${FORESTALL_REALDATA:-} ]]; then
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - the series of others # skip FORESTALL_REALDATA names no folder"
else
	"$bench" --epochs 1 --only asd12 "$FORESTALL_REALDATA" "$FORESTALL_REALDATA" 2>/dev/null | tail -n 1 >"$scratch/json"
	auprc=$(sed -n 's/.*"auprc":\([0-9.]*\).*/\1/p' "$scratch/json")
	awk -v auprc="${auprc:-0}" 'BEGIN { exit !(auprc > .35) }'
	tap_report $? "asd12 with one epoch is over .35 (${auprc:-none})"
fi
finish
