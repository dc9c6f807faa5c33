// Where a report of energy goes: to standard output, or into a file, whole or not at all.
#ifndef TALLY_TOOLS_ENERGY_OUT_H
#define TALLY_TOOLS_ENERGY_OUT_H

#include "report/energy_rows.h"

// head->to is set here. `xlsx`: a workbook, instead of head's form; then there is a path. `path`
// NULL: standard output. 0, or an error with why (but for ERROR_MEMORY).
int energy_out_write(struct energy_head *head, bool xlsx, const struct account *const *accounts,
                     size_t count, const char *path, struct why *why);

#endif
