// The right edge of the log's Merkle tree in memory: the tile of each level that is not full yet.
// Full tiles are written to the store, once. Internal to gateway/ledger.
//
// Rewriting the current tile at each commit would write half as much again as the blocks
// themselves; the leaf hash stands in each block's row, so that the partial tiles can be rebuilt.
#ifndef TALLY_LEDGER_TREE_H
#define TALLY_LEDGER_TREE_H

#include "ledger/merkle.h"
#include "ledger/store.h"

#define TREE_LEVELS 5 // 256^5 blocks

struct tree_level {
    struct digest hashes[TILE_WIDTH];
    unsigned count;
    int64_t t_lo_us, t_hi_us; // span of what is in it
};

struct tree {
    uint64_t size;
    struct tree_level levels[TREE_LEVELS];
};

// Rebuilds it for a log of `size` blocks. ERROR_DAMAGED when a row is missing.
int tree_load(struct tree *tree, struct store *store, uint64_t size, struct why *why);
// Adds a leaf and writes the tiles that it fills, within the caller's transaction. After an error,
// and when the transaction is rolled back, the tree must be loaded again.
int tree_add(struct tree *tree, struct store *store, const struct digest *leaf, int64_t t_lo_us,
             int64_t t_hi_us, struct why *why);

#endif
