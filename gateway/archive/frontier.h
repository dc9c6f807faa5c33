// The root of a log that is read from its first block on, leaf by leaf: the complete subtrees that
// make it up so far. Beside ledger/merkle.h, whose roots come from the tiles that a ledger keeps,
// this one needs nothing but the leaves. Pure.
#ifndef TALLY_ARCHIVE_FRONTIER_H
#define TALLY_ARCHIVE_FRONTIER_H

#include "ledger/merkle.h"

#define FRONTIER_RECENT 4096 // sizes whose roots are kept

struct frontier {
    uint64_t size;
    struct digest nodes[MERKLE_PROOF_MAX]; // of 2^i leaves, where bit i of size is set
    struct digest recent[FRONTIER_RECENT]; // root of the first n leaves at n % FRONTIER_RECENT
};

void frontier_begin(struct frontier *frontier);
void frontier_add(struct frontier *frontier, const struct digest *leaf);
// The root of the first `size` leaves; NULL when that is above the size, or below it by
// FRONTIER_RECENT or more. Until the next frontier_add.
const struct digest *frontier_root(const struct frontier *frontier, uint64_t size);

#endif
