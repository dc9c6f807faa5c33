// Content-addressed files, definitions in force, and point numbers.
#include "ledger/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_LEVEL           3
#define DEFINITION_FILES_MAX 4096

int ledger_batch_begin(struct ledger *ledger, struct why *why)
{
    pthread_mutex_lock(&ledger->writing);
    int error = store_begin(&ledger->store, why);
    if (error) {
        pthread_mutex_unlock(&ledger->writing);
    } else {
        ledger->in_batch = true;
    }
    return error;
}

int ledger_batch_end(struct ledger *ledger, int error, struct why *why)
{
    error = error ? error : store_commit(&ledger->store, why);
    if (error) {
        store_rollback(&ledger->store);
    }
    ledger->in_batch = false;
    pthread_mutex_unlock(&ledger->writing);
    return error;
}

// A transaction for one call, unless it is within a batch of this thread.
static int begin_one(struct ledger *ledger, bool *own, struct why *why)
{
    pthread_mutex_lock(&ledger->writing);
    *own = !ledger->in_batch;
    int error = *own ? store_begin(&ledger->store, why) : OK;
    if (error) {
        pthread_mutex_unlock(&ledger->writing);
    }
    return error;
}

static int end_one(struct ledger *ledger, bool own, int error, struct why *why)
{
    if (own) {
        error = error ? error : store_commit(&ledger->store, why);
        if (error) {
            store_rollback(&ledger->store);
        }
    }
    pthread_mutex_unlock(&ledger->writing);
    return error;
}

static bool has_file(struct store *store, const struct digest *hash)
{
    sqlite3_stmt *get = store_statement(store, STATEMENT_FILE_HAS);
    bool has = false;
    if (get) {
        store_bind_digest(get, 1, hash);
        has = sqlite3_step(get) == SQLITE_ROW;
    }
    store_done(get);
    return has;
}

bool ledger_has_file(struct ledger *ledger, const struct digest *hash)
{
    pthread_mutex_lock(&ledger->writing);
    bool has = has_file(&ledger->store, hash);
    pthread_mutex_unlock(&ledger->writing);
    return has;
}

int files_put(struct ledger *ledger, const char *kind, const void *bytes, size_t length,
              struct digest *hash, struct why *why)
{
    if (length > LEDGER_FILE_MAX) {
        return why_set(why, ERROR_RANGE, "%s file of %zu bytes: at most %u are kept", kind, length,
                       LEDGER_FILE_MAX);
    }
    *hash = digest_of(NULL, 0, bytes, length);
    if (has_file(&ledger->store, hash)) {
        return OK;
    }
    size_t room = ZSTD_compressBound(length);
    void *packed = malloc(room);
    // A context of its own, freed at once: one that has seen a file of a megabyte keeps as much.
    size_t used = packed ? ZSTD_compress(packed, room, bytes, length, FILE_LEVEL) : 0;
    sqlite3_stmt *put = store_statement(&ledger->store, STATEMENT_FILE_PUT);
    int error;
    if (!packed || ZSTD_isError(used)) {
        error = why_set(why, ERROR_MEMORY, "out of memory");
    } else {
        if (put) {
            store_bind_digest(put, 1, hash);
            sqlite3_bind_text(put, 2, kind, -1, SQLITE_STATIC);
            sqlite3_bind_int64(put, 3, (int64_t)ledger->size);
            sqlite3_bind_int64(put, 4, (int64_t)length);
            sqlite3_bind_blob64(put, 5, packed, used, SQLITE_STATIC);
        }
        error = store_run(&ledger->store, put, why);
    }
    free(packed);
    return error;
}

int ledger_put_file(struct ledger *ledger, const char *kind, const void *bytes, size_t length,
                    struct digest *hash, struct why *why)
{
    bool own;
    int error = begin_one(ledger, &own, why);
    if (error) {
        return error;
    }
    error = files_put(ledger, kind, bytes, length, hash, why);
    return end_one(ledger, own, error, why);
}

// Whether this is what is already in force at from_n.
static bool same_definitions(struct store *store, uint64_t from_n, const struct digest *definitions,
                             const struct text *files)
{
    struct digest now;
    sqlite3_stmt *get = store_statement(store, STATEMENT_DEFINITIONS_AT);
    bool same = false;
    if (get) {
        sqlite3_bind_int64(get, 1, (int64_t)from_n);
        same = sqlite3_step(get) == SQLITE_ROW && store_column_digest(get, 0, &now) &&
               memcmp(&now, definitions, sizeof now) == 0 &&
               (size_t)sqlite3_column_bytes(get, 1) == files->length &&
               memcmp(sqlite3_column_blob(get, 1), files->data, files->length) == 0;
    }
    store_done(get);
    return same;
}

static int put_definitions(struct ledger *ledger, uint64_t from_n, const struct digest *definitions,
                           const struct text *files, struct why *why)
{
    if (same_definitions(&ledger->store, from_n, definitions, files)) {
        return OK;
    }
    sqlite3_stmt *put = store_statement(&ledger->store, STATEMENT_DEFINITIONS_PUT);
    if (put) {
        sqlite3_bind_int64(put, 1, (int64_t)from_n);
        store_bind_digest(put, 2, definitions);
        sqlite3_bind_blob64(put, 3, files->data, files->length, SQLITE_STATIC);
    }
    return store_run(&ledger->store, put, why);
}

