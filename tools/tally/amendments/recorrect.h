// The corrected value and U of an indication that was amended: by the certificate, resolution and k
// of its point's definition, as docs/FORMAT.md §2.2 has it.
//
// Given only where the reading has them too, and where the same reckoning gives what was recorded
// of the indication as recorded: otherwise it would be another one, beside the gateway's. One
// thread.
#ifndef TALLY_TOOLS_RECORRECT_H
#define TALLY_TOOLS_RECORRECT_H

#include "amendments/amendment.h"

#include "ledger/ledger.h"

struct recorrect;

// `reader` is borrowed. NULL: no memory.
struct recorrect *recorrect_make(struct ledger_reader *reader);
void recorrect_free(struct recorrect *recorrect); // harmless on NULL
// Sets *value and *expanded_uncertainty. False: the amended reading has none (it is void, outside
// the calibrated range, or as above).
bool recorrect(struct recorrect *recorrect, const struct amendment *amendment,
               const struct block_reading *reading, double *value, double *expanded_uncertainty);

#endif
