/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LOAD_ADDRESS_H
#define LOAD_ADDRESS_H

#include <netinet/in.h>

/* Reads IPv4:PORT. Returns 0 or -EINVAL; *ret is then undefined. */
int address_parse(const char *text, struct sockaddr_in *ret);

#endif
