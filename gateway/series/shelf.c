#include "series/shelf.h"

#include "series/row.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT       4
#define APPLICATION  0x54614c79 // "TaLy"
#define PATH_MAX_LEN 4096
#define BUSY_MS      10000

// A statement of each sort for each kind of row, and the scans.
enum statement {
    PUT,
    GET = PUT + SHELF_KINDS,
    PRUNE = GET + SHELF_KINDS,
    SCAN_SEGMENTS = PRUNE + SHELF_KINDS,
    SCAN_QUARTERS,
    STATEMENTS
};

static const char *const tables[SHELF_KINDS] = {
    [SHELF_STATE] = "state",     [SHELF_SEGMENT] = "segment", [SHELF_ROSTER] = "roster",
    [SHELF_SUMMARY] = "summary", [SHELF_STRETCH] = "stretch", [SHELF_ROLLUP] = "rollup",
    [SHELF_QUARTER] = "quarter",
};

static bool is_replaced(int kind)
{
    return kind == SHELF_STATE || kind == SHELF_ROLLUP || kind == SHELF_QUARTER;
}

static void write_statement(int which, char sql[128])
{
    const char *table = tables[which % SHELF_KINDS];
    if (which >= SCAN_SEGMENTS) {
        snprintf(sql, 128, "SELECT id, body FROM %s WHERE id >= ? AND id < ? ORDER BY id",
                 which == SCAN_SEGMENTS ? "segment" : "quarter");
    } else if (which >= PRUNE) {
        snprintf(sql, 128, "DELETE FROM %s WHERE id >= ? AND id < ?", table);
    } else if (which >= GET) {
        snprintf(sql, 128, "SELECT body FROM %s WHERE id = ?", table);
    } else {
        snprintf(sql, 128, "%s INTO %s VALUES (?, ?)",
                 is_replaced(which - PUT) ? "REPLACE" : "INSERT", table);
    }
}

struct shelf {
    sqlite3 *db;
    sqlite3_stmt *prepared[STATEMENTS];
    char path[PATH_MAX_LEN];
    dev_t device;
    ino_t inode;
};

static int error_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW: return OK;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_CONSTRAINT: // a row that should not be there
    case SQLITE_TOOBIG:     // a length that we never wrote
    case SQLITE_ERROR:      // a table that should be there
    case SQLITE_MISMATCH: return ERROR_DAMAGED;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return ERROR_BUSY;
    case SQLITE_FULL: return ERROR_FULL;
    case SQLITE_NOMEM: return ERROR_MEMORY;
    default: return ERROR_SYSTEM;
    }
}

static int run(sqlite3 *db, const char *sql)
{
    return error_of(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

static int number_of_pragma(sqlite3 *db, const char *sql, int *number)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(statement);
        *number = rc == SQLITE_ROW ? sqlite3_column_int(statement, 0) : 0;
    }
    sqlite3_finalize(statement);
    return error_of(rc);
}

static int make_tables(sqlite3 *db)
{
    char sql[256];
    int error = run(db, "BEGIN IMMEDIATE");
    for (int kind = 0; !error && kind < SHELF_KINDS; kind++) {
        snprintf(sql, sizeof sql, "CREATE TABLE %s (id INTEGER PRIMARY KEY, body BLOB NOT NULL)",
                 tables[kind]);
        error = run(db, sql);
    }
    snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
             APPLICATION, FORMAT);
    error = error ? error : run(db, sql);
    if (error) {
        run(db, "ROLLBACK");
    }
    return error;
}

// Tells an empty file from ours, and ours from another's.
static int check_format(sqlite3 *db, bool writable)
{
    int application = 0, format = 0, count = 0;
    int error = number_of_pragma(db, "PRAGMA application_id", &application);
    error = error ? error : number_of_pragma(db, "PRAGMA user_version", &format);
    error = error ? error : number_of_pragma(db, "SELECT count(*) FROM sqlite_schema", &count);
    if (error) {
        return error;
    }
    if (!application && !format && !count) {
        return writable ? make_tables(db) : ERROR_ABSENT;
    }
    return application == APPLICATION && format == FORMAT ? OK : ERROR_DAMAGED;
}

static int prepare(struct shelf *shelf)
{
    for (int i = 0; i < STATEMENTS; i++) {
        char sql[128];
        write_statement(i, sql);
        int rc = sqlite3_prepare_v3(shelf->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                    &shelf->prepared[i], NULL);
        if (rc != SQLITE_OK) {
            return error_of(rc);
        }
    }
    return OK;
}

