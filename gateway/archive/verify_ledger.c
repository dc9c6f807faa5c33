#include "archive/verify.h"

#include "archive/anchor.h"
#include "archive/cabinet.h"
#include "archive/roots.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct expectation {
    struct receipt receipt;
    bool known; // by a key that was given
};

struct audit {
    struct ledger_reader *reader;
    struct verdict *verdict;
    struct anchoring anchoring;
    struct run run;
    struct bounds *bounds;
    struct cabinet cabinet;
    struct roots *roots;
    struct text bytes;
    uint64_t log_first, size;
    uint64_t next_entry; // the table of entries names none between the block at hand and this one
    struct checkpoint checkpoint;
    bool has_checkpoint, proven;
    uint64_t trusted_from;                           // as it was at the checkpoint's size
    struct expectation receipts[BOUNDS_CENTRES_MAX]; // the last ones, that the ledger keeps
    size_t receipt_count;
};

static void object(struct audit *audit, int error, const char *what, const struct why *particulars)
{
    struct why why;
    why_set(&why, error, "%s%s", what, particulars->text);
    run_object(&audit->run, &why);
}

// What is there now: a daemon may write meanwhile, and what is signed is stored before that.
static int look_again(struct audit *audit, struct why *why)
{
    uint64_t first;
    return ledger_reader_extent(audit->reader, &first, &audit->size, why);
}

static int read_checkpoint(struct audit *audit)
{
    struct text note = text_make(LEDGER_NOTE_MAX);
    struct why why = {""};
    uint64_t size;
    int error = ledger_reader_note(audit->reader, LEDGER_CHECKPOINT, "", &note, &size, &why);
    if (error == ERROR_ABSENT) {
        why_set(&why, error, "this log is not signed");
    }
    error = error ? error
                  : anchor_checkpoint(audit->anchoring.anchors, ledger_reader_origin(audit->reader),
                                      note.data, note.length, &audit->checkpoint, &why);
    error = error ? error : look_again(audit, &why);
    if (error) {
        object(audit, error, "the checkpoint: ", &why);
    } else if (audit->checkpoint.size > audit->size) {
        why_set(&why, ERROR_ABSENT,
                "the gateway signed for %" PRIu64 " blocks, and %" PRIu64
                " are there: the end of the log was cut off",
                audit->checkpoint.size, audit->size);
        run_object(&audit->run, &why);
    }
    audit->has_checkpoint = !error;
    text_free(&note);
    return error;
}

static void read_receipt(struct audit *audit, const char *name)
{
    struct text bytes = text_make(LEDGER_NOTE_MAX);
    struct expectation *expected = &audit->receipts[audit->receipt_count];
    const struct receipt *receipt = &expected->receipt;
    struct note note;
    uint64_t size;
    struct why why = {""};
    int error = ledger_reader_note(audit->reader, LEDGER_RECEIPT, name, &bytes, &size, &why);
    error = error ? error : receipt_read(&expected->receipt, &note, bytes.data, bytes.length, &why);
    error = error ? error : look_again(audit, &why);
    if (error) {
        object(audit, error, "a receipt: ", &why);
        text_free(&bytes);
        return;
    }
    expected->known = anchor_receipt(&audit->anchoring, receipt, &note);
    if (strcmp(receipt->head.origin, ledger_reader_origin(audit->reader)) != 0) {
        why_set(&why, ERROR_INPUT, "receipt of %s: it is of another log", receipt->centre);
        run_object(&audit->run, &why);
    } else if (receipt->head.size > audit->size) {
        why_set(&why, ERROR_ABSENT,
                "%s held %" PRIu64 " blocks of this log, and %" PRIu64
                " are there: the end of the log was cut off",
                receipt->centre, receipt->head.size, audit->size);
        run_object(&audit->run, &why);
    } else {
        audit->receipt_count++;
        if (expected->known && receipt->head.size) {
            bounds_cover(audit->bounds, receipt->head.size - 1, receipt);
        }
    }
    text_free(&bytes);
}

static void read_notes(struct audit *audit)
{
    struct ledger_note_row rows[BOUNDS_CENTRES_MAX];
    size_t count = 0;
    struct why why = {""};
    int error =
        ledger_reader_note_names(audit->reader, LEDGER_RECEIPT, rows, BOUNDS_CENTRES_MAX, &count);
    if (error) {
        object(audit, error, "the receipts cannot be read", &why);
    }
    for (size_t i = 0; i < count; i++) {
        read_receipt(audit, rows[i].name);
    }
    read_checkpoint(audit);
    struct checkpoint head = {.size = audit->size};
    memcpy(head.origin, audit->run.origin, sizeof audit->run.origin);
    // By the size that is there: a receipt given may be of more than is signed here so far.
    if (ledger_reader_root(audit->reader, audit->size, &head.root, &why) == OK) {
        anchor_given(&audit->anchoring, &head);
    }
}

