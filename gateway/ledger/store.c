#include "ledger/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS   5000
#define CHECKPOINT_FRAMES 1000 // SQLite's own default

// Came after the first ledgers: made where they are not there yet.
#define LATER_TABLES                                                                               \
    "CREATE TABLE IF NOT EXISTS notes(kind TEXT,name TEXT,size INTEGER,note BLOB,"                 \
    "PRIMARY KEY(kind,name))WITHOUT ROWID;"                                                        \
    "CREATE TABLE IF NOT EXISTS entries(n INTEGER PRIMARY KEY);"

// Blobs come last in each table, so that the short columns of a row are on the row's own page.
// Tiles have a rowid (store_tile_id), not a key of two columns: rows of 8 KB do not belong in an
// index.
static const char schema[] =
    "CREATE TABLE log(one INTEGER PRIMARY KEY CHECK(one=1),origin TEXT NOT NULL,"
    "begun_us INTEGER NOT NULL);"
    "CREATE TABLE blocks(n INTEGER PRIMARY KEY,leaf BLOB,t_lo INTEGER,t_hi INTEGER,"
    "readings INTEGER,length INTEGER,packed BLOB);"
    "CREATE TABLE tiles(id INTEGER PRIMARY KEY,root BLOB,t_lo INTEGER,t_hi INTEGER,hashes BLOB);"
    "CREATE TABLE files(hash BLOB PRIMARY KEY,kind TEXT,since INTEGER,length INTEGER,packed BLOB);"
    "CREATE TABLE definitions(from_n INTEGER PRIMARY KEY,hash BLOB,files BLOB);"
    "CREATE TABLE points(number INTEGER PRIMARY KEY,key BLOB UNIQUE,name TEXT,definition TEXT);"
    "CREATE TABLE cursors(uplink TEXT PRIMARY KEY,acknowledged INTEGER,required INTEGER,"
    "acknowledged_us INTEGER)WITHOUT ROWID;"
    "CREATE TABLE marks(uplink TEXT,at_us INTEGER,acknowledged INTEGER,"
    "PRIMARY KEY(uplink,at_us))WITHOUT ROWID;" LATER_TABLES
    "PRAGMA application_id=0x54414c59;" // "TALY"
    "PRAGMA user_version=1;";

