#include "ledger/inside.h"
#include "ledger/recover.h"
#include "ledger/unsaved.h"
#include "ledger/wal_check.h"

#include "base/durable.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static int take_directory(struct ledger *ledger, struct why *why)
{
    char path[PATH_MAX + 8];
    if (mkdir(ledger->directory, 0750) != 0 && errno != EEXIST) {
        return why_set(why, ERROR_SYSTEM, "cannot make the data folder %s: %s", ledger->directory,
                       strerror(errno));
    }
    snprintf(path, sizeof path, "%s/lock", ledger->directory);
    ledger->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (ledger->lock_fd < 0) {
        return why_set(why, ERROR_SYSTEM, "cannot write to the data folder %s: %s",
                       ledger->directory, strerror(errno));
    }
    if (flock(ledger->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        return why_set(why, ERROR_BUSY, "%s: another daemon has this ledger open", path);
    }
    return OK;
}

static int make_origin(const struct ledger_options *options, char out[BLOCK_ORIGIN_MAX + 1],
                       struct why *why)
{
    if (options->copy_of) {
        snprintf(out, BLOCK_ORIGIN_MAX + 1, "%s", options->copy_of);
        return strlen(options->copy_of) <= BLOCK_ORIGIN_MAX && lock_note_is_origin(out)
                   ? OK
                   : why_set(why, ERROR_INPUT, "\"%.100s\" is no origin of a log",
                             options->copy_of);
    }
    uint8_t id[16];
    char digits[33];
    if (getrandom(id, sizeof id, 0) != (ssize_t)sizeof id) {
        return why_set(why, ERROR_SYSTEM, "no random numbers: %s", strerror(errno));
    }
    text_format_hex(id, sizeof id, digits);
    if (snprintf(out, BLOCK_ORIGIN_MAX + 1, "%s/%s/%s", options->site_code, options->gateway_name,
                 digits) > BLOCK_ORIGIN_MAX) {
        return why_set(why, ERROR_RANGE, "site code or gateway name too long");
    }
    return OK;
}

static int put_log(struct ledger *ledger, struct why *why)
{
    sqlite3_stmt *put = store_statement(&ledger->store, STATEMENT_LOG_PUT);
    if (put) {
        sqlite3_bind_text(put, 1, ledger->origin, -1, SQLITE_STATIC);
        sqlite3_bind_int64(put, 2, clock_wall_us(ledger->clock));
    }
    return store_run(&ledger->store, put, why);
}

// Makes the tables, the log's row, and what is saved from the log before it (the note names its
// folder, or none), all or nothing.
static int begin_log(struct ledger *ledger, const struct ledger_options *options,
                     struct ledger_opening *opening, struct why *why)
{
    opening->new_log = true;
    int error = make_origin(options, ledger->origin, why);
    error = error ? error : store_begin(&ledger->store, why);
    error = error ? error : store_make_tables(&ledger->store, why);
    error = error ? error : put_log(ledger, why);
    if (error == OK && ledger->note.folder[0]) {
        error = recover_salvage(ledger, opening, why);
    }
    error = error ? error : store_commit(&ledger->store, why);
    if (error) {
        store_rollback(&ledger->store);
    }
    return error;
}

static int load_origin(struct ledger *ledger, struct why *why)
{
    sqlite3_stmt *get = store_statement(&ledger->store, STATEMENT_LOG_GET);
    int error = OK;
    if (!get || sqlite3_step(get) != SQLITE_ROW) {
        error = store_error(&ledger->store, NULL);
        error = why_set(why, error == ERROR_MEMORY ? error : ERROR_DAMAGED,
                        "ledger: it does not say which log it is");
    } else {
        const unsigned char *origin = sqlite3_column_text(get, 0);
        snprintf(ledger->origin, sizeof ledger->origin, "%s", origin ? (const char *)origin : "");
    }
    store_done(get);
    return error;
}

int store_extent(struct store *store, uint64_t *first, uint64_t *size, struct why *why)
{
    sqlite3_stmt *get = store_statement(store, STATEMENT_EXTENT);
    if (!get || sqlite3_step(get) != SQLITE_ROW) {
        int error = store_error(store, why);
        store_done(get);
        return error;
    }
    bool none = sqlite3_column_type(get, 1) == SQLITE_NULL;
    *first = none ? 0 : (uint64_t)sqlite3_column_int64(get, 0);
    *size = none ? 0 : (uint64_t)sqlite3_column_int64(get, 1) + 1;
    store_done(get);
    return OK;
}

// Reads what the store holds and checks its tail.
static int load_log(struct ledger *ledger, struct why *why)
{
    uint64_t marked_n = 0;
    int64_t marked_us = 0, since_us = 0;
    int error = load_origin(ledger, why);
    error = error ? error : store_extent(&ledger->store, &ledger->first, &ledger->size, why);
    error = error ? error : age_last_mark(&ledger->store, &marked_us, &marked_n, why);
    error = error ? error
                  : tail_verify(&ledger->store, ledger->origin, ledger->first, ledger->size,
                                marked_n, &ledger->tip, &since_us, why);
    ledger->opened_age_us = marked_us + since_us;
    error = error ? error : tree_load(&ledger->tree, &ledger->store, ledger->size, why);
    ledger->tree_valid = error == OK;
    error = error ? error : notes_load(ledger, why);
    return error ? error : cursors_load(ledger, why);
}

// A copy is of the one log that it was made for.
static int check_copy(const struct ledger *ledger, const struct ledger_options *options,
                      struct why *why)
{
    return !options->copy_of || strcmp(ledger->origin, options->copy_of) == 0
               ? OK
               : why_set(why, ERROR_REFUSED, "the ledger is of %.100s, not of %.100s",
                         ledger->origin, options->copy_of);
}

// A log has one key for life: with another one the next log begins.
static int check_key(struct ledger *ledger, const struct ledger_options *options, struct why *why)
{
    struct text key = text_make(LEDGER_NOTE_MAX);
    uint64_t size;
    int error = ledger_get_note(ledger, LEDGER_KEY, "", &key, &size);
    bool other =
        !error && options->key &&
        (key.length != options->key_length || memcmp(key.data, options->key, key.length) != 0);
    text_free(&key);
    if (error == ERROR_MEMORY) {
        return why_set(why, error, "out of memory");
    }
    return other ? why_set(why, ERROR_DAMAGED, "the key that signs the log is another one") : OK;
}

// A ledger that was not closed and has lost its WAL is a shorter one, which would give numbers
// again that were published with other blocks. One whose WAL somebody else took in is whole.
static int check_size(const struct ledger *ledger, struct why *why)
{
    const struct lock_note *note = &ledger->note;
    return !note->open || ledger->size >= note->least
               ? OK
               : why_set(why, ERROR_DAMAGED,
                         "the ledger was not closed, and of at least %llu blocks %llu are there: "
                         "its write-ahead log is gone",
                         (unsigned long long)note->least, (unsigned long long)ledger->size);
}

// Notes that the ledger is in use; when the log has a block, what was before it is done with.
static int note_opened(struct ledger *ledger, struct why *why)
{
    if (ledger->size > 0 || !ledger->note.folder[0]) {
        memcpy(ledger->note.origin, ledger->origin, sizeof ledger->note.origin);
        ledger->note.folder[0] = '\0';
    }
    ledger->note.open = true;
    ledger->note.least = ledger->size;
    ledger->note_due = true;
    durable_folder(ledger->directory); // the WAL's name is on the disk before the note of it
    return lock_note_write(ledger->lock_fd, &ledger->note, why);
}

static enum store_mode mode_of(const struct ledger_options *options)
{
    return options->copy_of ? STORE_COPY : STORE_WRITE;
}

// Opens what is there. *has: a log. ERROR_DAMAGED: it cannot be gone on with.
static int open_found(struct ledger *ledger, const struct ledger_options *options, bool *has,
                      struct why *why)
{
    *has = false;
    int error = recover_condemned(ledger->directory, why);
    error = error ? error : wal_check(ledger->directory, why);
    error = error ? error : store_open(&ledger->store, ledger->directory, mode_of(options), why);
    error = error ? error : store_has_tables(&ledger->store, has, why);
    if (error == OK && !*has && (ledger->note.origin[0] || ledger->note.folder[0])) {
        return why_set(why, ERROR_DAMAGED, "the ledger's database is gone or empty");
    }
    if (error || !*has) {
        return error;
    }
    error = load_log(ledger, why);
    error = error ? error : check_size(ledger, why);
    error = error ? error : check_copy(ledger, options, why);
    return error ? error : check_key(ledger, options, why);
}

// Whether the database was made and nothing put into it: a crash came before the log's first
// transaction.
static bool is_bare(struct ledger *ledger)
{
    bool has;
    return ledger->store.db && store_has_tables(&ledger->store, &has, NULL) == OK && !has;
}

// As open_found, and what a crash broke off: setting aside, or the beginning of the log after it,
// whose first block is to say so.
static int open_or_resume(struct ledger *ledger, const struct ledger_options *options, bool *has,
                          struct why *why)
{
    struct why reason = {.text = ""};
    enum recover_state state = recover_look(ledger, &reason);
    if (state == RECOVER_BROKEN_OFF) {
        return why_set(why, ERROR_DAMAGED, "%s", reason.text);
    }
    int error = open_found(ledger, options, has, why);
    bool begun = error == OK ? ledger->size > 0 : !is_bare(ledger);
    if (state == RECOVER_MOVED && (error == OK || error == ERROR_DAMAGED) && !begun &&
        !unsaved_is_there(ledger->directory)) {
        recover_discard(ledger);
        error = ERROR_DAMAGED;
    }
    return state == RECOVER_MOVED && error == ERROR_DAMAGED ? why_set(why, error, "%s", reason.text)
                                                            : error;
}

// Sets aside what is there and begins a new log.
static int open_anew(struct ledger *ledger, const struct ledger_options *options,
                     struct ledger_opening *opening, struct why *why)
{
    if (lock_note_is_origin(ledger->origin) && !ledger->note.folder[0]) {
        memcpy(ledger->note.origin, ledger->origin, sizeof ledger->note.origin);
    }
    store_close(&ledger->store);
    int error = recover_set_aside(ledger, opening->reason, why);
    ledger->first = ledger->size = 0;
    ledger->cursor_count = 0;
    ledger->tip = (struct digest){0};
    error = error ? error : store_open(&ledger->store, ledger->directory, mode_of(options), why);
    error = error ? error : begin_log(ledger, options, opening, why);
    if (error == OK) {
        recover_pardon(ledger->directory);
    }
    return error ? error : load_log(ledger, why);
}

static int open_log(struct ledger *ledger, const struct ledger_options *options,
                    struct ledger_opening *opening, struct why *why)
{
    struct why found = {.text = ""};
    bool has = false;
    lock_note_read(ledger->lock_fd, &ledger->note);
    int error = open_or_resume(ledger, options, &has, &found);
    if (error == ERROR_DAMAGED && !options->copy_of) {
        snprintf(opening->reason, sizeof opening->reason, "%.255s", found.text);
        log_error("%s: a new log begins", found.text);
        return open_anew(ledger, options, opening, why);
    }
    if (error) {
        return why_set(why, error, "%s", found.text);
    }
    if (!has) {
        opening->fresh = true;
        error = begin_log(ledger, options, opening, why);
        error = error ? error : load_log(ledger, why);
    }
    return error;
}

// Notes the key that signs the log from now on.
static int keep_key(struct ledger *ledger, const struct ledger_options *options, struct why *why)
{
    struct text key = text_make(LEDGER_NOTE_MAX);
    uint64_t size;
    int error = OK;
    if (options->key && ledger_get_note(ledger, LEDGER_KEY, "", &key, &size) == ERROR_ABSENT) {
        error = ledger_put_note(ledger, LEDGER_KEY, "", ledger->size, options->key,
                                options->key_length, why);
    }
    text_free(&key);
    return error;
}

static struct ledger *ledger_make(const struct ledger_options *options)
{
    struct ledger *ledger = calloc(1, sizeof *ledger);
    if (!ledger) {
        return NULL;
    }
    pthread_mutexattr_t recursive;
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&ledger->writing, &recursive);
    pthread_mutexattr_destroy(&recursive);
    pthread_mutex_init(&ledger->looking, NULL);
    ledger->appended_mono_us = ledger->opened_mono_us = clock_mono_us(options->clock);
    snprintf(ledger->directory, sizeof ledger->directory, "%s", options->directory);
    ledger->clock = options->clock;
    ledger->lock_fd = -1;
    return ledger;
}

