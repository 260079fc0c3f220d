/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DEMO_STYLE_H
#define DEMO_STYLE_H

/* The page's style sheet, for light and dark. */
extern const char *const style_css;

#endif