static const char *const sql[STATEMENT_COUNT] = {
    [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
    [STATEMENT_COMMIT] = "COMMIT",
    [STATEMENT_ROLLBACK] = "ROLLBACK",
    [STATEMENT_LOG_GET] = "SELECT origin FROM log",
    [STATEMENT_LOG_PUT] = "INSERT INTO log VALUES(1,?1,?2)",
    [STATEMENT_EXTENT] = "SELECT (SELECT min(n) FROM blocks),(SELECT max(n) FROM blocks)",
    [STATEMENT_BLOCK_PUT] = "INSERT INTO blocks VALUES(?1,?2,?3,?4,?5,?6,?7)",
    [STATEMENT_BLOCK_GET] = "SELECT leaf,readings,length,packed FROM blocks WHERE n=?1",
    [STATEMENT_BLOCK_LEAF] = "SELECT leaf FROM blocks WHERE n=?1",
    [STATEMENT_BLOCK_RANGE] = "SELECT n,leaf,t_lo,t_hi FROM blocks WHERE n>=?1 AND n<?2 ORDER BY n",
    [STATEMENT_BLOCK_SPANS] = "SELECT n FROM blocks WHERE n>=?1 AND n<?2 AND t_lo<?4 AND t_hi>=?3 "
                              "ORDER BY n LIMIT 1",
    [STATEMENT_BLOCK_PRUNE] = "DELETE FROM blocks WHERE n<?1",
    [STATEMENT_ENTRY_PUT] = "INSERT INTO entries VALUES(?1)",
    [STATEMENT_ENTRY_NEXT] = "SELECT n FROM entries WHERE n>=?1 ORDER BY n LIMIT 1",
    [STATEMENT_ENTRY_PRUNE] = "DELETE FROM entries WHERE n<?1",
    [STATEMENT_ENTRY_TABLE] = "SELECT 1 FROM sqlite_master WHERE type='table' AND name='entries'",
    [STATEMENT_TILE_PUT] = "INSERT INTO tiles VALUES(?1,?2,?3,?4,?5)",
    [STATEMENT_TILE_HASHES] = "SELECT hashes,root,t_lo,t_hi FROM tiles WHERE id=?1",
    [STATEMENT_TILE_RANGE] = "SELECT id,root,t_lo,t_hi FROM tiles WHERE id>=?1 AND id<?2 "
                             "ORDER BY id",
    [STATEMENT_FILE_PUT] = "INSERT OR IGNORE INTO files VALUES(?1,?2,?3,?4,?5)",
    [STATEMENT_FILE_HAS] = "SELECT 1 FROM files WHERE hash=?1",
    [STATEMENT_FILE_GET] = "SELECT length,packed FROM files WHERE hash=?1",
    [STATEMENT_FILE_LIST] = "SELECT hash,since FROM files",
    [STATEMENT_FILE_RECOVERED] = "SELECT hash FROM files WHERE kind='recovered' AND since=0",
    [STATEMENT_FILE_DROP] = "DELETE FROM files WHERE hash=?1",
    [STATEMENT_DEFINITIONS_PUT] = "INSERT OR REPLACE INTO definitions VALUES(?1,?2,?3)",
    [STATEMENT_DEFINITIONS_AT] = "SELECT hash,files,from_n FROM definitions WHERE from_n<=?1 "
                                 "ORDER BY from_n DESC LIMIT 1",
    [STATEMENT_DEFINITIONS_LIST] = "SELECT files FROM definitions",
    [STATEMENT_DEFINITIONS_PRUNE] = "DELETE FROM definitions WHERE from_n<"
                                    "(SELECT max(from_n) FROM definitions WHERE from_n<=?1)",
    [STATEMENT_POINT_GET] = "SELECT number FROM points WHERE key=?1",
    [STATEMENT_POINT_PUT] = "INSERT INTO points VALUES(?1,?2,?3,?4)",
    [STATEMENT_POINT_COPY] = "INSERT OR IGNORE INTO points VALUES(?1,?2,?3,?4)",
    [STATEMENT_POINT_LAST] = "SELECT coalesce(max(number),0) FROM points",
    [STATEMENT_POINT_LIST] = "SELECT number FROM points WHERE name=?1 ORDER BY number",
    [STATEMENT_POINT_DEFINITION] = "SELECT definition FROM points WHERE number=?1",
    [STATEMENT_CURSOR_PUT] = "INSERT OR REPLACE INTO cursors VALUES(?1,?2,?3,?4)",
    [STATEMENT_CURSOR_LIST] = "SELECT uplink,acknowledged,required,acknowledged_us FROM cursors",
    [STATEMENT_CURSOR_DROP] = "DELETE FROM cursors WHERE uplink=?1",
    [STATEMENT_MARK_DROP] = "DELETE FROM marks WHERE uplink=?1",
    [STATEMENT_MARK_PUT] = "INSERT OR REPLACE INTO marks VALUES(?1,?2,?3)",
    [STATEMENT_MARK_AT] = "SELECT acknowledged,at_us FROM marks WHERE uplink=?1 AND at_us<=?2 "
                          "ORDER BY at_us DESC LIMIT 1",
    [STATEMENT_MARK_PRUNE] = "DELETE FROM marks WHERE uplink=?1 AND at_us<"
                             "(SELECT max(at_us) FROM marks WHERE uplink=?1 AND at_us<=?2)",
    [STATEMENT_AGE_PRUNE] = "DELETE FROM marks WHERE uplink='' AND acknowledged<?1",
    [STATEMENT_NOTE_PUT] = "INSERT OR REPLACE INTO notes VALUES(?1,?2,?3,?4)",
    [STATEMENT_NOTE_GET] = "SELECT size,note FROM notes WHERE kind=?1 AND name=?2",
    [STATEMENT_NOTE_LIST] = "SELECT kind,name,size,note FROM notes ORDER BY kind,name",
    [STATEMENT_RECEIPT_DROP] = "DELETE FROM notes WHERE kind='receipt' AND name=?1",
    [STATEMENT_PAGES] = "SELECT (page_count-freelist_count)*page_size FROM pragma_page_count,"
                        "pragma_freelist_count,pragma_page_size",
};

int store_error(struct store *store, struct why *why)
{
    if (!store->db) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    int code = sqlite3_errcode(store->db), number = sqlite3_system_errno(store->db);
    number = number ? number : store->system_error;
    store->system_error = 0;
    bool no_room = number == ENOSPC || number == EDQUOT || number == EFBIG;
    int error = ERROR_SYSTEM;
    switch (code & 0xff) {
    case SQLITE_FULL: error = ERROR_FULL; break;
    case SQLITE_IOERR: error = no_room ? ERROR_FULL : ERROR_SYSTEM; break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG:                              // a length that we never wrote
    case SQLITE_ERROR: error = ERROR_DAMAGED; break; // ERROR: a table that must be there is not
    case SQLITE_NOMEM: error = ERROR_MEMORY; break;
    case SQLITE_BUSY: error = ERROR_BUSY; break;
    default: break;
    }
    if (error == ERROR_SYSTEM && number) {
        return why_set(why, error, "ledger: %s (%s)", sqlite3_errmsg(store->db), strerror(number));
    }
    return why_set(why, error, "ledger: %s", sqlite3_errmsg(store->db));
}

// Made here and not by SQLite, which would give it the mode 0644. Only when it is not there: to
// close any descriptor of a database in use drops the locks that this process has on it.
static int make_file(const char *path, struct why *why)
{
    struct stat st;
    if (stat(path, &st) == 0) {
        return OK;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0) {
        return why_set(why, errno == ENOSPC ? ERROR_FULL : ERROR_SYSTEM, "cannot make %s: %s", path,
                       strerror(errno));
    }
    close(fd);
    return OK;
}

static bool is_written(enum store_mode mode)
{
    return mode == STORE_WRITE || mode == STORE_COPY;
}

static int run_pragmas(struct store *store, enum store_mode mode, struct why *why)
{
    // 1 KB pages write a third less than 4 KB ones at blocks of 100 readings (docs/DESIGN.md).
    // Debian's SQLite overwrites what is deleted unless told not to.
    // A copy gets hundreds of blocks a commit, and 4 KB pages take a fifth less time for them.
    const char *page_size =
        mode == STORE_COPY ? "PRAGMA page_size=4096;" : "PRAGMA page_size=1024;";
    if (is_written(mode) && sqlite3_exec(store->db, page_size, NULL, NULL, NULL) != SQLITE_OK) {
        return store_error(store, why);
    }
    const char *pragmas =
        is_written(mode)
            ? "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;"
              "PRAGMA secure_delete=OFF;PRAGMA cell_size_check=ON;PRAGMA temp_store=MEMORY;"
              "PRAGMA trusted_schema=OFF;PRAGMA cache_size=-512;"
            : "PRAGMA query_only=ON;PRAGMA cell_size_check=ON;PRAGMA temp_store=MEMORY;"
              "PRAGMA trusted_schema=OFF;PRAGMA cache_size=-256;";
    return sqlite3_exec(store->db, pragmas, NULL, NULL, NULL) == SQLITE_OK
               ? OK
               : store_error(store, why);
}

// In place of SQLite's own, which would not tell: from a checkpoint on, the database alone holds
// what the WAL held.
static int after_commit(void *context, sqlite3 *db, const char *name, int frames)
{
    struct store *store = context;
    int backfilled = 0;
    store->backfilled = frames > store->frames ? store->backfilled : 0; // 0: the WAL began again
    store->frames = frames;
    if (frames >= CHECKPOINT_FRAMES &&
        sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, &backfilled) ==
            SQLITE_OK &&
        backfilled != store->backfilled) {
        store->backfilled = backfilled;
        store->checkpointed = true;
    }
    return SQLITE_OK;
}

