/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "app_own.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app_socket.h"
#include "spare.h"

struct place {
	uint32_t slot;		/* 0: free */
	int fd;
	struct sockaddr_un address;
};

struct app_own {
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int epoll_fd;
	struct place place[APP_OWN_MAX];
};

static void stale_remove(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_type == DT_SOCK)
			unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
}

int app_own_open(const char *run_dir, struct app_own **ret)
{
	struct app_own *own = calloc(1, sizeof(*own));
	int r;

	if (!own)
		return -ENOMEM;
	own->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	r = own->epoll_fd < 0 ? -errno : 0;
	if (!r && snprintf(own->dir, sizeof(own->dir), "%s/app", run_dir) >= (int)sizeof(own->dir))
		r = -ENAMETOOLONG;
	if (!r && mkdir(own->dir, 0755) && errno != EEXIST)
		r = -errno;
	if (r) {
		app_own_close(own);
		return r;
	}
	stale_remove(own->dir);
	*ret = own;
	return 0;
}

static void place_drop(struct place *place)
{
	if (!place->slot)
		return;
	close(place->fd);
	unlink(place->address.sun_path);
	memset(place, 0, sizeof(*place));
}

void app_own_close(struct app_own *own)
{
	if (!own)
		return;
	for (int i = 0; i < APP_OWN_MAX; i++)
		place_drop(&own->place[i]);
	if (own->epoll_fd >= 0)
		close(own->epoll_fd);
	if (own->dir[0])
		rmdir(own->dir);
	free(own);
}

/* As systemd-escape --path does; 0, or -ENAMETOOLONG. */
static int name_escape(const char *path, char *ret, size_t size)
{
	size_t used = 0;

	for (const char *at = path + 1; *at; at++) {
		bool is_plain = strchr("/:_.", *at) ? *at != '.' || used : (*at >= '0' && *at <= '9') || ((*at | 32) >= 'a' && (*at | 32) <= 'z');
		int n = *at == '/' ? snprintf(ret + used, size - used, "-") :
			is_plain   ? snprintf(ret + used, size - used, "%c", *at) :
				     snprintf(ret + used, size - used, "\\x%02x", (unsigned char)*at);

		used += (size_t)n;
		if (used >= size)
			return -ENAMETOOLONG;
	}
	return used ? 0 : snprintf(ret, size, "-") >= (int)size ? -ENAMETOOLONG : 0;
}

static struct place *place_of(struct app_own *own, uint32_t slot)
{
	for (int i = 0; i < APP_OWN_MAX; i++)
		if (own->place[i].slot == slot)
			return &own->place[i];
	return NULL;
}

static void place_make(struct app_own *own, const struct observe_instance *info)
{
	char name[sizeof(own->dir)], file[sizeof(own->dir) + 16];
	struct place *place = place_of(own, 0);
	struct epoll_event event = { .events = EPOLLIN };
	int fd;

	if (!place || name_escape(info->path, name, sizeof(name)))
		return;
	snprintf(file, sizeof(file), "%s.dgram", name);
	fd = app_packet_bind(own->dir, file, &place->address);
	if (fd < 0)
		return;
	fd = spare_keep(fd, SPARE_ANNOTATED);
	event.data.u32 = (uint32_t)(place - own->place);
	if (fd < 0 || epoll_ctl(own->epoll_fd, EPOLL_CTL_ADD, fd, &event)) {
		if (fd >= 0)
			close(fd);
		unlink(place->address.sun_path);
		return;
	}
	place->fd = fd;
	place->slot = info->slot;
}

void app_own_observe(struct app_own *own, const struct observation *observation)
{
	bool is_wanted = observation->kind == OBSERVE_INSTANCE && observation->instance.slo.source != SLO_FROM_DEFAULT;
	uint32_t slot = observation->kind == OBSERVE_INSTANCE ? observation->instance.slot : observation->gone.slot;
	struct place *place;

	if ((observation->kind != OBSERVE_INSTANCE && observation->kind != OBSERVE_GONE) || !slot)
		return;
	place = place_of(own, slot);
	if (place && !is_wanted)
		place_drop(place);
	if (!place && is_wanted)
		place_make(own, &observation->instance);
}

uint32_t app_own_ready(struct app_own *own, int ret_fd[APP_OWN_MAX], uint32_t ret_slot[APP_OWN_MAX])
{
	struct epoll_event event[APP_OWN_MAX];
	int count = epoll_wait(own->epoll_fd, event, APP_OWN_MAX, 0);

	for (int i = 0; i < count; i++) {
		ret_fd[i] = own->place[event[i].data.u32].fd;
		ret_slot[i] = own->place[event[i].data.u32].slot;
	}
	return count < 0 ? 0 : (uint32_t)count;
}
