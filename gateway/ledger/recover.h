// What is done when the ledger found cannot be gone on with: it is set aside whole, and what no
// uplink has acknowledged is saved from it into the new log. Internal to gateway/ledger.
//
// Never writes to what is set aside. The file `lock` holds two or three lines: the origin of the
// log; the folder that is being recovered from, so that a crash in between loses nothing; and
// `open` while a daemon has the ledger open or has not closed it: then there is a WAL beside it.
#ifndef TALLY_LEDGER_RECOVER_H
#define TALLY_LEDGER_RECOVER_H

#include "ledger/inside.h"

struct recover_note {
    char origin[BLOCK_ORIGIN_MAX + 1]; // "" when no log was begun yet
    char folder[64];                   // set-aside-…, within the data folder; "" when none
    bool open;
};

// Whether it is <site code>/<gateway name>/<32 hexadecimal digits>: a damaged page may say
// anything, and then the note of it counts.
bool recover_is_origin(const char *text);

void recover_note_read(int lock_fd, struct recover_note *note);
int recover_note_write(int lock_fd, const struct recover_note *note, struct why *why);

// The file `damaged`: damage found while running, and what it was. recover_condemned: 0, or
// ERROR_DAMAGED with what the file says.
void recover_condemn(const char *directory, const char *what);
int recover_condemned(const char *directory, struct why *why);
void recover_pardon(const char *directory);

// Moves database, WAL and index into a new folder of the data folder, whose name it gives.
int recover_set_aside(const struct ledger *ledger, char folder[64], struct why *why);

// Saves whole blocks and point numbers from the database in `note`'s folder, and whole blocks from
// the file `unsaved`, within the caller's transaction of the new log. What cannot be read is left;
// an error is only one of the new log's.
int recover_salvage(struct ledger *ledger, const struct recover_note *note,
                    struct ledger_opening *opening, struct why *why);

// Appends what is in the file `unsaved` to the log where it belongs there, and removes the file.
int recover_unsaved(struct ledger *ledger, struct why *why);

#endif