// Bytes that may not stand in the path of a URI are escaped.
static void format_uri(char *out, size_t size, const char *path, const char *query)
{
    size_t used = (size_t)snprintf(out, size, "file:");
    for (const char *p = path; *p && used + 4 < size; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                     (*p >= '0' && *p <= '9') || strchr("/._-~", *p);
        used +=
            (size_t)snprintf(out + used, size - used, plain ? "%c" : "%%%02X", (unsigned char)*p);
    }
    snprintf(out + used, size - used, "%s", query);
}

static int open_read(struct store *store, const char *path, enum store_mode mode)
{
    char uri[3 * PATH_MAX], beside[PATH_MAX];
    struct stat st;
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX;
    snprintf(beside, sizeof beside, "%s-wal", path);
    // Without a WAL that holds something SQLite would make an empty one.
    bool alone = stat(beside, &st) != 0 || st.st_size == 0;
    bool fixed = mode == STORE_LOOK || (mode == STORE_SALVAGE && alone);
    format_uri(uri, sizeof uri, path, fixed ? "?immutable=1" : "?mode=ro");
    int code = sqlite3_open_v2(uri, &store->db, flags, NULL);
    if (code == SQLITE_OK && mode == STORE_SALVAGE) {
        sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        // Without it a file that was cut off is refused whole. Nothing is written (query_only).
        sqlite3_db_config(store->db, SQLITE_DBCONFIG_WRITABLE_SCHEMA, 1, NULL);
    }
    // A reader that may not write to the folder can still read a database that was closed in good
    // order: then there is no WAL, and nobody who writes.
    if (code == SQLITE_OK && stat(beside, &st) != 0 &&
        sqlite3_exec(store->db, "SELECT 1 FROM sqlite_schema", NULL, NULL, NULL) ==
            SQLITE_CANTOPEN) {
        sqlite3_close(store->db);
        store->db = NULL;
        format_uri(uri, sizeof uri, path, "?immutable=1");
        code = sqlite3_open_v2(uri, &store->db, flags, NULL);
    }
    return code;
}

