#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --icount --timeout 590 --preload build/test/mind_driver --preload /usr/sbin/nginx --preload /usr/bin/curl --preload /usr/sbin/nft
# net.share by the hands: three real nginx share a port by their weights, drawn connection by connection, from this host and from
# another one, by IPv4 and IPv6; no change of a weight loses a connection; nothing of it outlives the hands, and nothing that is
# somebody else's is touched.
. "$(dirname "$0")/../lib.sh"
. tests/vm/web.sh
cg=/sys/fs/cgroup
act=$bin/forestall-act
run=$scratch/run
front=8080
connections=300

# --- three servers, a stranger, and another host -------------------------------------------------------------------------
world_make() {
	for module in veth tcp_diag nft_chain_nat nft_fib_inet nft_numgen nft_redir; do modprobe $module || return; done
	ip netns add far && ip link add n0 type veth peer name n1 netns far &&
		ip addr add 10.77.0.1/24 dev n0 && ip addr add fd77::1/64 dev n0 nodad && ip link set n0 up &&
		ip -n far addr add 10.77.0.2/24 dev n1 && ip -n far addr add fd77::2/64 dev n1 nodad && ip -n far link set n1 up &&
		mkdir $cg/web && head -c 100k /dev/zero >"$scratch/slow" && chmod 755 "$scratch" &&
		web_serve a 9001 && web_serve b 9002 && web_serve c 9003 && web_serve main $front &&
		nft -f - <<END
table ip theirs {
	set friends { type ipv4_addr; elements = { 10.1.2.3 } }
	chain nat { type nat hook prerouting priority dstnat; tcp dport 999 dnat to 10.1.2.9:998; }
	chain counted { type filter hook postrouting priority 0; }
	chain in { type filter hook input priority 0; tcp dport 7 counter drop; }
}
END
}
ruleset() { nft list ruleset; }
foreign() { nft list ruleset | awk '/^table inet forestall/ { skip = 1 } !skip; /^}/ { skip = 0 }'; }
as_before() { diff "$scratch/ruleset" <(ruleset); }
theirs_is_as_before() { diff "$scratch/ruleset" <(foreign); }

# --- the hands -----------------------------------------------------------------------------------------------------------
start() { # MODE
	"$act" --mode "$1" --run-dir "$run" --disable-file "$scratch/disable" 2>>"$scratch/act.log" &
	within 20 driver mode
	pid=$(cut -d' ' -f1 "$run/act.lock")
}
driver() { "$test_programs/mind_driver" "$run/act.sock" "$@"; }
plan() { driver plan "${lease:-60000}" $cg "/web/$1" net.share "$3" "$2"; } # NAME FRONT:PORT WEIGHT
says() { plan "${@:2}" | tee /dev/stderr | grep -qE "^$1"; } # PATTERN NAME FRONT:PORT WEIGHT
released() { ! driver undo | tee /dev/stderr | grep -qv '^released'; }
stop() { kill -TERM "$pid"; wait "$pid"; }

