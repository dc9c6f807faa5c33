#include "ledger/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READER_TILES 4 // the last used of each level, for roots

struct reader_tile {
    bool valid;
    uint64_t index;
    struct digest hashes[TILE_WIDTH];
};

struct ledger_reader {
    struct store store;
    char origin[BLOCK_ORIGIN_MAX + 1];
    struct reader_tile *tiles; // READER_TILES of them, made at the first root
    struct text unpacked;      // of a block that is given as stored
    ZSTD_DCtx *unpacker;       // made at the first block
    uint32_t readings;         // of the block read last
};

static int read_origin(struct ledger_reader *reader, struct why *why)
{
    bool has;
    int error = store_has_tables(&reader->store, &has, why);
    if (error) {
        return error;
    }
    sqlite3_stmt *get = has ? store_statement(&reader->store, STATEMENT_LOG_GET) : NULL;
    if (!get || sqlite3_step(get) != SQLITE_ROW) {
        store_done(get);
        return why_set(why, has ? ERROR_DAMAGED : ERROR_ABSENT, "no log in this ledger");
    }
    const unsigned char *origin = sqlite3_column_text(get, 0);
    snprintf(reader->origin, sizeof reader->origin, "%s", origin ? (const char *)origin : "");
    store_done(get);
    return OK;
}

static int open_reader(struct ledger_reader **out, const char *directory, enum store_mode mode,
                       struct why *why)
{
    *out = NULL;
    struct ledger_reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    int error = store_open(&reader->store, directory, mode, why);
    error = error ? error : read_origin(reader, why);
    if (error) {
        ledger_reader_close(reader);
        return error;
    }
    reader->unpacked = text_make(BLOCK_BYTES_MAX);
    *out = reader;
    return OK;
}

int ledger_reader_open(struct ledger_reader **out, const char *directory, struct why *why)
{
    return open_reader(out, directory, STORE_READ, why);
}

int ledger_reader_open_aside(struct ledger_reader **out, const char *directory, struct why *why)
{
    return open_reader(out, directory, STORE_SALVAGE, why);
}

void ledger_reader_close(struct ledger_reader *reader)
{
    if (reader) {
        store_close(&reader->store);
        text_free(&reader->unpacked);
        ZSTD_freeDCtx(reader->unpacker);
        free(reader->tiles);
        free(reader);
    }
}

const char *ledger_reader_origin(struct ledger_reader *reader)
{
    return reader->origin;
}

int ledger_reader_extent(struct ledger_reader *reader, uint64_t *first, uint64_t *size,
                         struct why *why)
{
    return store_extent(&reader->store, first, size, why);
}

// Steps a statement that gives one row for block n. The caller ends it with store_done.
static int get_row(struct ledger_reader *reader, enum statement which, uint64_t n,
                   sqlite3_stmt **row, struct why *why)
{
    *row = store_statement(&reader->store, which);
    if (!*row) {
        return store_error(&reader->store, why);
    }
    sqlite3_bind_int64(*row, 1, (int64_t)n);
    int code = sqlite3_step(*row);
    if (code == SQLITE_ROW) {
        return OK;
    }
    int error = code == SQLITE_DONE
                    ? why_set(why, ERROR_ABSENT, "block %llu is not there", (unsigned long long)n)
                    : store_error(&reader->store, why);
    store_done(*row);
    return error;
}

// Unpacks the block of a row of STATEMENT_BLOCK_GET and checks it against its leaf hash.
static int unpack_row(struct ledger_reader *reader, sqlite3_stmt *row, uint64_t n, struct text *out,
                      struct why *why)
{
    struct digest leaf;
    reader->unpacker = reader->unpacker ? reader->unpacker : ZSTD_createDCtx();
    bool has = store_column_digest(row, 0, &leaf);
    reader->readings = (uint32_t)sqlite3_column_int64(row, 1);
    int error = block_unpack(reader->unpacker, sqlite3_column_blob(row, 3),
                             (size_t)sqlite3_column_bytes(row, 3),
                             (size_t)sqlite3_column_int64(row, 2), out, why);
    if (error) {
        return why_set(why, error, "block %llu: %s", (unsigned long long)n,
                       error == ERROR_DAMAGED ? "it does not unpack" : error_text(error));
    }
    struct digest real = block_leaf(out->data, out->length);
    if (!has || !digest_equal(&real, &leaf)) {
        return why_set(why, ERROR_DAMAGED, "block %llu: its bytes do not agree with its hash",
                       (unsigned long long)n);
    }
    return OK;
}

