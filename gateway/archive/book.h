// The definitions that blocks name, found by hash. Pure.
#ifndef TALLY_ARCHIVE_BOOK_H
#define TALLY_ARCHIVE_BOOK_H

#include "archive/points.h"

#define BOOK_ENTRIES_MAX 4096
#define BOOK_BYTES_MAX   (256u << 20) // of definitions, in all

struct book_entry {
    struct digest hash;
    struct points points;
    bool named; // by a block; for the caller
};

struct book {
    struct book_entry *entries; // in the order of book_add
    size_t count, room;
    size_t last; // found last
    size_t bytes;
};

void book_free(struct book *book);
// Reads definitions and keeps them under their hash. ERROR_INPUT, ERROR_RANGE (too many),
// ERROR_MEMORY; the book is then as before.
int book_add(struct book *book, const void *bytes, size_t length, struct why *why);
// NULL when they are not in it. Until the next book_add.
struct book_entry *book_find(struct book *book, const struct digest *hash);

#endif
