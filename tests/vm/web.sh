# SPDX-License-Identifier: GPL-2.0-or-later
# A real nginx in a cgroup below /web of a guest; sourced after lib.sh. It says its name, and has $scratch/slow.
web_serve() { # NAME PORT [CGROUP]
	mkdir -p "/sys/fs/cgroup/web/${3:-$1}"
	cat >"$scratch/$1.conf" <<END
pid $scratch/$1.pid;
error_log $scratch/$1.log;
events { worker_connections 2048; }
http {
	access_log off;
	keepalive_timeout 0;
	server {
		listen $2 backlog=2048;
		listen [::]:$2 backlog=2048;
		location / { return 200 "$1\n"; }
		location /slow { root $scratch; limit_rate 20k; }
	}
}
END
	bash -c 'echo $$ >"$0/cgroup.procs" && exec nginx -c "$1"' "/sys/fs/cgroup/web/${3:-$1}" "$scratch/$1.conf"
}
