# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The families of scenes: a real server that lives on one resource, and the antagonist that takes it. Sourced by the
# demo's and the corpus' scenario.sh, which have $load (load programs), $work (scratch) and run_in GROUP COMMAND (leaves $pid).
#
# cpu     redis counting bits over 64 KiB.
# memory  nginx serving 30 MiB of files that fit into the page cache, on a disk of 5 ms a request; no swap.
# io      redis that flushes its log for each write, to a disk that does 4 requests of 2 ms at a time.
# iocost  the same where the administrator has io.cost on for that disk, with what it can do as its model.
# quota   the redis of cpu, below a cpu.max of its own.
# mixed   the redis of cpu and that of io side by side; the client of the second is started with api_args.
# net     redis sending 4 KB answers through a router whose link does 20 Mbit/s and queues 40 ms.
#
# The disk is null_blk: its requests end by a timer, so it keeps guest time under icount. The wire is a network namespace
# that forwards between this one and the client's, as only a queue that is not the sender's own drops what others sent.

memory_files=320 memory_file_kib=96
net_far=10.77.2.2
net_mbit=20

# Packages' programs that vm/run has to preload, and the options it needs.
family_vm_options() { # FAMILY
	local program programs="redis-server redis-cli"
	case $1 in
	# Half of it is free for the antagonist (programs and libraries lie in memory too): filling more would only take the host's time.
	memory) echo --mem 376M; programs="nginx mkfs.ext4 mount head split" ;;
	io | iocost | mixed) echo --mem 1G; programs+=" mkfs.ext4 mount dd" ;;
	net) echo --mem 1G; programs+=" ip tc" ;;
	*) echo --mem 1G ;;
	esac
	for program in $programs bash awk sed grep sleep true setfattr cat mkdir ln seq; do
		echo --preload "$(type -P "$program")"
	done
}

make_null_blk() { # NAME MIB DEPTH NS MEMORY-BACKED
	local disk=/sys/kernel/config/nullb/$1
	modprobe null_blk nr_devices=0
	mountpoint -q /sys/kernel/config || mount -t configfs config /sys/kernel/config
	mkdir "$disk"
	echo "$2" >"$disk/size"
	echo "$5" >"$disk/memory_backed"
	echo 2 >"$disk/irqmode"
	echo "$3" >"$disk/hw_queue_depth"
	echo "$4" >"$disk/completion_nsec"
	echo 1 >"$disk/power"
}

make_disk() { # MIB DEPTH NS: an ext4 on a new null_blk disk, mounted at $work/disk
	make_null_blk nullb0 "$1" "$2" "$3" 1
	# Without a journal every request is made by whoever wants it, and none by the kernel's own threads.
	mkfs.ext4 -q -O ^has_journal -E lazy_itable_init=0 /dev/nullb0
	mkdir -p "$work/disk"
	mount -o noatime /dev/nullb0 "$work/disk"
}

# The kernel's own controller of weights, told what the disk of make_disk 4 2000000 can do.
iocost_on() {
	local disk
	disk=$(</sys/block/nullb0/dev)
	echo "$disk ctrl=user model=linear rbps=1000000000 rseqiops=2000 rrandiops=2000 wbps=1000000000 wseqiops=2000 wrandiops=2000" \
		>/sys/fs/cgroup/io.cost.model
	echo "$disk enable=1 ctrl=user rpct=95 rlat=5000 wpct=95 wlat=5000 min=50 max=100" >/sys/fs/cgroup/io.cost.qos
}

make_wire() {
	local name
	for name in wire far; do
		ip netns add $name
		ip -n $name link set lo up
	done
	ip link add near0 type veth peer name wire0 netns wire
	ip -n wire link add wire1 type veth peer name far0 netns far
	ip addr add 10.77.1.1/24 dev near0
	ip -n wire addr add 10.77.1.2/24 dev wire0
	ip -n wire addr add 10.77.2.1/24 dev wire1
	ip -n far addr add $net_far/24 dev far0
	ip link set near0 up
	ip -n wire link set wire0 up
	ip -n wire link set wire1 up
	ip -n far link set far0 up
	# The default route: what is sent on its device can be limited.
	ip route add default via 10.77.1.2
	ip -n far route add default via 10.77.2.1
	ip netns exec wire sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	tc -n wire qdisc add dev wire1 root tbf rate ${net_mbit}mbit burst 4kb latency 40ms
}

start_redis() { # GROUP ADDRESS OPTION...
	local group=$1 address=$2
	shift 2
	run_in "$group" redis-server --port "$port" --bind "$address" --protected-mode no --save '' --dir "$work" \
		--logfile "$work/redis.log" "$@"
	servers+=("$pid")
	for _ in {1..100}; do
		[[ $(redis-cli -h "$address" -p "$port" ping 2>/dev/null) != PONG ]] || return 0
		sleep 0.1
	done
	die "redis does not answer"
}

