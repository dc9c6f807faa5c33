// Finds what goes along with an export: which blocks hold a time, and what is signed about them.
#include "archive/export.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int export_span(struct ledger_reader *reader, int64_t from_us, int64_t to_us, uint64_t *first,
                uint64_t *end, struct why *why)
{
    uint64_t n = 0, last;
    int error = ledger_reader_next_in_time(reader, from_us, to_us, &n, why);
    if (error) {
        return error;
    }
    *first = n;
    // The last one: from tile to tile, then within the last of them.
    do {
        last = n;
        n = (n / TILE_WIDTH + 1) * TILE_WIDTH;
        error = ledger_reader_next_in_time(reader, from_us, to_us, &n, why);
    } while (!error);
    for (n = last + 1; error == ERROR_ABSENT && n % TILE_WIDTH; n = last + 1) {
        if (ledger_reader_next_in_time(reader, from_us, to_us, &n, why) ||
            n / TILE_WIDTH != last / TILE_WIDTH) {
            break;
        }
        last = n;
    }
    *end = last + 1;
    return error == ERROR_ABSENT ? OK : error;
}

// What is looked for in the blocks beside a run: the receipts of the centres of which the ledger
// keeps one.
struct search {
    struct export_notes *notes;
    uint64_t first, end, size; // of the run, and of the log that is signed
    bool before[BOUNDS_CENTRES_MAX], after[BOUNDS_CENTRES_MAX];
    size_t left;
    bool backwards;
};

static void found_receipt(void *context, const struct receipt *receipt, const struct note *note,
                          const struct text *text)
{
    struct search *search = context;
    struct export_notes *notes = search->notes;
    (void)note;
    for (size_t i = 0; i < notes->count; i++) {
        if (strcmp(notes->receipts[i].receipt.centre, receipt->centre) != 0) {
            continue;
        }
        if (search->backwards && !search->before[i]) {
            search->before[i] = true;
            search->left--;
        } else if (!search->backwards && !search->after[i] && receipt->head.size >= search->end &&
                   receipt->head.size <= search->size) {
            notes->receipts[i].receipt = *receipt;
            text_clear(&notes->receipts[i].note);
            text_append(&notes->receipts[i].note, text->data, text->length);
            search->after[i] = true;
            search->left--;
        }
    }
}

// Looks into one block. A block that cannot be read holds no receipt: what is exported is checked
// by itself.
static void search_block(struct search *search, struct ledger_reader *reader, uint64_t n,
                         struct text *bytes, struct block_view *view)
{
    static const char mark[] = "\"kind\":\"receipt\"";
    if (ledger_reader_block(reader, n, bytes, NULL) == OK &&
        memmem(bytes->data, bytes->length, mark, sizeof mark - 1) &&
        block_parse(view, bytes->data, bytes->length, NULL) == OK) {
        bounds_each_receipt(view, found_receipt, search);
    }
}

static void search_blocks(struct search *search, struct ledger_reader *reader, uint64_t *first,
                          uint64_t log_first, uint64_t log_size)
{
    struct text bytes = text_make(BLOCK_BYTES_MAX);
    struct block_view view = {0};
    uint64_t begin = search->first, end = search->end;
    search->backwards = true;
    search->left = search->notes->count;
    for (uint64_t n = begin; search->left && n > log_first && begin - n < EXPORT_REACH; n--) {
        size_t left = search->left;
        search_block(search, reader, n - 1, &bytes, &view);
        *first = search->left < left ? n - 1 : *first;
    }
    search->backwards = false;
    search->left = 0;
    for (size_t i = 0; i < search->notes->count; i++) {
        search->left += search->notes->receipts[i].receipt.head.size >= end;
    }
    for (uint64_t n = end; search->left && n < log_size && n - end < EXPORT_REACH; n++) {
        search_block(search, reader, n, &bytes, &view);
    }
    block_view_free(&view);
    text_free(&bytes);
}

