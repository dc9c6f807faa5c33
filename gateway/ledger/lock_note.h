// The note in the file `lock`: which log is in the folder, which folder is being recovered from,
// and how many blocks there are at least while a daemon has it open. Internal to gateway/ledger.
//
// It outlives a database that is damaged or gone, and tells whether some of its end is. The caller
// holds the lock on the file.
#ifndef TALLY_LEDGER_LOCK_NOTE_H
#define TALLY_LEDGER_LOCK_NOTE_H

#include "base/error.h"
#include "ledger/block.h"

#include <stdbool.h>
#include <stdint.h>

struct lock_note {
    char origin[BLOCK_ORIGIN_MAX + 1]; // "" when no log was begun yet
    char
        folder[64]; // set-aside-…, within the data folder, until the log after it has a block; else
                    // ""
    bool open;      // a daemon has the ledger open, or did not close it
    uint64_t least; // then: it holds at least so many blocks
};

// What cannot be read is as if it were not there.
void lock_note_read(int lock_fd, struct lock_note *note);
// Durable on return.
int lock_note_write(int lock_fd, const struct lock_note *note, struct why *why);

// Whether it is <site code>/<gateway name>/<32 hexadecimal digits>: a damaged page may say
// anything, and then the note of it counts.
bool lock_note_is_origin(const char *text);

#endif
