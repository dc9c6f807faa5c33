#include "ledger/frontier.h"

#include "base/error.h"

static unsigned peak_count(uint64_t size)
{
    return (unsigned)__builtin_popcountll(size);
}

void frontier_add(struct frontier *frontier, const struct digest *leaf)
{
    struct digest hash = *leaf;
    unsigned count = peak_count(frontier->size);
    for (uint64_t rest = frontier->size; rest & 1; rest >>= 1) {
        hash = merkle_node(&frontier->peaks[--count], &hash);
    }
    frontier->peaks[count] = hash;
    frontier->size++;
}

struct digest frontier_root(const struct frontier *frontier)
{
    unsigned count = peak_count(frontier->size);
    if (count == 0) {
        return merkle_root_of(NULL, 0);
    }
    struct digest hash = frontier->peaks[--count];
    while (count) {
        hash = merkle_node(&frontier->peaks[--count], &hash);
    }
    return hash;
}

int frontier_from_last(struct frontier *frontier, uint64_t size, const struct digest *leaf,
                       const struct digest *proof, size_t count)
{
    *frontier = (struct frontier){.size = size};
    if (size == 0) {
        return OK;
    }
    // The last leaf is the last of the narrowest subtree: first its siblings within, then the roots
    // of the wider ones, from the right.
    unsigned within = (unsigned)__builtin_ctzll(size), peaks = peak_count(size);
    if (count != within + peaks - 1) {
        return ERROR_INPUT;
    }
    struct digest hash = *leaf;
    for (unsigned i = 0; i < within; i++) {
        hash = merkle_node(&proof[i], &hash);
    }
    for (unsigned i = 0; i < peaks; i++) {
        frontier->peaks[peaks - 1 - i] = i == 0 ? hash : proof[within + i - 1];
    }
    return OK;
}
