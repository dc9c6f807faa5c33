// The blocks of one log that no checkpoint covers yet, in memory, by number; several for one number
// while nothing says which is right. Pure book-keeping, bounded by its caller.
#ifndef TALLY_CENTRE_PENDING_H
#define TALLY_CENTRE_PENDING_H

#include "ledger/ledger.h"

#include <stdbool.h>

#define PENDING_ALTERNATIVES 4 // blocks kept for one number

struct pending_block {
    struct ledger_block block; // `packed` is owned
    struct digest previous;
    uint32_t missed;
    struct digest *files; // named by its own events; owned
    size_t file_count;
};

struct pending {
    struct pending_block **blocks; // by number, those of one number in the order they came
    size_t count, room;
    size_t bytes; // of memory
};

// The first one of number n, or the place where it would be.
size_t pending_find(const struct pending *pending, uint64_t n);
// Whether that very block waits; *others is how many others do for its number.
bool pending_has(const struct pending *pending, uint64_t n, const struct digest *leaf,
                 size_t *others);
// Takes the block over. ERROR_MEMORY: nothing changed.
int pending_add(struct pending *pending, struct pending_block *block);
// Those below n.
void pending_drop_below(struct pending *pending, uint64_t n);
void pending_clear(struct pending *pending);
// The first number from `from` on for which nothing waits.
uint64_t pending_end(const struct pending *pending, uint64_t from);
size_t pending_block_bytes(const struct pending_block *block);
void pending_block_free(struct pending_block *block);

#endif
