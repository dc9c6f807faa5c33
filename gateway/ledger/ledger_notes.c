// Signed notes that belong to the log (ledger.h): few, small, replaced in place, and written along
// with blocks and cursors.
#include "ledger/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[] = {
    [LEDGER_CHECKPOINT] = "checkpoint", [LEDGER_RECEIPT] = "receipt", [LEDGER_KEY] = "key"};

// The caller holds `looking`.
static struct ledger_note *note_find(struct ledger *ledger, enum ledger_note_kind kind,
                                     const char *name)
{
    for (size_t i = 0; i < ledger->note_count; i++) {
        struct ledger_note *note = &ledger->notes[i];
        if (note->kind == kind && strcmp(note->name, name) == 0) {
            return note;
        }
    }
    return NULL;
}

int ledger_put_note(struct ledger *ledger, enum ledger_note_kind kind, const char *name,
                    uint64_t size, const void *bytes, size_t length, struct why *why)
{
    if (length > LEDGER_NOTE_MAX || strlen(name) >= sizeof ledger->notes[0].name) {
        return why_set(why, ERROR_RANGE, "a note of %zu bytes; at most %d are kept", length,
                       LEDGER_NOTE_MAX);
    }
    char *copy = malloc(length ? length : 1);
    if (!copy) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    memcpy(copy, bytes, length);
    int error = OK;
    pthread_mutex_lock(&ledger->looking);
    struct ledger_note *note = note_find(ledger, kind, name);
    if (!note && ledger->note_count == LEDGER_NOTES_MAX) {
        error = why_set(why, ERROR_FULL, "more than %d notes", LEDGER_NOTES_MAX);
        free(copy);
    } else {
        if (!note) {
            note = &ledger->notes[ledger->note_count++];
            *note = (struct ledger_note){.kind = kind};
            snprintf(note->name, sizeof note->name, "%s", name);
        }
        free(note->bytes);
        note->bytes = copy;
        note->length = length;
        note->size = size;
        note->dirty = true;
        ledger->note_serial++;
        for (size_t i = 0; i < ledger->watcher_count; i++) {
            ledger_wake(ledger->watchers[i]);
        }
    }
    pthread_mutex_unlock(&ledger->looking);
    return error;
}

int ledger_get_note(struct ledger *ledger, enum ledger_note_kind kind, const char *name,
                    struct text *out, uint64_t *size)
{
    text_clear(out);
    pthread_mutex_lock(&ledger->looking);
    const struct ledger_note *note = note_find(ledger, kind, name);
    if (note) {
        text_append(out, note->bytes, note->length);
        *size = note->size;
    }
    pthread_mutex_unlock(&ledger->looking);
    return !note ? ERROR_ABSENT : out->failed ? ERROR_MEMORY : OK;
}

void note_drop(struct ledger *ledger, enum ledger_note_kind kind, const char *name)
{
    struct ledger_note *note = note_find(ledger, kind, name);
    if (note) {
        free(note->bytes);
        *note = ledger->notes[--ledger->note_count];
    }
}

uint64_t ledger_note_serial(struct ledger *ledger)
{
    pthread_mutex_lock(&ledger->looking);
    uint64_t serial = ledger->note_serial;
    pthread_mutex_unlock(&ledger->looking);
    return serial;
}

static int write_note(struct store *store, const struct ledger_note *note, struct why *why)
{
    sqlite3_stmt *put = store_statement(store, STATEMENT_NOTE_PUT);
    if (put) {
        sqlite3_bind_text(put, 1, kinds[note->kind], -1, SQLITE_STATIC);
        sqlite3_bind_text(put, 2, note->name, -1, SQLITE_STATIC);
        sqlite3_bind_int64(put, 3, (int64_t)note->size);
        sqlite3_bind_blob64(put, 4, note->bytes, note->length, SQLITE_STATIC);
    }
    return store_run(store, put, why);
}

bool notes_are_dirty(struct ledger *ledger)
{
    bool dirty = false;
    pthread_mutex_lock(&ledger->looking);
    for (size_t i = 0; i < ledger->note_count; i++) {
        dirty = dirty || ledger->notes[i].dirty;
    }
    pthread_mutex_unlock(&ledger->looking);
    return dirty;
}

int notes_write(struct ledger *ledger, struct why *why)
{
    // Copied, so that nobody who puts a note waits for the disk.
    struct ledger_note copies[LEDGER_NOTES_MAX];
    size_t count = 0;
    int error = OK;
    pthread_mutex_lock(&ledger->looking);
    for (size_t i = 0; i < ledger->note_count; i++) {
        struct ledger_note *note = &ledger->notes[i];
        if (!note->dirty) {
            continue;
        }
        copies[count] = *note;
        copies[count].bytes = malloc(note->length ? note->length : 1);
        if (!copies[count].bytes) {
            error = why_set(why, ERROR_MEMORY, "out of memory");
            break;
        }
        memcpy(copies[count].bytes, note->bytes, note->length);
        count++;
        note->dirty = false;
        note->writing = true;
    }
    pthread_mutex_unlock(&ledger->looking);
    for (size_t i = 0; i < count; i++) {
        error = error ? error : write_note(&ledger->store, &copies[i], why);
        free(copies[i].bytes);
    }
    return error;
}

