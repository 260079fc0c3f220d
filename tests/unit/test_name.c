/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "setup/name.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "f123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void assert_name(const char *path, const char *expected)
{
	char name[NAME_BYTES_MAX];

	name_of_path(path, name);
	assert_string_equal(name, expected);
}

static void units_are_called_by_their_name(void **state)
{
	(void)state;
	assert_name("/system.slice/nginx.service", "nginx.service");
	assert_name("/system.slice/nginx.service/worker/1", "nginx.service/worker/1");
	assert_name("/user.slice/user-7.slice/user@7.service/app.slice/app-a\\x2db.scope", "app-a-b.scope");
	assert_name("/system.slice", "system.slice");
	assert_name("/work.slice/run-r12.scope", "run-r12.scope");
}

static void containers_and_machines_by_theirs(void **state)
{
	(void)state;
	assert_name("/machine.slice/libpod-" ID ".scope", "podman:0123456789ab");
	assert_name("/machine.slice/libpod-" ID ".scope/container", "podman:0123456789ab/container");
	assert_name("/libpod_parent/libpod-" ID, "podman:0123456789ab");
	assert_name("/system.slice/docker-" ID ".scope", "docker:0123456789ab");
	assert_name("/docker/" ID, "docker:0123456789ab");
	assert_name("/kubepods.slice/kubepods-pod1.slice/cri-containerd-" ID ".scope", "cri:0123456789ab");
	assert_name("/machine.slice/machine-qemu\\x2d12\\x2dweb\\x2d1.scope", "vm:web-1");
	assert_name("/machine.slice/machine-qemu\\x2d12\\x2dweb.scope/libvirt/vcpu0", "vm:web/libvirt/vcpu0");
}

static void what_only_looks_alike_keeps_its_path(void **state)
{
	(void)state;
	assert_name("/docker/web", "");
	assert_name("/elsewhere/" ID, "");
	assert_name("/libpod_parent/libpod-0123", "");
	assert_name("/libpod_parent/libpod-" ID "0", "");
	assert_name("/plain/child", "");
	assert_name("/", "");
	assert_name("/.service", "");
}

static void odd_escapes_stay_as_they_are(void **state)
{
	(void)state;
	assert_name("/a\\x0ab.service", "a\\x0ab.service");
	assert_name("/a\\x2.service", "a\\x2.service");
	assert_name("/a\\xZZb.service", "a\\xZZb.service");
}

static void a_long_name_is_cut(void **state)
{
	char path[250] = "/", name[NAME_BYTES_MAX];

	(void)state;
	memset(path + 1, 'a', sizeof(path) - 2);
	memcpy(path + sizeof(path) - 9, ".service", 9);
	name_of_path(path, name);
	assert_int_equal(strlen(name), NAME_BYTES_MAX - 1);
}

static void conmon_knows_the_name(void **state)
{
	static const char COMMAND[] = "/usr/bin/conmon\0--api-version\0" "1\0-c\0" ID "\0-u\0" ID "\0-n\0web\0--exit\0";
	char name[NAME_BYTES_MAX] = "as before";

	(void)state;
	assert_int_equal(name_of_conmon(COMMAND, sizeof(COMMAND) - 1, OTHER, name), -ENOENT);
	assert_string_equal(name, "as before");
	/* Without its end it may have been cut anywhere. */
	assert_int_equal(name_of_conmon(COMMAND, sizeof(COMMAND) - 3, ID, name), -ENOENT);
	assert_int_equal(name_of_conmon("sh\0-n\0web", 10, ID, name), -ENOENT);
	assert_int_equal(name_of_conmon(COMMAND, sizeof(COMMAND) - 1, ID, name), 0);
	assert_string_equal(name, "web");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units_are_called_by_their_name),
		cmocka_unit_test(containers_and_machines_by_theirs),
		cmocka_unit_test(what_only_looks_alike_keeps_its_path),
		cmocka_unit_test(odd_escapes_stay_as_they_are),
		cmocka_unit_test(a_long_name_is_cut),
		cmocka_unit_test(conmon_knows_the_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