# --- who answers ---------------------------------------------------------------------------------------------------------
# ADDRESS [COMMAND...]: the names of all that answered, one for each connection
ask() { "${@:2}" curl -sS --max-time 100 "http://$1:$front/[1-${count:-$connections}]"; }
answers() { ask "$@" | sort | uniq -c | awk '{ printf "%s=%d ", $2, $1 }'; }
# WEIGHTS "a=N b=N ...": Pearson's chi-square of what was counted against the weights is below the 1e-5 quantile for as many
# degrees of freedom as there are; all connections were answered, and by nobody else.
shares_fit() {
	echo "$1 gave $2" | tee -a "$scratch/figures"
	awk -v weights="$1" -v counted="$2" -v wanted=$connections 'BEGIN {
		split("19.51 23.03 25.90", quantile, " ")
		n = split(weights, pair, " ")
		for (i = 1; i <= n; i++) { split(pair[i], word, "="); weight[word[1]] = word[2]; sum += word[2] }
		m = split(counted, pair, " ")
		for (i = 1; i <= m; i++) { split(pair[i], word, "="); count[word[1]] = word[2]; total += word[2]; if (!weight[word[1]]) exit 1 }
		for (name in weight) { e = wanted * weight[name] / sum; chi += (count[name] - e) ^ 2 / e }
		printf "chi-square %.2f with %d degrees of freedom\n", chi, n - 1
		exit !(total == wanted && (n == 1 || chi < quantile[n - 1]))
	}' | tee -a "$scratch/figures"
	return "${PIPESTATUS[0]}"
}
fits() { renew && shares_fit "$1" "$(answers "${@:2}")"; } # WEIGHTS ADDRESS [COMMAND...]
renew() { says '(applied|renewed) 1 ' main $front:$front 1 && says '(applied|renewed) ' a $front:9001 "$weight_a"; } # a lease is 60 s at most
weight_a=2
only() { [[ $(count=20 answers "${@:2}") == "$1=20 " ]]; }

check "three servers, the main one, and another host" world_make
within 20 only main 127.0.0.1
ruleset >"$scratch/ruleset"
check "the hands start" start enforce

# --- refused ----------------------------------------------------------------------------------------------------------------
check "a server that does not listen there is refused" says 'unavailable .*listens on TCP port 9009' a $front:9009 3
check "and so is another's port" says 'unavailable .*listens on TCP port 9002' a $front:9002 3
check "a port that another cgroup serves is not taken from it" says 'refused .*port 8080: give that a share first' a $front:9001 3
check "a weight out of bounds is refused" says 'refused .*weight' main $front:$front 1001
check "ports have to be named" says 'refused .*ports with net.share' main 0:0 5
nginx -c "$scratch/c.conf" -s stop
sed -i '/listen \[::\]/d' "$scratch/c.conf"
within 10 not test -e "$scratch/c.pid"
bash -c 'echo $$ >"$0/cgroup.procs" && exec nginx -c "$1"' "$cg/web/c" "$scratch/c.conf"
check "a server that lacks IPv6 is refused" within 10 says 'unavailable .*of IPv4 and of IPv6' c 8090:9003 1
check "nothing was changed" as_before
nginx -c "$scratch/c.conf" -s stop
within 10 not test -e "$scratch/c.pid"
web_serve c 9003

# --- shares --------------------------------------------------------------------------------------------------------------------
check "the main server gets a weight" says 'applied 1 ' main $front:$front 1
check "alone it answers all" only main 127.0.0.1
check "another one too" says 'applied 2 ' a $front:9001 2
check "and a third" says 'applied 3 ' b $front:9002 3
check "the same again is a renewal" says 'renewed 3 ' b $front:9002 3
check "IPv4, this host: connections follow the weights" fits "main=1 a=2 b=3" 127.0.0.1
check "IPv6, this host" fits "main=1 a=2 b=3" '[::1]'
check "IPv4, another host" fits "main=1 a=2 b=3" 10.77.0.1 ip netns exec far
check "IPv6, another host" fits "main=1 a=2 b=3" '[fd77::1]' ip netns exec far
check "another port is not touched" bash -c "curl -sS http://127.0.0.1:9003/ | grep -qx c"
check "a second port is shared apart" says 'applied 5 ' c 8090:9003 5
check "and answers" bash -c "curl -sS 'http://127.0.0.1:8090/' | grep -qx c"
check "what is theirs is as before" theirs_is_as_before
check "the journal names the ports" grep -q 'net.share 0 -> 3 .* via=nft ports=8080:9002$' "$run/journal"