static int open_connection(struct shelf *shelf, bool writable)
{
    int flags = SQLITE_OPEN_NOMUTEX |
                (writable ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
    int rc = sqlite3_open_v2(shelf->path, &shelf->db, flags, NULL);
    if (rc != SQLITE_OK) {
        return (rc & 0xff) == SQLITE_CANTOPEN && !writable && access(shelf->path, F_OK)
                   ? ERROR_ABSENT
                   : error_of(rc);
    }
    sqlite3_busy_timeout(shelf->db, BUSY_MS);
    // The writer's cache is small, because it only adds; the reader maps the file. Debian's SQLite
    // overwrites deleted rows with zeros unless told not to.
    int error = run(shelf->db, writable ? "PRAGMA page_size = 4096; PRAGMA journal_mode = TRUNCATE;"
                                          "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -256;"
                                          "PRAGMA secure_delete = OFF; PRAGMA temp_store = MEMORY"
                                        : "PRAGMA mmap_size = 1073741824");
    error = error ? error : check_format(shelf->db, writable);
    return error ? error : prepare(shelf);
}

int shelf_open(struct shelf **out, const char *path, bool writable, struct why *why)
{
    *out = NULL;
    struct shelf *shelf = calloc(1, sizeof *shelf);
    if (!shelf) {
        return why_set(why, ERROR_MEMORY, "%s", error_text(ERROR_MEMORY));
    }
    snprintf(shelf->path, sizeof shelf->path, "%s", path);
    int error = open_connection(shelf, writable);
    struct stat file;
    if (!error && stat(path, &file)) {
        error = ERROR_SYSTEM;
    }
    if (error) {
        why_set(why, error, "%s: %s (%s)", path, error_text(error), shelf_fault(shelf));
        shelf_close(shelf);
        return error;
    }
    shelf->device = file.st_dev;
    shelf->inode = file.st_ino;
    *out = shelf;
    return OK;
}

void shelf_close(struct shelf *shelf)
{
    if (shelf) {
        for (int i = 0; i < STATEMENTS; i++) {
            sqlite3_finalize(shelf->prepared[i]);
        }
        sqlite3_close(shelf->db);
        free(shelf);
    }
}

bool shelf_is_current(const struct shelf *shelf)
{
    struct stat file;
    return stat(shelf->path, &file) == 0 && file.st_dev == shelf->device &&
           file.st_ino == shelf->inode;
}

void shelf_delete(const char *path)
{
    char journal[PATH_MAX_LEN + 16];
    snprintf(journal, sizeof journal, "%s-journal", path);
    unlink(path);
    unlink(journal);
}

const char *shelf_fault(struct shelf *shelf)
{
    return shelf->db ? sqlite3_errmsg(shelf->db) : "";
}

int shelf_begin(struct shelf *shelf, bool writing)
{
    return run(shelf->db, writing ? "BEGIN IMMEDIATE" : "BEGIN");
}

// A statement that was not reset would keep its lock beyond the transaction.
static void reset_all(struct shelf *shelf)
{
    for (int i = 0; i < STATEMENTS; i++) {
        sqlite3_reset(shelf->prepared[i]);
    }
}

int shelf_commit(struct shelf *shelf)
{
    reset_all(shelf);
    int error = run(shelf->db, "COMMIT");
    if (error) {
        shelf_rollback(shelf);
    }
    return error;
}

void shelf_rollback(struct shelf *shelf)
{
    reset_all(shelf);
    if (!sqlite3_get_autocommit(shelf->db)) {
        run(shelf->db, "ROLLBACK");
    }
}

// The statement, ready for binding.
static sqlite3_stmt *get(struct shelf *shelf, int which)
{
    sqlite3_reset(shelf->prepared[which]);
    return shelf->prepared[which];
}

static int finish(sqlite3_stmt *statement)
{
    int rc = sqlite3_step(statement);
    sqlite3_reset(statement);
    return error_of(rc);
}

int shelf_put(struct shelf *shelf, enum shelf_kind kind, int64_t id, const struct text *bytes)
{
    sqlite3_stmt *statement = get(shelf, PUT + kind);
    sqlite3_bind_int64(statement, 1, id);
    sqlite3_bind_blob(statement, 2, bytes->data, (int)bytes->length, SQLITE_STATIC);
    return finish(statement);
}

int shelf_get(struct shelf *shelf, enum shelf_kind kind, int64_t id, const void **bytes,
              size_t *length)
{
    sqlite3_stmt *statement = get(shelf, GET + kind);
    sqlite3_bind_int64(statement, 1, id);
    int rc = sqlite3_step(statement);
    if (rc != SQLITE_ROW) {
        sqlite3_reset(statement);
        return rc == SQLITE_DONE ? ERROR_ABSENT : error_of(rc);
    }
    *bytes = sqlite3_column_blob(statement, 0);
    *length = (size_t)sqlite3_column_bytes(statement, 0);
    return *bytes ? row_check(*bytes, *length) : ERROR_DAMAGED;
}

int shelf_get_state(struct shelf *shelf, struct shelf_state *state)
{
    *state = (struct shelf_state){.next_n = 0};
    const void *bytes = NULL;
    size_t length = 0;
    int error = shelf_get(shelf, SHELF_STATE, 1, &bytes, &length);
    if (error) {
        return error == ERROR_ABSENT ? OK : error;
    }
    struct unpack from = row_open(bytes, length);
    state->next_n = unpack_varint(&from);
    state->next_step = unpack_varint(&from);
    state->first_stretch = unpack_varint(&from);
    state->next_stretch = unpack_varint(&from);
    state->quarters = unpack_varint(&from);
    size_t rest = (size_t)(from.end - from.at);
    bool sound = !from.bad && rest <= BLOCK_ORIGIN_MAX && state->next_step <= SHELF_STEP_MAX &&
                 state->next_stretch * SHELF_STRETCH_STEPS <= state->next_step;
    memcpy(state->origin, from.at, sound ? rest : 0);
    get(shelf, GET + SHELF_STATE);
    return sound ? OK : ERROR_DAMAGED;
}

int shelf_put_state(struct shelf *shelf, const struct shelf_state *state)
{
    struct text body = text_make(256);
    row_begin(&body);
    pack_varint(&body, state->next_n);
    pack_varint(&body, state->next_step);
    pack_varint(&body, state->first_stretch);
    pack_varint(&body, state->next_stretch);
    pack_varint(&body, state->quarters);
    text_append_string(&body, state->origin);
    row_end(&body);
    int error = body.failed ? ERROR_MEMORY : shelf_put(shelf, SHELF_STATE, 1, &body);
    text_free(&body);
    return error;
}

static int scan_of(enum shelf_kind kind)
{
    return kind == SHELF_SEGMENT ? SCAN_SEGMENTS : SCAN_QUARTERS;
}

void shelf_scan_begin(struct shelf *shelf, enum shelf_kind kind, int64_t from, int64_t to)
{
    sqlite3_stmt *statement = get(shelf, scan_of(kind));
    sqlite3_bind_int64(statement, 1, from);
    sqlite3_bind_int64(statement, 2, to);
}

int shelf_scan_next(struct shelf *shelf, enum shelf_kind kind, int64_t *id, const void **bytes,
                    size_t *length)
{
    sqlite3_stmt *statement = shelf->prepared[scan_of(kind)];
    int rc = sqlite3_step(statement);
    if (rc != SQLITE_ROW) {
        sqlite3_reset(statement);
        return rc == SQLITE_DONE ? ERROR_ABSENT : error_of(rc);
    }
    *id = sqlite3_column_int64(statement, 0);
    *bytes = sqlite3_column_blob(statement, 1);
    *length = (size_t)sqlite3_column_bytes(statement, 1);
    return *bytes ? row_check(*bytes, *length) : ERROR_DAMAGED;
}

static int prune(struct shelf *shelf, enum shelf_kind kind, int64_t from, int64_t to)
{
    sqlite3_stmt *statement = get(shelf, PRUNE + kind);
    sqlite3_bind_int64(statement, 1, from);
    sqlite3_bind_int64(statement, 2, to);
    return finish(statement);
}

int shelf_prune(struct shelf *shelf, uint64_t stretch)
{
    uint64_t step = (stretch + 1) * SHELF_STRETCH_STEPS;
    int error = prune(shelf, SHELF_SEGMENT, 0, shelf_segment_id(step, 0, 0));
    error = error ? error : prune(shelf, SHELF_ROSTER, 0, (int64_t)step);
    error = error ? error : prune(shelf, SHELF_SUMMARY, 0, shelf_summary_id(stretch + 1, 0));
    return error ? error : prune(shelf, SHELF_STRETCH, 0, (int64_t)stretch + 1);
}

int shelf_prune_quarter(struct shelf *shelf, int64_t quarter)
{
    int error =
        prune(shelf, SHELF_ROLLUP, shelf_rollup_id(quarter, 0), shelf_rollup_id(quarter + 1, 0));
    return error ? error : prune(shelf, SHELF_QUARTER, quarter, quarter + 1);
}
