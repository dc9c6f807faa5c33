#include "archive/cabinet.h"

#include "archive/run.h"

#include <stdlib.h>
#include <string.h>

void cabinet_begin(struct cabinet *cabinet, struct ledger_reader *reader)
{
    *cabinet = (struct cabinet){.reader = reader, .bytes = text_make(DEFINITIONS_MAX)};
}

void cabinet_free(struct cabinet *cabinet)
{
    book_free(&cabinet->book);
    free(cabinet->files);
    text_free(&cabinet->bytes);
}

// Where the hash is, or belongs.
static size_t place_of(const struct cabinet *cabinet, const struct digest *hash, bool *there)
{
    size_t low = 0, high = cabinet->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(&cabinet->files[middle], hash, sizeof *hash) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *there = low < cabinet->count && memcmp(&cabinet->files[low], hash, sizeof *hash) == 0;
    return low;
}

static int insert(struct cabinet *cabinet, size_t at, const struct digest *hash, struct why *why)
{
    if (cabinet->count == CABINET_FILES_MAX) {
        return why_set(why, ERROR_RANGE, "more than %d files", CABINET_FILES_MAX);
    }
    if (cabinet->count == cabinet->room) {
        size_t room = cabinet->room ? 2 * cabinet->room : 64;
        struct digest *grown = realloc(cabinet->files, room * sizeof *grown);
        if (!grown) {
            return why_set(why, ERROR_MEMORY, "no memory for the files");
        }
        cabinet->files = grown;
        cabinet->room = room;
    }
    memmove(cabinet->files + at + 1, cabinet->files + at,
            (cabinet->count - at) * sizeof *cabinet->files);
    cabinet->files[at] = *hash;
    cabinet->count++;
    return OK;
}

// Reads a file of the ledger into `bytes`; says which one when it cannot.
static int read_file(struct cabinet *cabinet, const char *what, const struct digest *hash,
                     struct why *why)
{
    struct why particulars = {""};
    int error = ledger_reader_file(cabinet->reader, hash, &cabinet->bytes, &particulars);
    if (error) {
        char hex[DIGEST_HEX];
        text_format_hex(hash->bytes, DIGEST_SIZE, hex);
        why_set(why, error, "%s %s: %s", what, hex, particulars.text);
    }
    return error;
}

int cabinet_file(struct cabinet *cabinet, const struct digest *hash, struct why *why)
{
    bool there;
    size_t at = place_of(cabinet, hash, &there);
    if (there) {
        return OK;
    }
    int error = read_file(cabinet, "file", hash, why);
    return error ? error : insert(cabinet, at, hash, why);
}

struct file_search {
    struct cabinet *cabinet;
    struct why *why;
};

static int take_file(void *context, const struct digest *hash)
{
    struct file_search *search = context;
    return cabinet_file(search->cabinet, hash, search->why);
}

struct book_entry *cabinet_definitions(void *context, const struct digest *hash, struct why *why)
{
    struct cabinet *cabinet = context;
    struct book_entry *entry = book_find(&cabinet->book, hash);
    if (entry) {
        return entry;
    }
    struct file_search search = {cabinet, why};
    struct why particulars = {""};
    if (read_file(cabinet, "definitions", hash, why)) {
        return NULL;
    }
    if (book_add(&cabinet->book, cabinet->bytes.data, cabinet->bytes.length, &particulars)) {
        char hex[DIGEST_HEX];
        text_format_hex(hash->bytes, DIGEST_SIZE, hex);
        why_set(why, ERROR_INPUT, "definitions %s: %s", hex, particulars.text);
        return NULL;
    }
    entry = &cabinet->book.entries[cabinet->book.count - 1];
    return points_each_file(&entry->points, take_file, &search) ? NULL : entry;
}

int cabinet_recovered(struct cabinet *cabinet, const struct block_view *view, struct why *why)
{
    struct file_search search = {cabinet, why};
    return run_each_file(view, take_file, &search);
}
