// The Merkle tree of RFC 6962 §2.1 over leaf hashes, kept as full tiles 256 wide: roots and proofs
// from a few tiles. Pure; the caller stores the tiles.
#ifndef TALLY_LEDGER_MERKLE_H
#define TALLY_LEDGER_MERKLE_H

#include "base/digest.h"

#include <stddef.h>
#include <stdint.h>

#define TILE_WIDTH       256
#define MERKLE_PROOF_MAX 64

// SHA-256(0x01 ‖ left ‖ right).
struct digest merkle_node(const struct digest *left, const struct digest *right);
// Root of 1 to TILE_WIDTH hashes (of 0: SHA-256 of nothing).
struct digest merkle_root_of(const struct digest *hashes, size_t count);

// Gives hash `index` of `level` (level 0: leaves; level k: roots of full tiles of level k - 1).
// Returns 0 or a negative error.
typedef int merkle_fetch(void *context, unsigned level, uint64_t index, struct digest *out);

int merkle_root(merkle_fetch *fetch, void *context, uint64_t size, struct digest *root);
// From the leaf's sibling up (RFC 6962 §2.1.1). *count hashes written.
int merkle_inclusion(merkle_fetch *fetch, void *context, uint64_t index, uint64_t size,
                     struct digest proof[MERKLE_PROOF_MAX], size_t *count);
// 0, or ERROR_INPUT.
int merkle_check_inclusion(const struct digest *leaf, uint64_t index, uint64_t size,
                           const struct digest *proof, size_t count, const struct digest *root);
// That the log of `size` begins with the log of `old_size` (RFC 6962 §2.1.2): 0 < old_size <= size,
// else ERROR_ABSENT. Of equal sizes the proof is empty.
int merkle_consistency(merkle_fetch *fetch, void *context, uint64_t old_size, uint64_t size,
                       struct digest proof[MERKLE_PROOF_MAX + 1], size_t *count);
// 0, or ERROR_INPUT.
int merkle_check_consistency(uint64_t old_size, uint64_t size, const struct digest *proof,
                             size_t count, const struct digest *old_root,
                             const struct digest *root);

#endif
