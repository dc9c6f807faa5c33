// Entries: what a person put on record (docs/FORMAT.md, §1.3): jobs, amendments, issued reports.
//
// Written by the running daemon, which alone writes to the ledger; read from the ledger, without
// looking at the blocks that hold none.
#ifndef TALLY_TOOLS_ENTRY_H
#define TALLY_TOOLS_ENTRY_H

#include "ledger/ledger.h"
#include "tally.h"

struct entry {
    uint64_t n;   // the block that it is in …
    size_t index; // … and which of its events
    int64_t t_us; // when it was put on record, by the gateway's clock
    const char *kind, *subject;
    char account[33]; // what they said who they are
    unsigned user;    // the number of the user whose program asked, by the gateway's kernel
    const char *body; // what is stated, behind "by <account> (user <number>): "
    const struct block_view *block; // all of that block
};

// Has the daemon put it on record, and waits until it is durable (10 s at most). `by`: NULL for the
// account that runs this program; another is put on record with a remark. `subject` and `body`
// without control characters, as long as above. 0 and *n, the block; else an error with why, and
// then nothing is on record, but for ERROR_TIMEOUT: it may yet be. Needs place->control and
// place->ledger.
int entry_put(const struct place *place, const char *kind, const char *by, const char *subject,
              const char *body, uint64_t *n, struct why *why);

// Calls `visit` with each entry of kinds that begin with `kind` ("job.", "" for all) in blocks from
// `from_n` on, in order of recording; what it is given holds until it returns. It returns 0 to go
// on; anything else ends it and is returned. An event of such a kind whose text has another form is
// passed over: the daemon never wrote it. 0 at the end, or an error with why.
int entry_each(struct ledger_reader *reader, uint64_t from_n, const char *kind,
               int (*visit)(void *context, const struct entry *entry), void *context,
               struct why *why);

#endif
