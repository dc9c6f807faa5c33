// The forms of a report of energy that are written row by row: what energy_rows.c chooses from.
// Private to energy_rows_…().
//
// Each appends to `out`, which keeps whether it failed.
#ifndef TALLY_TOOLS_ENERGY_FORMS_H
#define TALLY_TOOLS_ENERGY_FORMS_H

#include "report/energy_rows.h"

void energy_text_begin(const struct energy_head *head, struct text *out);
void energy_text_write(const struct energy_head *head, const struct account *account,
                       struct text *out);

void energy_csv_begin(struct text *out);
void energy_csv_write(const struct energy_head *head, const struct account *account,
                      struct text *out);

void energy_json_begin(const struct energy_head *head, struct text *out);
void energy_json_write(const struct energy_head *head, const struct account *account,
                       struct text *out, bool first);

#endif
