#include "ledger/recover.h"
#include "ledger/unsaved.h"

#include "base/durable.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RECOVERED_BYTES_MAX (1u << 20)
#define BLIND_STEPS_MAX     1024 // numbers tried behind the last that was there, when no end is known

// --- damage found while running -----------------------------------------------------------------

static void format_condemned(const char *directory, char out[PATH_MAX + 16])
{
    snprintf(out, PATH_MAX + 16, "%s/damaged", directory);
}

void recover_condemn(const char *directory, const char *what)
{
    char path[PATH_MAX + 16];
    format_condemned(directory, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd >= 0) {
        // An empty file does, where there is no room for the words.
        if (write(fd, what, strlen(what)) < 0 || fsync(fd) != 0) {
            log_warning("cannot write %s: %s", path, strerror(errno));
        }
        close(fd);
    }
}

int recover_condemned(const char *directory, struct why *why)
{
    char path[PATH_MAX + 16], what[256];
    format_condemned(directory, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return OK;
    }
    ssize_t length = read(fd, what, sizeof what - 1);
    close(fd);
    what[length > 0 ? length : 0] = '\0';
    return why_set(why, ERROR_DAMAGED, "found while running: %s", what);
}

void recover_pardon(const char *directory)
{
    char path[PATH_MAX + 16];
    format_condemned(directory, path);
    unlink(path);
}

// --- setting aside ------------------------------------------------------------------------------

#define REASON_FILE "why"

static bool is_there(const char *folder, const char *name)
{
    char path[PATH_MAX + 112];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return stat(path, &st) == 0;
}

static int make_folder(const struct ledger *ledger, char folder[64], struct why *why)
{
    char path[PATH_MAX + 80];
    time_t now = (time_t)(clock_wall_us(ledger->clock) / 1000000);
    struct tm t;
    gmtime_r(&now, &t);
    for (int i = 0; i < 100; i++) {
        size_t used = strftime(folder, 64, "set-aside-%Y%m%dT%H%M%SZ", &t);
        if (i > 0) {
            snprintf(folder + used, 64 - used, "-%d", i);
        }
        snprintf(path, sizeof path, "%s/%s", ledger->directory, folder);
        if (mkdir(path, 0750) == 0) {
            durable_folder(ledger->directory);
            return OK;
        }
        if (errno != EEXIST) {
            break;
        }
    }
    return why_set(why, errno == ENOSPC ? ERROR_FULL : ERROR_SYSTEM, "cannot make %s: %s", path,
                   strerror(errno));
}

static int move_all(const struct ledger *ledger, const char *folder, struct why *why)
{
    // The database last but for its index: a WAL beside no database, or an empty one, would be
    // thrown away by SQLite.
    static const char *const names[] = {STORE_FILE "-wal", UNSAVED_FILE, STORE_FILE,
                                        STORE_FILE "-shm"};
    char from[PATH_MAX + 32], to[PATH_MAX + 112];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(from, sizeof from, "%s/%s", ledger->directory, names[i]);
        snprintf(to, sizeof to, "%s/%s/%s", ledger->directory, folder, names[i]);
        if (rename(from, to) != 0 && errno != ENOENT) {
            return why_set(why, ERROR_SYSTEM, "cannot move %s to %s: %s", from, to,
                           strerror(errno));
        }
    }
    snprintf(to, sizeof to, "%s/%s", ledger->directory, folder);
    durable_folder(to);
    durable_folder(ledger->directory);
    return OK;
}

static int write_reason(const char *folder, const char *reason, struct why *why)
{
    char path[PATH_MAX + 112];
    snprintf(path, sizeof path, "%s/" REASON_FILE, folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0) {
        return why_set(why, errno == ENOSPC ? ERROR_FULL : ERROR_SYSTEM, "cannot make %s: %s", path,
                       strerror(errno));
    }
    // An empty file does, where there is no room for the words.
    if (write(fd, reason, strlen(reason)) < 0 || fsync(fd) != 0) {
        log_warning("cannot write %s: %s", path, strerror(errno));
    }
    close(fd);
    durable_folder(folder);
    return OK;
}

static void format_folder(const struct ledger *ledger, char out[PATH_MAX + 80])
{
    snprintf(out, PATH_MAX + 80, "%s/%s", ledger->directory, ledger->note.folder);
}

enum recover_state recover_look(const struct ledger *ledger, struct why *why)
{
    static const char *const moved[] = {STORE_FILE "-wal", UNSAVED_FILE, STORE_FILE};
    char folder[PATH_MAX + 80], path[PATH_MAX + 112], reason[256];
    if (!ledger->note.folder[0]) {
        return RECOVER_NONE;
    }
    format_folder(ledger, folder);
    snprintf(path, sizeof path, "%s/" REASON_FILE, folder);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t length = read(fd, reason, sizeof reason - 1);
        close(fd);
        reason[length > 0 ? length : 0] = '\0';
        why_set(why, OK, "%s", reason);
        return RECOVER_MOVED;
    }
    for (size_t i = 0; i < sizeof moved / sizeof *moved; i++) {
        if (is_there(folder, moved[i])) {
            why_set(why, OK, "a crash came while it was set aside");
            return RECOVER_BROKEN_OFF;
        }
    }
    return RECOVER_NONE;
}