// What is signed for so many blocks must be these.
static void compare_roots(struct audit *audit)
{
    const struct roots *roots = audit->roots;
    const struct digest *root = roots_at(roots, roots->edge.size);
    struct why why;
    if (audit->has_checkpoint && audit->checkpoint.size == roots->edge.size) {
        audit->proven = memcmp(root, &audit->checkpoint.root, sizeof *root) == 0;
        audit->trusted_from = audit->run.trusted_from;
        if (!audit->proven) {
            why_set(&why, ERROR_DAMAGED,
                    "the gateway signed for %" PRIu64 " other blocks than these", roots->edge.size);
            run_object(&audit->run, &why);
        }
    }
    for (size_t i = 0; i < audit->receipt_count; i++) {
        const struct expectation *expected = &audit->receipts[i];
        if (expected->receipt.head.size != roots->edge.size) {
            continue;
        }
        if (memcmp(root, &expected->receipt.head.root, sizeof *root) != 0) {
            why_set(&why, ERROR_DAMAGED, "%s signed for %" PRIu64 " other blocks than these",
                    expected->receipt.centre, roots->edge.size);
            run_object(&audit->run, &why);
        } else if (expected->known && roots->edge.size) {
            anchor_limit(audit->verdict, &expected->receipt, roots->edge.size - 1);
        }
    }
}

// A tile that is full now: its hashes, and those of the tiles above, must be those of the blocks.
static void check_tile(struct audit *audit, const struct digest *leaf)
{
    uint64_t size = audit->roots->edge.size;
    struct digest proof[MERKLE_PROOF_MAX];
    size_t count;
    struct why why = {""};
    int error = ledger_reader_inclusion(audit->reader, size - 1, size, proof, &count, &why);
    if (!error &&
        merkle_check_inclusion(leaf, size - 1, size, proof, count, roots_at(audit->roots, size))) {
        error = ERROR_DAMAGED;
        why_set(&why, error, "its hashes are not those of the blocks");
    }
    if (error) {
        char what[64];
        snprintf(what, sizeof what, "the tile before block %" PRIu64 ": ", size);
        object(audit, error, what, &why);
    }
}

static void add_leaf(struct audit *audit, const struct digest *leaf)
{
    roots_add(audit->roots, leaf);
    compare_roots(audit);
    if (audit->roots->edge.size % TILE_WIDTH == 0) {
        check_tile(audit, leaf);
    }
}

// A receipt that stands in a block must be of the blocks before it.
static void look_at_receipt(void *context, const struct receipt *receipt, const struct note *note,
                            const struct text *text)
{
    struct audit *audit = context;
    const struct anchors *anchors = audit->anchoring.anchors;
    struct digest read;
    (void)text;
    const struct trusted_key *key =
        bounds_key_of(anchors->centres, anchors->centre_count, receipt, note);
    if (!key) {
        return;
    }
    const struct digest *root = roots_at(audit->roots, receipt->head.size);
    if (!root && receipt->head.size <= audit->roots->edge.size &&
        ledger_reader_root(audit->reader, receipt->head.size, &read, NULL) == OK) {
        root = &read;
    }
    bool agrees = root && memcmp(root, &receipt->head.root, sizeof *root) == 0;
    if (!agrees && receipt_verify(receipt, note, NULL, &key->key, NULL) == OK) {
        struct why why;
        why_set(&why, ERROR_DAMAGED,
                "a receipt in block %" PRIu64 ": %s signed for %" PRIu64 " other blocks than these",
                audit->run.view.n, receipt->centre, receipt->head.size);
        run_object(&audit->run, &why);
    }
}

static int take_file(void *context, const struct digest *hash)
{
    struct audit *audit = context;
    struct why why;
    if (cabinet_file(&audit->cabinet, hash, &why)) {
        run_object(&audit->run, &why);
    }
    return OK;
}

// Whether the block was pruned since the check began; then it is passed over.
static bool was_pruned(struct audit *audit, uint64_t n, struct digest *leaf)
{
    uint64_t first, size;
    if (ledger_reader_extent(audit->reader, &first, &size, NULL) || n >= first ||
        ledger_reader_leaf(audit->reader, n, leaf, NULL)) {
        return false;
    }
    run_link(&audit->run, leaf);
    audit->run.next++;
    return true;
}

// The table of entries must name the blocks that hold one, and no other.
static void check_entry(struct audit *audit)
{
    uint64_t n = audit->run.view.n, next = n;
    struct why why = {""};
    bool has = block_has_entry(&audit->run.view);
    if (n < audit->next_entry && !has) {
        return;
    }
    uint64_t first, size;
    int error = ledger_reader_next_entry(audit->reader, &next, &why);
    if (ledger_reader_extent(audit->reader, &first, &size, NULL) == OK && n < first) {
        return; // pruned since it was read, and its row with it
    }
    audit->next_entry = error ? UINT64_MAX : next;
    if ((error && error != ERROR_ABSENT) || has != (audit->next_entry == n)) {
        why_set(&why, ERROR_DAMAGED,
                "block %" PRIu64 " holds %s that a person put on record, and the ledger's table of "
                "them says otherwise",
                n, has ? "something" : "nothing");
        run_object(&audit->run, &why);
    }
}

