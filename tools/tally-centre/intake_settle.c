// Checkpoints, and what follows from them: blocks made durable or discarded, forks found.
#include "intake.h"

#include "needs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_same(const struct digest *one, const struct digest *other)
{
    return memcmp(one, other, sizeof *one) == 0;
}

// --- forks --------------------------------------------------------------------------------------

// Two checkpoints of one key contradict each other: nothing of this log is believed from now on.
static void found_fork(struct intake *intake, struct intake_log *log, const char *one,
                       const char *other, const char *text)
{
    log->forked = true;
    intake->hooks.forked(intake->hooks.context, log, one, other, text);
    intake_fault(intake, log, FAULT_FORK, "%s", text);
    intake_discard(intake, log);
    while (log->wanted_count) {
        intake_forget_wanted(log, 0);
    }
}

static void say_fork(char out[256], const struct checkpoint *checkpoint, uint64_t held)
{
    snprintf(out, 256,
             "a checkpoint of %" PRIu64 " blocks, signed by the log's key, is not of the log of "
             "which %" PRIu64 " are held under its signature",
             checkpoint->size, held);
}

// Compares a checkpoint within what is held. False: it is a fork.
static bool check_within(struct intake *intake, struct intake_log *log,
                         const struct checkpoint *checkpoint, const struct text *note,
                         int64_t now_us)
{
    struct digest root = frontier_root(&log->head.frontier);
    struct why why = {""};
    uint64_t size = log->head.frontier.size;
    if (checkpoint->size == 0) {
        root = merkle_root_of(NULL, 0);
    } else if (checkpoint->size < size) {
        int error =
            intake->store.root(intake->store.context, log->origin, checkpoint->size, &root, &why);
        if (error) {
            intake_store_failed(log, now_us, &why);
            return true; // it comes again
        }
    }
    if (is_same(&root, &checkpoint->root)) {
        return true;
    }
    struct text held = text_make(NOTE_BYTES_MAX);
    char text[256];
    if (log->checkpoint.length) {
        text_append(&held, log->checkpoint.data, log->checkpoint.length);
    } else {
        (void)intake->store.checkpoint(intake->store.context, log->origin, &held, &why);
    }
    say_fork(text, checkpoint, size);
    found_fork(intake, log, held.length ? held.data : "", note->data, text);
    text_free(&held);
    return false;
}

// --- the blocks of a checkpoint -----------------------------------------------------------------

// The chain of waiting blocks from `top` down to what is held, into chain[0 … count - 1]. False
// when it breaks off.
static bool follow(const struct intake_log *log, size_t top, struct pending_block **chain,
                   size_t count)
{
    struct pending_block *block = log->pending.blocks[top];
    for (size_t place = count; place-- > 0;) {
        chain[place] = block;
        if (place == 0) {
            return is_same(&block->previous, &log->head.tip);
        }
        size_t at = pending_find(&log->pending, block->block.n - 1);
        uint64_t n = block->block.n - 1;
        while (at < log->pending.count && log->pending.blocks[at]->block.n == n &&
               !is_same(&log->pending.blocks[at]->block.leaf, &block->previous)) {
            at++;
        }
        if (at == log->pending.count || log->pending.blocks[at]->block.n != n) {
            return false;
        }
        block = log->pending.blocks[at];
    }
    return false;
}

// The chain whose root is the checkpoint's; *edge is the log's with it. False: there is none.
static bool find_chain(const struct intake_log *log, const struct checkpoint *checkpoint,
                       struct pending_block **chain, size_t count, struct frontier *edge)
{
    for (size_t top = pending_find(&log->pending, checkpoint->size - 1);
         top < log->pending.count && log->pending.blocks[top]->block.n == checkpoint->size - 1;
         top++) {
        if (!follow(log, top, chain, count)) {
            continue;
        }
        *edge = log->head.frontier;
        for (size_t i = 0; i < count; i++) {
            frontier_add(edge, &chain[i]->block.leaf);
        }
        struct digest root = frontier_root(edge);
        if (is_same(&root, &checkpoint->root)) {
            return true;
        }
    }
    return false;
}

// --- what is needed to read them ----------------------------------------------------------------

static int check_there(struct intake *intake, struct intake_log *log, const struct digest *files,
                       size_t count, struct why *why)
{
    for (size_t i = 0; i < count; i++) {
        int error = intake->store.has_file(intake->store.context, log->origin, &files[i], why);
        if (error) {
            return error;
        }
    }
    return OK;
}

