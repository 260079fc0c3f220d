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
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "act/cgroup.h"
#include "act/owner.h"
#include "act/systemd.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char root[] = "/tmp/test_owner.XXXXXX";
static int root_fd;

static void path_make(const char *path)
{
	char full[1024];

	for (const char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
		snprintf(full, sizeof(full), "%s%.*s", root, slash ? (int)(slash - path) : (int)strlen(path), path);
		assert_true(mkdir(full, 0755) == 0 || errno == EEXIST);
		if (!slash)
			return;
	}
}

/* user.delegate works without privileges; trusted.delegate is the older name and needs CAP_SYS_ADMIN. */
static bool delegate(const char *path, const char *name, const char *value)
{
	char full[1024];

	snprintf(full, sizeof(full), "%s%s", root, path);
	return setxattr(full, name, value, strlen(value), 0) == 0;
}

static int tree_make(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(root));
	path_make("/system.slice/nginx.service/worker");
	path_make("/system.slice/lease.service/payload/deeper.scope");
	path_make("/system.slice/older.service/payload");
	path_make("/system.slice/refused.service/payload");
	path_make("/user.slice/user-7.slice/user@7.service/app.slice/editor.service");
	path_make("/plain/child");
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

static int owner(const char *path)
{
	/* The root of the tree stands in for /run/systemd/system: it is there, so systemd runs. */
	return owner_find(root_fd, path, root);
}

static void units_belong_to_systemd(void **state)
{
	(void)state;
	assert_int_equal(owner("/system.slice"), OWNER_SYSTEMD);
	assert_int_equal(owner("/system.slice/nginx.service"), OWNER_SYSTEMD);
	assert_int_equal(owner("/system.slice/nginx.service/worker"), OWNER_SYSTEMD);
}

static void plain_directories_belong_to_nobody(void **state)
{
	(void)state;
	assert_int_equal(owner("/plain"), OWNER_NONE);
	assert_int_equal(owner("/plain/child"), OWNER_NONE);
}

static void without_systemd_a_unit_is_a_plain_directory(void **state)
{
	(void)state;
	assert_int_equal(owner_find(root_fd, "/system.slice/nginx.service", "/nowhere/systemd"), OWNER_NONE);
}

static void what_is_below_a_delegated_unit_is_free_but_not_the_unit(void **state)
{
	(void)state;
	if (!delegate("/system.slice/lease.service", "user.delegate", "1"))
		skip();
	assert_int_equal(owner("/system.slice/lease.service"), OWNER_SYSTEMD);
	assert_int_equal(owner("/system.slice/lease.service/payload"), OWNER_NONE);
	assert_int_equal(owner("/system.slice/lease.service/payload/deeper.scope"), OWNER_NONE);
}

static void the_older_name_of_the_attribute_counts_too(void **state)
{
	(void)state;
	if (!delegate("/system.slice/older.service", "trusted.delegate", "1"))
		skip();
	assert_int_equal(owner("/system.slice/older.service/payload"), OWNER_NONE);
}

static void another_value_delegates_nothing(void **state)
{
	(void)state;
	if (!delegate("/system.slice/refused.service", "user.delegate", "0"))
		skip();
	assert_int_equal(owner("/system.slice/refused.service/payload"), OWNER_SYSTEMD);
	delegate("/system.slice/refused.service", "user.delegate", "11");
	assert_int_equal(owner("/system.slice/refused.service/payload"), OWNER_SYSTEMD);
}

static void a_user_manager_keeps_what_was_delegated_to_it(void **state)
{
	(void)state;
	if (!delegate("/user.slice/user-7.slice/user@7.service", "user.delegate", "1"))
		skip();
	assert_int_equal(owner("/user.slice/user-7.slice/user@7.service/app.slice/editor.service"),
			 OWNER_SYSTEMD_USER);
}

static void containers_and_machines_belong_to_their_managers(void **state)
{
	static const struct {
		const char *path;
		enum owner owner;
	} CASES[] = {
		{ "/kubepods/burstable/pod1/" ID, OWNER_KUBELET },
		{ "/kubepods.slice/kubepods-besteffort.slice/cri-containerd-" ID ".scope", OWNER_KUBELET },
		{ "/system.slice/docker-" ID ".scope", OWNER_DOCKER },
		{ "/system.slice/docker-" ID ".scope/inner", OWNER_DOCKER },
		{ "/docker/" ID, OWNER_DOCKER },
		{ "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/vcpu0", OWNER_LIBVIRT },
		{ "/machine/qemu-1-vm.libvirt-qemu/vcpu0", OWNER_LIBVIRT },
		{ "/machine/lxc-1-vm.libvirt-lxc/inner", OWNER_LIBVIRT },
		{ "/machine.slice/libpod-" ID ".scope/container", OWNER_PODMAN },
		{ "/machine.slice/libpod-conmon-" ID ".scope", OWNER_PODMAN },
		{ "/libpod_parent", OWNER_PODMAN },
		{ "/libpod_parent/conmon", OWNER_PODMAN },
		{ "/libpod_parent/libpod-" ID "/inner", OWNER_PODMAN },
	};

	(void)state;
	/* Known by name alone, also where systemd does not run. */
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++)
		assert_int_equal(owner_find(root_fd, CASES[i].path, "/nowhere/systemd"), CASES[i].owner);
	assert_int_equal(owner_find(root_fd, "/docker/web", "/nowhere/systemd"), OWNER_NONE);
	assert_int_equal(owner_find(root_fd, "/libpod_parent/libpod-" ID, "/nowhere/systemd"), OWNER_NONE);
	assert_int_equal(owner_find(root_fd, "/libpod_parent/pod/libpod-" ID, "/nowhere/systemd"), OWNER_NONE);
	assert_int_equal(owner_find(root_fd, "/machine/qemu-1-vm.libvirt-qemu", "/nowhere/systemd"), OWNER_NONE);
}

