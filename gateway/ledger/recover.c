#include "ledger/recover.h"

#include "base/log.h"

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

// --- the note -----------------------------------------------------------------------------------

#define NOTE_OPEN "open\n"
#define NOTE_MAX  (sizeof(struct recover_note) + sizeof NOTE_OPEN + 3)

void recover_note_read(int lock_fd, struct recover_note *note)
{
    char bytes[NOTE_MAX];
    ssize_t length = pread(lock_fd, bytes, sizeof bytes - 1, 0);
    *note = (struct recover_note){0};
    bytes[length > 0 ? length : 0] = '\0';
    char *end = strchr(bytes, '\n');
    if (!end || (size_t)(end - bytes) > BLOCK_ORIGIN_MAX) {
        return;
    }
    memcpy(note->origin, bytes, (size_t)(end - bytes));
    char *folder = end + 1;
    end = strchr(folder, '\n');
    if (end && (size_t)(end - folder) < sizeof note->folder &&
        !memchr(folder, '/', (size_t)(end - folder))) {
        memcpy(note->folder, folder, (size_t)(end - folder));
    }
    note->open = end && strcmp(end + 1, NOTE_OPEN) == 0;
}

int recover_note_write(int lock_fd, const struct recover_note *note, struct why *why)
{
    char bytes[NOTE_MAX];
    int length = snprintf(bytes, sizeof bytes, "%s\n%s\n%s", note->origin, note->folder,
                          note->open ? NOTE_OPEN : "");
    if (pwrite(lock_fd, bytes, (size_t)length, 0) != length || ftruncate(lock_fd, length) != 0 ||
        fsync(lock_fd) != 0) {
        return why_set(why, errno == ENOSPC ? ERROR_FULL : ERROR_SYSTEM, "cannot write `lock`: %s",
                       strerror(errno));
    }
    return OK;
}

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

static int make_folder(const struct ledger *ledger, char folder[64], char path[PATH_MAX + 80],
                       struct why *why)
{
    time_t now = (time_t)(clock_wall_us(ledger->clock) / 1000000);
    struct tm t;
    gmtime_r(&now, &t);
    for (int i = 0; i < 100; i++) {
        size_t used = strftime(folder, 64, "set-aside-%Y%m%dT%H%M%SZ", &t);
        if (i > 0) {
            snprintf(folder + used, 64 - used, "-%d", i);
        }
        snprintf(path, PATH_MAX + 80, "%s/%s", ledger->directory, folder);
        if (mkdir(path, 0750) == 0) {
            return OK;
        }
        if (errno != EEXIST) {
            break;
        }
    }
    return why_set(why, errno == ENOSPC ? ERROR_FULL : ERROR_SYSTEM, "cannot make %s: %s", path,
                   strerror(errno));
}

