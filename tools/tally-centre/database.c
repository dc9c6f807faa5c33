#include "database.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATABASE_VERSION 1
#define BUSY_MS          5000
#define TRY_MS           20

static const char schema[] =
    "CREATE TABLE logs(origin TEXT PRIMARY KEY,nonce TEXT,gateway_first INTEGER,"
    "gateway_size INTEGER,first_us INTEGER,heard_us INTEGER,online INTEGER,held_first INTEGER,"
    "held INTEGER,receipted INTEGER,unverified INTEGER,receipt_us INTEGER,suspect INTEGER,"
    "fault TEXT,counted INTEGER,readings INTEGER,missed INTEGER)WITHOUT ROWID;"
    "CREATE TABLE claims(origin TEXT,key BLOB,first_us INTEGER,last_us INTEGER,"
    "PRIMARY KEY(origin,key))WITHOUT ROWID;"
    "CREATE TABLE faults(gateway TEXT,fault TEXT,count INTEGER,last_us INTEGER,origin TEXT,"
    "text TEXT,PRIMARY KEY(gateway,fault))WITHOUT ROWID;"
    "CREATE TABLE suspects(id INTEGER PRIMARY KEY,origin TEXT,at_us INTEGER,one TEXT,other TEXT,"
    "text TEXT);"
    // Never changed: the last of each log is in force.
    "CREATE TABLE decisions(id INTEGER PRIMARY KEY,origin TEXT,state INTEGER,key BLOB,by TEXT,"
    "reason TEXT,at_us INTEGER);"
    "CREATE INDEX decided ON decisions(origin);"
    "CREATE TABLE daemon(one INTEGER PRIMARY KEY CHECK(one=1),started_us INTEGER,"
    "written_us INTEGER,running INTEGER,connected INTEGER,fault TEXT);"
    "PRAGMA application_id=0x54414c43;" // "TALC"
    "PRAGMA user_version=1;";

enum statement_name {
    PUT_LOG,
    PUT_CLAIM,
    PUT_FAULT,
    PUT_SUSPECT,
    PUT_DAEMON,
    PUT_DECISION,
    EACH_LOG,
    EACH_CLAIM,
    EACH_FAULT,
    EACH_SUSPECT,
    GET_DAEMON,
    GET_VERSION,
    STATEMENTS,
};

static const char *const sql[STATEMENTS] = {
    [PUT_LOG] = "INSERT OR REPLACE INTO logs VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,"
                "?15,?16,?17)",
    [PUT_CLAIM] = "INSERT INTO claims VALUES(?1,?2,?3,?4) ON CONFLICT DO UPDATE SET last_us=?4",
    [PUT_FAULT] = "INSERT OR REPLACE INTO faults VALUES(?1,?2,?3,?4,?5,?6)",
    [PUT_SUSPECT] = "INSERT INTO suspects VALUES(NULL,?1,?2,?3,?4,?5)",
    [PUT_DAEMON] = "INSERT OR REPLACE INTO daemon VALUES(1,?1,?2,?3,?4,?5)",
    [PUT_DECISION] = "INSERT INTO decisions VALUES(NULL,?1,?2,?3,?4,?5,?6)",
    // A log can be accepted before anything of it was heard.
    [EACH_LOG] = "SELECT o.origin,nonce,gateway_first,gateway_size,first_us,heard_us,online,"
                 "held_first,held,receipted,unverified,receipt_us,suspect,fault,"
                 "d.state,d.key,d.by,d.at_us,d.reason,counted,readings,missed "
                 "FROM (SELECT origin FROM logs UNION SELECT origin FROM decisions) o "
                 "LEFT JOIN logs l ON l.origin=o.origin LEFT JOIN decisions d ON d.id="
                 "(SELECT max(id) FROM decisions WHERE origin=o.origin) ORDER BY o.origin",
    [EACH_CLAIM] = "SELECT origin,key,first_us,last_us FROM claims WHERE ?1 IS NULL OR origin=?1 "
                   "ORDER BY origin,first_us",
    [EACH_FAULT] = "SELECT gateway,fault,count,last_us,origin,text FROM faults "
                   "ORDER BY gateway,fault",
    [EACH_SUSPECT] = "SELECT origin,at_us,one,other,text FROM suspects "
                     "WHERE ?1 IS NULL OR origin=?1 ORDER BY id",
    [GET_DAEMON] = "SELECT started_us,written_us,running,connected,fault FROM daemon",
    [GET_VERSION] = "PRAGMA data_version",
};

