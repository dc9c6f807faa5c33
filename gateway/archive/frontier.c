#include "archive/frontier.h"

static struct digest root_now(const struct frontier *frontier)
{
    if (frontier->size == 0) {
        return merkle_root_of(NULL, 0);
    }
    unsigned at = (unsigned)__builtin_ctzll(frontier->size);
    struct digest root = frontier->nodes[at];
    for (at++; at < MERKLE_PROOF_MAX && frontier->size >> at; at++) {
        if (frontier->size >> at & 1) {
            root = merkle_node(&frontier->nodes[at], &root);
        }
    }
    return root;
}

void frontier_begin(struct frontier *frontier)
{
    frontier->size = 0;
    frontier->recent[0] = root_now(frontier);
}

void frontier_add(struct frontier *frontier, const struct digest *leaf)
{
    struct digest node = *leaf;
    unsigned at = 0;
    for (; frontier->size >> at & 1; at++) {
        node = merkle_node(&frontier->nodes[at], &node);
    }
    frontier->nodes[at] = node;
    frontier->size++;
    frontier->recent[frontier->size % FRONTIER_RECENT] = root_now(frontier);
}

const struct digest *frontier_root(const struct frontier *frontier, uint64_t size)
{
    if (size > frontier->size || frontier->size - size >= FRONTIER_RECENT) {
        return NULL;
    }
    return &frontier->recent[size % FRONTIER_RECENT];
}