// Lists what definitions need, all of which must be there. ERROR_ABSENT; ERROR_INPUT, ERROR_RANGE:
// they are of no use, for ever.
static int list_needs(struct intake *intake, struct intake_log *log,
                      const struct digest *definitions, struct needs *needs, struct why *why)
{
    struct text bytes = text_make(ASSEMBLY_FILE_MAX);
    needs->count = 0;
    int error = needs_add(needs, definitions);
    error = error ? error : check_there(intake, log, definitions, 1, why);
    error = error ? error
                  : intake->store.read_file(intake->store.context, log->origin, definitions, &bytes,
                                            why);
    error = error ? error : needs_of_definitions(needs, bytes.data, bytes.length, why);
    text_free(&bytes);
    return error ? error : check_there(intake, log, needs->files, needs->count, why);
}

// What goes to the store in one call.
struct batch {
    struct ledger_block *blocks;
    struct store_definitions *definitions;
    size_t count, definitions_count;
};

static void batch_free(struct batch *batch)
{
    for (size_t i = 0; i < batch->definitions_count; i++) {
        free((void *)batch->definitions[i].files);
    }
    free(batch->definitions);
    free(batch->blocks);
}

static int add_definitions(struct intake *intake, struct intake_log *log, struct batch *batch,
                           const struct pending_block *block, struct why *why)
{
    struct needs needs;
    int error = list_needs(intake, log, &block->block.definitions, &needs, why);
    for (size_t i = 0; error == OK && i < block->file_count; i++) {
        error = needs_add(&needs, &block->files[i]);
    }
    if (error) {
        return error;
    }
    struct store_definitions *more =
        realloc(batch->definitions, (batch->definitions_count + 1) * sizeof *more);
    struct digest *files = malloc(needs.count * sizeof *files);
    if (more) {
        batch->definitions = more;
    }
    if (!more || !files) {
        free(files);
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    memcpy(files, needs.files, needs.count * sizeof *files);
    more[batch->definitions_count++] = (struct store_definitions){.from_n = block->block.n,
                                                                  .hash = block->block.definitions,
                                                                  .files = files,
                                                                  .count = needs.count};
    return OK;
}

// The blocks of a chain and the changes of definitions within. ERROR_ABSENT when a file is not
// there yet.
static int batch_fill(struct intake *intake, struct intake_log *log, struct batch *batch,
                      struct pending_block *const *chain, size_t count, struct why *why)
{
    static const struct digest none = {{0}};
    struct digest in_force = log->in_force;
    batch->blocks = calloc(count, sizeof *batch->blocks);
    if (!batch->blocks) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        const struct digest *definitions = &chain[i]->block.definitions;
        batch->blocks[batch->count++] = chain[i]->block;
        int error = check_there(intake, log, chain[i]->files, chain[i]->file_count, why);
        if (!error && !is_same(definitions, &none) && !is_same(definitions, &in_force)) {
            error = add_definitions(intake, log, batch, chain[i], why);
            in_force = *definitions;
        }
        if (error) {
            return error;
        }
    }
    return OK;
}

// --- settling -----------------------------------------------------------------------------------

// The head is now where that checkpoint is.
static void advance(struct intake *intake, struct intake_log *log, size_t index,
                    const struct frontier *edge, struct pending_block *const *chain, size_t count)
{
    bool counts = log->counted == log->head.frontier.size;
    for (size_t i = 0; i < count; i++) {
        log->head.bytes += (int64_t)chain[i]->block.packed_length;
        log->counted += counts;
        log->readings += counts ? chain[i]->block.readings : 0;
        log->missed += counts ? chain[i]->missed : 0;
    }
    log->head.frontier = *edge;
    log->head.tip = chain[count - 1]->block.leaf;
    log->head.keyed = true;
    log->head.key = log->wanted[index].key;
    log->in_force = chain[count - 1]->block.definitions;
    text_free(&log->checkpoint);
    log->checkpoint = log->wanted[index].note;
    log->wanted[index].note = text_make(NOTE_BYTES_MAX);
    intake_forget_wanted(log, index);
    intake->bytes -= log->pending.bytes;
    pending_drop_below(&log->pending, edge->size);
    intake->bytes += log->pending.bytes;
    log->end = pending_end(&log->pending, edge->size);
    log->resume_delay_us = INTAKE_RESUME_FIRST_US;
    log->resume_at_us = 0;
    if (log->pending.count && log->pending.blocks[log->pending.count - 1]->block.n >= log->end) {
        log->resume_at_us = 1;
    }
}

// What was to be made durable and was not, and why.
static void put_off(struct intake *intake, struct intake_log *log, int error, const struct why *why,
                    int64_t now_us)
{
    if (error == ERROR_ABSENT) {
        log->waits_for_files = true;
        intake_ask_again(log, now_us, INTAKE_GRACE_US);
    } else if (error == ERROR_INPUT || error == ERROR_RANGE) {
        intake_fault(intake, log, FAULT_FILE, "%s", why->text);
        intake_store_failed(log, now_us + 10 * INTAKE_RETRY_US, why);
    } else {
        intake_store_failed(log, now_us, why);
    }
}

