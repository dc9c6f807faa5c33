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

bool ledger_find_uplink(struct ledger *ledger, const char *uplink, struct ledger_cursor_row *row)
{
    pthread_mutex_lock(&ledger->looking);
    const struct ledger_cursor *cursor = cursor_find(ledger, uplink);
    if (cursor) {
        *row = (struct ledger_cursor_row){.acknowledged = cursor->acknowledged,
                                          .required = cursor->required};
        snprintf(row->uplink, sizeof row->uplink, "%s", cursor->uplink);
    }
    pthread_mutex_unlock(&ledger->looking);
    return cursor != NULL;
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

// Writes the cursors that rose, within the caller's transaction; *written is a bit for each.
static int cursors_write(struct ledger *ledger, uint32_t *written, struct why *why)
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

// After the commit of what cursors_write wrote (`good`), or its roll-back.
static void cursors_settled(struct ledger *ledger, uint32_t written, bool good)
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

int cursors_list(struct store *store, struct ledger_cursor *rows, size_t max, size_t *count,
                 struct why *why)
{
    sqlite3_stmt *list = store_statement(store, STATEMENT_CURSOR_LIST);
    if (!list) {
        return store_error(store, why);
    }
    int code;
    *count = 0;
    while ((code = sqlite3_step(list)) == SQLITE_ROW && *count < max) {
        const unsigned char *uplink = sqlite3_column_text(list, 0);
        struct ledger_cursor *row = &rows[(*count)++];
        *row = (struct ledger_cursor){.acknowledged = (uint64_t)sqlite3_column_int64(list, 1),
                                      .required = sqlite3_column_int64(list, 2) != 0,
                                      .acknowledged_us = sqlite3_column_int64(list, 3)};
        snprintf(row->uplink, sizeof row->uplink, "%s", uplink ? (const char *)uplink : "");
    }
    int error = code == SQLITE_ROW || code == SQLITE_DONE ? OK : store_error(store, why);
    store_done(list);
    return error;
}

int cursors_load(struct ledger *ledger, struct why *why)
{
    int error = cursors_list(&ledger->store, ledger->cursors, LEDGER_CURSORS_MAX,
                             &ledger->cursor_count, why);
    for (size_t i = 0; error == OK && i < ledger->cursor_count; i++) {
        struct ledger_cursor *cursor = &ledger->cursors[i];
        uint64_t marked = 0;
        cursor->mark_us = age_us(ledger);
        mark_before(&ledger->store, cursor->uplink, &cursor->mark_us, &marked, NULL);
        if (cursor->acknowledged > ledger->size) {
            error = why_set(why, ERROR_DAMAGED,
                            "ledger: more was acknowledged than it holds: its end is missing");
        }
    }
    return error;
}

// --- room for others ----------------------------------------------------------------------------

static bool is_named(const char *name, const char *const *uplinks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, uplinks[i]) == 0) {
            return true;
        }
    }
    return false;
}

int cursors_to_drop(const struct ledger_cursor *cursors, size_t count, const char *const *uplinks,
                    size_t uplink_count, size_t *drop, struct why *why)
{
    size_t may_go = 0, fresh = uplink_count;
    for (size_t i = 0; i < count; i++) {
        bool named = is_named(cursors[i].uplink, uplinks, uplink_count);
        fresh -= named;
        may_go += !named && !cursors[i].required;
    }
    *drop = count + fresh > LEDGER_CURSORS_MAX ? count + fresh - LEDGER_CURSORS_MAX : 0;
    return *drop <= may_go
               ? OK
               : why_set(why, ERROR_FULL,
                         "the ledger keeps the cursors of %d uplinks at most, and has too many of "
                         "uplinks that were required and are configured no more: configure them "
                         "with `required: no` once, a few at a time, to let go of them",
                         LEDGER_CURSORS_MAX);
}

// The one of those that may go which was acknowledged the longest ago. Holds `looking`.
static size_t oldest_to_drop(const struct ledger *ledger, const char *const *uplinks, size_t count)
{
    size_t oldest = ledger->cursor_count;
    for (size_t i = 0; i < ledger->cursor_count; i++) {
        const struct ledger_cursor *cursor = &ledger->cursors[i];
        if (!cursor->required && !is_named(cursor->uplink, uplinks, count) &&
            (oldest == ledger->cursor_count ||
             cursor->acknowledged_us < ledger->cursors[oldest].acknowledged_us)) {
            oldest = i;
        }
    }
    return oldest;
}

