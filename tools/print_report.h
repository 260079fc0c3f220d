/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is told of an instance beside its numbers, as tables; nothing where there is nothing. */
#ifndef FORESTALL_PRINT_REPORT_H
#define FORESTALL_PRINT_REPORT_H

#include <jansson.h>

void app_print(const json_t *metrics);
void log_print(json_t *log);
void runners_print(const json_t *runners);

/* {"SLI":{"RESOURCE":{...}}} as instance.show has it; nothing is printed of nothing. */
void response_print(json_t *response);

/* {"RESOURCE":{...}} as instance.show has it: what forecasts have earned; nothing is printed of nothing. */
void credit_print(json_t *credit);

/* One line of "coverage" of the status: what the kernel made and did not tell of, as it does while other programs come to and go. */
void coverage_print(const json_t *coverage);

#endif