enum settled { SETTLED_MOVED, SETTLED_DISAGREES, SETTLED_PUT_OFF };

static enum settled store_chain(struct intake *intake, struct intake_log *log, size_t index,
                                const struct frontier *edge, struct pending_block *const *chain,
                                size_t count, int64_t now_us)
{
    struct batch batch = {.count = 0};
    struct why why = {""};
    log->waits_for_files = false;
    int error = batch_fill(intake, log, &batch, chain, count, &why);
    if (!error) {
        const struct store_append append = {.key = &log->wanted[index].key,
                                            .blocks = batch.blocks,
                                            .count = batch.count,
                                            .definitions = batch.definitions,
                                            .definitions_count = batch.definitions_count};
        error = intake->store.append(intake->store.context, log->origin, &append, &why);
    }
    if (error) {
        put_off(intake, log, error, &why, now_us);
    } else {
        advance(intake, log, index, edge, chain, count);
    }
    batch_free(&batch);
    return error ? SETTLED_PUT_OFF : SETTLED_MOVED;
}

// Makes the blocks of a checkpoint durable, which are all there.
static enum settled settle_one(struct intake *intake, struct intake_log *log, size_t index,
                               int64_t now_us)
{
    struct intake_wanted *wanted = &log->wanted[index];
    const struct checkpoint *checkpoint = &wanted->checkpoint;
    size_t count = (size_t)(checkpoint->size - log->head.frontier.size);
    struct pending_block **chain = calloc(count, sizeof(void *));
    struct frontier edge;
    enum settled settled = SETTLED_DISAGREES;
    if (!chain) {
        log->retry_us = now_us + INTAKE_RETRY_US;
        return SETTLED_PUT_OFF;
    }
    if (find_chain(log, checkpoint, chain, count, &edge)) {
        settled = store_chain(intake, log, index, &edge, chain, count, now_us);
    } else if (!wanted->disputed) {
        wanted->disputed = true;
        intake_fault(intake, log, FAULT_DISAGREES,
                     "blocks %" PRIu64 " to %" PRIu64 " that came are not those of the signed root",
                     log->head.frontier.size, checkpoint->size - 1);
    }
    free(chain);
    return settled;
}

// Checkpoints that the head has reached or passed: they agree, or are a fork.
static void check_passed(struct intake *intake, struct intake_log *log, int64_t now_us)
{
    while (!log->forked && log->wanted_count &&
           log->wanted[0].checkpoint.size <= log->head.frontier.size) {
        if (!check_within(intake, log, &log->wanted[0].checkpoint, &log->wanted[0].note, now_us)) {
            return;
        }
        intake_forget_wanted(log, 0);
    }
}

// The last of the checkpoints whose blocks are all there and agree: one that lies, or comes from a
// clone of the gateway, must not keep a later one from showing that. True when the head moved.
static bool settle_last(struct intake *intake, struct intake_log *log, int64_t now_us)
{
    bool all_there = log->wanted[log->wanted_count - 1].checkpoint.size <= log->end;
    for (size_t i = log->wanted_count; i-- > 0;) {
        if (log->wanted[i].checkpoint.size > log->end) {
            continue;
        }
        enum settled settled = settle_one(intake, log, i, now_us);
        if (settled != SETTLED_DISAGREES) {
            return settled == SETTLED_MOVED;
        }
    }
    if (all_there) {
        intake_discard(intake, log);
        intake_ask_again(log, now_us, 0);
    }
    return false;
}

void intake_settle(struct intake *intake, struct intake_log *log, int64_t now_us)
{
    bool moved = false;
    check_passed(intake, log, now_us);
    while (log->wanted_count && log->retry_us == 0 && log->end >= log->wanted[0].checkpoint.size &&
           settle_last(intake, log, now_us)) {
        moved = true;
        check_passed(intake, log, now_us);
    }
    if (log->wanted_count && log->end < log->wanted[log->wanted_count - 1].checkpoint.size) {
        intake_ask_again(log, now_us, INTAKE_GRACE_US);
    }
    if (moved && !log->forked) {
        intake->hooks.moved(intake->hooks.context, log);
    }
}

bool intake_is_complete(const struct intake_log *log)
{
    for (size_t i = 0; i < log->wanted_count; i++) {
        if (!log->wanted[i].disputed) {
            return log->end >= log->wanted[i].checkpoint.size;
        }
    }
    return log->wanted_count && log->end >= log->wanted[0].checkpoint.size;
}

// --- checkpoints --------------------------------------------------------------------------------

