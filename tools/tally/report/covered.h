// Which receipts cover what a ledger holds of a stretch of time: of the centres whose keys are
// given, those whose signature verifies and whose root is the ledger's.
#ifndef TALLY_TOOLS_COVERED_H
#define TALLY_TOOLS_COVERED_H

#include "ident/receipt.h"
#include "ledger/ledger.h"

#define COVERED_MAX LEDGER_NOTES_MAX // receipts, and keys

// A centre whose receipts count.
struct covered_key {
    const char *uplink; // to which they come; NULL: whichever it is
    const struct trusted_key *key;
    bool needed; // nothing is final without it; where none is, one of all is enough
};

enum covered_state {
    COVERED_ABSENT,     // there is no receipt
    COVERED_UNVERIFIED, // it proves nothing
    COVERED_SHORT,      // good, and not of all of the stretch
    COVERED_WHOLE,
};

struct covered_receipt {
    enum covered_state state;
    bool needed;
    char uplink[33];                // "" when it is not known
    char centre[NOTE_NAME_MAX + 1]; // "" when it is not known
    struct receipt head;            // what it says, unless absent
    char why[200];                  // it is not COVERED_WHOLE
};

struct covered {
    uint64_t first, size; // blocks that are kept: [first, size)
    bool over;            // a block was closed after the stretch's end
    bool empty;           // nothing was recorded of it
    bool final; // over, and all that was recorded of it is receipted by each needed centre
    struct covered_receipt receipts[COVERED_MAX]; // one for each key …
    size_t receipt_count;                         // … or of each uplink, where there are no keys
    char before[300];                   // what is lacking in logs before this one; "": nothing
    const struct covered_receipt *best; // of most blocks, of those that are good; NULL: none
};

// `ended`: another log follows, and this one gets no more blocks. 0, or what reading gives. Of more
// than COVERED_MAX keys the first count.
int covered_find(struct ledger_reader *reader, int64_t from_us, int64_t to_us, bool ended,
                 const struct covered_key *keys, size_t key_count, struct covered *covered,
                 struct why *why);

// Block n, which is none of the stretch, must be covered too; `what` it is, for `why`.
void covered_need(struct covered *covered, uint64_t n, const char *what);

#endif