int recover_set_aside(const struct ledger *ledger, char folder[64], struct why *why)
{
    // The database first: a WAL without its database can still be told from a fresh folder.
    static const char *const names[] = {STORE_FILE, STORE_FILE "-wal", STORE_FILE "-shm"};
    char to[PATH_MAX + 80], from_path[PATH_MAX + 32], to_path[PATH_MAX + 112];
    int error = make_folder(ledger, folder, to, why);
    for (size_t i = 0; error == OK && i < sizeof names / sizeof *names; i++) {
        snprintf(from_path, sizeof from_path, "%s/%s", ledger->directory, names[i]);
        snprintf(to_path, sizeof to_path, "%s/%s", to, names[i]);
        if (rename(from_path, to_path) != 0 && errno != ENOENT) {
            error = why_set(why, ERROR_SYSTEM, "cannot move %s to %s: %s", from_path, to,
                            strerror(errno));
        }
    }
    return error;
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
    int error = OK;
    for (uint64_t n = lowest_cursor(&s->old, first);
         error == OK && has_room(s) && (bounded ? n < size : missing < BLIND_STEPS_MAX); n++) {
        known = tail_verify_block(&s->old, opening->old_origin, n, known, &previous, &s->bytes,
                                  &s->view, NULL) == OK;
        missing = known ? 0 : missing + 1;
        error = known ? save_block(s, n, s->bytes.data, s->bytes.length, why) : OK;
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

bool recover_is_origin(const char *text)
{
    size_t site = strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    const char *name = text + site + (text[site] == '/');
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    const char *id = name + length + (name[length] == '/');
    return site > 0 && text[site] == '/' && length > 0 && name[length] == '/' &&
           strspn(id, "0123456789abcdef") == 32 && id[32] == '\0' &&
           strlen(text) <= BLOCK_ORIGIN_MAX;
}

static void read_old_origin(struct salvage *s, const struct recover_note *note)
{
    char *out = s->opening->old_origin;
    snprintf(out, BLOCK_ORIGIN_MAX + 1, "%s", note->origin);
    sqlite3_stmt *get = s->readable ? store_statement(&s->old, STATEMENT_LOG_GET) : NULL;
    if (get && sqlite3_step(get) == SQLITE_ROW && sqlite3_column_text(get, 0)) {
        const char *text = (const char *)sqlite3_column_text(get, 0);
        if (recover_is_origin(text)) {
            snprintf(out, BLOCK_ORIGIN_MAX + 1, "%s", text);
        }
    }
    store_done(get);
}

// --- the file `unsaved` -------------------------------------------------------------------------

// Reads it whole; at most as many blocks as a committer holds. Empty when there is none.
static int read_unsaved(const struct ledger *ledger, struct text *out, struct why *why)
{
    char path[PATH_MAX + 16];
    struct stat st;
    snprintf(path, sizeof path, "%s/" LEDGER_UNSAVED, ledger->directory);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return OK;
    }
    char *to = fstat(fd, &st) == 0 ? text_reserve(out, (size_t)st.st_size) : NULL;
    ssize_t got = to ? read(fd, to, (size_t)st.st_size) : -1;
    if (got > 0) {
        text_commit(out, (size_t)got);
    }
    close(fd);
    return got < 0 ? why_set(why, ERROR_SYSTEM, "cannot read %s", path) : OK;
}

// The next line at *at, and moves behind it. False at the end (a line without its end is cut off).
static bool next_line(const struct text *text, size_t *at, const char **line, size_t *length)
{
    const char *start = *at < text->length ? text->data + *at : NULL;
    const char *end = start ? memchr(start, '\n', text->length - *at) : NULL;
    if (!end) {
        return false;
    }
    *line = start;
    *length = (size_t)(end - start) + 1;
    *at += *length;
    return true;
}

static int save_unsaved(struct salvage *s, struct why *why)
{
    struct text all = text_make(LEDGER_UNSAVED_MAX);
    const char *line;
    size_t at = 0, length;
    int error = read_unsaved(s->ledger, &all, why);
    while (error == OK && next_line(&all, &at, &line, &length)) {
        if (block_parse(&s->view, line, length, NULL) == OK &&
            strcmp(s->view.origin, s->opening->old_origin) == 0 &&
            s->view.n >= s->opening->recovered_to) {
            error = save_block(s, s->view.n, line, length, why);
        }
    }
    text_free(&all);
    return error;
}

int recover_salvage(struct ledger *ledger, const struct recover_note *note,
                    struct ledger_opening *opening, struct why *why)
{
    char folder[PATH_MAX + 80];
    struct salvage s = {.ledger = ledger,
                        .opening = opening,
                        .file = text_make(RECOVERED_BYTES_MAX),
                        .bytes = text_make(BLOCK_BYTES_MAX)};
    snprintf(folder, sizeof folder, "%s/%s", ledger->directory, note->folder);
    snprintf(opening->set_aside, sizeof opening->set_aside, "%.255s", folder);
    s.readable = store_open(&s.old, folder, STORE_SALVAGE, NULL) == OK;
    read_old_origin(&s, note);
    int error = s.readable ? save_points(&s, why) : OK;
    error = error || !s.readable ? error : save_stored(&s, why);
    error = error ? error : save_unsaved(&s, why);
    error = error ? error : flush_file(&s, why);
    store_close(&s.old);
    block_view_free(&s.view);
    text_free(&s.file);
    text_free(&s.bytes);
    return error;
}

// --- going on with it ---------------------------------------------------------------------------

// What was taken in need not be kept; what was not is, under another name, for a person to look at.
static void remove_unsaved(const struct ledger *ledger, size_t left)
{
    char path[PATH_MAX + 16], kept[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/" LEDGER_UNSAVED, ledger->directory);
    if (left == 0) {
        unlink(path);
        return;
    }
    snprintf(kept, sizeof kept, "%s-%lld", path, (long long)clock_wall_us(ledger->clock));
    log_error("%zu blocks in %s do not follow on the ledger: kept as %s", left, path, kept);
    if (rename(path, kept) != 0) {
        log_error("cannot rename %s: %s", path, strerror(errno));
    }
}

static void note_span(struct ledger_block *block, int64_t t_us)
{
    block->t_lo_us = t_us < block->t_lo_us ? t_us : block->t_lo_us;
    block->t_hi_us = t_us > block->t_hi_us ? t_us : block->t_hi_us;
}

static int append_line(struct ledger *ledger, const struct block_view *view, const char *line,
                       size_t length, struct why *why)
{
    struct ledger_block block = {.n = view->n,
                                 .leaf = block_leaf(line, length),
                                 .definitions = view->definitions,
                                 .t_lo_us = INT64_MAX,
                                 .t_hi_us = INT64_MIN,
                                 .length = length,
                                 .readings = (uint32_t)view->reading_count};
    size_t room = ZSTD_compressBound(length);
    void *packed = malloc(room);
    if (!packed) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < view->reading_count; i++) {
        note_span(&block, view->readings[i].t_us);
    }
    for (size_t i = 0; i < view->missed_count; i++) {
        note_span(&block, view->missed[i].t_us);
    }
    for (size_t i = 0; i < view->event_count; i++) {
        note_span(&block, view->events[i].t_us);
    }
    block.packed = packed;
    block.packed_length = ZSTD_compress(packed, room, line, length, 1);
    int error = ZSTD_isError(block.packed_length) ? why_set(why, ERROR_MEMORY, "out of memory")
                                                  : ledger_append(ledger, &block, 1, why);
    free(packed);
    return error;
}

int recover_unsaved(struct ledger *ledger, struct why *why)
{
    struct text all = text_make(LEDGER_UNSAVED_MAX);
    struct block_view view = {0};
    const char *line;
    size_t at = 0, length, left = 0;
    int error = read_unsaved(ledger, &all, why);
    while (error == OK && next_line(&all, &at, &line, &length)) {
        bool whole = block_parse(&view, line, length, NULL) == OK;
        bool ours = whole && strcmp(view.origin, ledger->origin) == 0;
        if (ours && view.n == ledger->size &&
            memcmp(&view.previous, &ledger->tip, sizeof ledger->tip) == 0) {
            error = append_line(ledger, &view, line, length, why);
        } else if (ours || !whole) {
            left++; // those of an old log went along as recovered files
        }
    }
    if (error == OK && all.length > 0) {
        remove_unsaved(ledger, left);
    }
    block_view_free(&view);
    text_free(&all);
    return error;
}
