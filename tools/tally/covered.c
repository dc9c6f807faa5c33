#include "covered.h"

#include "times.h"

#include <stdio.h>
#include <string.h>

// Takes the receipt when it is of this ledger and of more blocks than the one that is known.
static int consider(struct ledger_reader *reader, const char *uplink, uint64_t size,
                    struct covered *covered, struct why *why)
{
    struct text bytes = text_make(LEDGER_NOTE_MAX);
    struct receipt receipt;
    struct note note;
    struct digest root;
    uint64_t stated;
    int error = ledger_reader_note(reader, LEDGER_RECEIPT, uplink, &bytes, &stated, why);
    bool read = !error && receipt_read(&receipt, &note, bytes.data, bytes.length, NULL) == OK &&
                strcmp(receipt.head.origin, ledger_reader_origin(reader)) == 0 &&
                receipt.head.size && receipt.head.size <= size &&
                receipt.from < receipt.head.size &&
                (!covered->receipted || receipt.head.size > covered->head.head.size);
    text_free(&bytes);
    if (!read) {
        return error == ERROR_ABSENT ? OK : error;
    }
    error = ledger_reader_root(reader, receipt.head.size, &root, why);
    if (!error && digest_equal(&root, &receipt.head.root)) {
        covered->receipted = true;
        covered->head = receipt;
        snprintf(covered->uplink, sizeof covered->uplink, "%s", uplink);
    }
    return error;
}

// Whether all that was recorded of [from, to) is in the blocks before `size`, and no more comes.
static int is_all(struct ledger_reader *reader, int64_t from_us, int64_t to_us, uint64_t size,
                  bool *all, struct why *why)
{
    struct times times = {.closed_us = INT64_MIN};
    uint64_t n = size;
    *all = false;
    int error = times_of_block(reader, size - 1, &times, why);
    if (error || times.closed_us < to_us) {
        return error == ERROR_ABSENT ? OK : error;
    }
    error = ledger_reader_next_in_time(reader, from_us, to_us, &n, why);
    *all = error == ERROR_ABSENT;
    return *all ? OK : error;
}

int covered_find(struct ledger_reader *reader, int64_t from_us, int64_t to_us,
                 struct covered *covered, struct why *why)
{
    struct ledger_note_row rows[LEDGER_NOTES_MAX];
    struct times times;
    uint64_t first, size;
    size_t count = 0;
    *covered = (struct covered){.over = false};
    int error = ledger_reader_extent(reader, &first, &size, why);
    if (error || first == size) {
        return error;
    }
    covered->first = first;
    covered->size = size;
    error = times_of_block(reader, size - 1, &times, why);
    covered->over = !error && times.closed_us >= to_us;
    if (!error) {
        error = ledger_reader_note_names(reader, LEDGER_RECEIPT, rows, LEDGER_NOTES_MAX, &count);
    }
    for (size_t i = 0; !error && i < count; i++) {
        error = consider(reader, rows[i].name, size, covered, why);
    }
    return error || !covered->receipted
               ? error
               : is_all(reader, from_us, to_us, covered->head.head.size, &covered->final, why);
}
