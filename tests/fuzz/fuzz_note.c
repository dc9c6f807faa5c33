// Fuzzes the reader of signed notes, and those of what is signed or said beside a log (checkpoint,
// receipt, resume, hello): whatever is accepted must, written again from what was understood, be
// the very same bytes.
#include "ident/receipt.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void expect(struct text *again, const void *bytes, size_t length)
{
    if (again->failed || again->length != length || memcmp(again->data, bytes, length) != 0) {
        abort();
    }
    text_clear(again);
}

static void try_note(const uint8_t *bytes, size_t length, struct text *again)
{
    struct note note;
    struct why why;
    struct receipt receipt;
    if (note_read(&note, bytes, length, &why)) {
        return;
    }
    text_append(again, note.text, note.text_length);
    text_append_string(again, "\n");
    for (size_t i = 0; i < note.count; i++) {
        const struct note_signature *signature = &note.signatures[i];
        text_append_format(again, "\xe2\x80\x94 %.*s ", (int)signature->name_length,
                           signature->name);
        text_append(again, signature->digits, signature->digit_count);
        text_append_string(again, "\n");
    }
    expect(again, bytes, length);
    if (receipt_read(&receipt, &note, bytes, length, &why) == OK) {
        text_append_format(
            again, "tally-receipt/v1\ncentre %s\ntime %" PRId64 "\nnonce %s\nfrom %" PRIu64 "\n",
            receipt.centre, receipt.time_s, receipt.nonce, receipt.from);
        checkpoint_write(again, &receipt.head);
        expect(again, note.text, note.text_length);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct text again = text_make(64u << 10);
    struct checkpoint checkpoint;
    struct hello hello;
    struct why why;
    try_note(bytes, length, &again);
    if (checkpoint_read(&checkpoint, (const char *)bytes, length, &why) == OK) {
        checkpoint_write(&again, &checkpoint);
        expect(&again, bytes, length);
    }
    if (hello_read(&hello, bytes, length, &why) == OK) {
        hello_write(&again, &hello);
        expect(&again, bytes, length);
    }
    text_free(&again);
    return 0;
}