int ledger_reader_block(struct ledger_reader *reader, uint64_t n, struct text *out, struct why *why)
{
    sqlite3_stmt *row;
    int error = get_row(reader, STATEMENT_BLOCK_GET, n, &row, why);
    if (error) {
        return error;
    }
    error = unpack_row(reader, row, n, out, why);
    store_done(row);
    return error;
}

uint32_t ledger_reader_readings(const struct ledger_reader *reader)
{
    return reader->readings;
}

int ledger_reader_packed(struct ledger_reader *reader, uint64_t n, struct text *out,
                         struct why *why)
{
    sqlite3_stmt *row;
    int error = get_row(reader, STATEMENT_BLOCK_GET, n, &row, why);
    if (error) {
        return error;
    }
    error = unpack_row(reader, row, n, &reader->unpacked, why);
    text_clear(out);
    text_append(out, sqlite3_column_blob(row, 3), (size_t)sqlite3_column_bytes(row, 3));
    store_done(row);
    return error || !out->failed ? error : why_set(why, ERROR_MEMORY, "out of memory");
}

static int read_tile(struct ledger_reader *reader, unsigned level, uint64_t index,
                     struct digest hashes[TILE_WIDTH], struct why *why)
{
    sqlite3_stmt *row = store_statement(&reader->store, STATEMENT_TILE_HASHES);
    if (!row) {
        return store_error(&reader->store, why);
    }
    sqlite3_bind_int64(row, 1, store_tile_id(level, index));
    int code = sqlite3_step(row), error = OK;
    struct digest root;
    if (code == SQLITE_DONE) {
        error = why_set(why, ERROR_ABSENT, "tile %u/%llu is not there", level,
                        (unsigned long long)index);
    } else if (code != SQLITE_ROW) {
        error = store_error(&reader->store, why);
    } else if (sqlite3_column_bytes(row, 0) != TILE_WIDTH * DIGEST_SIZE ||
               !store_column_digest(row, 1, &root)) {
        error = why_set(why, ERROR_DAMAGED, "tile %u/%llu is damaged", level,
                        (unsigned long long)index);
    } else {
        memcpy(hashes, sqlite3_column_blob(row, 0), TILE_WIDTH * DIGEST_SIZE);
        struct digest real = merkle_root_of(hashes, TILE_WIDTH);
        if (memcmp(&real, &root, sizeof root) != 0) {
            error = why_set(why, ERROR_DAMAGED, "tile %u/%llu does not agree with its root", level,
                            (unsigned long long)index);
        }
    }
    store_done(row);
    return error;
}

// The whole tile, from those kept or from the store; or NULL and *error.
static const struct digest *tile_of(struct ledger_reader *reader, unsigned level, uint64_t index,
                                    int *error, struct why *why)
{
    if (!reader->tiles) {
        reader->tiles = calloc(READER_TILES, sizeof *reader->tiles);
        if (!reader->tiles) {
            *error = why_set(why, ERROR_MEMORY, "out of memory");
            return NULL;
        }
    }
    struct reader_tile *tile = &reader->tiles[level % READER_TILES];
    // Tiles never change; level 4 would need 256^4 blocks.
    if (level >= READER_TILES) {
        *error = why_set(why, ERROR_RANGE, "a log too long");
        return NULL;
    }
    if (!tile->valid || tile->index != index) {
        *error = read_tile(reader, level, index, tile->hashes, why);
        tile->valid = *error == OK;
        tile->index = index;
        if (*error) {
            return NULL;
        }
    }
    return tile->hashes;
}

int ledger_reader_leaf(struct ledger_reader *reader, uint64_t n, struct digest *leaf,
                       struct why *why)
{
    sqlite3_stmt *row;
    int error = get_row(reader, STATEMENT_BLOCK_LEAF, n, &row, why);
    if (error == OK) {
        bool has = store_column_digest(row, 0, leaf);
        store_done(row);
        return has ? OK : why_set(why, ERROR_DAMAGED, "a leaf hash of another length");
    }
    int unread;
    const struct digest *hashes =
        error == ERROR_ABSENT ? tile_of(reader, 0, n / TILE_WIDTH, &unread, NULL) : NULL;
    if (!hashes) {
        return error;
    }
    *leaf = hashes[n % TILE_WIDTH]; // pruned: the tile keeps it
    return OK;
}

