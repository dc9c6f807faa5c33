// The definitions and files of a ledger that blocks name: each read and checked once, and listed.
// One thread.
#ifndef TALLY_ARCHIVE_CABINET_H
#define TALLY_ARCHIVE_CABINET_H

#include "archive/book.h"
#include "ledger/ledger.h"

#define CABINET_FILES_MAX 16384

struct cabinet {
    struct ledger_reader *reader; // borrowed
    struct book book;
    struct digest *files; // ascending
    size_t count, room;
    struct text bytes;
};

void cabinet_begin(struct cabinet *cabinet, struct ledger_reader *reader);
void cabinet_free(struct cabinet *cabinet);
// Finds definitions, with every file that they name: for run.h. NULL and why when something is
// missing or damaged.
struct book_entry *cabinet_definitions(void *cabinet, const struct digest *hash, struct why *why);
// A file that something names. ERROR_ABSENT, ERROR_DAMAGED, ERROR_RANGE (CABINET_FILES_MAX).
int cabinet_file(struct cabinet *cabinet, const struct digest *hash, struct why *why);
// The files that a block's events name (run_each_file). As cabinet_file, for the first that fails.
int cabinet_recovered(struct cabinet *cabinet, const struct block_view *view, struct why *why);

#endif
