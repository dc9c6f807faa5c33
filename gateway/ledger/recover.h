// What is done when the ledger found cannot be gone on with: it is set aside whole, and what no
// uplink has acknowledged is saved from it into the new log. Internal to gateway/ledger.
//
// A crash in between loses nothing. The folder is in the note (note.h) before anything is moved
// into it, and until the log after it has a block; the file `why` in it, written when all is there,
// holds the reason. Nothing else is ever written into what is set aside.
#ifndef TALLY_LEDGER_RECOVER_H
#define TALLY_LEDGER_RECOVER_H

#include "ledger/inside.h"

// The file `damaged`: damage found while running, and what it was. recover_condemned: 0, or
// ERROR_DAMAGED with what the file says.
void recover_condemn(const char *directory, const char *what);
int recover_condemned(const char *directory, struct why *why);
void recover_pardon(const char *directory);

enum recover_state {
    RECOVER_NONE,
    RECOVER_BROKEN_OFF, // what is to be set aside was moved in part
    RECOVER_MOVED,      // all of it is in the note's folder
};
// How far setting aside came before a crash; `why` gets the reason when it was written down.
enum recover_state recover_look(const struct ledger *ledger, struct why *why);

// Moves database, WAL, index and `unsaved` into the note's folder, which it makes and notes before;
// with the folder full already (RECOVER_MOVED), into another: then they are of a new log that never
// had a block.
int recover_set_aside(struct ledger *ledger, const char *reason, struct why *why);

// Closes and removes a new log that never had a block.
void recover_discard(struct ledger *ledger);

// Saves whole blocks and point numbers from the database in the note's folder, and whole blocks
// from the file `unsaved` there, within the caller's transaction of the new log. What cannot be
// read is left, and so is what exceeds the files that `opening` has room for, which it tells; an
// error is only one of the new log's.
int recover_salvage(struct ledger *ledger, struct ledger_opening *opening, struct why *why);

#endif
