// Writes an export: once through the blocks to check them and to find what they name, once more to
// write them.
#include "archive/export.h"

#include "archive/cabinet.h"
#include "archive/run.h"
#include "archive/ustar.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS_FILE_MAX ((size_t)EXPORT_BLOCKS_A_FILE * BLOCK_BYTES_MAX)

const char export_readme[] =
    "Tally export, format 1\n"
    "\n"
    "Readings of measuring instruments, as a gateway recorded them: blocks that follow one\n"
    "another, with what is needed to read them and to see that nothing in them was altered.\n"
    "\n"
    "last-block.tlog-proof  proves (c2sp.org/tlog-proof) that the last block is in the log that\n"
    "                       the gateway signed; each block names the hash of the one before it\n"
    "receipts/              what testing centres signed for: when they held the log up to a "
    "block,\n"
    "                       and the proof that these are the same blocks\n"
    "definitions/           the points that readings are of, by SHA-256, which blocks name\n"
    "files/                 drivers, configurations, certificates that definitions name, by "
    "SHA-256\n"
    "blocks/                the blocks, one a line of JSON, as they were recorded; a file is "
    "called\n"
    "                       after its first block\n"
    "\n"
    "A reading is [point, time in microseconds since 1970 UTC, half of the window in which it was\n"
    "taken, raw registers, indication, corrected value, expanded uncertainty, flags].\n"
    "\n"
    "Checked by `tally verify FILE --gateway-key KEY --centre-key KEY`; by hand with openssl,\n"
    "sha256sum and jq as docs/AUDIT.md of Tally says. The keys must come from the gateway's owner\n"
    "and the centre, never from where this file came from.\n";

struct writing {
    struct ledger_reader *reader;
    const struct export_notes *notes;
    uint64_t first, end;
    FILE *to;
    const struct export_progress *progress;
    uint64_t steps; // two a block: it is checked, and it is written
    struct cabinet cabinet;
    struct run run;
    struct text bytes; // of a block, then of a file of blocks
};

static void step(struct writing *writing)
{
    if (++writing->steps % EXPORT_BLOCKS_A_FILE == 0 && writing->progress->tell) {
        writing->progress->tell(writing->progress->context, writing->steps / 2,
                                writing->end - writing->first);
    }
}

// Checks every block, and lists what they name.
static int look_through(struct writing *writing, struct why *why)
{
    struct run *run = &writing->run;
    for (uint64_t n = writing->first; n < writing->end; n++) {
        int error = ledger_reader_block(writing->reader, n, &writing->bytes, why);
        if (error) {
            return error;
        }
        if (!run_take(run, writing->bytes.data, writing->bytes.length) || run->fault.found) {
            return why_set(why, ERROR_DAMAGED, "block %" PRIu64 ": %s", run->fault.block,
                           run->fault.why.text);
        }
        error = cabinet_recovered(&writing->cabinet, &run->view, why);
        if (error) {
            return error;
        }
        step(writing);
    }
    return OK;
}

// The proof of block `index` at `size`, which must give `root`: what is signed is of these blocks.
static int prove(struct ledger_reader *reader, uint64_t index, const struct checkpoint *head,
                 struct digest proof[MERKLE_PROOF_MAX], size_t *count, struct why *why)
{
    struct digest leaf;
    int error = ledger_reader_leaf(reader, index, &leaf, why);
    error = error ? error : ledger_reader_inclusion(reader, index, head->size, proof, count, why);
    if (!error && merkle_check_inclusion(&leaf, index, head->size, proof, *count, &head->root)) {
        error = why_set(why, ERROR_DAMAGED, "the signed root of %" PRIu64 " blocks is not theirs",
                        head->size);
    }
    return error;
}

int export_prove(struct ledger_reader *reader, uint64_t index, const struct text *note,
                 struct text *out, struct why *why)
{
    struct note parts;
    struct checkpoint checkpoint;
    struct digest proof[MERKLE_PROOF_MAX];
    size_t count;
    int error = note_read(&parts, note->data, note->length, why);
    error = error ? error : checkpoint_read(&checkpoint, parts.text, parts.text_length, why);
    if (!error && index >= checkpoint.size) {
        error = why_set(why, ERROR_ABSENT,
                        "block %" PRIu64 " is not signed yet: the last checkpoint is of %" PRIu64
                        " blocks",
                        index, checkpoint.size);
    }
    error = error ? error : prove(reader, index, &checkpoint, proof, &count, why);
    if (!error) {
        checkpoint_proof_write(out, index, proof, count, note->data, note->length);
        error = out->failed ? why_set(why, ERROR_MEMORY, "no memory for a proof") : OK;
    }
    return error;
}

static int put_text(struct writing *writing, const char *name, const struct text *text,
                    struct why *why)
{
    return ustar_put(writing->to, name, text->data ? text->data : "", text->length, why);
}

static int put_proof(struct writing *writing, struct why *why)
{
    struct text proof = text_make(EXPORT_PROOF_MAX);
    int error =
        export_prove(writing->reader, writing->end - 1, &writing->notes->checkpoint, &proof, why);
    error = error ? error : put_text(writing, EXPORT_PROOF, &proof, why);
    text_free(&proof);
    return error;
}