struct root_context {
    struct ledger_reader *reader;
    struct why *why;
};

static int fetch_hash(void *context, unsigned level, uint64_t index, struct digest *out)
{
    struct root_context *root = context;
    struct ledger_reader *reader = root->reader;
    int error = OK;
    const struct digest *hashes = tile_of(reader, level, index / TILE_WIDTH, &error, root->why);
    if (hashes) {
        *out = hashes[index % TILE_WIDTH];
        return OK;
    }
    if (error != ERROR_ABSENT) {
        return error;
    }
    if (level == 0) {
        return ledger_reader_leaf(reader, index, out, root->why);
    }
    // The tile is not full yet: the hash is the root of a full one below it.
    sqlite3_stmt *row = store_statement(&reader->store, STATEMENT_TILE_RANGE);
    if (!row) {
        return store_error(&reader->store, root->why);
    }
    sqlite3_bind_int64(row, 1, store_tile_id(level - 1, index));
    sqlite3_bind_int64(row, 2, store_tile_id(level - 1, index + 1));
    bool has = sqlite3_step(row) == SQLITE_ROW && store_column_digest(row, 1, out);
    store_done(row);
    return has ? OK : why_set(root->why, ERROR_DAMAGED, "a tile is missing");
}

int ledger_reader_root(struct ledger_reader *reader, uint64_t size, struct digest *root,
                       struct why *why)
{
    struct root_context context = {reader, why};
    return merkle_root(fetch_hash, &context, size, root);
}

int ledger_reader_inclusion(struct ledger_reader *reader, uint64_t n, uint64_t size,
                            struct digest proof[MERKLE_PROOF_MAX], size_t *count, struct why *why)
{
    struct root_context context = {reader, why};
    return merkle_inclusion(fetch_hash, &context, n, size, proof, count);
}

int ledger_reader_file(struct ledger_reader *reader, const struct digest *hash, struct text *out,
                       struct why *why)
{
    text_clear(out);
    sqlite3_stmt *row = store_statement(&reader->store, STATEMENT_FILE_GET);
    if (!row) {
        return store_error(&reader->store, why);
    }
    store_bind_digest(row, 1, hash);
    int code = sqlite3_step(row), error = OK;
    if (code == SQLITE_DONE) {
        error = why_set(why, ERROR_ABSENT, "the file is not there");
    } else if (code != SQLITE_ROW) {
        error = store_error(&reader->store, why);
    } else {
        size_t length = (size_t)sqlite3_column_int64(row, 0);
        char *to = length <= LEDGER_FILE_MAX ? text_reserve(out, length) : NULL;
        size_t got = to ? ZSTD_decompress(to, length, sqlite3_column_blob(row, 1),
                                          (size_t)sqlite3_column_bytes(row, 1))
                        : 0;
        if (!to) {
            error = why_set(why, ERROR_MEMORY, "a file of %zu bytes does not fit", length);
        } else if (ZSTD_isError(got) || got != length) {
            error = why_set(why, ERROR_DAMAGED, "a file that does not unpack");
        } else {
            text_commit(out, length);
            struct digest real = digest_of(NULL, 0, out->data, out->length);
            error = digest_equal(&real, hash)
                        ? OK
                        : why_set(why, ERROR_DAMAGED, "a file does not agree with its hash");
        }
    }
    store_done(row);
    return error;
}

int ledger_reader_definitions(struct ledger_reader *reader, uint64_t n, struct digest *definitions,
                              struct digest *files, size_t max, size_t *count, struct why *why)
{
    sqlite3_stmt *row;
    *count = 0;
    int error = get_row(reader, STATEMENT_DEFINITIONS_AT, n, &row, why);
    if (error) {
        return error == ERROR_ABSENT
                   ? why_set(why, error, "no definitions at block %llu", (unsigned long long)n)
                   : error;
    }
    size_t length = (size_t)sqlite3_column_bytes(row, 1), stored = length / DIGEST_SIZE;
    if (!store_column_digest(row, 0, definitions) || length % DIGEST_SIZE != 0) {
        error = why_set(why, ERROR_DAMAGED, "definitions at block %llu are damaged",
                        (unsigned long long)n);
    } else if (stored > max) {
        error = why_set(why, ERROR_RANGE, "definitions need %zu files, asked for at most %zu",
                        stored, max);
    } else {
        if (length) {
            memcpy(files, sqlite3_column_blob(row, 1), length);
        }
        *count = stored;
    }
    store_done(row);
    return error;
}

