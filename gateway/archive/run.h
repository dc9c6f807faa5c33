// Checks blocks that follow one another: each is of the one form, of this log, in its place, names
// the one before it, and every point in it is defined. Counts, and remembers the first fault.
//
// Says nothing of who signed what: that is for its caller, who knows where the last block is
// proven. From there trust goes backwards along `prev`, up to the last block that does not hold.
// One thread.
#ifndef TALLY_ARCHIVE_RUN_H
#define TALLY_ARCHIVE_RUN_H

#include "archive/book.h"
#include "ledger/block.h"

#include <stdbool.h>

struct run_fault {
    bool found;
    bool in_block; // else of the whole
    uint64_t block;
    struct why why;
};

struct run {
    char origin[BLOCK_ORIGIN_MAX + 1]; // "" until a block has said it
    uint64_t first, next;              // blocks seen: [first, next)
    bool linked;                       // `leaf` is that of block next - 1
    struct digest leaf;
    struct block_view view; // of the block taken last, while it could be read
    uint64_t readings, missed, events;
    int64_t t_lo_us, t_hi_us; // of the readings; t_lo_us > t_hi_us when there is none
    struct run_fault fault;   // the first
    uint64_t faults;
    uint64_t trusted_from; // blocks [trusted_from, next) hold together
    // Finds definitions: NULL, and why, when they are not there or of another form.
    struct book_entry *(*definitions)(void *context, const struct digest *hash, struct why *why);
    void *context;
};

// `origin` may be NULL: that of the first block. Blocks from `first` on.
void run_begin(struct run *run, const char *origin, uint64_t first);
void run_free(struct run *run);
// The hash of block first - 1, when it is known.
void run_link(struct run *run, const struct digest *leaf);
// Block `next` in order. True when it holds (the view is then valid); else the fault is kept and
// the next one may still be given.
bool run_take(struct run *run, const void *bytes, size_t length);
// Block `next` is lost or damaged; its hash, where it is known all the same, or NULL.
void run_skip(struct run *run, const struct digest *leaf, const struct why *why);
// Calls `each` for every file that the block's events name (log.recovered); ends with the first
// that is not 0.
int run_each_file(const struct block_view *view,
                  int (*each)(void *context, const struct digest *hash), void *context);
// A fault of the whole, after which nothing can be trusted.
void run_fail(struct run *run, const struct why *why);
// A fault beside the blocks, which may be trusted all the same.
void run_object(struct run *run, const struct why *why);

#endif
