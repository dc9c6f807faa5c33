#include "ledger/inside.h"

#include <string.h>

#define HELD_BEYOND_RECEIPT_US (INT64_C(30) * 86400 * 1000000)

// Age is what the monotonic clock measured while this log was written, never what the clock on the
// wall says: that one may be set by years. With each tile that is filled, `marks` keeps how old the
// log was then, under the name of no uplink; since the last one, the blocks themselves tell.
#define NO_UPLINK ""

int64_t age_us(const struct ledger *ledger)
{
    return ledger->opened_age_us + clock_mono_us(ledger->clock) - ledger->opened_mono_us;
}

int age_mark(struct ledger *ledger, uint64_t n, struct why *why)
{
    return store_put_mark(&ledger->store, NO_UPLINK, age_us(ledger), n + 1, why);
}

int mark_before(struct store *store, const char *uplink, int64_t *at_us, uint64_t *n,
                struct why *why)
{
    sqlite3_stmt *get = store_statement(store, STATEMENT_MARK_AT);
    if (!get) {
        return store_error(store, why);
    }
    sqlite3_bind_text(get, 1, uplink, -1, SQLITE_STATIC);
    sqlite3_bind_int64(get, 2, *at_us);
    int code = sqlite3_step(get);
    *n = code == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(get, 0) : 0;
    *at_us = code == SQLITE_ROW ? sqlite3_column_int64(get, 1) : 0;
    int error = code == SQLITE_ROW || code == SQLITE_DONE ? OK : store_error(store, why);
    store_done(get);
    return error;
}

int age_last_mark(struct store *store, int64_t *at_us, uint64_t *before_n, struct why *why)
{
    *at_us = INT64_MAX;
    return mark_before(store, NO_UPLINK, at_us, before_n, why);
}

// The first block that must be kept for the sake of a required uplink.
static int first_needed(struct ledger *ledger, uint64_t *needed, struct why *why)
{
    char required[LEDGER_CURSORS_MAX][33];
    size_t count = 0;
    pthread_mutex_lock(&ledger->looking);
    *needed = ledger->size;
    for (size_t i = 0; i < ledger->cursor_count; i++) {
        if (ledger->cursors[i].required) {
            memcpy(required[count++], ledger->cursors[i].uplink, sizeof *required);
        }
    }
    pthread_mutex_unlock(&ledger->looking);
    for (size_t i = 0; i < count; i++) {
        uint64_t n = 0;
        int64_t at_us = age_us(ledger) - HELD_BEYOND_RECEIPT_US;
        int error = mark_before(&ledger->store, required[i], &at_us, &n, why);
        if (error) {
            return error;
        }
        *needed = n < *needed ? n : *needed;
    }
    return OK;
}

static int live_bytes(struct ledger *ledger, int64_t *bytes, struct why *why)
{
    sqlite3_stmt *get = store_statement(&ledger->store, STATEMENT_PAGES);
    int error = OK;
    if (!get || sqlite3_step(get) != SQLITE_ROW) {
        error = store_error(&ledger->store, why);
    } else {
        *bytes = sqlite3_column_int64(get, 0);
    }
    store_done(get);
    return error;
}

// Whether the blocks before `end` are to go: too old, or the ledger too large.
static int is_due(struct ledger *ledger, uint64_t end, int64_t keep_us, int64_t keep_bytes,
                  bool *due, struct why *why)
{
    int64_t bytes = 0, at_us = age_us(ledger) - keep_us;
    uint64_t old = 0;
    int error = keep_bytes ? live_bytes(ledger, &bytes, why) : OK;
    *due = bytes > keep_bytes;
    if (error || *due || keep_us == 0) {
        return error;
    }
    error = mark_before(&ledger->store, NO_UPLINK, &at_us, &old, why);
    *due = end <= old;
    return error;
}

static int run_with(struct ledger *ledger, enum statement which, int64_t number, struct why *why)
{
    sqlite3_stmt *statement = store_statement(&ledger->store, which);
    if (statement) {
        sqlite3_bind_int64(statement, 1, number);
    }
    return store_run(&ledger->store, statement, why);
}

// Drops old marks: of each uplink, only the last one that is 30 days old is asked for.
static int prune_marks(struct ledger *ledger, struct why *why)
{
    int error = OK;
    for (size_t i = 0; error == OK && i < ledger->cursor_count; i++) {
        sqlite3_stmt *drop = store_statement(&ledger->store, STATEMENT_MARK_PRUNE);
        if (drop) {
            sqlite3_bind_text(drop, 1, ledger->cursors[i].uplink, -1, SQLITE_STATIC);
            sqlite3_bind_int64(drop, 2, age_us(ledger) - HELD_BEYOND_RECEIPT_US);
        }
        error = store_run(&ledger->store, drop, why);
    }
    return error;
}

static int prune_to(struct ledger *ledger, uint64_t end, struct why *why)
{
    int error = store_begin(&ledger->store, why);
    error = error ? error : run_with(ledger, STATEMENT_BLOCK_PRUNE, (int64_t)end, why);
    error = error ? error : run_with(ledger, STATEMENT_ENTRY_PRUNE, (int64_t)end, why);
    error = error ? error : run_with(ledger, STATEMENT_DEFINITIONS_PRUNE, (int64_t)end, why);
    if (error == OK && sqlite3_changes(ledger->store.db) > 0) {
        error = files_prune(ledger, end, why);
    }
    error = error ? error : run_with(ledger, STATEMENT_AGE_PRUNE, (int64_t)end, why);
    error = error ? error : prune_marks(ledger, why);
    error = error ? error : store_commit(&ledger->store, why);
    if (error) {
        store_rollback(&ledger->store);
    }
    return error;
}

int ledger_prune(struct ledger *ledger, int64_t keep_us, int64_t keep_bytes, uint64_t *pruned,
                 struct why *why)
{
    uint64_t needed;
    bool due = false;
    *pruned = 0;
    pthread_mutex_lock(&ledger->writing);
    uint64_t first = ledger->first, end = (first / TILE_WIDTH + 1) * TILE_WIDTH;
    int error = first_needed(ledger, &needed, why);
    // A tile that is not full has its leaf hashes in the blocks' rows, and the last block tells
    // where the log ends.
    if (error == OK && end <= needed && end < ledger->size) {
        error = is_due(ledger, end, keep_us, keep_bytes, &due, why);
    }
    error = error || !due ? error : prune_to(ledger, end, why);
    if (error == OK && due) {
        *pruned = end - first;
        pthread_mutex_lock(&ledger->looking);
        ledger->first = end;
        pthread_mutex_unlock(&ledger->looking);
    }
    pthread_mutex_unlock(&ledger->writing);
    return error;
}