int ledger_reader_cursors(struct ledger_reader *reader, struct ledger_cursor_row *rows, size_t max,
                          size_t *count, struct why *why)
{
    struct ledger_cursor cursors[LEDGER_CURSORS_MAX];
    max = max < LEDGER_CURSORS_MAX ? max : LEDGER_CURSORS_MAX;
    int error = cursors_list(&reader->store, cursors, max, count, why);
    for (size_t i = 0; error == OK && i < *count; i++) {
        rows[i] = (struct ledger_cursor_row){.acknowledged = cursors[i].acknowledged,
                                             .required = cursors[i].required};
        memcpy(rows[i].uplink, cursors[i].uplink, sizeof rows[i].uplink);
    }
    return error;
}

int ledger_reader_point_numbers(struct ledger_reader *reader, const char *name, uint32_t *numbers,
                                size_t max, size_t *count, struct why *why)
{
    sqlite3_stmt *list = store_statement(&reader->store, STATEMENT_POINT_LIST);
    if (!list) {
        return store_error(&reader->store, why);
    }
    int code;
    *count = 0;
    sqlite3_bind_text(list, 1, name, -1, SQLITE_STATIC);
    while ((code = sqlite3_step(list)) == SQLITE_ROW && *count < max) {
        numbers[(*count)++] = (uint32_t)sqlite3_column_int64(list, 0);
    }
    int error = code == SQLITE_DONE ? OK
                : code == SQLITE_ROW
                    ? why_set(why, ERROR_RANGE, "%s has had more than %zu point numbers", name, max)
                    : store_error(&reader->store, why);
    store_done(list);
    return error;
}

int ledger_reader_point_definition(struct ledger_reader *reader, uint32_t number, struct text *out,
                                   struct why *why)
{
    sqlite3_stmt *get = store_statement(&reader->store, STATEMENT_POINT_DEFINITION);
    if (!get) {
        return store_error(&reader->store, why);
    }
    text_clear(out);
    sqlite3_bind_int64(get, 1, number);
    int code = sqlite3_step(get), error = OK;
    if (code == SQLITE_ROW) {
        text_append(out, sqlite3_column_blob(get, 0), (size_t)sqlite3_column_bytes(get, 0));
        error = out->failed ? why_set(why, ERROR_MEMORY, "out of memory") : OK;
    } else {
        error = code == SQLITE_DONE ? why_set(why, ERROR_ABSENT, "there is no point %u", number)
                                    : store_error(&reader->store, why);
    }
    store_done(get);
    return error;
}

// --- by entry -----------------------------------------------------------------------------------

int ledger_reader_next_entry(struct ledger_reader *reader, uint64_t *n, struct why *why)
{
    bool has = false;
    int error = store_has_entries(&reader->store, &has, why);
    if (error || !has) { // last written before there were entries
        return error ? error : ERROR_ABSENT;
    }
    sqlite3_stmt *next = store_statement(&reader->store, STATEMENT_ENTRY_NEXT);
    if (!next) {
        return store_error(&reader->store, why);
    }
    sqlite3_bind_int64(next, 1, *n > INT64_MAX ? INT64_MAX : (int64_t)*n);
    int code = sqlite3_step(next);
    if (code == SQLITE_ROW) {
        *n = (uint64_t)sqlite3_column_int64(next, 0);
    } else {
        error = code == SQLITE_DONE ? ERROR_ABSENT : store_error(&reader->store, why);
    }
    store_done(next);
    return error;
}

// --- by time ------------------------------------------------------------------------------------

