// What a check of an export or a ledger found, for people and programs. Plain data.
#ifndef TALLY_ARCHIVE_VERDICT_H
#define TALLY_ARCHIVE_VERDICT_H

#include "archive/bounds.h"
#include "archive/run.h"

struct verdict {
    char origin[BLOCK_ORIGIN_MAX + 1]; // "" when nothing says it
    uint64_t first, end;               // blocks [first, end) were looked at
    uint64_t signed_size;              // of the checkpoint whose signature holds; 0: none
    uint64_t more;                     // of a ledger: blocks behind `end` that are not signed yet
    uint64_t readings, missed, events;
    int64_t t_lo_us, t_hi_us; // of the readings
    struct bounds_limit lower, upper;
    uint64_t outside; // readings timed outside them
    struct bounds_outside shown[BOUNDS_SHOWN];
    size_t shown_count;
    // Centres of which there is a receipt and no key was given.
    char unknown[BOUNDS_CENTRES_MAX][NOTE_NAME_MAX + 1];
    size_t unknown_count;
    struct run_fault fault; // not found: all is well
    uint64_t faults;
    // Blocks [trusted_from, trusted_end) are as they were signed; none when equal.
    uint64_t trusted_from, trusted_end;
};

// Trust anchors: from whoever asks, never from what is checked.
struct anchors {
    const struct trusted_key *gateway; // NULL: signatures of the gateway are not looked at
    const struct trusted_key *centres;
    size_t centre_count;
    // Receipts that whoever asks has besides, such as from the centre itself.
    const struct text *receipts;
    size_t receipt_count;
};

// Told now and then how far a check is; may be NULL.
typedef void verdict_progress(void *context, uint64_t done, uint64_t all);

#endif