// One of the receipts that the ledger keeps, if it is of this log, and of a centre that has none
// yet.
static int read_receipt(struct export_notes *notes, struct ledger_reader *reader, const char *name,
                        struct why *why)
{
    struct export_signed *kept = &notes->receipts[notes->count];
    struct note note;
    uint64_t size;
    kept->note = text_make(LEDGER_NOTE_MAX);
    int error = ledger_reader_note(reader, LEDGER_RECEIPT, name, &kept->note, &size, why);
    error = error ? error
                  : receipt_read(&kept->receipt, &note, kept->note.data, kept->note.length, why);
    bool wanted = !error && strcmp(kept->receipt.head.origin, ledger_reader_origin(reader)) == 0;
    for (size_t i = 0; i < notes->count && wanted; i++) {
        wanted = strcmp(notes->receipts[i].receipt.centre, kept->receipt.centre) != 0;
    }
    if (wanted) {
        notes->count++;
    } else {
        text_free(&kept->note);
    }
    return error;
}

static int compare_centres(const void *a, const void *b)
{
    const struct export_signed *x = a, *y = b;
    return strcmp(x->receipt.centre, y->receipt.centre);
}

static int read_receipts(struct export_notes *notes, struct ledger_reader *reader, struct why *why)
{
    struct ledger_note_row rows[BOUNDS_CENTRES_MAX];
    size_t count = 0;
    int error = ledger_reader_note_names(reader, LEDGER_RECEIPT, rows, BOUNDS_CENTRES_MAX, &count);
    if (error) {
        return why_set(why, error, "cannot read which receipts there are");
    }
    for (size_t i = 0; i < count && !error; i++) {
        error = read_receipt(notes, reader, rows[i].name, why);
    }
    qsort(notes->receipts, notes->count, sizeof *notes->receipts, compare_centres);
    return error;
}

static int read_checkpoint(struct export_notes *notes, struct ledger_reader *reader, uint64_t end,
                           struct why *why)
{
    notes->checkpoint = text_make(LEDGER_NOTE_MAX);
    int error =
        ledger_reader_note(reader, LEDGER_CHECKPOINT, "", &notes->checkpoint, &notes->size, why);
    if (error == ERROR_ABSENT) {
        return why_set(why, error,
                       "this log is not signed: `tally key init` makes the gateway's key, and the "
                       "daemon then signs within a minute");
    }
    if (!error && end > notes->size) {
        return why_set(why, ERROR_ABSENT,
                       "blocks up to %" PRIu64
                       " are asked for, and the last checkpoint is of %" PRIu64
                       ": the daemon signs every minute; wait, or ask for less",
                       end - 1, notes->size);
    }
    return error;
}

// Takes away the receipts that say nothing of the run.
static void drop_useless(struct export_notes *notes, uint64_t first, uint64_t end)
{
    size_t kept = 0;
    for (size_t i = 0; i < notes->count; i++) {
        struct export_signed *receipt = &notes->receipts[i];
        uint64_t size = receipt->receipt.head.size;
        if (size <= first || size > notes->size) {
            text_free(&receipt->note);
            continue;
        }
        receipt->last = (size < end ? size : end) - 1;
        notes->receipts[kept++] = *receipt;
    }
    notes->count = kept;
}

int export_notes_find(struct export_notes *notes, struct ledger_reader *reader, uint64_t *first,
                      uint64_t end, struct why *why)
{
    uint64_t log_first, log_size;
    *notes = (struct export_notes){0};
    // Receipts before the checkpoint: none is then of a later log than that.
    int error = read_receipts(notes, reader, why);
    error = error ? error : read_checkpoint(notes, reader, end, why);
    error = error ? error : ledger_reader_extent(reader, &log_first, &log_size, why);
    if (!error && notes->count) {
        struct search search = {.notes = notes, .first = *first, .end = end, .size = notes->size};
        search_blocks(&search, reader, first, log_first, log_size);
    }
    if (!error) {
        drop_useless(notes, *first, end);
    }
    return error;
}

void export_notes_free(struct export_notes *notes)
{
    for (size_t i = 0; i < notes->count; i++) {
        text_free(&notes->receipts[i].note);
    }
    text_free(&notes->checkpoint);
}