static int check_block(struct audit *audit, uint64_t n, struct why *why)
{
    struct digest leaf;
    struct why particulars = {""};
    int error = ledger_reader_block(audit->reader, n, &audit->bytes, &particulars);
    if (error == ERROR_ABSENT && was_pruned(audit, n, &leaf)) {
        add_leaf(audit, &leaf);
        return OK;
    }
    if (error) {
        bool has = ledger_reader_leaf(audit->reader, n, &leaf, NULL) == OK;
        run_skip(&audit->run, has ? &leaf : NULL, &particulars);
        if (!has) {
            return why_set(why, ERROR_DAMAGED, "the hash of block %" PRIu64 " is lost", n);
        }
    } else {
        if (run_take(&audit->run, audit->bytes.data, audit->bytes.length)) {
            bounds_take(audit->bounds, &audit->run.view);
            bounds_each_receipt(&audit->run.view, look_at_receipt, audit);
            run_each_file(&audit->run.view, take_file, audit);
            check_entry(audit);
        }
        leaf = audit->run.leaf;
    }
    add_leaf(audit, &leaf);
    return OK;
}

// Goes through the log from its first block on. An error ends it: nothing behind can be told.
static int go_through(struct audit *audit, verdict_progress *progress, void *context,
                      struct why *why)
{
    struct digest leaf;
    int error = OK;
    compare_roots(audit);
    for (uint64_t n = 0; n < audit->log_first && !error; n++) {
        error = ledger_reader_leaf(audit->reader, n, &leaf, why);
        if (!error) {
            add_leaf(audit, &leaf);
            run_link(&audit->run, &leaf);
        }
    }
    for (uint64_t n = audit->log_first; n < audit->size && !error; n++) {
        error = check_block(audit, n, why);
        if (progress && n % TILE_WIDTH == 0) {
            progress(context, n - audit->log_first, audit->size - audit->log_first);
        }
    }
    return error;
}

static void close_verdict(struct audit *audit)
{
    struct verdict *verdict = audit->verdict;
    verdict_fill(verdict, &audit->run, audit->bounds);
    uint64_t size = audit->has_checkpoint && audit->proven ? audit->checkpoint.size : 0;
    verdict->first = audit->log_first;
    verdict->end = size > audit->log_first ? size : audit->log_first;
    verdict->more = audit->size - verdict->end;
    if (verdict->upper.there && verdict->upper.block >= verdict->end) {
        verdict->upper.there = verdict->end > verdict->first;
        verdict->upper.block = verdict->end - 1; // a centre may hold what is not signed here yet
    }
    verdict->signed_size = audit->anchoring.anchors->gateway ? size : 0;
    verdict->trusted_end = verdict->end;
    verdict->trusted_from = verdict->signed_size && audit->trusted_from < verdict->end
                                ? audit->trusted_from
                                : verdict->end;
}

int verify_ledger(struct verdict *verdict, struct ledger_reader *reader,
                  const struct anchors *anchors, verdict_progress *progress, void *context,
                  struct why *why)
{
    *verdict = (struct verdict){0};
    struct audit audit = {.reader = reader,
                          .verdict = verdict,
                          .bounds = bounds_make(anchors->centres, anchors->centre_count),
                          .roots = malloc(sizeof *audit.roots),
                          .bytes = text_make(BLOCK_BYTES_MAX)};
    audit.anchoring = (struct anchoring){.anchors = anchors, .run = &audit.run, .verdict = verdict};
    cabinet_begin(&audit.cabinet, reader);
    int error = audit.bounds && audit.roots ? OK : why_set(why, ERROR_MEMORY, "out of memory");
    error = error ? error : ledger_reader_extent(reader, &audit.log_first, &audit.size, why);
    if (!error) {
        run_begin(&audit.run, ledger_reader_origin(reader), audit.log_first);
        audit.run.definitions = cabinet_definitions;
        audit.run.context = &audit.cabinet;
        roots_begin(audit.roots);
        read_notes(&audit);
        struct why particulars = {""};
        if (go_through(&audit, progress, context, &particulars)) {
            run_fail(&audit.run, &particulars);
        }
        anchor_finish(&audit.anchoring);
        close_verdict(&audit);
    }
    run_free(&audit.run);
    bounds_free(audit.bounds);
    cabinet_free(&audit.cabinet);
    text_free(&audit.bytes);
    free(audit.roots);
    return error;
}
