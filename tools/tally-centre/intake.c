// Blocks and files as they come; intake_settle.c has checkpoints and what follows from them.
#include "intake.h"

#include "needs.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACK_LEVEL 1 // as the gateway itself packs its blocks

int intake_open(struct intake *intake, const struct intake_limits *limits,
                const struct store *store, const struct intake_hooks *hooks)
{
    *intake = (struct intake){.limits = *limits, .store = *store, .hooks = *hooks};
    intake->block = text_make(BLOCK_BYTES_MAX);
    intake->packer = ZSTD_createCCtx();
    intake->unpacker = ZSTD_createDCtx();
    if (!intake->packer || !intake->unpacker) {
        intake_close(intake);
        return ERROR_MEMORY;
    }
    return OK;
}

void intake_close(struct intake *intake)
{
    text_free(&intake->block);
    block_view_free(&intake->view);
    ZSTD_freeCCtx(intake->packer);
    ZSTD_freeDCtx(intake->unpacker);
}

void intake_fault(struct intake *intake, struct intake_log *log, enum fault fault,
                  const char *format, ...)
{
    char text[WHY_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    intake->hooks.fault(intake->hooks.context, log, fault, text);
}

void intake_store_failed(struct intake_log *log, int64_t now_us, const struct why *why)
{
    snprintf(log->store_fault, sizeof log->store_fault, "%.255s", why->text);
    log->retry_us = now_us + INTAKE_RETRY_US;
}

// --- logs ---------------------------------------------------------------------------------------

static bool is_key(const struct public_key *one, const struct public_key *other)
{
    return memcmp(one->der, other->der, sizeof one->der) == 0;
}

// What the store has, unless another key than the log's vouched for it: that is set aside.
static int look_up_head(struct intake *intake, struct intake_log *log, struct why *why)
{
    const struct store *store = &intake->store;
    int error = store->load(store->context, log->origin, &log->head, why);
    if (error || !log->pinned || !log->head.keyed || is_key(&log->head.key, &log->keys[0])) {
        return error;
    }
    log->lost_to = log->head.frontier.size;
    error = store->set_aside(store->context, log->origin, why);
    return error ? error : store->load(store->context, log->origin, &log->head, why);
}

// The blocks that wait stay where they go on from what is held.
static void load_head(struct intake *intake, struct intake_log *log, int64_t now_us)
{
    struct why why = {""};
    if (look_up_head(intake, log, &why) != OK) {
        log->loaded = false;
        intake_store_failed(log, now_us, &why);
        return;
    }
    log->loaded = true;
    log->store_fault[0] = '\0';
    log->in_force = (struct digest){0};
    if (log->counted > log->head.frontier.size) {
        log->counted = log->readings = log->missed = 0;
    }
    intake->bytes -= log->pending.bytes;
    pending_drop_below(&log->pending, log->head.frontier.size);
    intake->bytes += log->pending.bytes;
    log->end = pending_end(&log->pending, log->head.frontier.size);
}

void intake_add(struct intake *intake, struct intake_log *log)
{
    log->next = intake->logs;
    intake->logs = log;
    log->resume_delay_us = INTAKE_RESUME_FIRST_US;
}

bool intake_is_ready(struct intake *intake, struct intake_log *log, int64_t now_us)
{
    if (!log->loaded && !log->forked && log->retry_us == 0) {
        load_head(intake, log, now_us);
    }
    return log->loaded && !log->forked;
}

static void drop_file(struct intake *intake, struct intake_log *log, struct assembly *file)
{
    intake->bytes -= file->bytes.length;
    log->file_bytes -= file->bytes.length;
    assembly_clear(file);
}

// Blocks below n must come again.
static void lose(struct intake_log *log, uint64_t n)
{
    log->lost_to = n > log->lost_to ? n : log->lost_to;
}

// Gives up all that waits in memory.
void intake_discard(struct intake *intake, struct intake_log *log)
{
    lose(log, log->end);
    intake->bytes -= log->pending.bytes;
    pending_clear(&log->pending);
    log->end = log->head.frontier.size;
    log->waits_for_files = false;
    for (size_t i = 0; i < log->wanted_count; i++) {
        log->wanted[i].disputed = false;
    }
}

void intake_forget_wanted(struct intake_log *log, size_t index)
{
    text_free(&log->wanted[index].note);
    log->wanted_count--;
    memmove(&log->wanted[index], &log->wanted[index + 1],
            (log->wanted_count - index) * sizeof log->wanted[0]);
}

void intake_remove(struct intake *intake, struct intake_log *log)
{
    for (struct intake_log **at = &intake->logs; *at; at = &(*at)->next) {
        if (*at == log) {
            *at = log->next;
            break;
        }
    }
    intake_discard(intake, log);
    for (size_t i = 0; i < INTAKE_FILES_MAX; i++) {
        drop_file(intake, log, &log->files[i]);
    }
    while (log->wanted_count) {
        intake_forget_wanted(log, 0);
    }
    text_free(&log->checkpoint);
}

int intake_claim(struct intake_log *log, const struct public_key *key)
{
    for (size_t i = 0; i < log->key_count; i++) {
        if (is_key(&log->keys[i], key)) {
            return OK;
        }
    }
    if (log->pinned) {
        return ERROR_REFUSED;
    }
    if (log->key_count == INTAKE_KEYS_MAX) {
        return ERROR_FULL;
    }
    log->keys[log->key_count++] = *key;
    return OK;
}

void intake_pin(struct intake *intake, struct intake_log *log, const struct public_key *key,
                int64_t now_us)
{
    for (size_t i = log->wanted_count; i-- > 0;) {
        if (!is_key(&log->wanted[i].key, key)) {
            intake_forget_wanted(log, i);
        }
    }
    log->keys[0] = *key;
    log->key_count = 1;
    log->pinned = true;
    log->seen = (struct digest){0};
    if (log->loaded) {
        load_head(intake, log, now_us);
    }
}

// --- asking again -------------------------------------------------------------------------------

void intake_ask_again(struct intake_log *log, int64_t now_us, int64_t grace_us)
{
    if (log->resume_at_us == 0) {
        log->resume_at_us = now_us + grace_us;
    }
}

void intake_greeted(struct intake_log *log)
{
    log->resume_delay_us = INTAKE_RESUME_FIRST_US;
    if (log->resume_at_us) {
        log->resume_at_us = 1;
    }
}

static bool is_incomplete(const struct intake_log *log)
{
    uint64_t last = log->pending.count ? log->pending.blocks[log->pending.count - 1]->block.n : 0;
    bool hole = log->pending.count && last >= log->end;
    bool wanted =
        log->wanted_count && log->wanted[log->wanted_count - 1].checkpoint.size > log->end;
    return hole || wanted || log->lost_to > log->end || log->waits_for_files;
}

bool intake_resume_due(struct intake *intake, struct intake_log *log, int64_t now_us)
{
    if (!intake_is_ready(intake, log, now_us) || log->resume_at_us == 0 ||
        now_us < log->resume_at_us) {
        return false;
    }
    if (!is_incomplete(log)) {
        log->resume_at_us = 0;
        return false;
    }
    // Should nothing come of it, the next checkpoint shows that it is still missing.
    log->lost_to = 0;
    log->resume_at_us = now_us + log->resume_delay_us;
    log->resume_delay_us = log->resume_delay_us < INTAKE_RESUME_LAST_US / 2
                               ? 2 * log->resume_delay_us
                               : INTAKE_RESUME_LAST_US;
    intake_fault(intake, log, FAULT_HOLE, "asked for again from block %" PRIu64 "%s",
                 log->head.frontier.size,
                 log->waits_for_files ? ": a file that is needed did not come" : "");
    return true;
}

// --- blocks -------------------------------------------------------------------------------------

// The block's bytes, unpacked into intake->block where they are packed. False: refused.
static bool unpack(struct intake *intake, struct intake_log *log, bool packed, const void **bytes,
                   size_t *length)
{
    if (*length > BLOCK_BYTES_MAX) {
        intake_fault(intake, log, FAULT_SIZE, "a block of %zu bytes", *length);
        return false;
    }
    if (!packed) {
        return true;
    }
    text_clear(&intake->block);
    char *room = text_reserve(&intake->block, BLOCK_BYTES_MAX);
    if (!room) {
        return false;
    }
    size_t used = ZSTD_decompressDCtx(intake->unpacker, room, BLOCK_BYTES_MAX, *bytes, *length);
    if (ZSTD_isError(used)) {
        intake_fault(intake, log, FAULT_JUNK, "a packed block: %s", ZSTD_getErrorName(used));
        return false;
    }
    text_commit(&intake->block, used);
    *bytes = intake->block.data;
    *length = used;
    return true;
}

// Whether the block is one that is held already: then it is not taken, and named when it differs.
static bool is_held(struct intake *intake, struct intake_log *log, uint64_t n,
                    const struct digest *leaf)
{
    struct digest held;
    struct why why = {""};
    if (n >= log->head.frontier.size) {
        return false;
    }
    int error = OK;
    if (n + 1 == log->head.frontier.size) {
        held = log->head.tip;
    } else {
        error = intake->store.leaf(intake->store.context, log->origin, n, &held, &why);
    }
    if (!error && memcmp(&held, leaf, sizeof held) != 0) {
        intake_fault(intake, log, FAULT_ALTERED, "another block %" PRIu64 " than the one held", n);
    }
    return true;
}

// Whether the block of intake->view may wait: it goes on from what is held, does not wait already,
// and not too many others do for its number.
static bool may_wait(struct intake *intake, struct intake_log *log, const struct digest *leaf)
{
    uint64_t n = intake->view.n;
    const struct digest *previous = &intake->view.previous;
    uint64_t size = log->head.frontier.size;
    size_t others;
    if (n == size && memcmp(previous, &log->head.tip, sizeof *previous) != 0) {
        intake_fault(intake, log, FAULT_ALTERED,
                     "block %" PRIu64 " does not go on from the one held before it", n);
        return false;
    }
    if (n - size >= INTAKE_WINDOW) {
        intake_fault(intake, log, FAULT_ROOM, "block %" PRIu64 ": far beyond %" PRIu64, n, size);
        return false;
    }
    if (pending_has(&log->pending, n, leaf, &others)) {
        return false;
    }
    if (others) {
        intake_fault(intake, log, FAULT_ALTERED, "another block %" PRIu64 " waits already", n);
    }
    return others < PENDING_ALTERNATIVES;
}

// Makes room for `bytes` more of this log. False when there is none.
static bool make_memory(struct intake *intake, struct intake_log *log, size_t bytes, int64_t now_us)
{
    if (log->pending.bytes + log->file_bytes + bytes > intake->limits.log_bytes) {
        return false;
    }
    while (intake->bytes + bytes > intake->limits.all_bytes) {
        struct intake_log *most = log;
        for (struct intake_log *other = intake->logs; other; other = other->next) {
            most = other->pending.bytes > most->pending.bytes ? other : most;
        }
        if (most == log) {
            return false;
        }
        intake_fault(intake, most, FAULT_ROOM, "%zu blocks that waited gave way to other logs",
                     most->pending.count);
        intake_discard(intake, most);
        intake_ask_again(most, now_us, INTAKE_RESUME_FIRST_US);
    }
    return true;
}

// Of intake->view. NULL when memory is short.
static struct pending_block *make_block(struct intake *intake, const struct digest *leaf,
                                        const void *bytes, size_t length, const void *packed,
                                        size_t packed_length)
{
    const struct block_view *view = &intake->view;
    struct needs needs = {.count = 0};
    size_t room = packed ? packed_length : ZSTD_compressBound(length);
    struct pending_block *block = calloc(1, sizeof *block);
    void *own = malloc(room ? room : 1);
    if (!block || !own || needs_of_events(&needs, view) != OK) {
        goto failed;
    }
    if (packed) {
        memcpy(own, packed, packed_length);
    } else {
        packed_length = ZSTD_compressCCtx(intake->packer, own, room, bytes, length, PACK_LEVEL);
        if (ZSTD_isError(packed_length)) {
            goto failed;
        }
        void *less = realloc(own, packed_length);
        own = less ? less : own;
    }
    if (needs.count) {
        block->files = malloc(needs.count * sizeof *block->files);
        if (!block->files) {
            goto failed;
        }
        memcpy(block->files, needs.files, needs.count * sizeof *block->files);
        block->file_count = needs.count;
    }
    block->previous = view->previous;
    block->missed = (uint32_t)view->missed_count;
    block->block = (struct ledger_block){.n = view->n,
                                         .leaf = *leaf,
                                         .definitions = view->definitions,
                                         .packed = own,
                                         .packed_length = packed_length,
                                         .length = length,
                                         .readings = (uint32_t)view->reading_count,
                                         .has_entry = block_has_entry(view)};
    return block;
failed:
    free(own);
    free(block);
    return NULL;
}

// Least and greatest of the times in it, as the gateway's ledger has them.
static void set_span(struct ledger_block *block, const struct block_view *view)
{
    int64_t lo = INT64_MAX, hi = INT64_MIN;
    for (size_t i = 0; i < view->reading_count; i++) {
        lo = view->readings[i].t_us < lo ? view->readings[i].t_us : lo;
        hi = view->readings[i].t_us > hi ? view->readings[i].t_us : hi;
    }
    for (size_t i = 0; i < view->missed_count; i++) {
        lo = view->missed[i].t_us < lo ? view->missed[i].t_us : lo;
        hi = view->missed[i].t_us > hi ? view->missed[i].t_us : hi;
    }
    for (size_t i = 0; i < view->event_count; i++) {
        lo = view->events[i].t_us < lo ? view->events[i].t_us : lo;
        hi = view->events[i].t_us > hi ? view->events[i].t_us : hi;
    }
    block->t_lo_us = lo;
    block->t_hi_us = hi;
}

static void keep_block(struct intake *intake, struct intake_log *log, struct pending_block *block,
                       int64_t now_us)
{
    uint64_t n = block->block.n;
    size_t bytes = pending_block_bytes(block);
    if (!make_memory(intake, log, bytes, now_us) || pending_add(&log->pending, block) != OK) {
        intake_fault(intake, log, FAULT_ROOM, "block %" PRIu64 ": no room for it, %zu wait", n,
                     log->pending.count);
        pending_block_free(block);
        lose(log, n + 1);
        intake_ask_again(log, now_us, INTAKE_RESUME_FIRST_US);
        return;
    }
    intake->bytes += bytes;
    if (n == log->end) {
        log->end = pending_end(&log->pending, log->end);
    } else if (n > log->end) {
        intake_ask_again(log, now_us, INTAKE_GRACE_US);
    }
    if (!log->waits_for_files && intake_is_complete(log)) {
        intake_settle(intake, log, now_us);
    }
}

void intake_block(struct intake *intake, struct intake_log *log, const void *bytes, size_t length,
                  bool packed, int64_t now_us)
{
    const void *sent = bytes;
    size_t sent_length = length;
    struct why why = {""};
    if (!intake_is_ready(intake, log, now_us) || !unpack(intake, log, packed, &bytes, &length)) {
        return;
    }
    if (block_parse(&intake->view, bytes, length, &why) != OK) {
        intake_fault(intake, log, FAULT_JUNK, "a block: %s", why.text);
        return;
    }
    const struct block_view *view = &intake->view;
    if (strcmp(view->origin, log->origin) != 0) {
        intake_fault(intake, log, FAULT_WRONG_LOG, "block %" PRIu64 " of the log %s", view->n,
                     view->origin);
        return;
    }
    struct digest leaf = block_leaf(bytes, length);
    if (is_held(intake, log, view->n, &leaf) || !may_wait(intake, log, &leaf)) {
        return;
    }
    if (log->head.bytes >= log->size_limit) {
        intake_fault(intake, log, FAULT_LIMIT,
                     "the log takes %" PRId64 " bytes on the disk already, and may take %" PRId64,
                     log->head.bytes, log->size_limit);
        return;
    }
    struct pending_block *block =
        make_block(intake, &leaf, bytes, length, packed ? sent : NULL, packed ? sent_length : 0);
    if (!block) {
        lose(log, view->n + 1);
        intake_ask_again(log, now_us, INTAKE_RESUME_FIRST_US);
        return;
    }
    set_span(&block->block, view);
    keep_block(intake, log, block, now_us);
}

// --- files --------------------------------------------------------------------------------------

// Keeps a whole file in the store, and forgets it here; when the store fails it waits.
static void store_file(struct intake *intake, struct intake_log *log, struct assembly *file,
                       int64_t now_us)
{
    struct why why = {""};
    if (!assembly_is_right(file)) {
        intake_fault(intake, log, FAULT_FILE, "a file of %zu bytes has not the hash that names it",
                     file->total);
        drop_file(intake, log, file);
        return;
    }
    if (intake->store.put_file(intake->store.context, log->origin, file->kind, file->bytes.data,
                               file->bytes.length, &why) != OK) {
        intake_store_failed(log, now_us, &why);
        return;
    }
    log->head.bytes += (int64_t)file->bytes.length;
    drop_file(intake, log, file);
    if (log->waits_for_files) {
        intake_settle(intake, log, now_us);
    }
}

// The place of a file that is under way, or for one that begins.
static struct assembly *place_of(struct intake *intake, struct intake_log *log,
                                 const struct assembly_chunk *chunk)
{
    for (size_t i = 0; i < INTAKE_FILES_MAX; i++) {
        struct assembly *file = &log->files[i];
        if (file->used && memcmp(&file->file, &chunk->file, sizeof file->file) == 0) {
            return file;
        }
    }
    for (size_t i = 0; i < INTAKE_FILES_MAX; i++) {
        if (!log->files[i].used) {
            return &log->files[i];
        }
    }
    struct assembly *file = &log->files[log->file_turn++ % INTAKE_FILES_MAX];
    drop_file(intake, log, file);
    return file;
}

void intake_chunk(struct intake *intake, struct intake_log *log, const struct assembly_chunk *chunk,
                  int64_t now_us)
{
    struct why why = {""};
    if (!intake_is_ready(intake, log, now_us) ||
        intake->store.has_file(intake->store.context, log->origin, &chunk->file, &why) == OK) {
        return;
    }
    if (log->head.bytes >= log->size_limit || !make_memory(intake, log, chunk->length, now_us)) {
        intake_fault(intake, log, log->head.bytes >= log->size_limit ? FAULT_LIMIT : FAULT_ROOM,
                     "no room for a file of %zu bytes", chunk->total);
        return;
    }
    struct assembly *file = place_of(intake, log, chunk);
    size_t before = file->bytes.length;
    int error = assembly_add(file, chunk, &why);
    intake->bytes += file->bytes.length - before;
    log->file_bytes += file->bytes.length - before;
    if (error) {
        // A chunk that is missing went by while the centre was away: the file will come again.
        if (error == ERROR_INPUT) {
            intake_fault(intake, log, FAULT_FILE, "%s", why.text);
        }
        return;
    }
    if (assembly_is_whole(file)) {
        store_file(intake, log, file, now_us);
    }
}

// --- time ---------------------------------------------------------------------------------------

void intake_tick(struct intake *intake, struct intake_log *log, int64_t now_us)
{
    if (log->retry_us == 0 || now_us < log->retry_us || log->forked) {
        return;
    }
    log->retry_us = 0;
    if (!log->loaded) {
        load_head(intake, log, now_us);
        return;
    }
    log->store_fault[0] = '\0';
    for (size_t i = 0; i < INTAKE_FILES_MAX && log->retry_us == 0; i++) {
        if (assembly_is_whole(&log->files[i])) {
            store_file(intake, log, &log->files[i], now_us);
        }
    }
    intake_settle(intake, log, now_us);
}
