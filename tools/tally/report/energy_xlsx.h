// A report of energy as a workbook (XLSX): totals, intervals, charts, and a sheet that says where
// it comes from. Moments are date cells by the site's clocks; a number with more digits than a cell
// of numbers holds is text, which the cell beside it says.
#ifndef TALLY_TOOLS_ENERGY_XLSX_H
#define TALLY_TOOLS_ENERGY_XLSX_H

#include "report/energy_rows.h"

// Writes the file, whole or not at all (outfile.h). 0, ERROR_MEMORY, or what writing gives, with
// why.
int energy_xlsx_write(const struct energy_head *head, const struct account *const *accounts,
                      size_t count, const char *path, struct why *why);

#endif
