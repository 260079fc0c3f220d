/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>

int address_parse(const char *text, struct sockaddr_in *ret)
{
	char host[INET_ADDRSTRLEN];
	unsigned int port;

	if (sscanf(text, "%15[0-9.]:%u", host, &port) != 2 || port > UINT16_MAX)
		return -EINVAL;
	*ret = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	return inet_pton(AF_INET, host, &ret->sin_addr) == 1 ? 0 : -EINVAL;
}
