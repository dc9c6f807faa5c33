#include "archive/check.h"

#include "archive/anchor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct check {
    struct anchoring anchoring;
    struct verdict *verdict;
    struct export_reader *reader;
    struct run run;
    struct bounds *bounds;
    struct checkpoint checkpoint;
    bool anchored; // the checkpoint is good
    bool proven;   // and the last block is in its log
    bool ended;
    bool is_known[BOUNDS_CENTRES_MAX]; // the receipt is by a key that was given
};

static struct book_entry *find_definitions(void *context, const struct digest *hash,
                                           struct why *why)
{
    struct check *check = context;
    struct book_entry *entry = book_find(export_book(check->reader), hash);
    if (entry) {
        entry->named = true;
    } else {
        why_set(why, ERROR_ABSENT, "the definitions that it names are not there");
    }
    return entry;
}

// Nothing more can be made of it.
static void fail(struct check *check, const char *where, const struct why *particulars)
{
    struct why why;
    why_set(&why, ERROR_INPUT, "%s%s", where, particulars->text);
    run_fail(&check->run, &why);
    check->ended = true;
}

static void look_at_receipts(struct check *check)
{
    size_t count;
    const struct export_receipt *receipts = export_receipts(check->reader, &count);
    for (size_t i = 0; i < count; i++) {
        const struct receipt *receipt = &receipts[i].receipt;
        struct why why;
        check->is_known[i] = anchor_receipt(&check->anchoring, receipt, &receipts[i].note);
        if (strcmp(receipt->head.origin, check->checkpoint.origin) != 0) {
            why_set(&why, ERROR_INPUT, "receipt of %s: it is of another log", receipt->centre);
            run_object(&check->run, &why);
            check->is_known[i] = false;
        } else if (receipt->head.size > check->checkpoint.size) {
            why_set(&why, ERROR_INPUT,
                    "%s held %" PRIu64 " blocks of this log, and the checkpoint shows %" PRIu64
                    ": its end was cut off",
                    receipt->centre, receipt->head.size, check->checkpoint.size);
            run_object(&check->run, &why);
        }
        if (check->is_known[i]) {
            bounds_cover(check->bounds, receipts[i].proof.index, receipt);
        }
    }
    anchor_given(&check->anchoring, &check->checkpoint);
}

int check_open(struct check **out, struct verdict *verdict, FILE *from,
               const struct anchors *anchors, struct why *why)
{
    struct check *check = calloc(1, sizeof *check);
    *out = check;
    *verdict = (struct verdict){0};
    if (!check) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    check->verdict = verdict;
    check->anchoring =
        (struct anchoring){.anchors = anchors, .run = &check->run, .verdict = verdict};
    check->bounds = bounds_make(anchors->centres, anchors->centre_count);
    run_begin(&check->run, NULL, 0);
    if (!check->bounds) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    struct why particulars = {""};
    int error = export_open(&check->reader, from, &particulars);
    if (error) {
        fail(check, "", &particulars);
        return error == ERROR_MEMORY ? why_set(why, error, "%s", particulars.text) : OK;
    }
    const struct checkpoint_proof *proof = export_proof(check->reader);
    export_extent(check->reader, &verdict->first, &verdict->end);
    error = anchor_checkpoint(anchors, NULL, proof->note, proof->note_length, &check->checkpoint,
                              &particulars);
    if (error) {
        fail(check, "the checkpoint: ", &particulars);
        return OK;
    }
    check->anchored = true;
    run_begin(&check->run, check->checkpoint.origin, verdict->first);
    check->run.definitions = find_definitions;
    check->run.context = check;
    verdict->signed_size = anchors->gateway ? check->checkpoint.size : 0;
    look_at_receipts(check);
    return OK;
}

static int name_file(void *context, const struct digest *hash)
{
    return export_name_file(context, hash) ? OK : ERROR_ABSENT;
}

