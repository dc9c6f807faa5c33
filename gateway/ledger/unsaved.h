// The file `unsaved`: blocks, one a line, that a run could not store. How it is read, line by line,
// and how what belongs to the log is taken in. Internal to gateway/ledger.
#ifndef TALLY_LEDGER_UNSAVED_H
#define TALLY_LEDGER_UNSAVED_H

#include "ledger/inside.h"

#include <stdio.h>

#define UNSAVED_FILE "unsaved"

bool unsaved_is_there(const char *folder);

struct unsaved {
    FILE *file; // NULL: there is none
    char *line; // BLOCK_BYTES_MAX
};

// Opens <folder>/unsaved. 0, also when there is none.
int unsaved_open(struct unsaved *unsaved, const char *folder, struct why *why);
void unsaved_close(struct unsaved *unsaved);
// The next line into unsaved->line, its end included. False at the end of the file. *length is 0
// for a line that is no block: too long, or without its end.
bool unsaved_next(struct unsaved *unsaved, size_t *length);

#endif
