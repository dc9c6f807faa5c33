#include "archive/roots.h"

static void note(struct roots *roots)
{
    roots->recent[roots->edge.size % ROOTS_RECENT] = frontier_root(&roots->edge);
}

void roots_begin(struct roots *roots)
{
    roots->edge.size = 0;
    note(roots);
}

void roots_add(struct roots *roots, const struct digest *leaf)
{
    frontier_add(&roots->edge, leaf);
    note(roots);
}

const struct digest *roots_at(const struct roots *roots, uint64_t size)
{
    if (size > roots->edge.size || roots->edge.size - size >= ROOTS_RECENT) {
        return NULL;
    }
    return &roots->recent[size % ROOTS_RECENT];
}