void notes_settled(struct ledger *ledger, bool good)
{
    pthread_mutex_lock(&ledger->looking);
    for (size_t i = 0; i < ledger->note_count; i++) {
        struct ledger_note *note = &ledger->notes[i];
        note->dirty = note->dirty || (note->writing && !good);
        note->writing = false;
    }
    pthread_mutex_unlock(&ledger->looking);
}

// Takes a row into the ledger's list, unless it is of no kind we know, or too large: a note that
// cannot be read is not worth a ledger, and the next one replaces it.
static void take_row(struct ledger *ledger, sqlite3_stmt *rows)
{
    const char *kind = (const char *)sqlite3_column_text(rows, 0);
    const char *name = (const char *)sqlite3_column_text(rows, 1);
    const void *bytes = sqlite3_column_blob(rows, 3);
    int length = sqlite3_column_bytes(rows, 3);
    struct ledger_note note = {.size = (uint64_t)sqlite3_column_int64(rows, 2)};
    size_t k = 0;
    while (k < sizeof kinds / sizeof *kinds && (!kind || strcmp(kinds[k], kind) != 0)) {
        k++;
    }
    if (k == sizeof kinds / sizeof *kinds || !name || !bytes || length > LEDGER_NOTE_MAX) {
        return;
    }
    note.kind = (enum ledger_note_kind)k;
    snprintf(note.name, sizeof note.name, "%s", name);
    note.bytes = malloc((size_t)length);
    if (!note.bytes) {
        return;
    }
    memcpy(note.bytes, bytes, (size_t)length);
    note.length = (size_t)length;
    ledger->notes[ledger->note_count++] = note;
}

int notes_load(struct ledger *ledger, struct why *why)
{
    notes_free(ledger);
    int error = store_make_later_tables(&ledger->store, why);
    sqlite3_stmt *rows = error ? NULL : store_statement(&ledger->store, STATEMENT_NOTE_LIST);
    if (!rows) {
        return error ? error : store_error(&ledger->store, why);
    }
    int code;
    while ((code = sqlite3_step(rows)) == SQLITE_ROW && ledger->note_count < LEDGER_NOTES_MAX) {
        take_row(ledger, rows);
    }
    error = code == SQLITE_ROW || code == SQLITE_DONE ? OK : store_error(&ledger->store, why);
    store_done(rows);
    return error;
}

void notes_free(struct ledger *ledger)
{
    for (size_t i = 0; i < ledger->note_count; i++) {
        free(ledger->notes[i].bytes);
    }
    ledger->note_count = 0;
}

int store_get_note(struct store *store, enum ledger_note_kind kind, const char *name,
                   struct text *out, uint64_t *size, struct why *why)
{
    text_clear(out);
    // A ledger that was last written by an older version has no such table.
    sqlite3_stmt *get = store_statement(store, STATEMENT_NOTE_GET);
    if (get) {
        sqlite3_bind_text(get, 1, kinds[kind], -1, SQLITE_STATIC);
        sqlite3_bind_text(get, 2, name, -1, SQLITE_STATIC);
    }
    int error = OK;
    if (!get || sqlite3_step(get) != SQLITE_ROW) {
        error = why_set(why, ERROR_ABSENT, "no %s%s%s is kept in this ledger", kinds[kind],
                        *name ? " of " : "", name);
    } else {
        text_append(out, sqlite3_column_blob(get, 1), (size_t)sqlite3_column_bytes(get, 1));
        *size = (uint64_t)sqlite3_column_int64(get, 0);
        error = out->failed ? why_set(why, ERROR_RANGE, "the note is too large") : OK;
    }
    store_done(get);
    return error;
}

int store_note_names(struct store *store, enum ledger_note_kind kind, struct ledger_note_row *rows,
                     size_t max, size_t *count)
{
    sqlite3_stmt *list = store_statement(store, STATEMENT_NOTE_LIST);
    *count = 0;
    while (list && *count < max && sqlite3_step(list) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(list, 0);
        if (!text || strcmp(text, kinds[kind]) != 0) {
            continue;
        }
        const char *name = (const char *)sqlite3_column_text(list, 1);
        snprintf(rows[*count].name, sizeof rows[*count].name, "%s", name ? name : "");
        rows[*count].size = (uint64_t)sqlite3_column_int64(list, 2);
        ++*count;
    }
    store_done(list);
    return OK;
}
