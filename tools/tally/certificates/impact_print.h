// What the files that print what is touched share. Private to impact_print_…().
#ifndef TALLY_TOOLS_IMPACT_PRINT_H
#define TALLY_TOOLS_IMPACT_PRINT_H

#include "certificates/impact.h"

#define OUT_MAX (4u << 20)

// To standard output, and frees it.
void impact_write_out(struct text *out);
void impact_append_day(struct text *out, int64_t day);
// Errors of a quantity by load are parts; people and programs get them in percent.
double impact_shown(const struct impact_subject *subject, double error);
const char *impact_error_unit(const struct impact_subject *subject);
// Whether a report holds the readings counted, else it may.
bool impact_is_certain(const struct impact_report *report);

// --- impact_json.c

void impact_json_head(const struct impact_print *print);
void impact_json_row(const struct impact_print *print, const struct impact_row *row);
void impact_json_end(const struct impact_print *print);

#endif
