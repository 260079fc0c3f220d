/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "act/bounds.h"
#include "act/cgroup.h"
#include "act/exclude.h"

static char root[] = "/tmp/test_exclude.XXXXXX";
static int root_fd;

static void dir_make(const char *path)
{
	char full[4096];

	snprintf(full, sizeof(full), "%s%s", root, path);
	assert_true(mkdir(full, 0755) == 0 || errno == EEXIST);
}

static int tree_make(void **state)
{
	static const char *const DIRS[] = {
		"/system.slice", "/system.slice/sshd.service", "/system.slice/nginx.service",
		"/system.slice/nginx.service/worker", "/system.slice/sshd.service/child", "/init.scope",
		"/user.slice", "/user.slice/user-0.slice", "/user.slice/user-0.slice/session-1.scope",
		"/machine.slice", "/machine.slice/vm.scope", "/machine.slice/vm.scope/deep",
		"/machine.slice/vm.scope/deep/deeper", "/machine.slice/vm.scope/deep/deeper/etcd.service",
		"/web", "/web/a", "/web/b", "/own", "/own/self", "/own/self/below", "/own/beside", "/ownother",
		"/own/selfish", "/ow",
	};

	(void)state;
	assert_non_null(mkdtemp(root));
	for (size_t i = 0; i < sizeof(DIRS) / sizeof(*DIRS); i++)
		dir_make(DIRS[i]);
	root_fd = cgroup_root_open(root);
	return root_fd < 0;
}

static int tree_remove(void **state)
{
	char command[300];

	(void)state;
	close(root_fd);
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

static int verdict(const char *path)
{
	char text[ACT_TEXT_MAX] = "";
	int r = exclude_check(root_fd, path, "/own/self", text);

	/* Who is refused is told why; who is not, is told nothing. */
	assert_int_equal(r > 0, text[0] != '\0');
	return r;
}

static void what_keeps_the_host_alive_is_on_the_list(void **state)
{
	static const char *const NAMES[] = {
		"init.scope", "systemd-journald.service", "systemd-udevd.service", "systemd-logind.service",
		"dbus.service", "dbus-broker.service", "sshd.service", "ssh.service", "NetworkManager.service",
		"networking.service", "systemd-networkd.service", "multipathd.service", "iscsid.service",
		"lvm2-monitor.service", "kubelet.service", "containerd.service", "docker.service", "crio.service",
		"libvirtd.service", "corosync.service", "pacemaker.service", "etcd.service", "session-3.scope",
		"forestall.slice", "forestalld.service", "forestall-act.service",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(*NAMES); i++)
		if (!exclude_name_matches(NAMES[i]))
			fail_msg("%s is not on the list", NAMES[i]);
}

static void workloads_are_not_on_the_list(void **state)
{
	static const char *const NAMES[] = {
		"nginx.service", "postgresql@15-main.service", "docker-0123.scope", "crio-0123.scope", "my-init.scope",
		"cri-containerd-0123.scope", "libpod-0123.scope", "machine-qemu\\x2d1\\x2dvm.scope", "web", "app.slice",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(*NAMES); i++)
		if (exclude_name_matches(NAMES[i]))
			fail_msg("%s is on the list", NAMES[i]);
}

static void wholes_are_excluded(void **state)
{
	(void)state;
	assert_int_equal(verdict("/"), 1);
	assert_int_equal(verdict("/system.slice"), 1);
	assert_int_equal(verdict("/user.slice"), 1);
}

static void excluded_ones_and_all_below_them_are_excluded(void **state)
{
	(void)state;
	assert_int_equal(verdict("/init.scope"), 1);
	assert_int_equal(verdict("/system.slice/sshd.service"), 1);
	assert_int_equal(verdict("/system.slice/sshd.service/child"), 1);
	assert_int_equal(verdict("/user.slice/user-0.slice/session-1.scope"), 1);
}

static void all_above_them_are_excluded(void **state)
{
	(void)state;
	assert_int_equal(verdict("/user.slice/user-0.slice"), 1);
	assert_int_equal(verdict("/machine.slice"), 1);
	assert_int_equal(verdict("/machine.slice/vm.scope/deep"), 1);
	assert_int_equal(verdict("/machine.slice/vm.scope/deep/deeper"), 1);
}

static void workloads_are_not_excluded(void **state)
{
	(void)state;
	assert_int_equal(verdict("/web"), 0);
	assert_int_equal(verdict("/web/a"), 0);
	assert_int_equal(verdict("/system.slice/nginx.service"), 0);
	assert_int_equal(verdict("/system.slice/nginx.service/worker"), 0);
}

static void ourselves_and_what_is_above_and_below_are_excluded(void **state)
{
	(void)state;
	assert_int_equal(verdict("/own"), 1);
	assert_int_equal(verdict("/own/self"), 1);
	assert_int_equal(verdict("/own/self/below"), 1);
	assert_int_equal(verdict("/own/beside"), 0);
	assert_int_equal(verdict("/ownother"), 0);
	assert_int_equal(verdict("/own/selfish"), 0);
	assert_int_equal(verdict("/ow"), 0);
}

static void running_in_the_root_excludes_nothing_more(void **state)
{
	char text[ACT_TEXT_MAX];

	(void)state;
	assert_int_equal(exclude_check(root_fd, "/web", "/", text), 0);
	assert_int_equal(exclude_check(root_fd, "/own/self", "/", text), 0);
}

static void what_vanished_is_not_judged(void **state)
{
	(void)state;
	assert_int_equal(verdict("/nowhere"), -ENOENT);
}

static void what_is_too_deep_to_search_is_excluded(void **state)
{
	char path[1024] = "/deep";

	(void)state;
	dir_make(path);
	for (int i = 0; i < WALK_DEPTH_MAX; i++) {
		strcat(path, "/d");
		dir_make(path);
	}
	assert_int_equal(verdict("/deep"), 0);
	strcat(path, "/d");
	dir_make(path);
	assert_int_equal(verdict("/deep"), 1);
	assert_int_equal(verdict("/deep/d"), 0);
}

static void what_is_too_large_to_search_is_excluded(void **state)
{
	char path[64];

	(void)state;
	dir_make("/large");
	for (int i = 0; i < WALK_DIRS_MAX; i++) {
		snprintf(path, sizeof(path), "/large/%d", i);
		dir_make(path);
	}
	assert_int_equal(verdict("/large"), 0);
	dir_make("/large/more");
	assert_int_equal(verdict("/large"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_keeps_the_host_alive_is_on_the_list),
		cmocka_unit_test(workloads_are_not_on_the_list),
		cmocka_unit_test(wholes_are_excluded),
		cmocka_unit_test(excluded_ones_and_all_below_them_are_excluded),
		cmocka_unit_test(all_above_them_are_excluded),
		cmocka_unit_test(workloads_are_not_excluded),
		cmocka_unit_test(ourselves_and_what_is_above_and_below_are_excluded),
		cmocka_unit_test(running_in_the_root_excludes_nothing_more),
		cmocka_unit_test(what_vanished_is_not_judged),
		cmocka_unit_test(what_is_too_deep_to_search_is_excluded),
		cmocka_unit_test(what_is_too_large_to_search_is_excluded),
	};

	return cmocka_run_group_tests(tests, tree_make, tree_remove);
}
