#include "ledger/inside.h"

#include <stdio.h>
#include <string.h>

#define DAY_US (INT64_C(86400) * 1000000)

// The caller holds `looking`.
static struct ledger_cursor *cursor_find(struct ledger *ledger, const char *uplink)
{
    for (size_t i = 0; i < ledger->cursor_count; i++) {
        if (strcmp(ledger->cursors[i].uplink, uplink) == 0) {
            return &ledger->cursors[i];
        }
    }
    return NULL;
}

// Found, or added at the log's first kept block; NULL when there is no room. Holds `looking`.
static struct ledger_cursor *cursor_of(struct ledger *ledger, const char *uplink)
{
    struct ledger_cursor *cursor = cursor_find(ledger, uplink);
    if (!cursor && ledger->cursor_count < LEDGER_CURSORS_MAX &&
        strlen(uplink) < sizeof cursor->uplink) {
        cursor = &ledger->cursors[ledger->cursor_count++];
        *cursor = (struct ledger_cursor){.acknowledged = ledger->first, .dirty = true};
        snprintf(cursor->uplink, sizeof cursor->uplink, "%s", uplink);
    }
    return cursor;
}

void ledger_note_cursor(struct ledger *ledger, const char *uplink, uint64_t acknowledged)
{
    pthread_mutex_lock(&ledger->looking);
    struct ledger_cursor *cursor = cursor_of(ledger, uplink);
    uint64_t upto = acknowledged < ledger->size ? acknowledged : ledger->size;
    if (cursor && upto > cursor->acknowledged) {
        cursor->acknowledged = upto;
        cursor->acknowledged_us = clock_wall_us(ledger->clock);
        cursor->dirty = true;
    }
    pthread_mutex_unlock(&ledger->looking);
}

uint64_t ledger_cursor(struct ledger *ledger, const char *uplink)
{
    pthread_mutex_lock(&ledger->looking);
    struct ledger_cursor *cursor = cursor_find(ledger, uplink);
    uint64_t acknowledged = cursor ? cursor->acknowledged : ledger->first;
    pthread_mutex_unlock(&ledger->looking);
    return acknowledged;
}

static int write_cursor(struct store *store, const struct ledger_cursor *cursor, struct why *why)
{
    sqlite3_stmt *put = store_statement(store, STATEMENT_CURSOR_PUT);
    if (put) {
        sqlite3_bind_text(put, 1, cursor->uplink, -1, SQLITE_STATIC);
        sqlite3_bind_int64(put, 2, (int64_t)cursor->acknowledged);
        sqlite3_bind_int64(put, 3, cursor->required);
        sqlite3_bind_int64(put, 4, cursor->acknowledged_us);
    }
    return store_run(store, put, why);
}

// Once a day, where a cursor stood and how old the log was: retention asks what was acknowledged 30
// days ago.
static int write_mark(struct ledger *ledger, const struct ledger_cursor *cursor, struct why *why)
{
    int64_t now_us = age_us(ledger);
    if (!cursor->required || (cursor->mark_us && now_us - cursor->mark_us < DAY_US)) {
        return OK;
    }
    int error = store_put_mark(&ledger->store, cursor->uplink, now_us, cursor->acknowledged, why);
    if (error == OK) {
        pthread_mutex_lock(&ledger->looking);
        struct ledger_cursor *own = cursor_find(ledger, cursor->uplink);
        own->mark_us = now_us;
        pthread_mutex_unlock(&ledger->looking);
    }
    return error;
}

int cursors_write(struct ledger *ledger, uint32_t *written, struct why *why)
{
    struct ledger_cursor copies[LEDGER_CURSORS_MAX];
    pthread_mutex_lock(&ledger->looking);
    size_t count = ledger->cursor_count;
    memcpy(copies, ledger->cursors, count * sizeof *copies);
    for (size_t i = 0; i < count; i++) {
        ledger->cursors[i].dirty = false;
    }
    pthread_mutex_unlock(&ledger->looking);
    int error = OK;
    *written = 0;
    for (size_t i = 0; i < count; i++) {
        if (!copies[i].dirty) {
            continue;
        }
        *written |= UINT32_C(1) << i;
        error = error ? error : write_cursor(&ledger->store, &copies[i], why);
        error = error ? error : write_mark(ledger, &copies[i], why);
    }
    return error;
}

