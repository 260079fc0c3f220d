/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real xattrs: on a cgroup made for the test where cgroup2 is mounted, else in a temporary directory. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "unit.h"
#include "act/cgroup.h"
#include "setup/annotate.h"

struct place {
	char dir[512];
	int fd;
};

static int place_make(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	char root[256];

	*state = place;
	if (!place)
		return -1;
	if (cgroup_root_find(root, sizeof(root)) == 0) {
		snprintf(place->dir, sizeof(place->dir), "%s/forestall-test-annotate-%d", root, getpid());
		if (mkdir(place->dir, 0755) < 0)
			place->dir[0] = '\0';
	}
	if (!place->dir[0]) {
		strcpy(place->dir, "/tmp/test_annotate.XXXXXX");
		if (!mkdtemp(place->dir))
			return -1;
	}
	place->fd = open(place->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return place->fd < 0 ? -1 : 0;
}

static int place_remove(void **state)
{
	struct place *place = *state;

	close(place->fd);
	rmdir(place->dir);
	free(place);
	return 0;
}

/* Sets or, with NULL, removes; skips the test where the kernel or the user cannot. */
static void annotation_set(const struct place *place, const char *name, const char *text)
{
	int r = text ? fsetxattr(place->fd, name, text, strlen(text), 0) : fremovexattr(place->fd, name);

	if (r < 0 && (errno == EPERM || errno == EOPNOTSUPP)) {
		print_message("%s cannot be written here: %s\n", name, strerror(errno));
		skip();
	}
}

static struct slo annotation_read(const struct place *place, const struct config *config,
				  char problem[ANNOTATE_PROBLEM_MAX])
{
	struct slo slo;

	assert_int_equal(annotate_read(place->fd, "/a/b", config, &slo, problem), 0);
	return slo;
}

static void config_make(struct config *config)
{
	char problem[CONFIG_PROBLEM_MAX];

	config_init(config);
	assert_int_equal(config_parse(config, "t", true, "[/a/*]\nslo = runq_p99<8ms tier=standard\n", problem), 0);
}

static void nothing_said_is_the_default(void **state)
{
	char problem[ANNOTATE_PROBLEM_MAX];
	struct slo slo = annotation_read(*state, NULL, problem);

	assert_int_equal(slo.source, SLO_FROM_DEFAULT);
	assert_string_equal(problem, "");
}

static void config_speaks_where_no_xattr_does(void **state)
{
	char problem[ANNOTATE_PROBLEM_MAX];
	struct config config;
	struct slo slo;

	config_make(&config);
	slo = annotation_read(*state, &config, problem);
	assert_int_equal(slo.source, SLO_FROM_CONFIG);
	assert_int_equal(slo.bound[SLI_RUNQ_P99], 8000000);
	config_done(&config);
}

static void trusted_xattr_beats_config(void **state)
{
	char problem[ANNOTATE_PROBLEM_MAX];
	struct config config;
	struct slo slo;

	annotation_set(*state, ANNOTATE_TRUSTED, "runq_p99<5ms tier=critical\n");
	config_make(&config);
	slo = annotation_read(*state, &config, problem);
	assert_int_equal(slo.source, SLO_FROM_TRUSTED_XATTR);
	assert_int_equal(slo.bound[SLI_RUNQ_P99], 5000000);
	assert_string_equal(problem, "");
	config_done(&config);
}

static void malformed_trusted_xattr_is_no_annotation_and_is_reported(void **state)
{
	char problem[ANNOTATE_PROBLEM_MAX];
	struct config config;
	struct slo slo;

	annotation_set(*state, ANNOTATE_TRUSTED, "runq_p99<5ms tier=gold");
	annotation_set(*state, ANNOTATE_USER, "runq_p99<1ms");
	config_make(&config);
	slo = annotation_read(*state, &config, problem);
	assert_int_equal(slo.source, SLO_FROM_DEFAULT);
	assert_false(slo_is_bound(&slo));
	assert_non_null(strstr(problem, "trusted.forestall.slo, column 14: 'tier=gold'"));
	config_done(&config);
}

static void oversized_xattr_is_reported(void **state)
{
	char text[SLO_TEXT_MAX + 1], problem[ANNOTATE_PROBLEM_MAX];
	struct slo slo;

	memset(text, ' ', SLO_TEXT_MAX);
	text[SLO_TEXT_MAX] = '\0';
	annotation_set(*state, ANNOTATE_TRUSTED, text);
	slo = annotation_read(*state, NULL, problem);
	assert_int_equal(slo.source, SLO_FROM_DEFAULT);
	assert_non_null(strstr(problem, "longer than"));
}

static void user_xattr_alone_grants_nothing(void **state)
{
	char problem[ANNOTATE_PROBLEM_MAX];
	struct slo slo;

	annotation_set(*state, ANNOTATE_USER, "runq_p99<1ms tier=critical");
	slo = annotation_read(*state, NULL, problem);
	assert_int_equal(slo.source, SLO_FROM_DEFAULT);
	assert_false(slo_is_bound(&slo));
	assert_non_null(strstr(problem, "the operator granted nothing here"));
}

static void user_xattr_tightens_only(void **state)
{
	char problem[ANNOTATE_PROBLEM_MAX];
	struct slo slo;

	annotation_set(*state, ANNOTATE_TRUSTED, "runq_p99<5ms tier=standard");
	annotation_set(*state, ANNOTATE_USER, "runq_p99<2ms");
	slo = annotation_read(*state, NULL, problem);
	assert_int_equal(slo.bound[SLI_RUNQ_P99], 2000000);
	assert_int_equal(slo.source, SLO_FROM_USER_XATTR);
	assert_string_equal(problem, "");
	annotation_set(*state, ANNOTATE_USER, "runq_p99<9ms tier=critical");
	slo = annotation_read(*state, NULL, problem);
	assert_int_equal(slo.bound[SLI_RUNQ_P99], 5000000);
	assert_int_equal(slo.tier, TIER_STANDARD);
	assert_int_equal(slo.source, SLO_FROM_TRUSTED_XATTR);
	assert_non_null(strstr(problem, "asks for more"));
}

static void malformed_user_xattr_leaves_the_grant(void **state)
{
	char problem[ANNOTATE_PROBLEM_MAX];
	struct slo slo;

	annotation_set(*state, ANNOTATE_TRUSTED, "runq_p99<5ms");
	annotation_set(*state, ANNOTATE_USER, "\033[2J");
	slo = annotation_read(*state, NULL, problem);
	assert_int_equal(slo.bound[SLI_RUNQ_P99], 5000000);
	assert_int_equal(slo.source, SLO_FROM_TRUSTED_XATTR);
	assert_non_null(strstr(problem, "user.forestall.slo, column 1"));
	assert_null(strchr(problem, '\033'));
}

#define PLACED(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACED(nothing_said_is_the_default),
		PLACED(config_speaks_where_no_xattr_does),
		PLACED(trusted_xattr_beats_config),
		PLACED(malformed_trusted_xattr_is_no_annotation_and_is_reported),
		PLACED(oversized_xattr_is_reported),
		PLACED(user_xattr_alone_grants_nothing),
		PLACED(user_xattr_tightens_only),
		PLACED(malformed_user_xattr_leaves_the_grant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