static void ledger_dispose(struct ledger *ledger)
{
    store_close(&ledger->store);
    for (size_t i = 0; i < ledger->watcher_count; i++) {
        close(ledger->watchers[i]);
    }
    if (ledger->lock_fd >= 0) {
        close(ledger->lock_fd);
    }
    notes_free(ledger);
    pthread_mutex_destroy(&ledger->looking);
    pthread_mutex_destroy(&ledger->writing);
    free(ledger);
}

int ledger_open(struct ledger **out, const struct ledger_options *options,
                struct ledger_opening *opening, struct why *why)
{
    *out = NULL;
    *opening = (struct ledger_opening){0};
    struct ledger *ledger = ledger_make(options);
    if (!ledger) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    int error = take_directory(ledger, why);
    if (!error && !options->copy_of) {
        error = ledger_fits(options->directory, options->site_code, options->gateway_name, why);
    }
    error = error ? error : open_log(ledger, options, opening, why);
    error = error ? error : ledger_take_in_unsaved(ledger, opening, why);
    error = error ? error : note_opened(ledger, why);
    error = error ? error : keep_key(ledger, options, why);
    if (ledger->size == 0 && !opening->new_log) { // a crash came before its first block
        opening->fresh = opening->new_log = true;
    }
    if (error) {
        ledger_dispose(ledger);
        return error;
    }
    room_begin(ledger);
    *out = ledger;
    return OK;
}

void ledger_close(struct ledger *ledger)
{
    if (ledger) {
        ledger_settle(ledger, true, NULL);
        ledger->note.open = false;
        lock_note_write(ledger->lock_fd, &ledger->note, NULL);
        ledger_dispose(ledger);
    }
}