start_nginx() { # GROUP
	head -c $((memory_files * memory_file_kib))K /dev/zero |
		split -b ${memory_file_kib}K -a 6 -d - "$work/disk/"
	sync
	# What was written belongs to us; what the server reads shall belong to the server.
	echo 3 >/proc/sys/vm/drop_caches
	cat >"$work/nginx.conf" <<-END
		daemon off; master_process off; pid $work/nginx.pid; error_log $work/nginx.log;
		events { worker_connections 128; }
		http {
			access_log off; keepalive_requests 1000000; tcp_nodelay on;
			# Read, then send: so that the first byte of the answer waits for the file.
			sendfile off; output_buffers 1 ${memory_file_kib}k;
			server { listen 127.0.0.1:$port; root $work/disk; }
		}
	END
	run_in "$1" nginx -c "$work/nginx.conf" -e "$work/nginx.log"
	servers+=("$pid")
	sleep 0.5
}

# Starts the server in GROUP, waits until it answers, and sets client_args and client_in (words before the client's command).
family_start() { # FAMILY GROUP
	client_in=()
	case $1 in
	cpu | quota)
		start_redis "$2" 127.0.0.1 --appendonly no
		redis-cli -p "$port" setrange page 65535 x >/dev/null
		client_args=(--command "BITCOUNT page")
		;;
	memory)
		# The multi-generational LRU counts a read file that comes back as a stall only if it was read four times before.
		echo 0 >/sys/kernel/mm/lru_gen/enabled
		make_disk 64 4 5000000
		start_nginx "$2"
		client_args=(--http $memory_files)
		;;
	io | iocost)
		make_disk 256 4 2000000
		[[ $1 != iocost ]] || iocost_on
		head -c 64M /dev/zero >"$work/disk/bulk"
		sync
		start_redis "$2" 127.0.0.1 --appendonly yes --appendfsync always --dir "$work/disk" \
			--auto-aof-rewrite-percentage 0
		client_args=(--command "SET k $(printf 'x%.0s' {1..200})")
		;;
	net)
		make_wire
		start_redis "$2" 10.77.1.1 --appendonly no
		redis-cli -h 10.77.1.1 -p "$port" set page "$(printf 'x%.0s' {1..4000})" >/dev/null
		client_in=(ip netns exec far)
		client_args=(--address 10.77.1.1 --command "GET page")
		;;
	mixed)
		make_disk 256 4 2000000
		head -c 64M /dev/zero >"$work/disk/bulk"
		sync
		port=$((port + 1)) start_redis "${2%/*}/api" 127.0.0.1 --appendonly yes --appendfsync always --dir "$work/disk" \
			--auto-aof-rewrite-percentage 0
		api_args=(--command "SET k $(printf 'x%.0s' {1..200})")
		start_redis "$2" 127.0.0.1 --appendonly no
		redis-cli -p "$port" setrange page 65535 x >/dev/null
		client_args=(--command "BITCOUNT page")
		;;
	*) die "no family '$1'" ;;
	esac
}

# Takes away what family_start made, once all that used it has ended.
family_stop() { # FAMILY
	local disk name
	case $1 in
	memory | io | iocost)
		umount "$work/disk"
		for disk in /sys/kernel/config/nullb/nullb?; do
			echo 0 >"$disk/power"
			rmdir "$disk"
		done
		;;
	net)
		for name in wire far; do ip netns del $name; done
		# The near end goes with its peer, a moment later.
		while [[ -e /sys/class/net/near0 ]]; do sleep 0.1; done
		;;
	esac
}

# Lets the client in GROUP ask for all there is, so that nothing is asked for the first time later; starts the sink.
family_warm() { # FAMILY GROUP
	local rate=100 seconds=1
	[[ $1 != memory ]] || { rate=300; seconds=6; }
	run_in "$2" "${client_in[@]}" "$load/load-client" --port "$port" --rate $rate --seconds $seconds "${client_args[@]}" \
		--out "$work/warm.csv"
	wait "$pid"
	[[ $1 == net ]] || return 0
	run_in "$2" ip netns exec far "$load/load-sink" 9
	sink=$pid
	sleep 0.5
}

# Sets burn_args. SIZE: memory: percent of what is free plus what the server reads, or MiB; cache: bytes a second; io: bytes of a request;
# net: percent of the link's rate.
family_burn() { # FAMILY SIZE read|write|MiB
	local free_kib
	burn_args=(--kind "$1")
	case $1 in
	cache)
		# Nothing of it is kept, so it is as large as one likes.
		[[ -e /dev/nullb1 ]] || make_null_blk nullb1 1024 4 5000000 0
		burn_args+=(--target /dev/nullb1 --bytes "$2")
		;;
	memory)
		if [[ $3 == MiB ]]; then
			burn_args+=(--bytes $(($2 << 20)))
			return
		fi
		free_kib=$(awk '/^MemFree:/ { print $2 }' /proc/meminfo)
		burn_args+=(--bytes $(((free_kib / 2048 * 2048 + memory_files * memory_file_kib) * 1024 / 100 * $2)))
		;;
	io | iocost)
		burn_args[1]=io
		burn_args+=(--target "$work/disk/bulk" --bytes "$2")
		[[ $3 != write ]] || burn_args+=(--write)
		;;
	net) burn_args+=(--target $net_far:9 --bytes $((net_mbit * 1250 * $2))) ;;
	esac
}
