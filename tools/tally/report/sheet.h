// A sheet of a workbook (XLSX), written row by row: text, numbers of which no digit is lost, and
// moments by the site's clocks. sheet.c and energy_xlsx.c are the only users of libxlsxwriter.
//
// Not thread-safe: local time is the process's time zone (show_set_zone).
#ifndef TALLY_TOOLS_SHEET_H
#define TALLY_TOOLS_SHEET_H

#include "energy/exact.h"

#include <stdbool.h>
#include <stdint.h>
#include <xlsxwriter.h>

struct sheet_styles {
    lxw_format *head, *moment;
};

// Cells of a row are written from left to right, rows from the top: what is written is not kept in
// memory. The first error stays in `error`.
struct sheet {
    lxw_worksheet *to;
    const struct sheet_styles *styles;
    lxw_row_t row;
    lxw_error error;
};

// Adds a sheet with a row of headings that stays in sight, or with none (`headings` NULL).
struct sheet sheet_add(lxw_workbook *workbook, const struct sheet_styles *styles, const char *name,
                       const char *const *headings, const double *widths, size_t columns);
// Call it before workbook_close: whether all rows could be written.
void sheet_end(struct sheet *sheet);
// At most 32,000 bytes of it, with what no printable character is as "?"; nothing for "" and NULL.
void sheet_text(struct sheet *sheet, lxw_col_t column, const char *string);
// A number; or text, when it has more digits than the 15 that every cell of numbers holds: then
// false.
bool sheet_exact(struct sheet *sheet, lxw_col_t column, const struct exact *number);
void sheet_double(struct sheet *sheet, lxw_col_t column, double number);
bool sheet_decimal(struct sheet *sheet, lxw_col_t column, struct decimal number);
// A date with its time, as clocks of the site show it.
void sheet_moment(struct sheet *sheet, lxw_col_t column, int64_t t_us);

#endif