static bool is_listed(const struct text *list, const struct digest *hash)
{
    for (size_t at = 0; at + DIGEST_SIZE <= list->length; at += DIGEST_SIZE) {
        if (memcmp(list->data + at, hash->bytes, DIGEST_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

// The hashes of column 0 of each row: all bytes of it, or, `spare`, those rows that no kept
// definitions name and that were put before `first`.
static int collect(struct store *store, enum statement which, const struct text *needed,
                   uint64_t first, struct text *out, struct why *why)
{
    sqlite3_stmt *rows = store_statement(store, which);
    if (!rows) {
        return store_error(store, why);
    }
    int code;
    while ((code = sqlite3_step(rows)) == SQLITE_ROW) {
        struct digest hash;
        if (!needed) {
            text_append(out, sqlite3_column_blob(rows, 0), (size_t)sqlite3_column_bytes(rows, 0));
        } else if (store_column_digest(rows, 0, &hash) && !is_listed(needed, &hash) &&
                   (uint64_t)sqlite3_column_int64(rows, 1) + TILE_WIDTH < first) {
            text_append(out, hash.bytes, DIGEST_SIZE);
        }
    }
    int error = code == SQLITE_DONE ? OK : store_error(store, why);
    store_done(rows);
    return error == OK && out->failed ? why_set(why, ERROR_MEMORY, "out of memory") : error;
}

int ledger_put_definitions(struct ledger *ledger, uint64_t from_n, const struct digest *definitions,
                           const struct digest *files, size_t count, struct why *why)
{
    bool own;
    int error = begin_one(ledger, &own, why);
    if (error) {
        return error;
    }
    struct text list = text_make(DEFINITION_FILES_MAX * sizeof *files);
    text_append(&list, files, count * sizeof *files);
    // Blocks saved from the log before this one go to whoever receives its first block.
    if (from_n == 0) {
        error = collect(&ledger->store, STATEMENT_FILE_RECOVERED, NULL, 0, &list, why);
    }
    if (error == OK && list.failed) {
        error = why_set(why, ERROR_RANGE, "definitions: more than %d files", DEFINITION_FILES_MAX);
    }
    error = error ? error : put_definitions(ledger, from_n, definitions, &list, why);
    text_free(&list);
    return end_one(ledger, own, error, why);
}

static int number_of(struct store *store, enum statement which, const struct digest *key,
                     uint32_t *number, struct why *why)
{
    sqlite3_stmt *get = store_statement(store, which);
    if (!get) {
        return store_error(store, why);
    }
    if (key) {
        store_bind_digest(get, 1, key);
    }
    int code = sqlite3_step(get), error = OK;
    *number = 0;
    if (code == SQLITE_ROW) {
        *number = (uint32_t)sqlite3_column_int64(get, 0);
    } else if (code != SQLITE_DONE) {
        error = store_error(store, why);
    }
    store_done(get);
    return error;
}

static int put_point(struct store *store, enum statement which, uint32_t number,
                     const struct digest *key, const char *name, const char *definition,
                     struct why *why)
{
    sqlite3_stmt *put = store_statement(store, which);
    if (put) {
        sqlite3_bind_int64(put, 1, number);
        store_bind_digest(put, 2, key);
        sqlite3_bind_text(put, 3, name, -1, SQLITE_STATIC);
        sqlite3_bind_text(put, 4, definition, -1, SQLITE_STATIC);
    }
    return store_run(store, put, why);
}

// The terminator parts the two, so that no other pair gives the same key.
static struct digest point_key(const char *name, const char *definition)
{
    return digest_of(name, strlen(name) + 1, definition, strlen(definition));
}

int ledger_put_point(struct ledger *ledger, uint32_t number, const char *name,
                     const char *definition, struct why *why)
{
    bool own;
    struct digest key = point_key(name, definition);
    int error = begin_one(ledger, &own, why);
    if (error) {
        return error;
    }
    error = put_point(&ledger->store, STATEMENT_POINT_COPY, number, &key, name, definition, why);
    return end_one(ledger, own, error, why);
}

int ledger_point_number(struct ledger *ledger, const char *name, const char *definition,
                        uint32_t *number, bool *fresh, struct why *why)
{
    bool own;
    struct digest key = point_key(name, definition);
    int error = begin_one(ledger, &own, why);
    if (error) {
        return error;
    }
    error = number_of(&ledger->store, STATEMENT_POINT_GET, &key, number, why);
    *fresh = error == OK && *number == 0;
    if (*fresh) {
        error = number_of(&ledger->store, STATEMENT_POINT_LAST, NULL, number, why);
        ++*number;
        error = error ? error
                      : put_point(&ledger->store, STATEMENT_POINT_PUT, *number, &key, name,
                                  definition, why);
    }
    return end_one(ledger, own, error, why);
}

// --- pruning ------------------------------------------------------------------------------------

int files_prune(struct ledger *ledger, uint64_t first, struct why *why)
{
    struct text needed = text_make(16u << 20), spare = text_make(1u << 20);
    struct store *store = &ledger->store;
    int error = collect(store, STATEMENT_DEFINITIONS_LIST, NULL, first, &needed, why);
    error = error ? error : collect(store, STATEMENT_FILE_LIST, &needed, first, &spare, why);
    for (size_t at = 0; error == OK && at < spare.length; at += DIGEST_SIZE) {
        sqlite3_stmt *drop = store_statement(store, STATEMENT_FILE_DROP);
        if (drop) {
            sqlite3_bind_blob(drop, 1, spare.data + at, DIGEST_SIZE, SQLITE_STATIC);
        }
        error = store_run(store, drop, why);
    }
    text_free(&needed);
    text_free(&spare);
    return error;
}
