// The sheet of a workbook of energy that has all but the intervals: totals, spans, what is unknown,
// exchanges, demand, tariff, coal equivalent.
#ifndef TALLY_TOOLS_ENERGY_XLSX_TOTALS_H
#define TALLY_TOOLS_ENERGY_XLSX_TOTALS_H

#include "report/energy_rows.h"
#include "report/sheet.h"

// What stands beside a number that is text.
#define ENERGY_XLSX_TEXT "text: more digits than a number in a cell holds"

// Adds the sheet. Its first error is in `error`.
struct sheet energy_xlsx_totals(lxw_workbook *workbook, const struct sheet_styles *styles,
                                const struct energy_head *head,
                                const struct account *const *accounts, size_t count);

#endif
