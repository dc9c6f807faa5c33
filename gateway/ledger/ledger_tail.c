#include "ledger/inside.h"

#include <string.h>

int block_unpack(ZSTD_DCtx *unpacker, const void *packed, size_t packed_length, size_t length,
                 struct text *out, struct why *why)
{
    text_clear(out);
    if (length > BLOCK_BYTES_MAX) {
        return why_set(why, ERROR_DAMAGED, "ledger: a block longer than any can be");
    }
    char *to = text_reserve(out, length);
    if (!to) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    size_t got = unpacker ? ZSTD_decompressDCtx(unpacker, to, length, packed, packed_length)
                          : ZSTD_decompress(to, length, packed, packed_length);
    if (ZSTD_isError(got) || got != length) {
        return why_set(why, ERROR_DAMAGED, "ledger: a block that does not unpack");
    }
    text_commit(out, length);
    return OK;
}

int tail_verify_block(struct store *store, const char *origin, uint64_t n, bool known,
                      struct digest *previous, struct text *bytes, struct block_view *view,
                      struct why *why)
{
    struct digest leaf;
    sqlite3_stmt *get = store_statement(store, STATEMENT_BLOCK_GET);
    if (!get) {
        return store_error(store, why);
    }
    sqlite3_bind_int64(get, 1, (int64_t)n);
    int code = sqlite3_step(get), error = OK;
    if (code == SQLITE_DONE || (code == SQLITE_ROW && !store_column_digest(get, 0, &leaf))) {
        error = why_set(why, ERROR_DAMAGED, "missing");
    } else if (code != SQLITE_ROW) {
        error = store_error(store, why);
    } else {
        error =
            block_unpack(NULL, sqlite3_column_blob(get, 3), (size_t)sqlite3_column_bytes(get, 3),
                         (size_t)sqlite3_column_int64(get, 2), bytes, why);
    }
    store_done(get);
    if (error) {
        return error;
    }
    struct digest real = block_leaf(bytes->data, bytes->length);
    if (!digest_equal(&real, &leaf)) {
        return why_set(why, ERROR_DAMAGED, "its bytes do not agree with its hash");
    }
    if (block_parse(view, bytes->data, bytes->length, why) != OK) {
        return ERROR_DAMAGED;
    }
    if (view->n != n || strcmp(view->origin, origin) != 0 ||
        (known && memcmp(&view->previous, previous, sizeof *previous) != 0)) {
        return why_set(why, ERROR_DAMAGED, "it does not belong behind the block before it");
    }
    *previous = leaf;
    return OK;
}

// The monotonic time that this block adds to the one before it (`last`, its closing, in `run`).
static int64_t span_of(const struct block_view *view, const char *run, int64_t last)
{
    int64_t begin = strcmp(view->run, run) == 0 ? last : view->mono_us[0];
    return view->mono_us[1] > begin ? view->mono_us[1] - begin : 0;
}

int tail_verify(struct store *store, const char *origin, uint64_t first, uint64_t size,
                uint64_t since, struct digest *tip, int64_t *span_us, struct why *why)
{
    *tip = (struct digest){0};
    *span_us = 0;
    if (size == 0) {
        return OK;
    }
    // When the last tile is full, that one: something is always checked. And the block before it.
    uint64_t from = (size - 1) - (size - 1) % TILE_WIDTH;
    from = from > first ? from - 1 : first;
    struct text bytes = text_make(BLOCK_BYTES_MAX);
    struct block_view view = {0};
    struct why own = {.text = ""};
    char run[33] = "";
    int64_t last_us = 0;
    int error = OK;
    for (uint64_t n = from; n < size; n++) {
        error = tail_verify_block(store, origin, n, n > from || n == 0, tip, &bytes, &view, &own);
        if (error) {
            why_set(why, error, "block %llu: %s", (unsigned long long)n, own.text);
            break;
        }
        *span_us += n >= since ? span_of(&view, run, last_us) : 0;
        memcpy(run, view.run, sizeof run);
        last_us = view.mono_us[1];
    }
    block_view_free(&view);
    text_free(&bytes);
    return error;
}