static int drop_rows(struct store *store, const char *uplink, struct why *why)
{
    static const enum statement drops[] = {STATEMENT_CURSOR_DROP, STATEMENT_MARK_DROP,
                                           STATEMENT_RECEIPT_DROP};
    int error = OK;
    for (size_t i = 0; error == OK && i < sizeof drops / sizeof *drops; i++) {
        sqlite3_stmt *drop = store_statement(store, drops[i]);
        if (drop) {
            sqlite3_bind_text(drop, 1, uplink, -1, SQLITE_STATIC);
        }
        error = store_run(store, drop, why);
    }
    return error;
}

static int drop_cursors(struct ledger *ledger, const struct ledger_cursor_row *dropped,
                        size_t count, struct why *why)
{
    int error = store_begin(&ledger->store, why);
    for (size_t i = 0; error == OK && i < count; i++) {
        error = drop_rows(&ledger->store, dropped[i].uplink, why);
    }
    error = error ? error : store_commit(&ledger->store, why);
    if (error) {
        store_rollback(&ledger->store);
    }
    return error;
}

int ledger_make_room(struct ledger *ledger, const char *const *uplinks, size_t uplink_count,
                     struct ledger_cursor_row dropped[LEDGER_CURSORS_MAX], size_t *count,
                     struct why *why)
{
    struct ledger_cursor before[LEDGER_CURSORS_MAX];
    size_t drop = 0;
    *count = 0;
    pthread_mutex_lock(&ledger->writing);
    pthread_mutex_lock(&ledger->looking);
    size_t cursors = ledger->cursor_count;
    memcpy(before, ledger->cursors, sizeof before);
    int error = cursors_to_drop(before, cursors, uplinks, uplink_count, &drop, why);
    while (error == OK && *count < drop) {
        size_t i = oldest_to_drop(ledger, uplinks, uplink_count);
        struct ledger_cursor_row *row = &dropped[(*count)++];
        *row = (struct ledger_cursor_row){.acknowledged = ledger->cursors[i].acknowledged};
        memcpy(row->uplink, ledger->cursors[i].uplink, sizeof row->uplink);
        ledger->cursors[i] = ledger->cursors[--ledger->cursor_count];
    }
    pthread_mutex_unlock(&ledger->looking);
    error = error || drop == 0 ? error : drop_cursors(ledger, dropped, *count, why);
    pthread_mutex_lock(&ledger->looking);
    for (size_t i = 0; error == OK && i < *count; i++) {
        note_drop(ledger, LEDGER_RECEIPT, dropped[i].uplink);
    }
    if (error) {
        memcpy(ledger->cursors, before, sizeof before);
        ledger->cursor_count = cursors;
        *count = 0;
    }
    pthread_mutex_unlock(&ledger->looking);
    pthread_mutex_unlock(&ledger->writing);
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

int pending_commit(struct ledger *ledger, int error, struct why *why)
{
    uint32_t written = 0;
    error = error ? error : cursors_write(ledger, &written, why);
    error = error ? error : notes_write(ledger, why);
    error = error ? error : store_commit(&ledger->store, why);
    if (error) {
        store_rollback(&ledger->store);
    }
    cursors_settled(ledger, written, error == OK);
    notes_settled(ledger, error == OK);
    return error;
}

int ledger_settle(struct ledger *ledger, bool now, struct why *why)
{
    bool dirty = false;
    int error = OK;
    pthread_mutex_lock(&ledger->writing);
    pthread_mutex_lock(&ledger->looking);
    for (size_t i = 0; i < ledger->cursor_count; i++) {
        dirty = dirty || ledger->cursors[i].dirty;
    }
    pthread_mutex_unlock(&ledger->looking);
    dirty = dirty || notes_are_dirty(ledger);
    int64_t idle_us = clock_mono_us(ledger->clock) - ledger->appended_mono_us;
    if (dirty && (now || idle_us >= LEDGER_IDLE_US)) {
        error = pending_commit(ledger, store_begin(&ledger->store, why), why);
        ledger->appended_mono_us = clock_mono_us(ledger->clock);
    }
    pthread_mutex_unlock(&ledger->writing);
    return error;
}