// Opens the note with one of the log's keys. OK and *key, or the fault is named.
static int open_note(struct intake *intake, struct intake_log *log, struct checkpoint *checkpoint,
                     const void *bytes, size_t length, const struct public_key **key)
{
    struct why why = {"no key of this log is known: no hello came"};
    const struct public_key *keys = log->keys;
    size_t count = log->key_count;
    int error = ERROR_ABSENT;
    if (!log->pinned && log->head.keyed) {
        keys = &log->head.key;
        count = 1;
    }
    for (size_t i = 0; i < count && error == ERROR_ABSENT; i++) {
        *key = &keys[i];
        error = checkpoint_open(checkpoint, bytes, length, &keys[i], &why);
    }
    if (error) {
        intake_fault(intake, log,
                     error == ERROR_ABSENT    ? FAULT_KEY
                     : error == ERROR_REFUSED ? FAULT_SIGNATURE
                                              : FAULT_JUNK,
                     "a checkpoint: %s", why.text);
    } else if (strcmp(checkpoint->origin, log->origin) != 0) {
        error = ERROR_REFUSED;
        intake_fault(intake, log, FAULT_WRONG_LOG, "a checkpoint of the log %s",
                     checkpoint->origin);
    }
    return error;
}

// Keeps a checkpoint beyond what is held: the least and the last of those that came.
static void want(struct intake *intake, struct intake_log *log, const struct checkpoint *checkpoint,
                 const struct public_key *key, const struct text *note)
{
    size_t at = 0;
    while (at < log->wanted_count && log->wanted[at].checkpoint.size < checkpoint->size) {
        at++;
    }
    if (at < log->wanted_count && log->wanted[at].checkpoint.size == checkpoint->size &&
        memcmp(&log->wanted[at].key, key, sizeof *key) == 0) {
        if (!is_same(&log->wanted[at].checkpoint.root, &checkpoint->root)) {
            char text[128];
            snprintf(text, sizeof text, "two signed checkpoints of %" PRIu64 " blocks differ",
                     checkpoint->size);
            found_fork(intake, log, log->wanted[at].note.data, note->data, text);
        }
        return;
    }
    if (log->wanted_count == INTAKE_WANTED_MAX) {
        if (at == 1) {
            return; // between the two
        }
        at = at ? at - 1 : 0;
        intake_forget_wanted(log, at);
    }
    struct text copy = text_make(NOTE_BYTES_MAX);
    text_append(&copy, note->data, note->length);
    if (copy.failed) {
        text_free(&copy);
        return;
    }
    memmove(&log->wanted[at + 1], &log->wanted[at],
            (log->wanted_count - at) * sizeof log->wanted[0]);
    log->wanted[at] = (struct intake_wanted){.checkpoint = *checkpoint, .key = *key, .note = copy};
    log->wanted_count++;
}

void intake_checkpoint(struct intake *intake, struct intake_log *log, const void *bytes,
                       size_t length, int64_t now_us)
{
    struct checkpoint checkpoint;
    const struct public_key *key = NULL;
    if (!intake_is_ready(intake, log, now_us)) {
        return;
    }
    if (length > NOTE_BYTES_MAX) {
        intake_fault(intake, log, FAULT_SIZE, "a checkpoint of %zu bytes", length);
        return;
    }
    struct digest hash = digest_of(NULL, 0, bytes, length);
    if (is_same(&hash, &log->seen) ||
        open_note(intake, log, &checkpoint, bytes, length, &key) != OK) {
        return;
    }
    struct public_key own = *key; // settling may change what it points at
    struct text note = text_make(NOTE_BYTES_MAX);
    text_append(&note, bytes, length);
    if (note.failed) {
        text_free(&note);
        return;
    }
    if (checkpoint.size <= log->head.frontier.size) {
        if (check_within(intake, log, &checkpoint, &note, now_us) && log->retry_us == 0) {
            log->seen = hash;
        }
    } else {
        want(intake, log, &checkpoint, &own, &note);
        if (!log->forked) {
            intake_settle(intake, log, now_us);
        }
        if (log->head.frontier.size >= checkpoint.size) {
            log->seen = hash;
        }
    }
    text_free(&note);
}

int intake_keep_notes(struct intake *intake, struct intake_log *log, const char *centre,
                      const struct text *receipt, struct why *why)
{
    const struct text *checkpoint = log->checkpoint.length ? &log->checkpoint : NULL;
    if (!checkpoint && !receipt) {
        return OK;
    }
    uint64_t size = log->head.frontier.size;
    int error = intake->store.put_notes(intake->store.context, log->origin, centre, size,
                                        checkpoint, receipt, why);
    if (error) {
        return error;
    }
    text_free(&log->checkpoint);
    log->checkpoint = (struct text){0};
    if (receipt) {
        log->head.receipted = size;
    }
    return OK;
}
