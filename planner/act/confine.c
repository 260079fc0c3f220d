/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <mntent.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "confine.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARCH AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define ARCH AUDIT_ARCH_S390X
#else
#error "name the audit architecture of this machine"
#endif

#define SECUREBITS (SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED | \
		    SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

static int text_error(char *ret_text, size_t size, const char *what, const char *remedy)
{
	int error = errno;

	snprintf(ret_text, size, "%s: %s; %s", what, strerror(error), remedy);
	return -error;
}

static int bounding_set_drop(uint64_t keep)
{
	for (unsigned long cap = 0; cap < 64; cap++) {
		int is_set = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);

		if (is_set < 0)
			break;
		if (is_set && !(keep >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -errno;
	}
	return 0;
}

static int cap_sets_write(uint64_t keep)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ .effective = (uint32_t)keep, .permitted = (uint32_t)keep },
		{ .effective = (uint32_t)(keep >> 32), .permitted = (uint32_t)(keep >> 32) },
	};

	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

static int cap_sets_check(uint64_t keep)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	for (unsigned int i = 0; i < 2; i++)
		if (data[i].permitted != (uint32_t)(keep >> (32 * i)) || data[i].inheritable)
			return -EPERM;
	return prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) == SECUREBITS ? 0 : -EPERM;
}

/* Drops every capability but those in `keep`, so that not even uid 0 or a new program gets one back. */
static int capabilities_drop(uint64_t keep, char *ret_text, size_t size)
{
	int r = 0;

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		r = -errno;
	if (r == 0)
		r = bounding_set_drop(keep);
	if (r == 0 && prctl(PR_SET_SECUREBITS, SECUREBITS, 0, 0, 0) < 0)
		r = -errno;
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	if (r == 0)
		r = cap_sets_write(keep);
	if (r == 0)
		r = cap_sets_check(keep);
	if (r == 0)
		return 0;
	errno = -r;
	return text_error(ret_text, size, "capabilities cannot be dropped", "start as root with CAP_SETPCAP");
}

static bool path_is_below(const char *path, const char *ancestor)
{
	size_t length = strlen(ancestor);

	return strncmp(path, ancestor, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* Kernels before 5.12 cannot do a whole tree at once: there, what the hands could change goes read-only one by one. */
static int mounts_protect_singly(const char *cgroup_root)
{
	FILE *mounts;
	struct mntent entry;
	char buf[4096];
	int r = 0;

	/* These need not be mount points by themselves. */
	if (mount("/proc/sys", "/proc/sys", NULL, MS_BIND, NULL) < 0 ||
	    mount(cgroup_root, cgroup_root, NULL, MS_BIND, NULL) < 0)
		return -errno;
	mounts = setmntent("/proc/self/mounts", "re");
	if (!mounts)
		return -errno;
	while (r == 0 && getmntent_r(mounts, &entry, buf, sizeof(buf)))
		if ((path_is_below(entry.mnt_dir, "/sys") || path_is_below(entry.mnt_dir, "/proc/sys") ||
		     path_is_below(entry.mnt_dir, cgroup_root)) &&
		    mount(NULL, entry.mnt_dir, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) < 0)
			r = -errno;
	endmntent(mounts);
	return r;
}

static int mounts_protect(const char *run_dir, const char *cgroup_root)
{
	struct mount_attr readonly = { .attr_set = MOUNT_ATTR_RDONLY };
	struct mount_attr writable = { .attr_clr = MOUNT_ATTR_RDONLY };

	if (syscall(SYS_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &readonly, sizeof(readonly)) < 0)
		return errno == ENOSYS ? mounts_protect_singly(cgroup_root) : -errno;
	if (syscall(SYS_mount_setattr, AT_FDCWD, run_dir, 0, &writable, sizeof(writable)) < 0)
		return -errno;
	return 0;
}

static int readonly_check(const char *path)
{
	struct statvfs fs;

	if (statvfs(path, &fs) < 0)
		return errno == ENOENT ? 0 : -errno;
	return fs.f_flag & ST_RDONLY ? 0 : -EROFS;
}

static int namespace_enter(const char *run_dir, const char *cgroup_root, char *ret_text, size_t size)
{
	int r = 0;

	if (unshare(CLONE_NEWNS) < 0)
		return text_error(ret_text, size, "no mount namespace of its own", "start as root with CAP_SYS_ADMIN");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return text_error(ret_text, size, "mounts cannot be made private", "/ must be a mount point");
	/* RUN becomes a mount of its own, to be the one that stays writable. */
	if (mount(run_dir, run_dir, NULL, MS_BIND, NULL) < 0)
		r = -errno;
	if (r == 0)
		r = mounts_protect(run_dir, cgroup_root);
	if (r == 0)
		r = readonly_check(cgroup_root);
	if (r == 0)
		r = readonly_check("/sys");
	if (r == 0)
		r = readonly_check("/proc/sys");
	if (r == 0)
		return 0;
	errno = -r;
	return text_error(ret_text, size, "mounts cannot be made read-only", "start as root with CAP_SYS_ADMIN");
}

#define ON_CALL(name, action) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), \
	BPF_STMT(BPF_RET | BPF_K, action)
#define DENY(name) ON_CALL(name, SECCOMP_RET_ERRNO | EPERM)
#define ALLOW(name) ON_CALL(name, SECCOMP_RET_ALLOW)

/* The number of the call, of this machine's own set of them. */
#define LOAD_CALL \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)), \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0), \
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS), \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))