struct database {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
};

static int fail(struct database *database, struct why *why)
{
    int code = sqlite3_errcode(database->db), number = sqlite3_system_errno(database->db);
    int error = code == SQLITE_NOMEM                              ? ERROR_MEMORY
                : code == SQLITE_BUSY                             ? ERROR_BUSY
                : code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? ERROR_DAMAGED
                : code == SQLITE_FULL || number == ENOSPC         ? ERROR_FULL
                                                                  : ERROR_SYSTEM;
    return why_set(why, error, "centre.db: %s", sqlite3_errmsg(database->db));
}

static int execute(struct database *database, const char *text, struct why *why)
{
    return sqlite3_exec(database->db, text, NULL, NULL, NULL) == SQLITE_OK ? OK
                                                                           : fail(database, why);
}

static sqlite3_stmt *statement(struct database *database, enum statement_name name)
{
    sqlite3_stmt **own = &database->statements[name];
    if (!*own) {
        sqlite3_prepare_v3(database->db, sql[name], -1, SQLITE_PREPARE_PERSISTENT, own, NULL);
    }
    return *own;
}

static int run(struct database *database, sqlite3_stmt *put, struct why *why)
{
    int error = put && sqlite3_step(put) == SQLITE_DONE ? OK : fail(database, why);
    sqlite3_reset(put);
    sqlite3_clear_bindings(put);
    return error;
}

// -1 when it cannot be read.
static int read_version(struct database *database)
{
    sqlite3_stmt *get = NULL;
    int version = -1;
    if (sqlite3_prepare_v2(database->db, "PRAGMA user_version", -1, &get, NULL) == SQLITE_OK &&
        sqlite3_step(get) == SQLITE_ROW) {
        version = sqlite3_column_int(get, 0);
    }
    sqlite3_finalize(get);
    return version;
}

// Two processes may open a new one at a time.
static int make_tables(struct database *database, struct why *why)
{
    int version = read_version(database), error = OK;
    if (version == 0) {
        error = database_begin(database, why);
        if (!error && read_version(database) == 0) {
            error = execute(database, schema, why);
        }
        error = error ? error : database_commit(database, why);
        if (error) {
            database_rollback(database);
            return error;
        }
        version = DATABASE_VERSION;
    }
    if (version < 0) {
        return fail(database, why);
    }
    return version == DATABASE_VERSION
               ? OK
               : why_set(why, ERROR_DAMAGED, "centre.db: version %d, this program knows %d",
                         version, DATABASE_VERSION);
}

// A database becomes one with a WAL only while nobody else has it open, and SQLite does not wait
// for that by itself: a command may be looking at it while the daemon starts.
static int set_up(struct database *database, struct why *why)
{
    int error;
    for (int i = 0; i < BUSY_MS / TRY_MS; i++) {
        error = execute(database,
                        "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;"
                        "PRAGMA trusted_schema=OFF;PRAGMA cell_size_check=ON;",
                        why);
        error = error ? error : make_tables(database, why);
        if (error != ERROR_BUSY) {
            break;
        }
        usleep(TRY_MS * 1000);
    }
    return error;
}