// Receipts that prove this block: theirs must be the same.
static void look_at_roots(struct check *check, uint64_t n)
{
    size_t count;
    const struct export_receipt *receipts = export_receipts(check->reader, &count);
    for (size_t i = 0; i < count; i++) {
        const struct checkpoint_proof *proof = &receipts[i].proof;
        const struct receipt *receipt = &receipts[i].receipt;
        if (proof->index != n) {
            continue;
        }
        if (merkle_check_inclusion(&check->run.leaf, n, receipt->head.size, proof->hashes,
                                   proof->count, &receipt->head.root)) {
            struct why why;
            why_set(&why, ERROR_INPUT,
                    "%s signed for other blocks than these (block %" PRIu64
                    " is not in the log that it held)",
                    receipt->centre, n);
            run_object(&check->run, &why);
        } else if (check->is_known[i]) {
            anchor_limit(check->verdict, receipt, n);
        }
    }
}

static void finish(struct check *check)
{
    const struct checkpoint_proof *proof = export_proof(check->reader);
    struct why why = {""};
    check->ended = true;
    check->proven =
        check->run.linked &&
        merkle_check_inclusion(&check->run.leaf, proof->index, check->checkpoint.size,
                               proof->hashes, proof->count, &check->checkpoint.root) == OK;
    if (!check->proven) {
        why_set(&why, ERROR_INPUT, "it is not in the signed log");
        check->run.next = proof->index;
        run_skip(&check->run, NULL, &why);
    }
    if (export_all_named(check->reader, &why)) {
        run_object(&check->run, &why);
    }
    anchor_finish(&check->anchoring);
}

bool check_next(struct check *check, uint64_t *n, struct digest *leaf)
{
    const char *bytes;
    size_t length;
    struct why why = {""};
    if (check->ended) {
        return false;
    }
    int error = export_next(check->reader, &bytes, &length, &why);
    if (error == ERROR_ABSENT) {
        finish(check);
        return false;
    }
    if (error) {
        fail(check, "", &why);
        return false;
    }
    *n = check->run.next;
    if (run_take(&check->run, bytes, length)) {
        bounds_take(check->bounds, &check->run.view);
        if (run_each_file(&check->run.view, name_file, check->reader)) {
            why_set(&why, ERROR_ABSENT, "block %" PRIu64 " names a file that is missing", *n);
            run_object(&check->run, &why);
        }
    }
    look_at_roots(check, *n);
    *leaf = check->run.leaf;
    return true;
}

void check_note(const struct check *check, struct text *note)
{
    text_clear(note);
    if (check->reader) {
        const struct checkpoint_proof *proof = export_proof(check->reader);
        text_append(note, proof->note, proof->note_length);
    }
}

const struct checkpoint *check_head(const struct check *check)
{
    return check->anchored ? &check->checkpoint : NULL;
}

void check_close(struct check *check)
{
    if (!check) {
        return;
    }
    struct verdict *verdict = check->verdict;
    if (check->bounds) {
        verdict_fill(verdict, &check->run, check->bounds);
    }
    bool trusted = check->proven && verdict->signed_size && check->run.trusted_from < verdict->end;
    verdict->trusted_end = verdict->end;
    verdict->trusted_from = trusted ? check->run.trusted_from : verdict->end;
    run_free(&check->run);
    bounds_free(check->bounds);
    export_close(check->reader);
    free(check);
}

int verify_export(struct verdict *verdict, FILE *from, const struct anchors *anchors,
                  verdict_progress *progress, void *context, struct why *why)
{
    struct check *check;
    struct digest leaf;
    uint64_t n;
    int error = check_open(&check, verdict, from, anchors, why);
    while (!error && check_next(check, &n, &leaf)) {
        if (progress && n % EXPORT_BLOCKS_A_FILE == 0) {
            progress(context, n - verdict->first, verdict->end - verdict->first);
        }
    }
    check_close(check);
    return error;
}
