#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --icount --timeout 590 --preload /usr/sbin/nginx --preload /usr/bin/curl --preload /usr/sbin/nft
# share=FRONT:PORT by the whole path: three real nginx of one port, one of which gets too little CPU, are sent connections by the plan, so
# that their clients are answered in time again; what comes back, what restarts, what is killed.
. "$(dirname "$0")/../lib.sh"
. tests/vm/web.sh
cg=/sys/fs/cgroup
front=8080
forestall() { "$bin/forestall" "$@"; }

# --- three servers -------------------------------------------------------------------------------------------------------
serve() { # NAME PORT
	web_serve "$1" "$2" && forestall slo set "/web/$1" "resp_p99<20ms tier=critical share=$front:$2"
}
servers_make() {
	for module in tcp_diag nft_chain_nat nft_fib_inet nft_numgen nft_redir; do modprobe $module || return; done
	mkdir $cg/web && echo +cpu >$cg/web/cgroup.subtree_control && head -c 200k /dev/zero >"$scratch/slow" && chmod 755 "$scratch" &&
		serve main $front && serve b 9002 && serve c 9003
}
quota_is() { echo "$1 100000" >$cg/web/b/cpu.max; }
# What no limit tells of: a neighbour whom nobody annotated, a thousand times as heavy as one of the three.
starve() {
	mkdir $cg/web/hog && echo 10000 | tee $cg/web/{main,c}/cpu.weight && echo 1000 >$cg/web/hog/cpu.weight && echo 1 >$cg/web/b/cpu.weight || return
	(echo $BASHPID >$cg/web/hog/cgroup.procs && while :; do :; done) &
	hog=$!
}
relieve() { kill -KILL $hog; wait $hog; echo 100 | tee $cg/web/{main,b,c}/cpu.weight; within 5 rmdir $cg/web/hog; }
ruleset_is_as_before() { diff "$scratch/ruleset" <(nft list ruleset); }

# --- forestall -----------------------------------------------------------------------------------------------------------
start() { # MODE
	"$bin/forestall" up --mode "$1" --forecaster persistence --no-web 2>>"$scratch/up.log" &
	up=$!
	within 30 "$bin/forestall" status && within 10 mode_is "$1"
}
mode_is() { forestall mode get | grep -q "$1"; }
stop() { kill -TERM $up; wait $up; }
mind() { pgrep -P $up -x forestalld; }
# The weight that the plan has for it, by what the kernel was told.
planned() { forestall plan show --json | tr -d ' \n' | grep -o "{[^{}]*\"path\":\"/web/$1\"[^{}]*\"net.share\"[^{}]*}" | head -n 1; }
weight() { planned "$1" | grep -o '"value":[0-9]*' | cut -d: -f2; }
weight_in() { local w; w=$(weight "$1"); [[ -n $w ]] && ((w >= $2 && w <= $3)); } # NAME MIN MAX
# As within, but seldom: each look is a dozen processes.
slowly() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do ((SECONDS < deadline)) || return 1; sleep 3; done
}
holds() { planned "$1" | grep -qE '"outcome":"(applied|renewed)"'; }

# --- clients -------------------------------------------------------------------------------------------------------------
# Four that connect anew up to 25 times a second each: how many waited for more than 40 ms, of how many, and who answered.
clients() { # SECONDS
	local i
	for i in 1 2 3 4; do
		curl -sS --max-time 100 --rate 25/s -w '%{time_total}\n' "http://127.0.0.1:$front/[1-$(($1 * 25))]" >"$scratch/client$i" &
		pids[i]=$!
	done
	wait "${pids[@]}" || return
	cat "$scratch"/client? | awk '/^[a-z]/ { who[$1]++ } /^[0-9]/ { n++; late += $1 > 0.04 }
		END { printf "%d late of %d;", late, n; for (w in who) printf " %s=%d", w, who[w]; print "" }' | tee "$scratch/last" | tee -a "$scratch/figures"
}
pids=()
late_most() { awk -v most="$1" '{ exit !($4 > 0 && $1 * 100 <= $4 * most) }' "$scratch/last"; } # PERCENT
late_least() { awk -v least="$1" '{ exit !($1 * 100 >= $4 * least) }' "$scratch/last"; }
answered_by() { local name; for name; do grep -q "$name=" "$scratch/last" || return; done; }

