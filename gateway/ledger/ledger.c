#include "ledger/inside.h"
#include "ledger/recover.h"

#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

// --- appending ----------------------------------------------------------------------------------

static int put_block(struct store *store, const struct ledger_block *block, struct why *why)
{
    sqlite3_stmt *put = store_statement(store, STATEMENT_BLOCK_PUT);
    if (!put) {
        return store_error(store, why);
    }
    sqlite3_bind_int64(put, 1, (int64_t)block->n);
    store_bind_digest(put, 2, &block->leaf);
    sqlite3_bind_int64(put, 3, block->t_lo_us);
    sqlite3_bind_int64(put, 4, block->t_hi_us);
    sqlite3_bind_int64(put, 5, block->readings);
    sqlite3_bind_int64(put, 6, (int64_t)block->length);
    sqlite3_bind_blob64(put, 7, block->packed, block->packed_length, SQLITE_STATIC);
    return store_run(store, put, why);
}

static int put_entry(struct store *store, uint64_t n, struct why *why)
{
    sqlite3_stmt *put = store_statement(store, STATEMENT_ENTRY_PUT);
    if (put) {
        sqlite3_bind_int64(put, 1, (int64_t)n);
    }
    return store_run(store, put, why);
}

static int append_all(struct ledger *ledger, const struct ledger_block *blocks, size_t count,
                      struct why *why)
{
    struct store *store = &ledger->store;
    int error = OK;
    if (!ledger->tree_valid) {
        error = tree_load(&ledger->tree, store, ledger->size, why);
        ledger->tree_valid = error == OK;
    }
    error = error ? error : store_begin(store, why);
    for (size_t i = 0; error == OK && i < count; i++) {
        if (blocks[i].n != ledger->size + i) {
            error = why_set(why, ERROR_INPUT, "ledger: block %llu offered, %llu is next",
                            (unsigned long long)blocks[i].n, (unsigned long long)ledger->size + i);
            break;
        }
        error = put_block(store, &blocks[i], why);
        if (!error && blocks[i].has_entry) {
            error = put_entry(store, blocks[i].n, why);
        }
        error = error ? error
                      : tree_add(&ledger->tree, store, &blocks[i].leaf, blocks[i].t_lo_us,
                                 blocks[i].t_hi_us, why);
        if (error == OK && (blocks[i].n + 1) % TILE_WIDTH == 0) {
            error = age_mark(ledger, blocks[i].n, why);
        }
    }
    error = pending_commit(ledger, error, why);
    ledger->tree_valid = ledger->tree_valid && error == OK;
    return error;
}

static void note_outcome(struct ledger *ledger, int error, const struct why *why)
{
    ledger->full = error == ERROR_FULL;
    ledger->failed = error != OK && error != ERROR_FULL;
    snprintf(ledger->last_fault, sizeof ledger->last_fault, "%s", error ? why->text : "");
}

// Notes how many blocks there are at least: with the first one appended after the ledger was opened
// or the WAL was taken in, so that a database that has lost its WAL is always shorter than that.
static void note_least(struct ledger *ledger)
{
    struct lock_note note = {.origin = "", .open = true, .least = ledger->size};
    memcpy(note.origin, ledger->origin, sizeof note.origin);
    if (lock_note_write(ledger->lock_fd, &note, NULL) == OK) {
        ledger->note = note;
        ledger->note_due = false;
    }
}

int ledger_append(struct ledger *ledger, const struct ledger_block *blocks, size_t count,
                  struct why *why)
{
    struct why own = {.text = ""};
    uint64_t readings = 0;
    for (size_t i = 0; i < count; i++) {
        readings += blocks[i].readings;
    }
    pthread_mutex_lock(&ledger->writing);
    ledger->note_due = ledger->note_due || ledger->store.checkpointed;
    ledger->store.checkpointed = false;
    int error = append_all(ledger, blocks, count, &own);
    pthread_mutex_lock(&ledger->looking);
    note_outcome(ledger, error, &own);
    if (error == OK) {
        ledger->size += count;
        ledger->tip = count ? blocks[count - 1].leaf : ledger->tip;
        ledger->readings += readings;
        for (size_t i = 0; i < ledger->watcher_count; i++) {
            ledger_wake(ledger->watchers[i]);
        }
    }
    pthread_mutex_unlock(&ledger->looking);
    if (error == OK) {
        if (ledger->note_due) {
            note_least(ledger);
        }
        ledger->appended_mono_us = clock_mono_us(ledger->clock);
    }
    pthread_mutex_unlock(&ledger->writing);
    if (error == ERROR_DAMAGED) {
        ledger_report_damage(ledger, own.text);
    }
    return error ? why_set(why, error, "%s", own.text) : OK;
}

void ledger_report_damage(struct ledger *ledger, const char *what)
{
    pthread_mutex_lock(&ledger->looking);
    bool fresh = !ledger->damaged;
    ledger->damaged = true;
    pthread_mutex_unlock(&ledger->looking);
    if (fresh) {
        recover_condemn(ledger->directory, what);
    }
}

// --- looking ------------------------------------------------------------------------------------

const char *ledger_origin(const struct ledger *ledger)
{
    return ledger->origin;
}

uint64_t ledger_size(struct ledger *ledger)
{
    pthread_mutex_lock(&ledger->looking);
    uint64_t size = ledger->size;
    pthread_mutex_unlock(&ledger->looking);
    return size;
}

struct digest ledger_tip(struct ledger *ledger)
{
    pthread_mutex_lock(&ledger->looking);
    struct digest tip = ledger->tip;
    pthread_mutex_unlock(&ledger->looking);
    return tip;
}

void ledger_status(struct ledger *ledger, struct ledger_status *status)
{
    *status = (struct ledger_status){.first = 0};
    room_measure(ledger, &status->bytes, &status->free_bytes, &status->hours_to_full);
    pthread_mutex_lock(&ledger->looking);
    status->first = ledger->first;
    status->size = ledger->size;
    status->readings = ledger->readings;
    status->full = ledger->full;
    status->filling = ledger->filling;
    status->failed = ledger->failed;
    status->damaged = ledger->damaged;
    snprintf(status->last_fault, sizeof status->last_fault, "%s", ledger->last_fault);
    pthread_mutex_unlock(&ledger->looking);
}

void ledger_wake(int watcher)
{
    eventfd_write(watcher, 1);
}

int ledger_watch(struct ledger *ledger)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_lock(&ledger->looking);
    if (fd >= 0 && ledger->watcher_count < LEDGER_WATCHERS_MAX) {
        ledger->watchers[ledger->watcher_count++] = fd;
    } else if (fd >= 0) {
        close(fd);
        fd = ERROR_FULL;
    } else {
        fd = ERROR_SYSTEM;
    }
    pthread_mutex_unlock(&ledger->looking);
    return fd;
}

void ledger_unwatch(struct ledger *ledger, int fd)
{
    pthread_mutex_lock(&ledger->looking);
    for (size_t i = 0; i < ledger->watcher_count; i++) {
        if (ledger->watchers[i] == fd) {
            ledger->watchers[i] = ledger->watchers[--ledger->watcher_count];
            close(fd);
            break;
        }
    }
    pthread_mutex_unlock(&ledger->looking);
}
