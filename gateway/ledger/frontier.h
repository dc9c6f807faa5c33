// The right edge of a Merkle tree (RFC 6962): the roots of the complete subtrees that a log of some
// size is made of, so that its root, and that of what comes behind it, needs no look at the store.
// Pure.
#ifndef TALLY_LEDGER_FRONTIER_H
#define TALLY_LEDGER_FRONTIER_H

#include "ledger/merkle.h"

struct frontier {
    uint64_t size;
    struct digest peaks[MERKLE_PROOF_MAX]; // one for each bit of size, the widest first
};

void frontier_add(struct frontier *frontier, const struct digest *leaf);
struct digest frontier_root(const struct frontier *frontier);
// From the last leaf of a log and the proof that it is in it (merkle_inclusion): the proof names
// what stands left of it, which is all of the edge. ERROR_INPUT when the proof is of another
// length. Size 0 needs neither.
int frontier_from_last(struct frontier *frontier, uint64_t size, const struct digest *leaf,
                       const struct digest *proof, size_t count);

#endif