// Folders that were made, and a crash came before they were noted.
static void drop_empty(const struct ledger *ledger)
{
    static const char head[] = "set-aside-";
    char path[PATH_MAX + 272];
    DIR *directory = opendir(ledger->directory);
    const struct dirent *item;
    while (directory && (item = readdir(directory))) {
        if (strncmp(item->d_name, head, sizeof head - 1) == 0) {
            snprintf(path, sizeof path, "%s/%s", ledger->directory, item->d_name);
            rmdir(path); // if there is anything in it, it stays
        }
    }
    if (directory) {
        closedir(directory);
    }
}

int recover_set_aside(struct ledger *ledger, const char *reason, struct why *why)
{
    char path[PATH_MAX + 80], other[64];
    if (recover_look(ledger, NULL) == RECOVER_MOVED) {
        if (!is_there(ledger->directory, STORE_FILE)) {
            return OK;
        }
        int error = make_folder(ledger, other, why);
        return error ? error : move_all(ledger, other, why);
    }
    int error = OK;
    if (!ledger->note.folder[0]) {
        error = make_folder(ledger, ledger->note.folder, why);
        error = error ? error : lock_note_write(ledger->lock_fd, &ledger->note, why);
    }
    format_folder(ledger, path);
    error = error ? error : move_all(ledger, ledger->note.folder, why);
    error = error ? error : write_reason(path, reason, why);
    drop_empty(ledger);
    ledger->note.open = false; // what it says of a size was of those files
    return error ? error : lock_note_write(ledger->lock_fd, &ledger->note, why);
}

void recover_discard(struct ledger *ledger)
{
    static const char *const names[] = {STORE_FILE, STORE_FILE "-wal", STORE_FILE "-shm"};
    char path[PATH_MAX + 32];
    store_close(&ledger->store);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", ledger->directory, names[i]);
        unlink(path);
    }
    durable_folder(ledger->directory);
}

// --- saving -------------------------------------------------------------------------------------

struct salvage {
    struct ledger *ledger;
    struct ledger_opening *opening;
    struct store old;
    bool readable;
    struct text file; // blocks waiting to be a recovered file
    struct text bytes;
    struct block_view view;
};

static int flush_file(struct salvage *s, struct why *why)
{
    struct ledger_opening *opening = s->opening;
    if (s->file.length == 0) {
        return OK;
    }
    struct digest hash;
    int error = files_put(s->ledger, "recovered", s->file.data, s->file.length, &hash, why);
    if (error == OK) {
        opening->recovered[opening->recovered_count++] = hash;
        text_clear(&s->file);
    }
    return error;
}

static bool has_room(const struct salvage *s)
{
    return s->opening->recovered_count < sizeof s->opening->recovered / sizeof(struct digest);
}

// Blocks [from, to) of the old log stay where they are.
static void leave(struct salvage *s, uint64_t from, uint64_t to)
{
    struct ledger_opening *opening = s->opening;
    if (opening->left_to == 0) {
        opening->left_from = from;
    }
    opening->left_to = to > opening->left_to ? to : opening->left_to;
    opening->old_size = opening->old_size > to ? opening->old_size : to;
}

// Takes one whole block along.
static int save_block(struct salvage *s, uint64_t n, const char *bytes, size_t length,
                      struct why *why)
{
    struct ledger_opening *opening = s->opening;
    int error = OK;
    if (s->file.length + length > RECOVERED_BYTES_MAX) {
        error = flush_file(s, why);
    }
    if (error || !has_room(s)) {
        leave(s, n, n + 1);
        return error;
    }
    text_append(&s->file, bytes, length);
    if (s->file.failed) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    if (opening->recovered_to == 0) {
        opening->recovered_from = n;
    }
    opening->recovered_to = n + 1;
    opening->old_size = opening->old_size > n + 1 ? opening->old_size : n + 1;
    return OK;
}

// The lowest block that some uplink has not acknowledged; the first kept where nobody knows.
static uint64_t lowest_cursor(struct store *old, uint64_t first)
{
    uint64_t lowest = UINT64_MAX;
    sqlite3_stmt *rows = store_statement(old, STATEMENT_CURSOR_LIST);
    int code = SQLITE_ERROR;
    while (rows && (code = sqlite3_step(rows)) == SQLITE_ROW) {
        uint64_t at = (uint64_t)sqlite3_column_int64(rows, 1);
        lowest = at < lowest ? at : lowest;
    }
    store_done(rows);
    return code == SQLITE_DONE && lowest != UINT64_MAX && lowest > first ? lowest : first;
}

