// All amendments that a ledger holds, and which of them holds for a reading: of several the last in
// the order of recording.
//
// An amendment that names no reading of this ledger as it is (another value, point or time, or one
// that came later) amends nothing, whatever it says: the daemon takes what it is given. One of a
// reading that was pruned cannot be compared any more. One thread.
#ifndef TALLY_TOOLS_AMENDMENTS_H
#define TALLY_TOOLS_AMENDMENTS_H

#include "amendments/amendment.h"

#include "ledger/ledger.h"

enum amended_state {
    AMENDED_HOLDS,      // it is what the reading is amended to, or, of a withdrawal, why it is not
    AMENDED_SUPERSEDED, // a later one holds
    AMENDED_PRUNED,     // its reading is kept no more
    AMENDED_NOTHING,    // there is no such reading
};

// An amendment on record.
struct amended {
    struct amendment what; // `reason` is owned
    char name[ENTRY_SUBJECT_MAX + 1];
    char account[33]; // who they said they are …
    unsigned user;    // … and the number of the user whose program asked
    int64_t t_us;     // when it was put on record
    uint64_t n;       // in which block …
    size_t event;     // … and which of its events
    enum amended_state state;
};

struct amendments {
    // By the reading's block and place there, then as they were recorded; those that hold or are
    // superseded, `amending` of them, before all others.
    struct amended *list;
    size_t count, amending, room;
    size_t malformed;    // entries whose text is not of the form
    char first[WHY_MAX]; // … of the first of them: where, and what was expected
};

// Finds them and looks at the readings that they name. 0 and *out (amendments_free it, in any
// case), ERROR_MEMORY, or what reading gives.
int amendments_load(struct amendments *out, struct ledger_reader *reader, struct why *why);
void amendments_free(struct amendments *amendments);

// Those of one reading, as they were recorded: *count of them from the one returned on. NULL: none
// that names it rightly.
const struct amended *amendments_of(const struct amendments *amendments, uint64_t block,
                                    size_t index, size_t *count);
// What the reading is amended to: a value, or none (AMENDMENT_VOID). NULL: it holds as recorded.
const struct amendment *amendments_find(const struct amendments *amendments, uint64_t block,
                                        size_t index);
// How many readings of these points are amended in [from_us, to_us), by their own time.
size_t amendments_count(const struct amendments *amendments, const uint32_t *points,
                        size_t point_count, int64_t from_us, int64_t to_us);
// Says, by `command`, how many there are that amend nothing, if any. Returns whether there are.
bool amendments_say_faults(const struct amendments *amendments, const char *command);

#endif
