#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the mind keeps of its past, and what it learns from it.
. "$(dirname "$0")/../lib.sh"
[[ $EUID == 0 && -n $cgroot ]] || skip_all "needs root and a cgroup v2 mount"
"$bin/forestall" doctor >/dev/null || skip_all "doctor: this kernel cannot be observed"
run=$scratch/run state=$scratch/state
history=$state/history
group=$cgroot/forestall-learn-$$
burning_pair "$group"
mkdir "$scratch/conf"
printf '[learn]\nhistory_mb = 16\n' >"$scratch/conf/forestall.conf"
up() { "$bin/forestall" --run-dir "$run" --config-dir "$scratch/conf" up --mode shadow --no-web --state-dir "$state" 2>>"$scratch/up.log" & up=$!; }
ask() { "$bin/forestall" --run-dir "$run" -j "$@"; }
learns() { ask status | grep -q "$1"; }
recordings() { (($(find "$history" -name '*.rec' -size +0 | wc -l) == $1)); }
up
at_exit "kill $up; wait $up"
within 15 ask status || skip_all "forestall does not start: $(cat "$scratch/up.log")"

check "the past is kept in a directory of root's alone" within 12 recordings 1
check "and status says how much of it" within 12 learns '"history":{"files":1,'

slo() { "$bin/forestall" --run-dir "$run" --cgroup-root "$cgroot" slo "$@"; }
says() { "$bin/forestall" --run-dir "$run" status | grep -Eq "$1"; }
check "nobody was promised more than there is" not says '^promised'
check "minima above the capacity are taken" slo set "${group#"$cgroot"}/batch" 'tier=best-effort cpu=500..600 memory=4000G..5000G'
check "and it is said that they cannot all be kept, of CPUs" within 5 says '^promised  *500.00 CPUs as minima, .* lower their cpu=MIN'
check "and of memory" within 5 says '^promised  *[0-9.]* GB of memory as minima, .* lower their memory=MIN'
check "without them it is not" eval 'slo set "${group#"$cgroot"}/batch" tier=best-effort && within 5 not says ^promised'

models=$state/models
mkdir -m 755 "$models"
cp model/default.model "$models/20200101-000000.model"
cp model/default.model "$models/20200102-000000.model"
head -c 9000 model/default.model >"$models/20200103-000000.model"
model() { "$bin/forestall" --run-dir "$run" --state-dir "$state" model "$@"; }
speaks() { ask status | grep -q "\"model\":{\"path\":\"[^\"]*$1\""; }
check "a model of this host is promoted" model promote 20200101-000000
check "and speaks at once" speaks models/20200101-000000.model
check "but for an hour nothing is done on its word" bash -c "'$bin/forestall' --run-dir '$run' -j status | grep -Eq '\"shadow_s\":3[56][0-9][0-9]'"
check "another one is" model promote 20200102-000000
refused "one that was cut is not" "20200103|ends before|copy it again" model promote 20200103-000000
refused "nor one that is not there" "nowhere" model promote nowhere
check "the champion still speaks" speaks models/20200102-000000.model
check "a rollback takes effect in the running mind" bash -c "'$bin/forestall' --run-dir '$run' --state-dir '$state' model rollback"
check "and the one before speaks" speaks models/20200101-000000.model
model list >"$scratch/list"
check "the list says who is champion" grep -q '^20200101-000000 *champion' "$scratch/list"
check "who was rolled back" grep -q '^20200102-000000 *rolled back' "$scratch/list"
check "and what is damaged" grep -q '^20200103-000000 *damaged .*ends before' "$scratch/list"
refused "a window that ends before it begins is none" "--to is before" model exclude --from @200 --to @100 --reason x
refused "nor is a reason of two lines" "one line" model exclude --from @100 --to @200 --reason $'a\nb'
refused "nor a time that is none" "time 'yesterday'" model exclude --from yesterday --to now --reason x
check "a window is excluded" model exclude --from @100 --to @200 --reason "a bad deploy"
check "and listed with its reason" bash -c "'$bin/forestall' --state-dir '$state' model exclude list | grep -q 'a bad deploy'"
check "a challenger is asked for" model challenge
check "and says that there is too little to learn from" within 60 learns '"said":"refused - [^"]*recordings to learn from'
policy() { "$bin/forestall" --run-dir "$run" policy "$@"; }
action() { "$bin/forestall" --run-dir "$run" action "$@"; }
has_setting() { [[ $(ask plan show | grep -o '"reason":"canary"' | wc -l) == "$1" ]]; }
rules() { ask policy show | grep -q "\"rules\":\"$1\""; }
refused "a policy that is none is not tried" "bold|policy show" policy canary bold
refused "nor for more than half of the time" "0.01 to 0.5" policy canary reactive --share 0.7
refused "and there is nothing to go back from" "as configured" policy rollback
check "a policy goes on canary for some of the time, and it is said that nothing is done in this mode" \
	bash -c "'$bin/forestall' --run-dir '$run' policy canary headroom --share 0.5 --block 10 2>&1 | grep -q 'nothing is done in mode shadow'"
