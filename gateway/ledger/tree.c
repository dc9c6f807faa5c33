#include "ledger/tree.h"

static void level_clear(struct tree_level *level)
{
    level->count = 0;
    level->t_lo_us = INT64_MAX;
    level->t_hi_us = INT64_MIN;
}

static void level_push(struct tree_level *level, const struct digest *hash, int64_t t_lo_us,
                       int64_t t_hi_us)
{
    level->hashes[level->count++] = *hash;
    level->t_lo_us = t_lo_us < level->t_lo_us ? t_lo_us : level->t_lo_us;
    level->t_hi_us = t_hi_us > level->t_hi_us ? t_hi_us : level->t_hi_us;
}

// Fills one level from rows (key, hash, t_lo, t_hi) with the keys [from, to), every one of which
// must be there.
static int load_level(struct tree_level *level, struct store *store, enum statement which,
                      int64_t from, int64_t to, struct why *why)
{
    level_clear(level);
    sqlite3_stmt *rows = store_statement(store, which);
    if (!rows) {
        return store_error(store, why);
    }
    sqlite3_bind_int64(rows, 1, from);
    sqlite3_bind_int64(rows, 2, to);
    int code;
    while ((code = sqlite3_step(rows)) == SQLITE_ROW) {
        struct digest hash;
        if (sqlite3_column_int64(rows, 0) != from + level->count || level->count >= TILE_WIDTH ||
            !store_column_digest(rows, 1, &hash)) {
            break;
        }
        level_push(level, &hash, sqlite3_column_int64(rows, 2), sqlite3_column_int64(rows, 3));
    }
    int error = code == SQLITE_DONE || code == SQLITE_ROW ? OK : store_error(store, why);
    store_done(rows);
    if (error == OK && from + level->count != to) {
        return why_set(why, ERROR_DAMAGED, "ledger: a row that must be there is missing");
    }
    return error;
}

int tree_load(struct tree *tree, struct store *store, uint64_t size, struct why *why)
{
    uint64_t count = size; // hashes of this level in the whole log
    tree->size = size;
    for (unsigned k = 0; k < TREE_LEVELS; k++, count /= TILE_WIDTH) {
        uint64_t from = count - count % TILE_WIDTH;
        int error = k == 0
                        ? load_level(&tree->levels[0], store, STATEMENT_BLOCK_RANGE, (int64_t)from,
                                     (int64_t)count, why)
                        : load_level(&tree->levels[k], store, STATEMENT_TILE_RANGE,
                                     store_tile_id(k - 1, from), store_tile_id(k - 1, count), why);
        if (error) {
            return error;
        }
    }
    return OK;
}

static int put_tile(struct store *store, unsigned level, uint64_t index,
                    const struct tree_level *tile, const struct digest *root, struct why *why)
{
    sqlite3_stmt *put = store_statement(store, STATEMENT_TILE_PUT);
    if (!put) {
        return store_error(store, why);
    }
    sqlite3_bind_int64(put, 1, store_tile_id(level, index));
    store_bind_digest(put, 2, root);
    sqlite3_bind_int64(put, 3, tile->t_lo_us);
    sqlite3_bind_int64(put, 4, tile->t_hi_us);
    sqlite3_bind_blob(put, 5, tile->hashes, sizeof tile->hashes, SQLITE_STATIC);
    return store_run(store, put, why);
}

int tree_add(struct tree *tree, struct store *store, const struct digest *leaf, int64_t t_lo_us,
             int64_t t_hi_us, struct why *why)
{
    struct digest hash = *leaf;
    uint64_t count = ++tree->size; // hashes of the level below the next
    for (unsigned k = 0; k < TREE_LEVELS; k++) {
        struct tree_level *level = &tree->levels[k];
        level_push(level, &hash, t_lo_us, t_hi_us);
        if (level->count < TILE_WIDTH) {
            break;
        }
        count /= TILE_WIDTH;
        hash = merkle_root_of(level->hashes, TILE_WIDTH);
        int error = put_tile(store, k, count - 1, level, &hash, why);
        if (error) {
            return error;
        }
        t_lo_us = level->t_lo_us;
        t_hi_us = level->t_hi_us;
        level_clear(level);
    }
    return OK;
}
