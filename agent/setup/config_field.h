/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one table of keys in forestall.conf. Inside of config.c. */
#ifndef FORESTALL_CONFIG_FIELD_H
#define FORESTALL_CONFIG_FIELD_H

#include "setup/config.h"

#define CONFIG_FIELD_COUNT_MAX 64

/* Index of the key in the table, or -ENOENT. */
int config_field_find(const char *section, const char *key);

/* True when some key belongs to that section. */
bool config_section_is_known(const char *section);

/* Sets the field of *config. 0, or -EINVAL with what the value must be in reason. */
int config_field_set(struct config *config, int idx, const char *value, char *reason, size_t size);

#endif