int database_open(struct database **out, const char *path, bool make, struct why *why)
{
    *out = NULL;
    struct stat st;
    if (stat(path, &st) != 0) {
        if (!make) {
            return why_set(why, ERROR_ABSENT, "%s: %s", path, strerror(errno));
        }
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
        if (fd < 0) {
            return why_set(why, ERROR_SYSTEM, "cannot make %s: %s", path, strerror(errno));
        }
        close(fd);
    }
    struct database *database = calloc(1, sizeof *database);
    if (!database) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    int error = OK;
    if (sqlite3_open_v2(path, &database->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK) {
        error = why_set(why, ERROR_SYSTEM, "cannot open %s: %s", path,
                        database->db ? sqlite3_errmsg(database->db) : "out of memory");
    }
    sqlite3_busy_timeout(database->db, BUSY_MS);
    error = error ? error : set_up(database, why);
    if (error) {
        database_close(database);
        return error;
    }
    *out = database;
    return OK;
}

void database_close(struct database *database)
{
    if (database) {
        for (size_t i = 0; i < STATEMENTS; i++) {
            sqlite3_finalize(database->statements[i]);
        }
        sqlite3_close(database->db);
        free(database);
    }
}

int database_begin(struct database *database, struct why *why)
{
    return execute(database, "BEGIN IMMEDIATE", why);
}

int database_commit(struct database *database, struct why *why)
{
    return execute(database, "COMMIT", why);
}

void database_rollback(struct database *database)
{
    if (!sqlite3_get_autocommit(database->db)) {
        (void)execute(database, "ROLLBACK", NULL);
    }
}

// --- writing ------------------------------------------------------------------------------------

static void bind_text(sqlite3_stmt *put, int index, const char *text)
{
    sqlite3_bind_text(put, index, text, -1, SQLITE_STATIC);
}

static void bind_key(sqlite3_stmt *put, int index, const struct public_key *key)
{
    sqlite3_bind_blob(put, index, key->der, sizeof key->der, SQLITE_STATIC);
}

int database_put_log(struct database *database, const struct log_row *row, struct why *why)
{
    sqlite3_stmt *put = statement(database, PUT_LOG);
    if (put) {
        const int64_t numbers[] = {(int64_t)row->gateway_first,
                                   (int64_t)row->gateway_size,
                                   row->first_us,
                                   row->heard_us,
                                   row->online,
                                   (int64_t)row->held_first,
                                   (int64_t)row->held,
                                   (int64_t)row->receipted,
                                   (int64_t)row->unverified,
                                   row->receipt_us,
                                   row->suspect};
        bind_text(put, 1, row->origin);
        bind_text(put, 2, row->nonce);
        for (int i = 0; i < (int)(sizeof numbers / sizeof numbers[0]); i++) {
            sqlite3_bind_int64(put, 3 + i, numbers[i]);
        }
        bind_text(put, 14, row->fault);
        sqlite3_bind_int64(put, 15, (int64_t)row->counted);
        sqlite3_bind_int64(put, 16, (int64_t)row->readings);
        sqlite3_bind_int64(put, 17, (int64_t)row->missed);
    }
    return run(database, put, why);
}

int database_put_claim(struct database *database, const struct claim_row *row, struct why *why)
{
    sqlite3_stmt *put = statement(database, PUT_CLAIM);
    if (put) {
        bind_text(put, 1, row->origin);
        bind_key(put, 2, &row->key);
        sqlite3_bind_int64(put, 3, row->first_us);
        sqlite3_bind_int64(put, 4, row->last_us);
    }
    return run(database, put, why);
}

int database_put_fault(struct database *database, const struct fault_row *row, struct why *why)
{
    sqlite3_stmt *put = statement(database, PUT_FAULT);
    if (put) {
        bind_text(put, 1, row->gateway);
        bind_text(put, 2, fault_name(row->fault));
        sqlite3_bind_int64(put, 3, (int64_t)row->count);
        sqlite3_bind_int64(put, 4, row->last_us);
        bind_text(put, 5, row->origin);
        bind_text(put, 6, row->text);
    }
    return run(database, put, why);
}

int database_put_suspect(struct database *database, const struct suspect_row *row, struct why *why)
{
    sqlite3_stmt *put = statement(database, PUT_SUSPECT);
    if (put) {
        bind_text(put, 1, row->origin);
        sqlite3_bind_int64(put, 2, row->at_us);
        bind_text(put, 3, row->one);
        bind_text(put, 4, row->other);
        bind_text(put, 5, row->text);
    }
    return run(database, put, why);
}

int database_put_daemon(struct database *database, const struct daemon_row *row, struct why *why)
{
    sqlite3_stmt *put = statement(database, PUT_DAEMON);
    if (put) {
        sqlite3_bind_int64(put, 1, row->started_us);
        sqlite3_bind_int64(put, 2, row->written_us);
        sqlite3_bind_int64(put, 3, row->running);
        sqlite3_bind_int64(put, 4, row->connected);
        bind_text(put, 5, row->fault);
    }
    return run(database, put, why);
}

int database_decide(struct database *database, const char *origin, enum log_state state,
                    const struct public_key *key, const char *by, const char *reason, int64_t at_us,
                    struct why *why)
{
    sqlite3_stmt *put = statement(database, PUT_DECISION);
    if (put) {
        bind_text(put, 1, origin);
        sqlite3_bind_int64(put, 2, state);
        if (key) {
            bind_key(put, 3, key);
        }
        bind_text(put, 4, by);
        bind_text(put, 5, reason);
        sqlite3_bind_int64(put, 6, at_us);
    }
    return run(database, put, why);
}

// --- reading ------------------------------------------------------------------------------------

int64_t database_version(struct database *database)
{
    sqlite3_stmt *get = statement(database, GET_VERSION);
    int64_t version = get && sqlite3_step(get) == SQLITE_ROW ? sqlite3_column_int64(get, 0) : 0;
    sqlite3_reset(get);
    return version;
}

static void take_text(sqlite3_stmt *get, int column, char *out, size_t size)
{
    const unsigned char *text = sqlite3_column_text(get, column);
    snprintf(out, size, "%s", text ? (const char *)text : "");
}

static bool take_key(sqlite3_stmt *get, int column, struct public_key *key)
{
    const void *der = sqlite3_column_blob(get, column);
    return der &&
           public_key_read_der(key, der, (size_t)sqlite3_column_bytes(get, column), NULL) == OK;
}

static uint64_t take_size(sqlite3_stmt *get, int column)
{
    return (uint64_t)sqlite3_column_int64(get, column);
}

static void take_log(sqlite3_stmt *get, struct log_row *row)
{
    *row = (struct log_row){
        .gateway_first = take_size(get, 2),
        .gateway_size = take_size(get, 3),
        .first_us = sqlite3_column_int64(get, 4),
        .heard_us = sqlite3_column_int64(get, 5),
        .online = sqlite3_column_type(get, 6) == SQLITE_NULL ? -1 : sqlite3_column_int(get, 6),
        .held_first = take_size(get, 7),
        .held = take_size(get, 8),
        .receipted = take_size(get, 9),
        .unverified = take_size(get, 10),
        .receipt_us = sqlite3_column_int64(get, 11),
        .suspect = sqlite3_column_int(get, 12) != 0,
        .counted = take_size(get, 19),
        .readings = take_size(get, 20),
        .missed = take_size(get, 21),
        .state = (enum log_state)sqlite3_column_int(get, 14),
        .decided_us = sqlite3_column_int64(get, 17)};
    take_text(get, 0, row->origin, sizeof row->origin);
    take_text(get, 1, row->nonce, sizeof row->nonce);
    take_text(get, 13, row->fault, sizeof row->fault);
    row->keyed = take_key(get, 15, &row->key);
    take_text(get, 16, row->by, sizeof row->by);
    take_text(get, 18, row->reason, sizeof row->reason);
}

// Whether to go on with the next row of the statement; ends it when not. *code: SQLite's.
static bool next_row(struct database *database, sqlite3_stmt *get, int *error, struct why *why)
{
    int code = get && *error == OK ? sqlite3_step(get) : SQLITE_DONE;
    if (code == SQLITE_ROW) {
        return true;
    }
    if (!get || code != SQLITE_DONE) {
        *error = fail(database, why);
    }
    sqlite3_reset(get);
    sqlite3_clear_bindings(get);
    return false;
}

int database_each_log(struct database *database,
                      int (*row)(void *context, const struct log_row *row), void *context,
                      struct why *why)
{
    sqlite3_stmt *get = statement(database, EACH_LOG);
    int error = OK;
    while (next_row(database, get, &error, why)) {
        struct log_row one;
        take_log(get, &one);
        error = row(context, &one);
    }
    return error;
}

int database_each_claim(struct database *database, const char *origin,
                        int (*row)(void *context, const struct claim_row *row), void *context,
                        struct why *why)
{
    sqlite3_stmt *get = statement(database, EACH_CLAIM);
    int error = OK;
    if (get && origin) {
        bind_text(get, 1, origin);
    }
    while (next_row(database, get, &error, why)) {
        struct claim_row one = {.first_us = sqlite3_column_int64(get, 2),
                                .last_us = sqlite3_column_int64(get, 3)};
        take_text(get, 0, one.origin, sizeof one.origin);
        error = take_key(get, 1, &one.key) ? row(context, &one) : OK;
    }
    return error;
}

int database_each_fault(struct database *database,
                        int (*row)(void *context, const struct fault_row *row), void *context,
                        struct why *why)
{
    sqlite3_stmt *get = statement(database, EACH_FAULT);
    int error = OK;
    while (next_row(database, get, &error, why)) {
        struct fault_row one = {.count = take_size(get, 2),
                                .last_us = sqlite3_column_int64(get, 3)};
        char name[32];
        take_text(get, 0, one.gateway, sizeof one.gateway);
        take_text(get, 1, name, sizeof name);
        take_text(get, 4, one.origin, sizeof one.origin);
        take_text(get, 5, one.text, sizeof one.text);
        while (one.fault < FAULT_COUNT && strcmp(fault_name(one.fault), name) != 0) {
            one.fault++;
        }
        error = one.fault < FAULT_COUNT ? row(context, &one) : OK;
    }
    return error;
}

int database_each_suspect(struct database *database, const char *origin,
                          int (*row)(void *context, const struct suspect_row *row), void *context,
                          struct why *why)
{
    sqlite3_stmt *get = statement(database, EACH_SUSPECT);
    int error = OK;
    if (get && origin) {
        bind_text(get, 1, origin);
    }
    while (next_row(database, get, &error, why)) {
        const char *one = (const char *)sqlite3_column_text(get, 2);
        const char *other = (const char *)sqlite3_column_text(get, 3);
        struct suspect_row suspect = {.at_us = sqlite3_column_int64(get, 1),
                                      .one = one ? one : "",
                                      .other = other ? other : ""};
        take_text(get, 0, suspect.origin, sizeof suspect.origin);
        take_text(get, 4, suspect.text, sizeof suspect.text);
        error = row(context, &suspect);
    }
    return error;
}

int database_daemon(struct database *database, struct daemon_row *row, struct why *why)
{
    sqlite3_stmt *get = statement(database, GET_DAEMON);
    int error = get && sqlite3_step(get) == SQLITE_ROW
                    ? OK
                    : why_set(why, ERROR_ABSENT, "no daemon has run yet");
    if (!error) {
        *row = (struct daemon_row){.started_us = sqlite3_column_int64(get, 0),
                                   .written_us = sqlite3_column_int64(get, 1),
                                   .running = sqlite3_column_int(get, 2) != 0,
                                   .connected = sqlite3_column_int(get, 3) != 0};
        take_text(get, 4, row->fault, sizeof row->fault);
    }
    sqlite3_reset(get);
    return error;
}
