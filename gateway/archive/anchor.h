// Signed statements held against the keys that someone trusts. Shared by the checks of exports and
// of ledgers; internal to gateway/archive.
#ifndef TALLY_ARCHIVE_ANCHOR_H
#define TALLY_ARCHIVE_ANCHOR_H

#include "archive/verdict.h"
#include "ident/checkpoint.h"

// What became of the receipts looked at so far.
struct anchoring {
    const struct anchors *anchors;
    struct run *run;         // faults go there
    struct verdict *verdict; // centres without a key go there
    bool used[BOUNDS_CENTRES_MAX];
};

// Reads a checkpoint of `origin`. With a gateway's key in the anchors, its signature must hold:
// else an error with why.
int anchor_checkpoint(const struct anchors *anchors, const char *origin, const void *note,
                      size_t length, struct checkpoint *checkpoint, struct why *why);
// Whether one of the centres' keys signed it. A signature that does not hold is a fault; a centre
// without a key is noted.
bool anchor_receipt(struct anchoring *anchoring, const struct receipt *receipt,
                    const struct note *note);
// What whoever asks has besides: each must be of this log, and of no more than `head` has.
void anchor_given(struct anchoring *anchoring, const struct checkpoint *head);
// A key that nothing is signed with, where others' receipts are: a fault. At the end.
void anchor_finish(const struct anchoring *anchoring);
// The limit that a receipt sets whose root was seen to be of blocks up to `last`: kept when it says
// more than the one before.
void anchor_limit(struct verdict *verdict, const struct receipt *receipt, uint64_t last);
// Fills in what the run and the bounds have found.
void verdict_fill(struct verdict *verdict, const struct run *run, const struct bounds *bounds);

#endif
