#include "archive/book.h"

#include <stdlib.h>
#include <string.h>

void book_free(struct book *book)
{
    for (size_t i = 0; i < book->count; i++) {
        points_free(&book->entries[i].points);
    }
    free(book->entries);
    *book = (struct book){0};
}

int book_add(struct book *book, const void *bytes, size_t length, struct why *why)
{
    if (book->count == BOOK_ENTRIES_MAX || length > BOOK_BYTES_MAX - book->bytes) {
        return why_set(why, ERROR_RANGE, "more than %d definitions, or %u bytes of them",
                       BOOK_ENTRIES_MAX, BOOK_BYTES_MAX);
    }
    if (book->count == book->room) {
        size_t room = book->room ? 2 * book->room : 8;
        struct book_entry *grown = realloc(book->entries, room * sizeof *grown);
        if (!grown) {
            return why_set(why, ERROR_MEMORY, "no memory for definitions");
        }
        book->entries = grown;
        book->room = room;
    }
    struct book_entry *entry = &book->entries[book->count];
    *entry = (struct book_entry){.hash = digest_of(NULL, 0, bytes, length)};
    int error = points_read(&entry->points, bytes, length, why);
    if (!error) {
        book->count++;
        book->bytes += length;
    }
    return error;
}

struct book_entry *book_find(struct book *book, const struct digest *hash)
{
    if (book->last < book->count &&
        memcmp(&book->entries[book->last].hash, hash, sizeof *hash) == 0) {
        return &book->entries[book->last];
    }
    for (size_t i = 0; i < book->count; i++) {
        if (memcmp(&book->entries[i].hash, hash, sizeof *hash) == 0) {
            book->last = i;
            return &book->entries[i];
        }
    }
    return NULL;
}