static int put_receipt(struct writing *writing, size_t i, struct why *why)
{
    struct digest hashes[MERKLE_PROOF_MAX];
    size_t count;
    struct text proof = text_make(EXPORT_PROOF_MAX);
    const struct text *note = &writing->notes->receipts[i].note;
    uint64_t last = writing->notes->receipts[i].last;
    struct why particulars = {""};
    int error = prove(writing->reader, last, &writing->notes->receipts[i].receipt.head, hashes,
                      &count, &particulars);
    if (error) {
        why_set(why, error, "receipt of %s: %s", writing->notes->receipts[i].receipt.centre,
                particulars.text);
    } else {
        char name[USTAR_NAME_MAX + 1];
        snprintf(name, sizeof name, EXPORT_RECEIPTS "%zu", i + 1);
        checkpoint_proof_write_as(&proof, RECEIPT_PROOF_HEAD, last, hashes, count, note->data,
                                  note->length);
        error = proof.failed ? why_set(why, ERROR_MEMORY, "no memory for a proof")
                             : put_text(writing, name, &proof, why);
    }
    text_free(&proof);
    return error;
}

static int put_file(struct writing *writing, const char *folder, const struct digest *hash,
                    struct why *why)
{
    char name[USTAR_NAME_MAX + 1], hex[DIGEST_HEX];
    struct text bytes = text_make(EXPORT_FILE_MAX);
    text_format_hex(hash->bytes, DIGEST_SIZE, hex);
    snprintf(name, sizeof name, "%s%s", folder, hex);
    int error = ledger_reader_file(writing->reader, hash, &bytes, why);
    error = error ? error : put_text(writing, name, &bytes, why);
    text_free(&bytes);
    return error;
}

static int compare_entries(const void *a, const void *b)
{
    return memcmp(&((const struct book_entry *)a)->hash, &((const struct book_entry *)b)->hash,
                  sizeof(struct digest));
}

static int put_named(struct writing *writing, struct why *why)
{
    struct book *book = &writing->cabinet.book;
    int error = OK;
    qsort(book->entries, book->count, sizeof *book->entries, compare_entries);
    for (size_t i = 0; i < book->count && !error; i++) {
        error = put_file(writing, EXPORT_DEFINITIONS, &book->entries[i].hash, why);
    }
    for (size_t i = 0; i < writing->cabinet.count && !error; i++) {
        error = put_file(writing, EXPORT_FILES, &writing->cabinet.files[i], why);
    }
    return error;
}

// Blocks [from, to) as one file.
static int put_blocks_file(struct writing *writing, uint64_t from, uint64_t to, struct text *file,
                           struct why *why)
{
    char name[USTAR_NAME_MAX + 1];
    text_clear(file);
    for (uint64_t n = from; n < to; n++) {
        int error = ledger_reader_block(writing->reader, n, &writing->bytes, why);
        if (error) {
            return error;
        }
        text_append(file, writing->bytes.data, writing->bytes.length);
        step(writing);
    }
    if (file->failed) {
        return why_set(why, ERROR_MEMORY, "no memory for %d blocks", EXPORT_BLOCKS_A_FILE);
    }
    snprintf(name, sizeof name, EXPORT_BLOCKS "%020" PRIu64 ".jsonl", from);
    return put_text(writing, name, file, why);
}

static int put_blocks(struct writing *writing, struct why *why)
{
    struct text file = text_make(BLOCKS_FILE_MAX);
    int error = OK;
    for (uint64_t from = writing->first; from < writing->end && !error;) {
        uint64_t to = (from / EXPORT_BLOCKS_A_FILE + 1) * EXPORT_BLOCKS_A_FILE;
        to = to < writing->end ? to : writing->end;
        error = put_blocks_file(writing, from, to, &file, why);
        from = to;
    }
    text_free(&file);
    return error;
}

static int write_all(struct writing *writing, struct why *why)
{
    int error = look_through(writing, why);
    error = error
                ? error
                : ustar_put(writing->to, EXPORT_README, export_readme, strlen(export_readme), why);
    error = error ? error : put_proof(writing, why);
    for (size_t i = 0; i < writing->notes->count && !error; i++) {
        error = put_receipt(writing, i, why);
    }
    error = error ? error : put_named(writing, why);
    error = error ? error : put_blocks(writing, why);
    return error ? error : ustar_finish(writing->to, why);
}

int export_write(struct ledger_reader *reader, const struct export_notes *notes, uint64_t first,
                 uint64_t end, FILE *to, const struct export_progress *progress,
                 struct export_written *written, struct why *why)
{
    static const struct export_progress silent = {0};
    struct writing writing = {.reader = reader,
                              .notes = notes,
                              .first = first,
                              .end = end,
                              .to = to,
                              .progress = progress ? progress : &silent,
                              .bytes = text_make(BLOCK_BYTES_MAX)};
    cabinet_begin(&writing.cabinet, reader);
    run_begin(&writing.run, ledger_reader_origin(reader), first);
    writing.run.definitions = cabinet_definitions;
    writing.run.context = &writing.cabinet;
    int error = write_all(&writing, why);
    *written = (struct export_written){.blocks = end - first,
                                       .readings = writing.run.readings,
                                       .definitions = writing.cabinet.book.count,
                                       .files = writing.cabinet.count};
    run_free(&writing.run);
    cabinet_free(&writing.cabinet);
    text_free(&writing.bytes);
    return error;
}
