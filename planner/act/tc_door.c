/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "confine.h"
#include "log.h"
#include "tc_door.h"

#define ANSWER_MS 500
#define END_MS 1000
#define POLL_MS 5
#define DOOR_FD 3
#define DOOR_NETNS_FD 4

struct request {
	int32_t pid;
	uint32_t serial;
	uint64_t netns;
};

struct answer {
	int32_t error;
	uint32_t serial;	/* of the request */
	uint64_t netns;
};

union control {
	char buf[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static int netns_inode(int fd, uint64_t *ret)
{
	struct stat stat;

	if (fstat(fd, &stat) < 0)
		return -errno;
	*ret = stat.st_ino;
	return 0;
}

/* Opens the namespace file if it is the one with that inode, any when `netns` is 0. */
static int netns_open(const char *path, uint64_t netns)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t inode = 0;

	if (fd < 0)
		return -errno;
	if (netns_inode(fd, &inode) < 0 || (netns != 0 && inode != netns))
		return -ESRCH;
	return TAKE_FD(fd);
}

static int netns_of_process(const char *pid, uint64_t netns)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%.20s/ns/net", pid);
	fd = netns_open(path, netns);
	return fd == -ENOENT || fd == -EACCES ? -ESRCH : fd;
}

static int netns_find_process(uint64_t netns)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int fd = -ESRCH;

	if (!proc)
		return -errno;
	while (fd < 0 && (entry = readdir(proc)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			fd = netns_of_process(entry->d_name, netns);
	closedir(proc);
	return fd < 0 ? -ESRCH : fd;
}

/* Namespaces without a process are bind mounts of "net:[INODE]" (ip netns, container engines); proc(5), mountinfo. */
static int netns_find_mount(uint64_t netns)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char line[PATH_MAX + 512], root[64], path[PATH_MAX], wanted[64];
	int fd = -ESRCH;

	if (!mounts)
		return -errno;
	snprintf(wanted, sizeof(wanted), "net:[%llu]", (unsigned long long)netns);
	while (fd < 0 && fgets(line, sizeof(line), mounts))
		if (sscanf(line, "%*s %*s %*s %63s %4095s", root, path) == 2 && strcmp(root, wanted) == 0)
			fd = netns_open(path, netns);
	fclose(mounts);
	return fd < 0 ? -ESRCH : fd;
}

static int netns_find(const struct request *request)
{
	uint64_t own = 0;
	char pid[16];
	int fd;

	if (request->pid > 0) {
		snprintf(pid, sizeof(pid), "%d", request->pid);
		return netns_of_process(pid, 0);
	}
	if (netns_inode(DOOR_NETNS_FD, &own) == 0 && own == request->netns) {
		fd = fcntl(DOOR_NETNS_FD, F_DUPFD_CLOEXEC, DOOR_NETNS_FD + 1);
		return fd < 0 ? -errno : fd;
	}
	fd = netns_find_process(request->netns);
	return fd < 0 ? netns_find_mount(request->netns) : fd;
}

