// Puts on record that a report of energy was issued: which file, and of which registers and time.
#ifndef TALLY_TOOLS_ENERGY_ISSUE_H
#define TALLY_TOOLS_ENERGY_ISSUE_H

#include "report/energy_rows.h"
#include "tally.h"

// `by`: NULL for the account that runs this program. `path` holds the report, in the form
// ("xlsx" …). Says on standard output what is on record; 0, or an error with why.
int energy_issue(const struct place *place, const char *by, const struct energy_head *head,
                 const char *form, const struct account *const *accounts, size_t count,
                 const char *path, struct why *why);

#endif
