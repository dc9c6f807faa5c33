#include "ledger/unsaved.h"

#include "base/durable.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// --- writing it ---------------------------------------------------------------------------------

// A line that was written in part must not run into the next.
static int append_line(int fd, const char *bytes, size_t length)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return ERROR_SYSTEM;
    }
    int error = durable_write(fd, bytes, length), number = errno;
    if (error && ftruncate(fd, st.st_size) != 0) {
        log_warning("a block is in `" UNSAVED_FILE "` in part: %s", strerror(errno));
    }
    errno = number;
    return error;
}

int ledger_save_unstored(struct ledger *ledger, const struct ledger_block *block, struct why *why)
{
    char path[PATH_MAX + 16];
    struct text bytes = text_make(BLOCK_BYTES_MAX);
    snprintf(path, sizeof path, "%s/" UNSAVED_FILE, ledger->directory);
    int fd = -1;
    int error = block_unpack(NULL, block->packed, block->packed_length, block->length, &bytes, why);
    if (error == OK) {
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
        error = fd < 0 ? ERROR_SYSTEM : append_line(fd, bytes.data, bytes.length);
        if (error) {
            why_set(why, error, "cannot write %s: %s", path, strerror(errno));
        }
    }
    if (fd >= 0) {
        close(fd);
        durable_folder(ledger->directory);
    }
    text_free(&bytes);
    return error;
}

// --- reading it ---------------------------------------------------------------------------------

bool unsaved_is_there(const char *folder)
{
    char path[PATH_MAX + 96];
    struct stat st;
    snprintf(path, sizeof path, "%s/" UNSAVED_FILE, folder);
    return stat(path, &st) == 0;
}

int unsaved_open(struct unsaved *unsaved, const char *folder, struct why *why)
{
    char path[PATH_MAX + 96];
    *unsaved = (struct unsaved){NULL, NULL};
    snprintf(path, sizeof path, "%s/" UNSAVED_FILE, folder);
    FILE *file = fopen(path, "re");
    if (!file) {
        return errno == ENOENT
                   ? OK
                   : why_set(why, ERROR_SYSTEM, "cannot read %s: %s", path, strerror(errno));
    }
    unsaved->file = file;
    unsaved->line = malloc(BLOCK_BYTES_MAX);
    return unsaved->line ? OK : why_set(why, ERROR_MEMORY, "out of memory");
}

void unsaved_close(struct unsaved *unsaved)
{
    if (unsaved->file) {
        fclose(unsaved->file);
    }
    free(unsaved->line);
    *unsaved = (struct unsaved){NULL, NULL};
}

bool unsaved_next(struct unsaved *unsaved, size_t *length)
{
    size_t count = 0;
    int byte = EOF;
    *length = 0;
    while (unsaved->file && (byte = getc_unlocked(unsaved->file)) != EOF) {
        if (count < BLOCK_BYTES_MAX) {
            unsaved->line[count] = (char)byte;
        }
        count++;
        if (byte == '\n') {
            *length = count <= BLOCK_BYTES_MAX ? count : 0;
            break;
        }
    }
    return count > 0;
}

// --- taking it in -------------------------------------------------------------------------------

static void note_span(struct ledger_block *block, int64_t t_us)
{
    block->t_lo_us = t_us < block->t_lo_us ? t_us : block->t_lo_us;
    block->t_hi_us = t_us > block->t_hi_us ? t_us : block->t_hi_us;
}

static int append_block(struct ledger *ledger, const struct block_view *view, const char *line,
                        size_t length, struct why *why)
{
    struct ledger_block block = {.n = view->n,
                                 .leaf = block_leaf(line, length),
                                 .definitions = view->definitions,
                                 .t_lo_us = INT64_MAX,
                                 .t_hi_us = INT64_MIN,
                                 .length = length,
                                 .readings = (uint32_t)view->reading_count,
                                 .has_entry = block_has_entry(view)};
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

// Whether this very block is in the ledger: a start that was broken off had taken it in.
static bool is_stored(struct ledger *ledger, uint64_t n, const char *line, size_t length)
{
    struct digest stored, leaf = block_leaf(line, length);
    sqlite3_stmt *get = store_statement(&ledger->store, STATEMENT_BLOCK_LEAF);
    bool same = false;
    if (get) {
        sqlite3_bind_int64(get, 1, (int64_t)n);
        same = sqlite3_step(get) == SQLITE_ROW && store_column_digest(get, 0, &stored) &&
               digest_equal(&stored, &leaf);
    }
    store_done(get);
    return same;
}

static int take_line(struct ledger *ledger, struct block_view *view, const char *line,
                     size_t length, struct ledger_opening *opening, struct why *why)
{
    bool ours = length && block_parse(view, line, length, NULL) == OK &&
                strcmp(view->origin, ledger->origin) == 0;
    if (ours && view->n == ledger->size &&
        memcmp(&view->previous, &ledger->tip, sizeof ledger->tip) == 0) {
        return append_block(ledger, view, line, length, why);
    }
    if (!ours || !is_stored(ledger, view->n, line, length)) {
        opening->unsaved_left++;
    }
    return OK;
}

// What was taken in need not be kept; what was not is, for a person to look at.
static void put_away(const struct ledger *ledger, struct ledger_opening *opening)
{
    char path[PATH_MAX + 16], kept[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/" UNSAVED_FILE, ledger->directory);
    if (opening->unsaved_left == 0) {
        unlink(path);
    } else {
        snprintf(opening->unsaved_kept, sizeof opening->unsaved_kept, UNSAVED_FILE "-%lld",
                 (long long)clock_wall_us(ledger->clock));
        snprintf(kept, sizeof kept, "%s/%s", ledger->directory, opening->unsaved_kept);
        if (rename(path, kept) != 0) {
            log_error("cannot rename %s: %s", path, strerror(errno));
        }
    }
    durable_folder(ledger->directory);
}

int ledger_take_in_unsaved(struct ledger *ledger, struct ledger_opening *found, struct why *why)
{
    struct unsaved unsaved;
    struct block_view view = {.n = 0};
    size_t length;
    pthread_mutex_lock(&ledger->writing);
    found->unsaved_left = 0;
    int error = unsaved_open(&unsaved, ledger->directory, why);
    bool is_there = unsaved.file;
    while (error == OK && unsaved_next(&unsaved, &length)) {
        error = take_line(ledger, &view, unsaved.line, length, found, why);
    }
    unsaved_close(&unsaved);
    block_view_free(&view);
    if (error == OK && is_there) {
        put_away(ledger, found);
    }
    pthread_mutex_unlock(&ledger->writing);
    return error;
}