int store_open(struct store *store, const char *directory, enum store_mode mode, struct why *why)
{
    *store = (struct store){0};
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/" STORE_FILE, directory) >= (int)sizeof path - 8) {
        return why_set(why, ERROR_RANGE, "%s: too long a path", directory);
    }
    int code;
    if (is_written(mode)) {
        int error = make_file(path, why);
        if (error) {
            return error;
        }
        code = sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    } else {
        code = open_read(store, path, mode);
    }
    if (code != SQLITE_OK) {
        int error = store_error(store, NULL);
        return why_set(why, error, "cannot open %s: %s", path,
                       store->db ? sqlite3_errmsg(store->db) : "out of memory");
    }
    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_timeout(store->db, BUSY_TIMEOUT_MS);
    if (is_written(mode)) {
        sqlite3_wal_hook(store->db, after_commit, store);
    }
    return run_pragmas(store, mode, why);
}

void store_close(struct store *store)
{
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        sqlite3_finalize(store->statements[i]);
    }
    sqlite3_close(store->db);
    *store = (struct store){0};
}

int store_has_tables(struct store *store, bool *has, struct why *why)
{
    sqlite3_stmt *statement = NULL;
    int version = 0;
    int code = sqlite3_prepare_v2(store->db, "PRAGMA user_version", -1, &statement, NULL);
    if (code == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
        version = sqlite3_column_int(statement, 0);
    } else {
        code = SQLITE_CORRUPT;
    }
    int error = code == SQLITE_OK ? OK : store_error(store, why);
    sqlite3_finalize(statement);
    if (error == OK && version > STORE_VERSION && version <= STORE_VERSION_MAX) {
        return why_set(
            why, ERROR_REFUSED,
            "%.200s was written by a newer tallyd (its version is %d, this one knows %d): "
            "start that one",
            sqlite3_db_filename(store->db, "main"), version, STORE_VERSION);
    }
    if (error == OK && version != 0 && version != STORE_VERSION) {
        return why_set(why, ERROR_DAMAGED, "ledger: version %d, this program knows %d", version,
                       STORE_VERSION);
    }
    *has = version == STORE_VERSION;
    return error;
}

