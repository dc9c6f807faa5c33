// The roots of a log that is read from its first block on: of what was read so far, and of the last
// sizes before. Beside ledger/merkle.h, whose roots come from the tiles that a ledger keeps, these
// need nothing but the leaves. Pure.
#ifndef TALLY_ARCHIVE_ROOTS_H
#define TALLY_ARCHIVE_ROOTS_H

#include "ledger/frontier.h"

#define ROOTS_RECENT 4096 // sizes whose roots are kept

struct roots {
    struct frontier edge;               // edge.size leaves were read
    struct digest recent[ROOTS_RECENT]; // root of the first n leaves at n % ROOTS_RECENT
};

void roots_begin(struct roots *roots);
void roots_add(struct roots *roots, const struct digest *leaf);
// The root of the first `size` leaves; NULL when that is above the size, or below it by
// ROOTS_RECENT or more. Until the next roots_add.
const struct digest *roots_at(const struct roots *roots, uint64_t size);

#endif