check "and says so" bash -c "'$bin/forestall' --run-dir '$run' policy show | grep -q 'canary     headroom beside forestall: runs'"
refused "but only one at a time" "headroom|rollback" policy canary reactive
refused "nor a setting beside it" "headroom|policy rollback" action canary "/${group##*/}/*" cpu.weight 300 --share 0.5
check "it is kept that it runs" within 3 grep -q '^[0-9]* runs forestall forestall headroom$' "$state/policy"
sleep 7 # The history is flushed every 5 s, and some blocks of the canary are in it.
mind=$(pgrep -P $up forestalld)
kill -KILL "$mind"
check "a mind that is killed begins another recording" within 15 recordings 2
check "and ends the canary: the base rules" rules forestall
check "which is kept" grep -q '^[0-9]* stopped forestall forestall headroom$' "$state/policy"
sleep 3
kill -TERM $up
wait $up
first=$(find "$history" -name '*.rec' | sort | head -n 1) second=$(find "$history" -name '*.rec' | sort | tail -n 1)
check "what was kept until the kill replays bit for bit" "$bin/forestall" replay "$first"
check "and what was kept after it" "$bin/forestall" replay "$second"
"$bin/forestall" replay "$second" >"$scratch/summary"
check "a champion speaks again after a restart" grep -q "model $models/20200101-000000.model" "$scratch/up.log"
check "with its forecasts" grep -Eq '[1-9][0-9]* forecasts' "$scratch/summary"

mount -t tmpfs -o size=256k,mode=755 none "$history" || skip_all "no tmpfs can be mounted"
at_exit "umount $history"
head -c 300k /dev/zero >"$history/filler" 2>/dev/null
printf '[plan]\ncanary = headroom\n' >>"$scratch/conf/forestall.conf"
printf '5 worse forestall reactive headroom\n5 setting promoted cpu.weight 300 0 /%s/*\n' "${group##*/}" >"$state/policy"
: >"$scratch/up.log"
up
at_exit "kill $up; wait $up"
within 15 ask status
check "a policy that was promoted rules after a restart" rules reactive
check "and one that was rolled back is not begun again" grep -q 'headroom was rolled back (worse)' "$scratch/up.log"
check "the operator takes the promotion back" policy rollback
check "then the configured policy rules" within 3 rules forestall
check "which is kept too" within 3 grep -q '^[0-9]* stopped forestall forestall headroom$' "$state/policy"
check "a setting that was promoted is had again by all" within 5 has_setting 2
check "the operator takes it back" action rollback
check "and nobody has it" within 3 has_setting 0
check "which is kept beside the policy" within 3 grep -q '^[0-9]* setting stopped cpu.weight 300 0 /' "$state/policy"
check "a full disk is said" within 15 learns '"error":"No space left on device"'
ticks() { ask plan show | sed 's/.*"id":\([0-9]*\).*/\1/'; }
before=$(ticks)
check "and the mind goes on" within 5 test "$(sleep 2 && ticks)" -gt "$before"
check "once on stderr" test "$(grep -c 'history: No space' "$scratch/up.log")" = 1
rm "$history/filler"
check "when there is room again the past is kept again" within 20 learns '"error":null'
check "in a recording" within 12 recordings 1

mount -t tmpfs -o size=512k,mode=755 none "$models"
at_exit "umount $models"
cp model/default.model "$models/one.model"
model promote one >/dev/null 2>&1
cp "$models/champions" "$scratch/champions"
head -c 1M /dev/zero >"$models/filler" 2>/dev/null
refused "on a full disk nobody is promoted, and it is said" "No space left|champion is as it was" model promote one
refused "nor rolled back" "No space left" model rollback
check "the champion is as it was" cmp "$models/champions" "$scratch/champions"
check "and speaks" speaks models/one.model
kill -TERM $up
wait $up
refused "without a mind it is said too" "No space left" model rollback
rm "$models/filler"
check "with room and without a mind the store is rolled back" model rollback
refused "further back than forestall came there is nothing" "nothing to roll back" model rollback
finish
