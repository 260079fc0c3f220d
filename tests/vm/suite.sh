# SPDX-License-Identifier: GPL-2.0-or-later
# Packages of other Debian suites, through apt and without touching this machine's lists; sourced. Wants $vm, a directory to work
# in, and $name, what is made in it: $vm/$name. `suite_begin` returns when nobody else makes it, with $work to be filled.
say() { printf 'vm/%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$*"; exit 125; }
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

suite_begin() {
	local need
	for need in apt-get:apt dpkg-deb:dpkg flock:util-linux xz:xz-utils busybox:busybox-static; do
		command -v "${need%%:*}" >/dev/null || die "${need%%:*} is missing: apt-get install ${need#*:}"
	done
	[[ -r $keyring ]] || die "no archive keys: apt-get install debian-archive-keyring"
	mkdir -p "$vm"
	exec 9>"$vm/$name.lock"
	flock -n 9 || { say "waiting for another download of $name"; flock 9; }
	work=$(mktemp -d "$vm/fetch-$name.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 130' INT TERM HUP
	suite_mirror
}

suite_mirror() {
	mirror=${DEBIAN_MIRROR-}
	if [[ -z $mirror ]]; then
		# The machine's own archive also carries the other suites.
		# shellcheck disable=SC2016 # apt expands this, not the shell
		mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
			grep -E '/debian/?$' | sort -u | head -n 1) || true
	fi
	[[ -n $mirror ]] || die "apt's sources name no Debian archive: set DEBIAN_MIRROR to its URI"
}

# A state directory of our own leaves the machine's sources and lists alone.
apt_opts=()
use_suite() {
	local state=$work/$1
	mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
	: >"$state/status"
	echo "deb [arch=amd64 signed-by=$keyring] $mirror $1 main" >"$state/sources.list"
	apt_opts=(
		-q -o "Dir::State=$state" -o "Dir::State::lists=$state/lists"
		-o "Dir::State::status=$state/status" -o "Dir::Cache=$state/cache"
		-o "Dir::Etc::sourcelist=$state/sources.list" -o "Dir::Etc::sourceparts=-"
		-o "Dir::Etc::preferencesparts=-" -o "Dir::Etc::preferences=-"
		-o "Acquire::Languages=none" -o "Acquire::Retries=3"
		-o "APT::Architecture=amd64" -o "APT::Sandbox::User=root"
		-o "APT::Update::Post-Invoke-Success=" -o "APT::Update::Error-Mode=any"
	)
}

retry() {
	local try
	for try in 1 2 3; do
		"$@" >>"$work/log" 2>&1 && return 0
		sleep $((try * 2))
	done
	return 1
}

# Reads the lists of SUITE, for which apt_opts stand from now on.
suite_read() {
	use_suite "$1"
	say "reading the package lists of $1"
	retry apt-get "${apt_opts[@]}" update || { say "$1 cannot be read: $(tail -n 1 "$work/log")"; return 1; }
}