// The first tile of `level` in [from, to) whose span meets [from_us, to_us), or `to`; and where the
// full tiles end, when that is earlier. 1 found, 0 not, negative error.
static int next_tile(struct ledger_reader *reader, unsigned level, uint64_t from, uint64_t to,
                     int64_t from_us, int64_t to_us, uint64_t *index, struct why *why)
{
    sqlite3_stmt *rows = store_statement(&reader->store, STATEMENT_TILE_RANGE);
    if (!rows) {
        return store_error(&reader->store, why);
    }
    sqlite3_bind_int64(rows, 1, store_tile_id(level, from));
    sqlite3_bind_int64(rows, 2, store_tile_id(level, to));
    int code, found = 0;
    uint64_t next = from;
    while (!found && (code = sqlite3_step(rows)) == SQLITE_ROW) {
        found = sqlite3_column_int64(rows, 2) < to_us && sqlite3_column_int64(rows, 3) >= from_us;
        next += !found;
    }
    *index = next;
    int result = found ? 1 : code == SQLITE_DONE ? 0 : store_error(&reader->store, why);
    store_done(rows);
    return result;
}

// Moves *n past tiles that hold nothing of [from_us, to_us), the widest first.
static int skip_tiles(struct ledger_reader *reader, uint64_t size, int64_t from_us, int64_t to_us,
                      uint64_t *n, struct why *why)
{
    uint64_t width = TILE_WIDTH;
    unsigned level = 0;
    // Up while *n is at the start of a wider tile …
    while (*n % (width * TILE_WIDTH) == 0 && *n + width * TILE_WIDTH <= size) {
        width *= TILE_WIDTH;
        level++;
    }
    for (;; width /= TILE_WIDTH, level--) {
        uint64_t from = *n / width, row = width * TILE_WIDTH;
        uint64_t stop = (*n / row + 1) * TILE_WIDTH;
        stop = stop < size / width ? stop : size / width;
        if (*n % width == 0 && from < stop) {
            uint64_t index = from;
            int found = next_tile(reader, level, from, stop, from_us, to_us, &index, why);
            if (found < 0) {
                return found;
            }
            *n = index * width;
            if (!found) {
                return OK; // nothing in this row of tiles: the caller goes on behind it
            }
        }
        if (level == 0) {
            return OK;
        }
    }
}

// The first block in [from, to) whose span meets [from_us, to_us). 1 found, 0 not, negative error.
static int next_block(struct ledger_reader *reader, uint64_t from, uint64_t to, int64_t from_us,
                      int64_t to_us, uint64_t *n, struct why *why)
{
    sqlite3_stmt *row = store_statement(&reader->store, STATEMENT_BLOCK_SPANS);
    if (!row) {
        return store_error(&reader->store, why);
    }
    sqlite3_bind_int64(row, 1, (int64_t)from);
    sqlite3_bind_int64(row, 2, (int64_t)to);
    sqlite3_bind_int64(row, 3, from_us);
    sqlite3_bind_int64(row, 4, to_us);
    int code = sqlite3_step(row);
    int result = code == SQLITE_ROW    ? 1
                 : code == SQLITE_DONE ? 0
                                       : store_error(&reader->store, why);
    *n = code == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(row, 0) : to;
    store_done(row);
    return result;
}

int ledger_reader_next_in_time(struct ledger_reader *reader, int64_t from_us, int64_t to_us,
                               uint64_t *n, struct why *why)
{
    uint64_t first, size, at = *n;
    int error = store_extent(&reader->store, &first, &size, why);
    if (error) {
        return error;
    }
    at = at > first ? at : first;
    while (at < size) {
        if (at % TILE_WIDTH == 0 && at + TILE_WIDTH <= size) {
            uint64_t before = at;
            error = skip_tiles(reader, size, from_us, to_us, &at, why);
            if (error) {
                return error;
            }
            if (at >= size || (at != before && at % TILE_WIDTH == 0 && at + TILE_WIDTH <= size)) {
                // Looks again: behind a row of tiles a wider one may begin.
                continue;
            }
        }
        uint64_t end = (at / TILE_WIDTH + 1) * TILE_WIDTH;
        int found = next_block(reader, at, end < size ? end : size, from_us, to_us, &at, why);
        if (found < 0) {
            return found;
        }
        if (found) {
            *n = at;
            return OK;
        }
    }
    return why_set(why, ERROR_ABSENT, "no block of that time");
}

int ledger_reader_note(struct ledger_reader *reader, enum ledger_note_kind kind, const char *name,
                       struct text *out, uint64_t *size, struct why *why)
{
    return store_get_note(&reader->store, kind, name, out, size, why);
}

int ledger_reader_note_names(struct ledger_reader *reader, enum ledger_note_kind kind,
                             struct ledger_note_row *rows, size_t max, size_t *count)
{
    return store_note_names(&reader->store, kind, rows, max, count);
}