void cursors_settled(struct ledger *ledger, uint32_t written, bool good)
{
    pthread_mutex_lock(&ledger->looking);
    for (size_t i = 0; !good && i < ledger->cursor_count; i++) {
        if (written & UINT32_C(1) << i) {
            ledger->cursors[i].dirty = true;
            ledger->cursors[i].mark_us = 0;
        }
    }
    pthread_mutex_unlock(&ledger->looking);
}

int cursors_load(struct ledger *ledger, struct why *why)
{
    sqlite3_stmt *rows = store_statement(&ledger->store, STATEMENT_CURSOR_LIST);
    if (!rows) {
        return store_error(&ledger->store, why);
    }
    int code;
    ledger->cursor_count = 0;
    while ((code = sqlite3_step(rows)) == SQLITE_ROW && ledger->cursor_count < LEDGER_CURSORS_MAX) {
        struct ledger_cursor *cursor = &ledger->cursors[ledger->cursor_count++];
        const unsigned char *uplink = sqlite3_column_text(rows, 0);
        snprintf(cursor->uplink, sizeof cursor->uplink, "%s", uplink ? (const char *)uplink : "");
        cursor->acknowledged = (uint64_t)sqlite3_column_int64(rows, 1);
        cursor->required = sqlite3_column_int64(rows, 2) != 0;
        cursor->acknowledged_us = sqlite3_column_int64(rows, 3);
        cursor->dirty = false;
        uint64_t marked = 0;
        cursor->mark_us = age_us(ledger);
        mark_before(&ledger->store, cursor->uplink, &cursor->mark_us, &marked, NULL);
        if (cursor->acknowledged > ledger->size) {
            code = SQLITE_CORRUPT;
            break;
        }
    }
    int error = OK;
    if (code == SQLITE_CORRUPT) {
        error = why_set(why, ERROR_DAMAGED,
                        "ledger: more was acknowledged than it holds: its end is missing");
    } else if (code != SQLITE_DONE && code != SQLITE_ROW) {
        error = store_error(&ledger->store, why);
    }
    store_done(rows);
    return error;
}

int ledger_declare_uplink(struct ledger *ledger, const char *uplink, bool required, struct why *why)
{
    pthread_mutex_lock(&ledger->looking);
    struct ledger_cursor *cursor = cursor_of(ledger, uplink);
    if (cursor && cursor->required != required) {
        cursor->required = required;
        cursor->dirty = true;
    }
    pthread_mutex_unlock(&ledger->looking);
    return cursor ? OK
                  : why_set(why, ERROR_FULL, "uplink %s: more than %d uplinks", uplink,
                            LEDGER_CURSORS_MAX);
}

int ledger_settle(struct ledger *ledger, bool now, struct why *why)
{
    bool dirty = false;
    uint32_t written = 0;
    int error = OK;
    pthread_mutex_lock(&ledger->writing);
    pthread_mutex_lock(&ledger->looking);
    for (size_t i = 0; i < ledger->cursor_count; i++) {
        dirty = dirty || ledger->cursors[i].dirty;
    }
    pthread_mutex_unlock(&ledger->looking);
    int64_t idle_us = clock_mono_us(ledger->clock) - ledger->appended_mono_us;
    if (dirty && (now || idle_us >= LEDGER_IDLE_US)) {
        error = store_begin(&ledger->store, why);
        error = error ? error : cursors_write(ledger, &written, why);
        error = error ? error : store_commit(&ledger->store, why);
        if (error) {
            store_rollback(&ledger->store);
        }
        cursors_settled(ledger, written, error == OK);
        ledger->appended_mono_us = clock_mono_us(ledger->clock);
    }
    pthread_mutex_unlock(&ledger->writing);
    return error;
}
