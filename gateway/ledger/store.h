// The ledger's database file: how it is opened, its tables and statements, and what SQLite's errors
// mean to us. Internal to gateway/ledger.
//
// Knows nothing of blocks' contents or of who may write. One thread at a time.
#ifndef TALLY_LEDGER_STORE_H
#define TALLY_LEDGER_STORE_H

#include "base/digest.h"
#include "base/error.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#define STORE_FILE        "ledger.db"
#define STORE_VERSION     1 // PRAGMA user_version; up to STORE_VERSION_MAX: a newer program's
#define STORE_VERSION_MAX 999

enum statement {
    STATEMENT_BEGIN,
    STATEMENT_COMMIT,
    STATEMENT_ROLLBACK,
    STATEMENT_LOG_GET,
    STATEMENT_LOG_PUT,
    STATEMENT_EXTENT,
    STATEMENT_BLOCK_PUT,
    STATEMENT_BLOCK_GET,
    STATEMENT_BLOCK_LEAF,
    STATEMENT_BLOCK_RANGE,
    STATEMENT_BLOCK_SPANS,
    STATEMENT_BLOCK_PRUNE,
    STATEMENT_ENTRY_PUT,
    STATEMENT_ENTRY_NEXT,
    STATEMENT_ENTRY_PRUNE,
    STATEMENT_ENTRY_TABLE,
    STATEMENT_TILE_PUT,
    STATEMENT_TILE_HASHES,
    STATEMENT_TILE_RANGE,
    STATEMENT_FILE_PUT,
    STATEMENT_FILE_HAS,
    STATEMENT_FILE_GET,
    STATEMENT_FILE_LIST,
    STATEMENT_FILE_RECOVERED,
    STATEMENT_FILE_DROP,
    STATEMENT_DEFINITIONS_PUT,
    STATEMENT_DEFINITIONS_AT,
    STATEMENT_DEFINITIONS_LIST,
    STATEMENT_DEFINITIONS_PRUNE,
    STATEMENT_POINT_GET,
    STATEMENT_POINT_PUT,
    STATEMENT_POINT_COPY,
    STATEMENT_POINT_LAST,
    STATEMENT_POINT_LIST,
    STATEMENT_POINT_DEFINITION,
    STATEMENT_CURSOR_PUT,
    STATEMENT_CURSOR_LIST,
    STATEMENT_CURSOR_DROP,
    STATEMENT_MARK_PUT,
    STATEMENT_MARK_AT,
    STATEMENT_MARK_PRUNE,
    STATEMENT_MARK_DROP,
    STATEMENT_AGE_PRUNE,
    STATEMENT_NOTE_PUT,
    STATEMENT_NOTE_GET,
    STATEMENT_NOTE_LIST,
    STATEMENT_RECEIPT_DROP,
    STATEMENT_PAGES,
    STATEMENT_COUNT,
};

struct store {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENT_COUNT]; // prepared at first use
    int system_error;                          // errno of the last that failed, 0: none
    int frames, backfilled;                    // of the WAL, and those that are in the database
    bool checkpointed; // there are more of them since the last look; whoever looks clears it
};

enum store_mode {
    STORE_WRITE, // makes the file (0640) and sets it to WAL
    STORE_COPY,  // the same, of another's log: many blocks a commit, on no flash
    STORE_READ,
    STORE_SALVAGE, // as STORE_READ, and leaves database and WAL byte for byte as they are
    STORE_LOOK, // the database's file alone, without its WAL: nothing at all is changed, not even
                // the index, which knows how long the WAL is to be (wal_check.h)
};

// Opens `<directory>/ledger.db`. ERROR_DAMAGED when it is no database. store_close also after an
// error.
int store_open(struct store *store, const char *directory, enum store_mode mode, struct why *why);
void store_close(struct store *store);
// *has: whether the tables are there. ERROR_REFUSED when they are a newer program's, ERROR_DAMAGED
// when the version is none.
int store_has_tables(struct store *store, bool *has, struct why *why);
// Makes the tables, within the caller's transaction.
int store_make_tables(struct store *store, struct why *why);
// Makes the tables that came after the first ledgers, where they are not there.
int store_make_later_tables(struct store *store, struct why *why);
// *has: whether the table of entries is one of them.
int store_has_entries(struct store *store, bool *has, struct why *why);

// A statement, reset and unbound, or NULL (the database is damaged or there is no memory;
// store_error tells). Reset it (store_done) when its rows are no longer needed: an open read holds
// up the WAL.
sqlite3_stmt *store_statement(struct store *store, enum statement which);
void store_done(sqlite3_stmt *statement);
// Runs a statement that gives no row. 0 or an error.
int store_run(struct store *store, sqlite3_stmt *statement, struct why *why);
int store_begin(struct store *store, struct why *why);
int store_commit(struct store *store, struct why *why);
void store_rollback(struct store *store);
// The last SQLite error as one of ours, with its message.
int store_error(struct store *store, struct why *why);

// Puts a row of `marks`.
int store_put_mark(struct store *store, const char *uplink, int64_t at_us, uint64_t n,
                   struct why *why);

// 32 bytes of a column; false when it holds something else.
bool store_column_digest(sqlite3_stmt *statement, int column, struct digest *out);
void store_bind_digest(sqlite3_stmt *statement, int index, const struct digest *digest);

// Key of a tile: level 0 has the leaves' own.
static inline int64_t store_tile_id(unsigned level, uint64_t index)
{
    return (int64_t)((uint64_t)level << 48 | index);
}

#endif
