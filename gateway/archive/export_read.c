// Reads an export strictly: entries in their order, each of the form required, none besides.
#include "archive/export.h"

#include "archive/ustar.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS_FILE_MAX ((size_t)EXPORT_BLOCKS_A_FILE * BLOCK_BYTES_MAX)

struct named_file {
    struct digest hash;
    bool named;
};

struct export_reader {
    struct ustar ustar;
    uint64_t first, end, next;
    struct text proof_bytes;
    struct checkpoint_proof proof;
    struct export_receipt receipts[BOUNDS_CENTRES_MAX];
    size_t receipt_count;
    struct book book;
    struct named_file *files; // by hash
    size_t file_count, file_room;
    struct text bytes; // of the current entry
    size_t at;         // in a file of blocks
};

static bool begins(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

static int unexpected(const struct export_reader *reader, const char *expected, struct why *why)
{
    const struct ustar *ustar = &reader->ustar;
    return ustar->ended ? why_set(why, ERROR_INPUT, "byte %" PRIu64 ": it ends; expected %s",
                                  ustar->offset, expected)
                        : why_set(why, ERROR_INPUT, "byte %" PRIu64 ": %s; expected %s",
                                  ustar->offset - USTAR_RECORD, ustar->name, expected);
}

// Puts the entry's name before what is wrong with it.
static int in_entry(const struct export_reader *reader, int error, const struct why *particulars,
                    struct why *why)
{
    return error ? why_set(why, error, "%s: %s", reader->ustar.name, particulars->text) : OK;
}

static int take_entry(struct export_reader *reader, size_t max, struct why *why)
{
    text_clear(&reader->bytes);
    return ustar_take(&reader->ustar, &reader->bytes, max, why);
}

static int take_readme(struct export_reader *reader, struct why *why)
{
    if (reader->ustar.ended || strcmp(reader->ustar.name, EXPORT_README) != 0) {
        return unexpected(reader, EXPORT_README ": this is no export of Tally", why);
    }
    int error = take_entry(reader, EXPORT_PROOF_MAX, why);
    if (!error && (reader->bytes.length != strlen(export_readme) ||
                   memcmp(reader->bytes.data, export_readme, reader->bytes.length) != 0)) {
        error = why_set(why, ERROR_INPUT, EXPORT_README ": not as this format has it");
    }
    return error ? error : ustar_next(&reader->ustar, why);
}

// Bytes that must outlive the entry.
static int keep_bytes(const struct export_reader *reader, struct text *out, struct why *why)
{
    *out = text_make(EXPORT_PROOF_MAX);
    text_append(out, reader->bytes.data, reader->bytes.length);
    return out->failed ? why_set(why, ERROR_MEMORY, "no memory for a proof") : OK;
}

static int take_proof(struct export_reader *reader, struct why *why)
{
    if (reader->ustar.ended || strcmp(reader->ustar.name, EXPORT_PROOF) != 0) {
        return unexpected(reader, EXPORT_PROOF, why);
    }
    struct why particulars = {""};
    int error = take_entry(reader, EXPORT_PROOF_MAX, why);
    error = error ? error : keep_bytes(reader, &reader->proof_bytes, why);
    if (error) {
        return error;
    }
    error = checkpoint_proof_read(&reader->proof, reader->proof_bytes.data,
                                  reader->proof_bytes.length, &particulars);
    reader->end = reader->proof.index + 1;
    error = in_entry(reader, error, &particulars, why);
    return error ? error : ustar_next(&reader->ustar, why);
}

static int read_receipt(struct export_reader *reader, struct export_receipt *receipt,
                        struct why *why)
{
    struct why particulars = {""};
    int error = checkpoint_proof_read_as(&receipt->proof, RECEIPT_PROOF_HEAD, receipt->bytes.data,
                                         receipt->bytes.length, &particulars);
    error = error ? error
                  : receipt_read(&receipt->receipt, &receipt->note, receipt->proof.note,
                                 receipt->proof.note_length, &particulars);
    if (error) {
        return in_entry(reader, error, &particulars, why);
    }
    if (reader->receipt_count && strcmp(receipt[-1].receipt.centre, receipt->receipt.centre) >= 0) {
        error = why_set(&particulars, ERROR_INPUT, "its centre is not behind the one before");
    }
    // One form: it proves the last block that it covers.
    uint64_t size = receipt->receipt.head.size;
    if (receipt->proof.index + 1 != (size < reader->end ? size : reader->end)) {
        error = why_set(&particulars, ERROR_INPUT, "it does not prove the last block it covers");
    }
    return in_entry(reader, error, &particulars, why);
}

// receipts/1, receipts/2 …
static int take_receipts(struct export_reader *reader, struct why *why)
{
    while (!reader->ustar.ended && begins(reader->ustar.name, EXPORT_RECEIPTS)) {
        char name[USTAR_NAME_MAX + 1];
        snprintf(name, sizeof name, EXPORT_RECEIPTS "%zu", reader->receipt_count + 1);
        if (reader->receipt_count == BOUNDS_CENTRES_MAX || strcmp(reader->ustar.name, name) != 0) {
            return unexpected(reader, name, why);
        }
        struct export_receipt *receipt = &reader->receipts[reader->receipt_count];
        int error = take_entry(reader, EXPORT_PROOF_MAX, why);
        error = error ? error : keep_bytes(reader, &receipt->bytes, why);
        error = error ? error : read_receipt(reader, receipt, why);
        error = error ? error : ustar_next(&reader->ustar, why);
        reader->receipt_count++;
        if (error) {
            return error;
        }
    }
    return OK;
}

// Takes an entry named after its own hash, above the one before in its folder.
static int take_hashed(struct export_reader *reader, const char *folder, size_t max,
                       const struct digest *before, struct digest *hash, struct why *why)
{
    const char *hex = reader->ustar.name + strlen(folder);
    if (strlen(hex) != 2 * DIGEST_SIZE || text_parse_hex(hex, hash->bytes, DIGEST_SIZE)) {
        return unexpected(reader, "a SHA-256 in hexadecimal digits as its name", why);
    }
    if (before && memcmp(before, hash, sizeof *hash) >= 0) {
        return unexpected(reader, "names in order", why);
    }
    int error = take_entry(reader, max, why);
    if (error) {
        return error;
    }
    struct digest real = digest_of(NULL, 0, reader->bytes.data, reader->bytes.length);
    return memcmp(&real, hash, sizeof real) == 0
               ? OK
               : why_set(why, ERROR_INPUT, "%s: its bytes have another hash", reader->ustar.name);
}

static int take_definitions(struct export_reader *reader, struct why *why)
{
    struct digest hash, before;
    for (bool any = false; !reader->ustar.ended && begins(reader->ustar.name, EXPORT_DEFINITIONS);
         any = true) {
        struct why particulars = {""};
        int error = take_hashed(reader, EXPORT_DEFINITIONS, DEFINITIONS_MAX, any ? &before : NULL,
                                &hash, why);
        if (error) {
            return error;
        }
        error = book_add(&reader->book, reader->bytes.data, reader->bytes.length, &particulars);
        error = in_entry(reader, error, &particulars, why);
        error = error ? error : ustar_next(&reader->ustar, why);
        if (error) {
            return error;
        }
        before = hash;
    }
    return OK;
}

static int add_file(struct export_reader *reader, const struct digest *hash, struct why *why)
{
    if (reader->file_count == EXPORT_FILES_MAX) {
        return why_set(why, ERROR_RANGE, "more than %d files", EXPORT_FILES_MAX);
    }
    if (reader->file_count == reader->file_room) {
        size_t room = reader->file_room ? 2 * reader->file_room : 64;
        struct named_file *grown = realloc(reader->files, room * sizeof *grown);
        if (!grown) {
            return why_set(why, ERROR_MEMORY, "no memory for the files");
        }
        reader->files = grown;
        reader->file_room = room;
    }
    reader->files[reader->file_count++] = (struct named_file){*hash, false};
    return OK;
}

static int take_files(struct export_reader *reader, struct why *why)
{
    struct digest hash;
    while (!reader->ustar.ended && begins(reader->ustar.name, EXPORT_FILES)) {
        const struct digest *before =
            reader->file_count ? &reader->files[reader->file_count - 1].hash : NULL;
        int error = take_hashed(reader, EXPORT_FILES, EXPORT_FILE_MAX, before, &hash, why);
        error = error ? error : add_file(reader, &hash, why);
        error = error ? error : ustar_next(&reader->ustar, why);
        if (error) {
            return error;
        }
    }
    return OK;
}

static int compare_files(const void *a, const void *b)
{
    return memcmp(a, &((const struct named_file *)b)->hash, sizeof(struct digest));
}

bool export_name_file(struct export_reader *reader, const struct digest *hash)
{
    struct named_file *found = NULL;
    if (reader->file_count) {
        found = bsearch(hash, reader->files, reader->file_count, sizeof *found, compare_files);
    }
    if (found) {
        found->named = true;
    }
    return found != NULL;
}

static int name_file(void *context, const struct digest *hash)
{
    struct export_reader *reader = context;
    return export_name_file(reader, hash) ? OK : ERROR_ABSENT;
}

// Every file that definitions name is there.
static int name_files(struct export_reader *reader, struct why *why)
{
    for (size_t i = 0; i < reader->book.count; i++) {
        if (points_each_file(&reader->book.entries[i].points, name_file, reader)) {
            char hex[DIGEST_HEX];
            text_format_hex(reader->book.entries[i].hash.bytes, DIGEST_SIZE, hex);
            return why_set(why, ERROR_INPUT, EXPORT_DEFINITIONS "%s names a file that is missing",
                           hex);
        }
    }
    return OK;
}

int export_all_named(const struct export_reader *reader, struct why *why)
{
    char hex[DIGEST_HEX];
    for (size_t i = 0; i < reader->book.count; i++) {
        if (!reader->book.entries[i].named) {
            text_format_hex(reader->book.entries[i].hash.bytes, DIGEST_SIZE, hex);
            return why_set(why, ERROR_INPUT, EXPORT_DEFINITIONS "%s is named by no block", hex);
        }
    }
    for (size_t i = 0; i < reader->file_count; i++) {
        if (!reader->files[i].named) {
            text_format_hex(reader->files[i].hash.bytes, DIGEST_SIZE, hex);
            return why_set(why, ERROR_INPUT, EXPORT_FILES "%s is named by nothing", hex);
        }
    }
    return OK;
}

// blocks/<n, 20 digits>.jsonl, read whole.
static int take_blocks(struct export_reader *reader, struct why *why)
{
    char name[USTAR_NAME_MAX + 1];
    snprintf(name, sizeof name, EXPORT_BLOCKS "%020" PRIu64 ".jsonl", reader->next);
    if (reader->ustar.ended || strcmp(reader->ustar.name, name) != 0) {
        return unexpected(reader, name, why);
    }
    reader->at = 0;
    return take_entry(reader, BLOCKS_FILE_MAX, why);
}

// Where the blocks begin is what the first file of them says.
static int find_first(struct export_reader *reader, struct why *why)
{
    const char *name = reader->ustar.name + strlen(EXPORT_BLOCKS);
    if (reader->ustar.ended || !begins(reader->ustar.name, EXPORT_BLOCKS) ||
        strspn(name, "0123456789") != 20) {
        return unexpected(reader, "blocks", why);
    }
    reader->first = strtoull(name, NULL, 10);
    reader->next = reader->first;
    if (reader->first >= reader->end) {
        return unexpected(reader, "blocks up to the one that is proven", why);
    }
    for (size_t i = 0; i < reader->receipt_count; i++) {
        if (reader->receipts[i].proof.index < reader->first) {
            return why_set(why, ERROR_INPUT, EXPORT_RECEIPTS "%zu covers none of the blocks",
                           i + 1);
        }
    }
    return take_blocks(reader, why);
}

int export_open(struct export_reader **out, FILE *from, struct why *why)
{
    *out = NULL;
    struct export_reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    reader->bytes = text_make(BLOCKS_FILE_MAX);
    ustar_begin(&reader->ustar, from);
    int error = ustar_next(&reader->ustar, why);
    error = error ? error : take_readme(reader, why);
    error = error ? error : take_proof(reader, why);
    error = error ? error : take_receipts(reader, why);
    error = error ? error : take_definitions(reader, why);
    error = error ? error : take_files(reader, why);
    error = error ? error : name_files(reader, why);
    error = error ? error : find_first(reader, why);
    if (error) {
        export_close(reader);
        return error;
    }
    *out = reader;
    return OK;
}

void export_close(struct export_reader *reader)
{
    if (!reader) {
        return;
    }
    for (size_t i = 0; i < BOUNDS_CENTRES_MAX; i++) {
        text_free(&reader->receipts[i].bytes);
    }
    text_free(&reader->proof_bytes);
    text_free(&reader->bytes);
    book_free(&reader->book);
    free(reader->files);
    free(reader);
}

void export_extent(const struct export_reader *reader, uint64_t *first, uint64_t *end)
{
    *first = reader->first;
    *end = reader->end;
}

const struct checkpoint_proof *export_proof(const struct export_reader *reader)
{
    return &reader->proof;
}

const struct export_receipt *export_receipts(const struct export_reader *reader, size_t *count)
{
    *count = reader->receipt_count;
    return reader->receipts;
}

struct book *export_book(struct export_reader *reader)
{
    return &reader->book;
}

// The next file of blocks, or the end.
static int next_file(struct export_reader *reader, struct why *why)
{
    int error = ustar_next(&reader->ustar, why);
    if (error) {
        return error;
    }
    if (reader->next < reader->end) {
        return take_blocks(reader, why);
    }
    return reader->ustar.ended ? ERROR_ABSENT : unexpected(reader, "the end", why);
}

int export_next(struct export_reader *reader, const char **bytes, size_t *length, struct why *why)
{
    bool full = reader->next == reader->end ||
                (reader->next % EXPORT_BLOCKS_A_FILE == 0 && reader->next != reader->first);
    if (full && reader->at == reader->bytes.length) {
        int error = next_file(reader, why);
        if (error) {
            return error;
        }
        full = false;
    }
    const char *from = reader->bytes.data + reader->at;
    size_t left = reader->bytes.length - reader->at;
    const char *newline = left && !full ? memchr(from, '\n', left) : NULL;
    if (!newline) {
        return full ? why_set(why, ERROR_INPUT, "%s: more than its blocks", reader->ustar.name)
                    : why_set(why, ERROR_INPUT, "%s: expected block %" PRIu64, reader->ustar.name,
                              reader->next);
    }
    *bytes = from;
    *length = (size_t)(newline - from) + 1;
    reader->at += *length;
    reader->next++;
    return OK;
}