static int filter_set(struct sock_filter *code, size_t count, char *ret_text, size_t size)
{
	struct sock_fprog program = { .len = (unsigned short)count, .filter = code };

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
		return text_error(ret_text, size, "no system call filter", "the kernel needs CONFIG_SECCOMP_FILTER");
	return 0;
}

/* Read-only mounts do not keep a process from connecting to a socket in them: no bus, then, and no helper either. */
static int observe_filter(char *ret_text, size_t size)
{
	struct sock_filter code[] = {
		LOAD_CALL,
#ifdef __x86_64__
		/* The x32 numbers would be a way around. */
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		DENY(fork),
		DENY(vfork),
#endif
		DENY(socket),
		DENY(socketpair),
		DENY(connect),
		DENY(clone),
		DENY(clone3),
		DENY(execve),
		DENY(execveat),
		DENY(ptrace),
		DENY(mount),
		DENY(umount2),
		DENY(move_mount),
		DENY(bpf),
		DENY(setxattr),
		DENY(lsetxattr),
		DENY(fsetxattr),
		DENY(removexattr),
		DENY(lremovexattr),
		DENY(fremovexattr),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return filter_set(code, sizeof(code) / sizeof(*code), ret_text, size);
}

int confine_observe(const char *run_dir, const char *cgroup_root, char *ret_text, size_t size)
{
	int r = namespace_enter(run_dir, cgroup_root, ret_text, size);

	if (r == 0)
		r = capabilities_drop(0, ret_text, size);
	if (r == 0)
		r = observe_filter(ret_text, size);
	return r;
}

/* Of the network something can be changed where we were given the right to, which not every container has. */
static uint64_t net_admin(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	return syscall(SYS_capget, &header, data) < 0 ? 0 : data[0].permitted & (1u << CAP_NET_ADMIN);
}

int confine_enforce(char *ret_text, size_t size)
{
	return capabilities_drop(1ull << CAP_DAC_OVERRIDE | net_admin(), ret_text, size);
}

int confine_door(char *ret_text, size_t size)
{
	struct sock_filter code[] = {
		LOAD_CALL,
		ALLOW(recvfrom),
		ALLOW(sendmsg),
		ALLOW(setns),
		ALLOW(socket),
		ALLOW(bind),
		/* Looking for a namespace: libc reads directories and files. */
		ALLOW(openat),
		ALLOW(read),
		ALLOW(close),
		ALLOW(fcntl),
		ALLOW(fstat),
#ifdef SYS_newfstatat
		ALLOW(newfstatat),
#endif
		ALLOW(getdents64),
		ALLOW(lseek),
		ALLOW(brk),
		ALLOW(mmap),
		ALLOW(munmap),
		ALLOW(exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	int r = capabilities_drop(1ull << CAP_SYS_PTRACE | 1ull << CAP_SYS_ADMIN | 1ull << CAP_NET_ADMIN, ret_text, size);

	return r < 0 ? r : filter_set(code, sizeof(code) / sizeof(*code), ret_text, size);
}