# --- weights change while connections come ---------------------------------------------------------------------------------
change_under_load() {
	count=500 ask 10.77.0.1 ip netns exec far >"$scratch/answers" 2>"$scratch/lost" &
	local client=$! changes=0
	# What is long under way stays where it is.
	curl -sS -o "$scratch/got" http://127.0.0.1:$front/slow &
	local slow=$!
	while kill -0 $client 2>/dev/null; do
		for weight in 7 1 90 3; do plan b $front:9002 $weight && plan a $front:9001 $((weight * 2)); done >>"$scratch/changes"
		plan main $front:$front 1 >/dev/null
		changes=$((changes + 8))
	done
	wait $client && wait $slow || return
	echo "$changes changes of weights during 500 connections: $(sort "$scratch/answers" | uniq -c | tr -s ' \n' ' ')" |
		tee -a "$scratch/figures"
	! grep -v '^applied' "$scratch/changes" && ((changes > 10)) && cmp "$scratch/got" "$scratch/slow" &&
		(($(wc -l <"$scratch/answers") == 500)) && [[ ! -s $scratch/lost ]]
}
check "no change of weights loses a connection" change_under_load
weight_a=6
check "the last weights hold" fits "main=1 a=6 b=3" 127.0.0.1
check "weight 0 sends nobody there" says 'applied 0 ' b $front:9002 0
check "and the others share" fits "main=1 a=6" 127.0.0.1

# --- a server goes ------------------------------------------------------------------------------------------------------------
check "it has its share" says 'applied 6 ' b $front:9002 6
nginx -c "$scratch/b.conf" -s stop
within 10 not test -e "$scratch/b.pid"
check "a server that stopped loses its share" says '(gone|unavailable) .*listens on TCP port 9002' b $front:9002 6
check "and nobody is sent there" fits "main=1 a=6" 127.0.0.1
web_serve b 9002 b2
check "in another cgroup it is another server" within 10 says 'unavailable .*listens on TCP port 9002' b $front:9002 6
check "which gets a share of its own" says 'applied 7 ' b2 $front:9002 7
check "at once" fits "main=1 a=6 b=7" 127.0.0.1

# --- whose packets come first -----------------------------------------------------------------------------------------------------
# CGROUP PRIORITY: how many of its packets have it
marked() {
	nft -f - <<<'flush chain ip theirs counted
add rule ip theirs counted meta priority 0:'$2' counter'
	bash -c 'echo $$ >"$0/cgroup.procs"; for i in {1..5}; do echo >/dev/udp/10.77.0.2/9; done' "$cg/web/$1"
	nft list chain ip theirs counted | sed -n 's/.*counter packets \([0-9]*\) .*/\1/p'
}
marks() { [[ $(marked "$1" "$2") == "$3" ]]; }
priority() { driver plan 60000 $cg "$1" net.priority "$2" | tee /dev/stderr | grep -qE "^$3"; }
check "a priority is applied" priority /web/c 6 'applied 6 '
check "the cgroup's packets have it" marks c 6 5
check "another's do not" marks a 6 0
check "one of a directory is for all below" priority /web 3 'applied 3 '
check "that have none of their own" eval 'marks a 3 5 && marks c 6 5 && marks c 3 0'
check "the same again is a renewal" priority /web/c 6 'renewed 6 '
check "out of bounds is refused" priority /web/c 8 'refused '
check "a priority and its cgroup go" eval 'mkdir $cg/web/brief && priority /web/brief 5 applied && rmdir $cg/web/brief && priority /web/brief 5 gone'
nft flush chain ip theirs counted
check "shares are as before" fits "main=1 a=6 b=7" 127.0.0.1

# --- it ends -------------------------------------------------------------------------------------------------------------------
check "all is released" released
check "and the ruleset is as before" as_before
check "the main server answers all" only main 127.0.0.1
check "a lease" eval 'lease=1000 says applied main $front:$front 1 && lease=1000 says applied a $front:9001 1'
check "that is not renewed ends" within 10 as_before
check "held" eval 'says applied main $front:$front 1 && says applied a $front:9001 1'
kill -KILL "$pid"
not wait "$pid" 2>/dev/null
owned=$(uname -r | awk -F. '{ print ($1 * 100 + $2 >= 512) }')
((owned == 0)) || check "killed hands take the table along" within 5 as_before
check "the main server answers all that are new" within 5 only main 127.0.0.1
check "--undo" "$act" --undo --run-dir "$run"
check "the ruleset is as before" as_before
start observe
check "in observe they would" says would main $front:$front 1
check "and change nothing" as_before
stop

