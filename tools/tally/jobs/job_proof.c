#include "jobs/job_proof.h"

#include "common/issued.h"
#include "common/outfile.h"
#include "common/progress.h"

#include <string.h>

struct keys {
    const struct job_key *list;
    size_t count;
    bool *held; // each: a good receipt by it covers all of the job
};

// Whether a key of that centre's name was given: then a receipt by another one is false.
static bool is_named(const struct keys *keys, const char *centre)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (strcmp(keys->list[i].key.name, centre) == 0) {
            return true;
        }
    }
    return false;
}

// Whether it is of these blocks.
static bool is_of_log(struct ledger_reader *reader, const struct receipt *receipt)
{
    struct digest root;
    return ledger_reader_root(reader, receipt->head.size, &root, NULL) == OK &&
           digest_equal(&root, &receipt->head.root);
}

static enum job_signature judge(struct ledger_reader *reader, const struct export_signed *stated,
                                const struct keys *keys, bool whole)
{
    struct receipt receipt;
    struct note note;
    if (receipt_read(&receipt, &note, stated->note.data, stated->note.length, NULL) ||
        !is_of_log(reader, &receipt)) {
        return JOB_SIGNATURE_FALSE;
    }
    for (size_t i = 0; i < keys->count; i++) {
        const struct trusted_key *key = &keys->list[i].key;
        if (bounds_key_of(key, 1, &receipt, &note) &&
            receipt_verify(&receipt, &note, key->name[0] ? key->name : NULL, &key->key, NULL) ==
                OK) {
            keys->held[i] = keys->held[i] || whole;
            return JOB_SIGNATURE_GOOD;
        }
    }
    return is_named(keys, receipt.centre) ? JOB_SIGNATURE_FALSE : JOB_SIGNATURE_UNKNOWN;
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
        receipt->whole = stated->last + 1 == proof->end && stated->receipt.from <= proof->first;
        receipt->signature = judge(reader, stated, keys, receipt->whole);
        if (receipt->whole && receipt->signature == JOB_SIGNATURE_GOOD && !proof->receipt) {
            proof->receipt = receipt;
        }
    }
    for (size_t i = 0; i < keys->count; i++) {
        if (keys->list[i].needed && !keys->held[i] && !proof->lacking[0]) {
            const char *name = keys->list[i].key.name;
            snprintf(proof->lacking, sizeof proof->lacking, "%s", *name ? name : "a centre");
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
                   uint64_t end, const struct job_key *keys, size_t key_count, const char *path,
                   struct why *why)
{
    bool held[JOB_KEYS_MAX] = {false};
    const struct keys known = {keys, key_count, held};
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