int store_make_tables(struct store *store, struct why *why)
{
    return sqlite3_exec(store->db, schema, NULL, NULL, NULL) == SQLITE_OK ? OK
                                                                          : store_error(store, why);
}

int store_make_later_tables(struct store *store, struct why *why)
{
    return sqlite3_exec(store->db, LATER_TABLES, NULL, NULL, NULL) == SQLITE_OK
               ? OK
               : store_error(store, why);
}

int store_has_entries(struct store *store, bool *has, struct why *why)
{
    sqlite3_stmt *get = store_statement(store, STATEMENT_ENTRY_TABLE);
    int code = get ? sqlite3_step(get) : SQLITE_ERROR;
    *has = code == SQLITE_ROW;
    int error = code == SQLITE_ROW || code == SQLITE_DONE ? OK : store_error(store, why);
    store_done(get);
    return error;
}

sqlite3_stmt *store_statement(struct store *store, enum statement which)
{
    sqlite3_stmt **statement = &store->statements[which];
    if (!*statement) {
        sqlite3_prepare_v3(store->db, sql[which], -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
        return *statement;
    }
    sqlite3_reset(*statement);
    sqlite3_clear_bindings(*statement);
    return *statement;
}

void store_done(sqlite3_stmt *statement)
{
    if (statement) {
        sqlite3_reset(statement);
        sqlite3_clear_bindings(statement);
    }
}

int store_run(struct store *store, sqlite3_stmt *statement, struct why *why)
{
    int error = OK;
    errno = 0;
    if (!statement || sqlite3_step(statement) != SQLITE_DONE) {
        // SQLite does not keep the number of an error that comes up in a commit.
        store->system_error = errno;
        error = store_error(store, why);
    }
    store_done(statement);
    return error;
}

int store_begin(struct store *store, struct why *why)
{
    return store_run(store, store_statement(store, STATEMENT_BEGIN), why);
}

int store_commit(struct store *store, struct why *why)
{
    return store_run(store, store_statement(store, STATEMENT_COMMIT), why);
}

void store_rollback(struct store *store)
{
    if (store->db && !sqlite3_get_autocommit(store->db)) {
        store_run(store, store_statement(store, STATEMENT_ROLLBACK), NULL);
    }
}

int store_put_mark(struct store *store, const char *uplink, int64_t at_us, uint64_t n,
                   struct why *why)
{
    sqlite3_stmt *put = store_statement(store, STATEMENT_MARK_PUT);
    if (put) {
        sqlite3_bind_text(put, 1, uplink, -1, SQLITE_STATIC);
        sqlite3_bind_int64(put, 2, at_us);
        sqlite3_bind_int64(put, 3, (int64_t)n);
    }
    return store_run(store, put, why);
}

bool store_column_digest(sqlite3_stmt *statement, int column, struct digest *out)
{
    const void *bytes = sqlite3_column_blob(statement, column);
    if (!bytes || sqlite3_column_bytes(statement, column) != DIGEST_SIZE) {
        return false;
    }
    memcpy(out->bytes, bytes, DIGEST_SIZE);
    return true;
}

void store_bind_digest(sqlite3_stmt *statement, int index, const struct digest *digest)
{
    sqlite3_bind_blob(statement, index, digest->bytes, DIGEST_SIZE, SQLITE_STATIC);
}
