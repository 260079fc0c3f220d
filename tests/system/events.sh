#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Announced events from the command line into the mind: what is added, imported and removed shows in the profile, bad input does not.
. "$(dirname "$0")/../lib.sh"
etc=$scratch/etc
event() { "$bin/forestall" --config-dir "$etc" event "$@"; }
holds() { grep -qE "$1" "$scratch/json"; } # PATTERN in what was asked last

check "an event gets an id" test "$(event add --at +5m --duration 1h --scope '/forestall-event-*/web' --factor 3 --name 'black friday')" = e1
check "and another the next" test "$(event add --at 2099-01-01T00:00Z --duration 30m --scope '/x' --factor x0.5 --resource memory)" = e2
event list --json | tr -d '\n' >"$scratch/json"
check "both are listed" holds '"id": ?"e1".*"factor": ?3.0.*"start_unix_s": ?4070908800'
check "the file is for people" grep -qE '^e2 2099-01-01T00:00:00Z 30m /x memory 0.5$' "$etc/events"
cp "$etc/events" "$scratch/before"
refused "no time" "--at|column 11|08:00" event add --at 2099-01-01 --duration 1h --scope /x --factor 2
refused "no duration" "--duration|column 2" event add --at +5m --duration 1w --scope /x --factor 2
refused "no scope" "--scope|'/'" event add --at +5m --duration 1h --scope x --factor 2
refused "no resource" "--resource|cpu, memory, io or net" event add --at +5m --duration 1h --scope /x --factor 2 --resource gpu
refused "no factor" "--factor|1000" event add --at +5m --duration 1h --scope /x --factor 1001
refused "what would be over already" "over already" event add --at 2001-01-01T00:00Z --duration 1h --scope /x --factor 2
refused "an option twice" "usage" event add --at +5m --at +6m --duration 1h --scope /x --factor 2
refused "an id that is not there" "e9|event list" event remove e9
refused "a calendar that is none" "passwd:1|BEGIN:VCALENDAR" event import /etc/passwd
refused "a calendar that is not there" "nowhere.ics|No such file" event import "$scratch/nowhere.ics"
printf '%s\r\n' BEGIN:VCALENDAR VERSION:2.0 PRODID:x BEGIN:VEVENT UID:1 SUMMARY:Bad 'DTSTART:20990101T000000Z' DURATION:PT1H \
	X-FORESTALL-SCOPE:web X-FORESTALL-FACTOR:2 END:VEVENT END:VCALENDAR >"$scratch/bad.ics"
refused "a calendar with a mistake" "bad.ics:4|'Bad'|X-FORESTALL-SCOPE, column 1" event import "$scratch/bad.ics"
check "nothing of that changed anything" cmp "$scratch/before" "$etc/events"

day=$(date -u -d '+1 day' +%Y%m%d)
printf '%s\r\n' BEGIN:VCALENDAR VERSION:2.0 PRODID:x BEGIN:VEVENT UID:backup 'SUMMARY:Backup [/forestall-event-*/web io x2]' \
	"DTSTART:${day}T000000Z" DURATION:PT15M 'RRULE:FREQ=HOURLY;COUNT=48' END:VEVENT \
	BEGIN:VEVENT UID:lunch SUMMARY:Lunch "DTSTART:${day}T120000Z" DURATION:PT1H END:VEVENT END:VCALENDAR >"$scratch/cal.ics"
event import "$scratch/cal.ics" --json | tr -d '\n' >"$scratch/json"
check "a calendar's recurrence is expanded" holds '"appointments": ?2.*"events": ?48'
check "importing it again replaces it" bash -c "'$bin/forestall' --config-dir '$etc' event import '$scratch/cal.ics' && (( \$(wc -l <'$etc/events') == 50 ))"

[[ $EUID == 0 && -n $cgroot ]] || { tap_report 0 "the mind knows them # skip needs root and a cgroup v2 mount"; finish; }
"$bin/forestall" doctor >/dev/null || { tap_report 0 "the mind knows them # skip this kernel cannot be observed"; finish; }
run=$scratch/run
group=/forestall-event-$$/web
mkdir -p "$cgroot$group"
at_exit "rmdir $cgroot$group $cgroot${group%/web}"
setfattr -n trusted.forestall.slo -v 'runq_p99<5ms tier=critical' "$cgroot$group"
"$bin/forestall" --run-dir "$run" --config-dir "$etc" up --mode observe --no-web --state-dir "$scratch/state" 2>"$scratch/up.log" &
up=$!
at_exit "kill $up; wait $up"
"$test_programs/load-burn" --threads 1 --plan '0+60000:30-30' --out "$scratch/burn.csv" &
at_exit "kill $!; wait $!"
echo $! >"$cgroot$group/cgroup.procs"
profile() { "$bin/forestall" --run-dir "$run" profile show "$group" --json "$@" | tr -d '\n ' >"$scratch/json"; }
says() { profile && holds "$1"; }
check "an event is in the profile of its instances" within 20 says '"cpu":\{[^}]*"factor":3\.0\}.*"events":\["blackfriday"\]'
threefold() { profile && grep -oE '"cpu":\{"p10":[^}]*"factor":3.0' "$scratch/json" | head -n 1 |
	sed 's/.*"p90":\([0-9.]*\).*/\1/' | awk '{ exit !($1 > 0.6) }'; }
check "with so much more of what there is now" within 15 threefold
check "of a day that nothing is known of, nothing is said" holds '"memory":null'
paths() { "$bin/forestall" --run-dir "$run" forecast show "$group" --paths "$@"; }
check "joint paths are drawn" bash -c "'$bin/forestall' --run-dir '$run' forecast show '$group' --paths 3 | grep -c ' cpu ' | grep -qx 3"
refused "more paths than are drawn" "--paths|100" paths 1000
check "a risk is explained, or there is none" bash -c "'$bin/forestall' --run-dir '$run' forecast explain '$group' | grep -qE 'at risk|violated within'"
check "what is removed is gone" bash -c "'$bin/forestall' --config-dir '$etc' event remove e1"
check "from the profile too" within 5 bash -c "! '$bin/forestall' --run-dir '$run' profile show '$group' --json | grep -q black"
refused "a profile of who has none" "slo set" "$bin/forestall" --run-dir "$run" profile show /
refused "hours that a profile does not reach" "--hours|24" "$bin/forestall" --run-dir "$run" profile show "$group" --hours 48
echo "e7 yesterday" >>"$etc/events"
check "a mistake in the file is named by the mind" within 5 grep -q "events:50:4" "$scratch/up.log"
finish
