#include "job_proof.h"

#include "issued.h"
#include "outfile.h"
#include "progress.h"

#include <string.h>

struct keys {
    const struct trusted_key *list;
    size_t count;
};

// Whether a key of that centre's name was given: then a receipt by another one is false.
static bool is_named(const struct keys *keys, const char *centre)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (strcmp(keys->list[i].name, centre) == 0) {
            return true;
        }
    }
    return false;
}

static enum job_signature judge(struct ledger_reader *reader, const struct export_signed *stated,
                                const struct keys *keys)
{
    struct receipt receipt;
    struct note note;
    struct digest root;
    if (receipt_read(&receipt, &note, stated->note.data, stated->note.length, NULL) ||
        ledger_reader_root(reader, receipt.head.size, &root, NULL) ||
        !digest_equal(&root, &receipt.head.root)) {
        return JOB_SIGNATURE_FALSE;
    }
    const struct trusted_key *key = bounds_key_of(keys->list, keys->count, &receipt, &note);
    if (!key) {
        return is_named(keys, receipt.centre) ? JOB_SIGNATURE_FALSE : JOB_SIGNATURE_UNKNOWN;
    }
    return receipt_verify(&receipt, &note, key->name[0] ? key->name : NULL, &key->key, NULL)
               ? JOB_SIGNATURE_FALSE
               : JOB_SIGNATURE_GOOD;
}

static void take_receipts(struct job_proof *proof, struct ledger_reader *reader,
                          const struct export_notes *notes, const struct keys *keys)
{
    for (size_t i = 0; i < notes->count; i++) {
        const struct export_signed *stated = &notes->receipts[i];
        struct job_receipt *receipt = &proof->receipts[proof->receipt_count++];
        snprintf(receipt->centre, sizeof receipt->centre, "%s", stated->receipt.centre);
        receipt->time_s = stated->receipt.time_s;
        receipt->last = stated->last;
        receipt->signature = judge(reader, stated, keys);
        if (receipt->last + 1 == proof->end && receipt->signature != JOB_SIGNATURE_FALSE &&
            (!proof->receipt || receipt->signature < proof->receipt->signature)) {
            proof->receipt = receipt;
        }
    }
}

static int write_export(struct job_proof *proof, struct ledger_reader *reader,
                        const struct export_notes *notes, const char *path, struct why *why)
{
    struct export_written written;
    struct progress progress;
    struct export_progress tell = {progress_callback, &progress};
    struct outfile file = {0};
    int error = outfile_open(&file, path, why);
    if (!error) {
        progress_begin(&progress);
        error = export_write(reader, notes, proof->export_first, proof->end, file.to, &tell,
                             &written, why);
        progress_end(&progress);
        error = outfile_close(&file, error, why);
    }
    uint64_t bytes;
    error = error ? error : issued_hash(path, &proof->hash, &bytes, why);
    proof->path = error ? NULL : path;
    return error;
}

int job_proof_find(struct job_proof *proof, struct ledger_reader *reader, uint64_t first,
                   uint64_t end, const struct trusted_key *keys, size_t key_count, const char *path,
                   struct why *why)
{
    const struct keys known = {keys, key_count};
    struct export_notes notes;
    *proof = (struct job_proof){.first = first, .end = end, .export_first = first};
    int error = export_notes_find(&notes, reader, &proof->export_first, end, why);
    if (!error) {
        proof->is_signed = true;
        proof->checkpoint = notes.size;
        take_receipts(proof, reader, &notes, &known);
        error = path ? write_export(proof, reader, &notes, path, why) : OK;
    }
    export_notes_free(&notes);
    return error == ERROR_ABSENT && !proof->is_signed ? OK : error;
}
