// Roll-ups of readings as they were amended, from the blocks: what is asked of an interval in which
// a reading was.
#ifndef TALLY_TOOLS_ROLLUP_AMENDED_H
#define TALLY_TOOLS_ROLLUP_AMENDED_H

#include "amendments/amendments.h"

#include "series/rollup.h"

// Of the readings of these points in [from_us, to_us), which is added to *out. 0, or what reading
// gives, with why. Blocks that cannot be read are left out: who reads them as recorded says so.
int rollup_as_amended(struct ledger_reader *reader, const struct amendments *amendments,
                      const uint32_t *points, size_t point_count, int64_t from_us, int64_t to_us,
                      struct rollup *out, struct why *why);

#endif
