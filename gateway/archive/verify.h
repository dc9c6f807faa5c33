// Whether an export, a ledger, or two exports of one log are as they were signed. Says what holds,
// between which times, where the first fault is, and what can still be trusted.
//
// Needs no network and no state; keys are the caller's. One thread.
#ifndef TALLY_ARCHIVE_VERIFY_H
#define TALLY_ARCHIVE_VERIFY_H

#include "archive/verdict.h"
#include "ledger/ledger.h"

#include <stdio.h>

// Reads all of it. OK when it was looked at: whether it is good is in the verdict. Errors are only
// our own: ERROR_MEMORY.
int verify_export(struct verdict *verdict, FILE *from, const struct anchors *anchors,
                  verdict_progress *progress, void *context, struct why *why);
// Every block that is kept, the hashes of those that are not, tiles, definitions, files, the last
// checkpoint and the receipts.
int verify_ledger(struct verdict *verdict, struct ledger_reader *reader,
                  const struct anchors *anchors, verdict_progress *progress, void *context,
                  struct why *why);

struct comparison {
    struct verdict verdicts[2];
    uint64_t from, to; // the blocks that both hold: [from, to); none when equal
    bool same_log;
    bool differ;
    uint64_t first_difference; // block
    // Both are signed, and cannot both be true. The notes are what proves it.
    bool contradiction;
    struct text notes[2];
};

// Two exports, each checked as by verify_export, and block against block.
int verify_compare(struct comparison *comparison, FILE *const from[2],
                   const struct anchors *anchors, struct why *why);
void comparison_free(struct comparison *comparison);

#endif