static void a_container_or_a_machine_as_a_whole_is_its_scopes_business(void **state)
{
	(void)state;
	path_make("/machine.slice/machine-qemu\\x2d1\\x2dvm.scope");
	assert_int_equal(owner("/machine.slice/machine-qemu\\x2d1\\x2dvm.scope"), OWNER_SYSTEMD);
	path_make("/machine.slice/libpod-" ID ".scope");
	assert_int_equal(owner("/machine.slice/libpod-" ID ".scope"), OWNER_SYSTEMD);
}

static void assert_way(enum owner owner_is, const char *path, enum knob knob, enum via expected)
{
	enum via via = VIA_COUNT;

	assert_int_equal(owner_way(owner_is, path, knob, &via), expected != VIA_COUNT);
	assert_int_equal(via, expected);
}

static void systemd_sets_what_it_has_a_property_for(void **state)
{
	(void)state;
	assert_way(OWNER_SYSTEMD, "/system.slice/nginx.service", KNOB_CPU_WEIGHT, VIA_SYSTEMD);
	assert_way(OWNER_SYSTEMD, "/work.slice", KNOB_CPU_MAX, VIA_SYSTEMD);
	assert_way(OWNER_SYSTEMD, "/system.slice/nginx.service", KNOB_IO_RIOPS, VIA_SYSTEMD);
	assert_way(OWNER_SYSTEMD, "/system.slice/nginx.service", KNOB_CPU_IDLE, VIA_COUNT);
	assert_way(OWNER_SYSTEMD, "/system.slice/nginx.service", KNOB_MEMORY_RECLAIM, VIA_FILE);
	assert_way(OWNER_SYSTEMD, "/system.slice/nginx.service/worker", KNOB_CPU_WEIGHT, VIA_COUNT);
}

static void the_others_leave_no_way(void **state)
{
	(void)state;
	assert_way(OWNER_NONE, "/plain", KNOB_CPU_IDLE, VIA_FILE);
	for (int i = OWNER_SYSTEMD_USER; i < OWNER_COUNT; i++) {
		assert_way((enum owner)i, "/a.scope", KNOB_CPU_WEIGHT, VIA_COUNT);
		assert_way((enum owner)i, "/a.scope", KNOB_MEMORY_RECLAIM, VIA_COUNT);
		assert_way((enum owner)i, "/a.scope", KNOB_NET_EGRESS, VIA_TC);
		assert_way((enum owner)i, "/a.scope", KNOB_NET_FIRST, VIA_TC);
		assert_way((enum owner)i, "/a.scope", KNOB_NET_INGRESS, VIA_BPF);
		assert_way((enum owner)i, "/a.scope", KNOB_NET_SHARE, VIA_NFT);
		assert_way((enum owner)i, "/a.scope", KNOB_NET_PRIORITY, VIA_NFT);
	}
}

static void a_unit_is_called_as_its_directory_without_the_escape(void **state)
{
	char unit[ACT_PATH_MAX];

	(void)state;
	assert_true(systemd_unit_name("/system.slice/nginx.service", unit));
	assert_string_equal(unit, "nginx.service");
	assert_true(systemd_unit_name("/system.slice/_cpu.service", unit));
	assert_string_equal(unit, "cpu.service");
	assert_false(systemd_unit_name("/system.slice/nginx.service/worker", unit));
	assert_false(systemd_unit_name("/system.slice/.service", unit));
}

static void what_vanished_has_no_owner(void **state)
{
	(void)state;
	assert_int_equal(owner("/system.slice/gone.service"), -ENOENT);
}

static void every_owner_has_a_remedy_that_fits(void **state)
{
	(void)state;
	for (int i = OWNER_SYSTEMD; i < 2 * OWNER_COUNT; i++) {
		enum knob knob = i < OWNER_COUNT ? KNOB_CPU_MAX : KNOB_FREEZE;
		char text[ACT_TEXT_MAX];

		if (i % OWNER_COUNT == OWNER_NONE)
			continue;
		owner_remedy((enum owner)(i % OWNER_COUNT), "/system.slice/a-service-with-a-rather-long-name.service", knob, text);
		assert_true(!strstr(text, "without a property") ==
			    !(knob == KNOB_FREEZE && i % OWNER_COUNT == OWNER_SYSTEMD));
		assert_non_null(strstr(text, "belongs to"));
		assert_true(strlen(strstr(text, ": ")) > 10);
		/* A line that just fills the text may have been cut. */
		assert_true(strlen(text) < ACT_TEXT_MAX - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units_belong_to_systemd),
		cmocka_unit_test(plain_directories_belong_to_nobody),
		cmocka_unit_test(without_systemd_a_unit_is_a_plain_directory),
		cmocka_unit_test(what_is_below_a_delegated_unit_is_free_but_not_the_unit),
		cmocka_unit_test(the_older_name_of_the_attribute_counts_too),
		cmocka_unit_test(another_value_delegates_nothing),
		cmocka_unit_test(a_user_manager_keeps_what_was_delegated_to_it),
		cmocka_unit_test(containers_and_machines_belong_to_their_managers),
		cmocka_unit_test(a_container_or_a_machine_as_a_whole_is_its_scopes_business),
		cmocka_unit_test(systemd_sets_what_it_has_a_property_for),
		cmocka_unit_test(the_others_leave_no_way),
		cmocka_unit_test(a_unit_is_called_as_its_directory_without_the_escape),
		cmocka_unit_test(what_vanished_has_no_owner),
		cmocka_unit_test(every_owner_has_a_remedy_that_fits),
	};

	return cmocka_run_group_tests(tests, tree_make, tree_remove);
}
