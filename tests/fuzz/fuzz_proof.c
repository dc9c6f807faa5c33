// Fuzzes the readers of proofs (.tlog-proof, and a receipt's): whatever is accepted must, written
// again, be the very same bytes. And keys, which are read from what people hand us.
#include "ident/receipt.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct text again = text_make(1u << 20);
    struct checkpoint_proof proof;
    struct public_key key;
    struct why why;
    char name[NOTE_NAME_MAX + 1];
    if (checkpoint_proof_read(&proof, bytes, length, &why) == OK) {
        checkpoint_proof_write(&again, proof.index, proof.hashes, proof.count, proof.note,
                               proof.note_length);
        expect(&again, bytes, length);
    }
    if (checkpoint_proof_read_as(&proof, RECEIPT_PROOF_HEAD, bytes, length, &why) == OK) {
        checkpoint_proof_write_as(&again, RECEIPT_PROOF_HEAD, proof.index, proof.hashes,
                                  proof.count, proof.note, proof.note_length);
        expect(&again, bytes, length);
    }
    if (length && note_key_read((const char *)bytes, length, name, &key, &why) == OK) {
        note_key_write(&again, name, &key);
        expect(&again, bytes, length);
    }
    text_free(&again);
    return 0;
}