static int save_stored(struct salvage *s, struct why *why)
{
    struct ledger_opening *opening = s->opening;
    uint64_t first = 0, size = 0, missing = 0;
    bool bounded = store_extent(&s->old, &first, &size, NULL) == OK;
    opening->old_size = size;
    struct digest previous = {0};
    bool known = false;
    uint64_t n = lowest_cursor(&s->old, first);
    int error = OK;
    for (; error == OK && has_room(s) && (bounded ? n < size : missing < BLIND_STEPS_MAX); n++) {
        known = tail_verify_block(&s->old, opening->old_origin, n, known, &previous, &s->bytes,
                                  &s->view, NULL) == OK;
        missing = known ? 0 : missing + 1;
        error = known ? save_block(s, n, s->bytes.data, s->bytes.length, why) : OK;
    }
    if (n < size) {
        leave(s, n, size);
    }
    return error;
}

// Numbers of points are kept: the new log goes on with them.
static int save_points(struct salvage *s, struct why *why)
{
    sqlite3_stmt *rows = NULL;
    int error = OK;
    sqlite3_prepare_v2(s->old.db, "SELECT number,key,name,definition FROM points", -1, &rows, NULL);
    while (error == OK && rows && sqlite3_step(rows) == SQLITE_ROW) {
        sqlite3_stmt *put = store_statement(&s->ledger->store, STATEMENT_POINT_PUT);
        for (int i = 0; put && i < 4; i++) {
            sqlite3_bind_value(put, i + 1, sqlite3_column_value(rows, i));
        }
        error = store_run(&s->ledger->store, put, why);
    }
    sqlite3_finalize(rows);
    return error;
}

static void read_old_origin(struct salvage *s, const struct lock_note *note)
{
    char *out = s->opening->old_origin;
    snprintf(out, BLOCK_ORIGIN_MAX + 1, "%s", note->origin);
    sqlite3_stmt *get = s->readable ? store_statement(&s->old, STATEMENT_LOG_GET) : NULL;
    if (get && sqlite3_step(get) == SQLITE_ROW && sqlite3_column_text(get, 0)) {
        const char *text = (const char *)sqlite3_column_text(get, 0);
        if (lock_note_is_origin(text)) {
            snprintf(out, BLOCK_ORIGIN_MAX + 1, "%s", text);
        }
    }
    store_done(get);
}

// The last receipts of the old log, for the event that says which it was.
static void read_old_receipts(struct salvage *s)
{
    struct ledger_note_row rows[LEDGER_CURSORS_MAX];
    size_t count;
    struct text note = text_make(LEDGER_RECEIPT_MAX);
    store_note_names(&s->old, LEDGER_RECEIPT, rows, LEDGER_CURSORS_MAX, &count);
    for (size_t i = 0; i < count; i++) {
        struct ledger_opening *opening = s->opening;
        struct ledger_old_receipt *old = &opening->old_receipts[opening->old_receipt_count];
        uint64_t size;
        if (opening->old_receipt_count <
                sizeof opening->old_receipts / sizeof *opening->old_receipts &&
            store_get_note(&s->old, LEDGER_RECEIPT, rows[i].name, &note, &size, NULL) == OK) {
            snprintf(old->uplink, sizeof old->uplink, "%.32s", rows[i].name);
            snprintf(old->note, sizeof old->note, "%s", note.data);
            old->size = size;
            opening->old_receipt_count++;
        }
    }
    text_free(&note);
}

static int save_unsaved(struct salvage *s, const char *folder, struct why *why)
{
    struct unsaved unsaved;
    size_t length;
    int error = unsaved_open(&unsaved, folder, why);
    while (error == OK && unsaved_next(&unsaved, &length)) {
        if (length && block_parse(&s->view, unsaved.line, length, NULL) == OK &&
            strcmp(s->view.origin, s->opening->old_origin) == 0 &&
            s->view.n >= s->opening->recovered_to) {
            error = save_block(s, s->view.n, unsaved.line, length, why);
        }
    }
    unsaved_close(&unsaved);
    return error;
}

int recover_salvage(struct ledger *ledger, struct ledger_opening *opening, struct why *why)
{
    char folder[PATH_MAX + 80];
    struct salvage s = {.ledger = ledger,
                        .opening = opening,
                        .file = text_make(RECOVERED_BYTES_MAX),
                        .bytes = text_make(BLOCK_BYTES_MAX)};
    format_folder(ledger, folder);
    snprintf(opening->set_aside, sizeof opening->set_aside, "%.255s", folder);
    s.readable = store_open(&s.old, folder, STORE_SALVAGE, NULL) == OK;
    read_old_origin(&s, &ledger->note);
    if (s.readable) {
        read_old_receipts(&s);
    }
    int error = s.readable ? save_points(&s, why) : OK;
    error = error || !s.readable ? error : save_stored(&s, why);
    error = error ? error : save_unsaved(&s, folder, why);
    error = error ? error : flush_file(&s, why);
    store_close(&s.old);
    block_view_free(&s.view);
    text_free(&s.file);
    text_free(&s.bytes);
    return error;
}
