// When blocks were made, by what centres signed: later than the receipts that stand in blocks
// before them, not later than the first receipt that covers them; and which readings are timed
// outside that.
//
// A receipt in a block proves that the block, and all behind it, are later than it, since nobody
// can know a signature before it was made. A receipt over a root proves that all below it are not
// later; whoever calls must have seen that the root is of these very blocks. Signatures are
// verified when something depends on them, at a millisecond each. One thread.
#ifndef TALLY_ARCHIVE_BOUNDS_H
#define TALLY_ARCHIVE_BOUNDS_H

#include "ident/note.h"
#include "ident/receipt.h"
#include "ledger/block.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BOUNDS_CENTRES_MAX 32
#define BOUNDS_SHOWN       5
#define BOUNDS_WAITING_MAX (1u << 18) // readings that wait for a receipt; the oldest give way
#define BOUNDS_GRAIN_US    1000000    // a receipt's time is in whole seconds

// A reading whose time, its window and its block's clock error allowed for, cannot be.
struct bounds_outside {
    uint64_t block;
    uint32_t point;
    int64_t t_us;
    bool late; // later than a receipt that covers it; else earlier than one in a block before it
    int64_t receipt_s;
    char centre[NOTE_NAME_MAX + 1];
};

// What a centre's receipt says of a run of blocks.
struct bounds_limit {
    bool there;
    uint64_t block; // that holds the receipt, or the last that it covers
    int64_t time_s;
    uint64_t size; // of the log that the receipt is of
    char centre[NOTE_NAME_MAX + 1];
};

struct bounds;

// `keys` (at most BOUNDS_CENTRES_MAX) are borrowed. Only their receipts count. NULL without memory.
struct bounds *bounds_make(const struct trusted_key *keys, size_t count);
void bounds_free(struct bounds *bounds);

// The key that a receipt would be of, by name and identifier; NULL: none of ours.
const struct trusted_key *bounds_key_of(const struct trusted_key *keys, size_t count,
                                        const struct receipt *receipt, const struct note *note);

// A receipt that was verified, and covers the blocks up to and including `last`. Before the blocks.
void bounds_cover(struct bounds *bounds, uint64_t last, const struct receipt *receipt);
// The next block of the log, with its events.
void bounds_take(struct bounds *bounds, const struct block_view *view);

// The first receipt that stands in a block: what is behind that block is later. Of several centres
// the one that says most.
struct bounds_limit bounds_lower(const struct bounds *bounds);
// How many readings are outside; the first of them, at most BOUNDS_SHOWN, as
// shown[0..*shown_count].
uint64_t bounds_outside(const struct bounds *bounds, const struct bounds_outside **shown,
                        size_t *shown_count);

// Calls `each` for every event of a block that is a receipt for this log, of whatever centre, and
// its text unescaped.
void bounds_each_receipt(const struct block_view *view,
                         void (*each)(void *context, const struct receipt *receipt,
                                      const struct note *note, const struct text *text),
                         void *context);

#endif