check "three servers" servers_make
nft list ruleset >"$scratch/ruleset"
check "in observe" start observe
check "the plan has a weight for each" within 20 eval 'weight_in main 1 1000 && weight_in b 1 1000 && weight_in c 1 1000'
check "and nothing is written" ruleset_is_as_before
check "stop" stop

# --- a policy that never acts: shares stand, and move for nobody -------------------------------------------------------------
mkdir -p /etc/forestall
printf '[plan]\npolicy = none\n' >/etc/forestall/forestall.conf
check "enforce starts without a policy" start enforce
check "all three have their share" within 30 eval 'holds main && holds b && holds c'
check "which grows to the whole" slowly 40 eval 'weight_in main 1000 1000 && weight_in b 1000 1000 && weight_in c 1000 1000'
check "plan show names the ports" eval 'forestall plan show | tee /dev/stderr | grep -q "net.share *8080:9002 1000.*standing"'
check "clients" clients 4
check "are answered by all three" answered_by main b c
check "and in time" late_most 2
starve >/dev/null
check "one has too little CPU" clients 4
check "and its clients wait" late_least 25
check "its share stays" weight_in b 1000 1000
check "stop" stop
check "gives the port back" ruleset_is_as_before

# --- forestall -----------------------------------------------------------------------------------------------------------
rm /etc/forestall/forestall.conf
check "enforce starts" start enforce
check "all three have their share again" within 30 eval 'holds main && holds b && holds c'
check "clients" clients 20
check "are answered in time, but for those that are still sent there" late_most 8
check "since few are sent there" weight_in b 62 354
check "the others have theirs" eval 'weight_in main 500 1000 && weight_in c 500 1000'
check "the journal says why" eval 'forestall journal show | grep "net.share" | grep "/web/b" | grep -q reflex'
check "the decision is listed" eval 'forestall decision list | grep -q /web/b'
relieve >/dev/null 2>&1
check "it gets its share back when it has its CPU again" slowly 200 weight_in b 1000 1000

quota_is 50000
check "who may have half of what the others may is sent half as much, in no danger" within 20 weight_in b 420 500
check "which stands" eval 'forestall plan show | grep "net.share *8080:9002" | grep -q standing'
quota_is 1000
check "who may have a hundredth is sent the least" within 20 weight_in b 62 62
check "clients" clients 4
check "are answered in time" late_most 2
quota_is max
check "and as much as they when it may have as much" within 20 weight_in b 1000 1000

# --- what is killed, what restarts -----------------------------------------------------------------------------------------
mind_is_killed() {
	local killed i
	for i in 1 2 3 4; do curl -sS -o "$scratch/got$i" "http://127.0.0.1:$front/slow" & pids[i]=$!; done
	sleep 2
	killed=$(mind)
	kill -KILL "$killed"
	within 20 eval "[[ -n \$(mind) && \$(mind) != $killed ]]" && within 20 eval 'holds main && holds b && holds c' && wait "${pids[@]}" &&
		cmp "$scratch/got1" "$scratch/slow" && cmp "$scratch/got2" "$scratch/slow" && cmp "$scratch/got3" "$scratch/slow" && cmp "$scratch/got4" "$scratch/slow"
}
check "a mind that is killed takes no connection along" mind_is_killed
check "the new one's shares grow again" slowly 40 eval 'weight_in main 1000 1000 && weight_in b 1000 1000 && weight_in c 1000 1000'
# As a unit does: another cgroup of the same path listens before anybody has seen that the first is gone.
restart() { kill -KILL $(cat $cg/web/b/cgroup.procs) && within 5 rmdir $cg/web/b && serve b 9002; }
check "one restarts" restart
check "and begins with less" within 10 weight_in b 1 420
check "and has the whole again" slowly 40 weight_in b 1000 1000
dies() { kill -KILL $(cat $cg/web/b/cgroup.procs) && within 5 rmdir $cg/web/b; }
check "one dies with its cgroup" dies
check "and soon nobody is sent there, long before its lease ends" within 4 eval '! nft list table inet forestall | grep -q ": 9002"'
check "the others answer" eval 'clients 1 && answered_by main c && ! answered_by b'
check "stop takes all shares away" stop
check "the ruleset is as before" ruleset_is_as_before
check "and who listens there answers all" eval 'clients 1 && ! answered_by b && ! answered_by c'
cat "$scratch/figures" >&2
finish