static int netlink_open(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static int request_serve(const struct request *request, uint64_t *ret_netns)
{
	_cleanup_close_ int netns_fd = netns_find(request);
	int fd;

	if (netns_fd < 0)
		return netns_fd;
	if (netns_inode(netns_fd, ret_netns) < 0 || setns(netns_fd, CLONE_NEWNET) < 0)
		return -errno;
	fd = netlink_open();
	/* Who cannot go back must not serve the next one from here. */
	if (setns(DOOR_NETNS_FD, CLONE_NEWNET) < 0)
		_exit(1);
	return fd;
}

static bool answer_send(int fd, const struct answer *answer)
{
	union control control = { 0 };
	struct iovec iovec = { .iov_base = (void *)answer, .iov_len = sizeof(*answer) };
	struct msghdr header = { .msg_iov = &iovec, .msg_iovlen = 1 };

	if (fd >= 0) {
		header.msg_control = control.buf;
		header.msg_controllen = sizeof(control.buf);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
	}
	return sendmsg(DOOR_FD, &header, MSG_NOSIGNAL) == sizeof(*answer);
}

static void __attribute__((noreturn)) door_main(void)
{
	struct request request;
	bool is_answered = true;

	while (is_answered && recv(DOOR_FD, &request, sizeof(request), 0) == sizeof(request)) {
		struct answer answer = { .serial = request.serial };
		_cleanup_close_ int fd = request_serve(&request, &answer.netns);

		answer.error = fd < 0 ? fd : 0;
		is_answered = answer_send(fd, &answer);
	}
	_exit(0);
}

/* Nothing of the parent goes along: least of all its lock, which must end with the parent. */
static bool child_descriptors(int fd)
{
	int netns_fd;

	if (dup2(fd, DOOR_FD) < 0 || close_range(DOOR_FD + 1, UINT_MAX, 0) < 0)
		return false;
	netns_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return netns_fd == DOOR_NETNS_FD;
}

static void __attribute__((noreturn)) child_run(int fd, pid_t parent)
{
	char text[256] = "/proc/self/ns/net cannot be opened: mount /proc";

	/* A stop of the whole group lets the parent undo first, for which it needs the door. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	prctl(PR_SET_NAME, "forestall-door", 0, 0, 0);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
		_exit(1);
	if (child_descriptors(fd) && confine_door(text, sizeof(text)) == 0)
		door_main();
	log_line("%s", text);
	_exit(1);
}

int door_open(struct door *door)
{
	int pair[2];
	pid_t parent = getpid();

	*door = (struct door){ .fd = -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	door->pid = fork();
	if (door->pid == 0)
		child_run(pair[1], parent);
	close(pair[1]);
	if (door->pid < 0) {
		close(pair[0]);
		return -EAGAIN;
	}
	door->fd = pair[0];
	return 0;
}

/* A child that the kernel holds on to is left to it. */
void door_close(struct door *door)
{
	if (door->fd < 0)
		return;
	close(door->fd);
	door->fd = -1;
	kill(door->pid, SIGKILL);
	for (int left_ms = END_MS; waitpid(door->pid, NULL, WNOHANG) == 0 && left_ms > 0; left_ms -= POLL_MS)
		poll(NULL, 0, POLL_MS);
}

/* One answer, whosesoever; *ret_fd is the socket that came with it, or -1. -EPIPE: the child is gone. */
static int answer_receive(const struct door *door, int timeout_ms, struct answer *answer, int *ret_fd)
{
	struct pollfd ready = { .fd = door->fd, .events = POLLIN };
	union control control = { 0 };
	struct iovec iovec = { .iov_base = answer, .iov_len = sizeof(*answer) };
	struct msghdr header = { .msg_iov = &iovec, .msg_iovlen = 1, .msg_control = control.buf,
				 .msg_controllen = sizeof(control.buf) };

	*ret_fd = -1;
	if (poll(&ready, 1, timeout_ms) <= 0)
		return -ETIMEDOUT;
	if (recvmsg(door->fd, &header, MSG_CMSG_CLOEXEC) != sizeof(*answer))
		return -EPIPE;
	if (header.msg_controllen >= CMSG_LEN(sizeof(*ret_fd)) && control.align.cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(&control.align), sizeof(*ret_fd));
	return 0;
}

int door_socket(struct door *door, pid_t pid, uint64_t netns, uint64_t *ret_netns)
{
	struct request request = { .pid = pid, .serial = ++door->serial, .netns = netns };
	struct answer answer;
	int fd, r;

	if (send(door->fd, &request, sizeof(request), MSG_NOSIGNAL | MSG_DONTWAIT) != sizeof(request))
		return errno == EAGAIN ? -ETIMEDOUT : -EPIPE;
	r = answer_receive(door, ANSWER_MS, &answer, &fd);
	/* What was asked before and took too long. */
	while (r == 0 && answer.serial != request.serial) {
		if (fd >= 0)
			close(fd);
		r = answer_receive(door, ANSWER_MS, &answer, &fd);
	}
	if (r < 0)
		return r;
	*ret_netns = answer.netns;
	return answer.error < 0 ? answer.error : fd < 0 ? -EPIPE : fd;
}