# --- killed at every step, and what the kernel lacks --------------------------------------------------------------------------
act=$test_programs/forestall-act
for step in apply.journaled apply.written apply.read apply.done undo.journaled undo.written undo.undone; do
	export FORESTALL_STEP=$step
	start enforce
	plan main $front:$front 4 >/dev/null 2>&1
	driver undo >/dev/null 2>&1
	wait "$pid"
	status=$?
	unset FORESTALL_STEP
	check "killed at $step" test $status = 137
	check "--undo" "$act" --undo --run-dir "$run"
	check "and the ruleset is as before" as_before
done
act=$bin/forestall-act
start enforce
modprobe=$(cat /proc/sys/kernel/modprobe)
echo /bin/false >/proc/sys/kernel/modprobe
rmmod nft_redir
check "a missing module is named" says 'unavailable .*nft_redir' main $front:$front 1
check "and nothing was changed" as_before
echo "$modprobe" >/proc/sys/kernel/modprobe
# Somebody else's table of that name, which the kernel keeps from all but its owner (Linux 5.12).
owner_makes() { exec {owner}> >(exec nft -i >"$scratch/owner.log" 2>&1) && echo "add table inet forestall { flags owner; }" >&$owner && within 10 eval 'nft list tables | grep -q forestall'; }
if ((owned)); then
	check "a table of that name, owned by another" owner_makes
	check "is not written to" says 'failed .*not permitted' main $front:$front 1
	check "and stays as it is" eval '[[ $(nft list table inet forestall | wc -l) -le 4 ]]'
	exec {owner}>&-
	check "until it is gone" within 10 as_before
fi
check "with it, held" says applied main $front:$front 1
kill -STOP "$pid"
check "--undo ends stopped hands" "$act" --undo --run-dir "$run"
check "and the ruleset is as before" as_before

# --- a placement drives the shares ---------------------------------------------------------------------------------------------
forestall() { "$bin/forestall" "$@"; }
has_share() { nft list ruleset | grep -q ": $1[ ,]"; } # PORT
mkdir -p /etc/forestall
for name in main a b2; do setfattr -n trusted.forestall.slo -v 'runq_p99<4ms tier=critical kind=latency' $cg/web/$name; done
"$bin/forestall" up --mode enforce --forecaster persistence --model "" --no-web 2>>"$scratch/up.log" &
up=$!
check "forestall runs" within 60 forestall status
check "a placement names who takes how much" within 20 eval 'forestall place --set "/web/*" --limit 12 --cpus 0.01 | tee /dev/stderr | grep -q "^/web/a  *[1-9]"'
check "and as JSON" eval 'forestall -j place --set "/web/*" --limit 1 --cpus 0.001 | grep -q "\"placed\""'
"$bin/forestall" place --set '/web/*' --limit 12 --cpus 0.001 --apply $front --server /web/main=$front --server /web/a=9001 --server /web/b2=9002 \
	>"$scratch/place.log" 2>&1 &
place=$!
check "applied, each has its share" within 20 eval 'has_share $front && has_share 9001 && has_share 9002'
"$test_programs/load-burn" --threads 4 --plan "0+60000:100-100" --out "$scratch/burn.csv" &
hog=$!
echo $hog >$cg/web/a/cgroup.procs
check "whose SLO breaks gets no more connections" within 30 not has_share 9001
check "the others do" eval 'has_share $front && has_share 9002'
kill $hog
check "and gets its share again when it stands" within 60 has_share 9001
kill -INT $place
check "the placement ends" wait $place
check "and leaves nothing" as_before
kill -TERM $up
wait $up
sed 's/^/# /' "$scratch/figures" "$scratch/act.log" "$scratch/place.log"
finish
