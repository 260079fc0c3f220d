/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A call to the system bus that ends in time. Used by systemd.c alone. */
#ifndef FORESTALL_ACT_SYSTEMD_BUS_H
#define FORESTALL_ACT_SYSTEMD_BUS_H

#include <systemd/sd-bus.h>

#define SYSTEMD_NAME "org.freedesktop.systemd1"

/*
 * The connection, opened when there is none; -EHOSTDOWN when it cannot be, or when the bus did not answer lately.
 * Messages for systemd_bus_call() are made on it.
 */
int systemd_bus_open(sd_bus **ret);

/* Sends `message` and waits for its answer. The caller releases *ret_reply, which may be NULL. -EHOSTDOWN, -errno. */
int systemd_bus_call(sd_bus_message *message, sd_bus_message **ret_reply);

#endif
