// What the files of `tally export` share.
#ifndef TALLY_TOOLS_EXPORT_H
#define TALLY_TOOLS_EXPORT_H

#include "archive/export.h"

#include <stdio.h>

// Writes the readings and misses of [from_us, to_us), of all points or of the one named, as CSV.
// Those of a block that cannot be read are left out, which is said and counted in *left_out.
int export_write_csv(struct ledger_reader *reader, const char *point, int64_t from_us,
                     int64_t to_us, FILE *to, uint64_t *left_out, struct why *why);

#endif
