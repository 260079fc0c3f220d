/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Model files on disk; the format is predict/model.h's. World: reads and writes files. */
#ifndef FORESTALL_MODELFILE_H
#define FORESTALL_MODELFILE_H

#include <stddef.h>

#include "predict/model.h"

/*
 * Reads path into *ret_model, which is untouched on failure. 0, or a negative errno of open/read, -ENOMEM, or what
 * model_parse() returns. message gets one line, "model PATH: what is wrong; remedy", or "" on success.
 */
int model_load(const char *path, struct model *ret_model, char *message, size_t message_size);

/*
 * Where the shipped model is: share/forestall/default.model of the prefix this program was installed in, or model/ of
 * the tree it was built in. 0, or -ENOENT with *ret_path the place where it was looked for first.
 */
int model_find(char *ret_path, size_t size);

/* Puts bytes at path as model_save() does. 0 or -errno. */
int modelfile_replace(const char *path, const void *bytes, size_t size);

/*
 * Writes model to path, mode 0644, so that after a crash path holds either the old file or the whole new one: a
 * temporary file beside it, fsync, rename, fsync of the directory. 0, or a negative errno, or what model_format()
 * returns; message as above. On failure path is as it was, unless only the last fsync failed.
 */
int model_save(const char *path, const struct model *model, char *message, size_t message_size);

#endif
