#include "store_ledger.h"

#include "base/log.h"
#include "needs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define LEDGER_FILE_BYTES (16u << 20)

// An open ledger; in a list, the last used first.
struct shelf {
    struct shelf *next;
    char origin[BLOCK_ORIGIN_MAX + 1];
    struct ledger *ledger;
    struct ledger_reader *reader; // opened when something is asked for that only a reader has
};

struct store_ledger {
    char folder[PATH_MAX];
    size_t open_max, open_count;
    const struct clock *clock;
    struct shelf *shelves;
};

static void shelf_free(struct shelf *shelf)
{
    ledger_reader_close(shelf->reader);
    ledger_close(shelf->ledger);
    free(shelf);
}

static int path_of(const struct store_ledger *store, const char *origin, char out[PATH_MAX],
                   struct why *why)
{
    return snprintf(out, PATH_MAX, "%s/%s", store->folder, origin) < PATH_MAX - 64
               ? OK
               : why_set(why, ERROR_RANGE, "%s: too long a path", store->folder);
}

static bool is_there(const char *path)
{
    char file[PATH_MAX + 16];
    struct stat st;
    snprintf(file, sizeof file, "%s/lock", path);
    return stat(file, &st) == 0;
}

// Makes the folders above the last '/' of `path`, from `root` on.
static int make_parents(const char *path, size_t root, struct why *why)
{
    char part[PATH_MAX];
    for (const char *slash = strchr(path + root + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        if (mkdir(part, 0750) != 0 && errno != EEXIST) {
            return why_set(why, errno == ENOSPC ? ERROR_FULL : ERROR_SYSTEM, "cannot make %s: %s",
                           part, strerror(errno));
        }
    }
    return OK;
}

// Takes it out of the list, or NULL.
static struct shelf *shelf_take(struct store_ledger *store, const char *origin)
{
    for (struct shelf **at = &store->shelves; *at; at = &(*at)->next) {
        if (strcmp((*at)->origin, origin) == 0) {
            struct shelf *shelf = *at;
            *at = shelf->next;
            return shelf;
        }
    }
    return NULL;
}

static void shelf_put_first(struct store_ledger *store, struct shelf *shelf)
{
    shelf->next = store->shelves;
    store->shelves = shelf;
}

static void make_room(struct store_ledger *store)
{
    while (store->shelves && store->open_count >= store->open_max) {
        struct shelf **at = &store->shelves;
        while ((*at)->next) {
            at = &(*at)->next;
        }
        shelf_free(*at);
        *at = NULL;
        store->open_count--;
    }
}

static int shelf_open(struct store_ledger *store, const char *origin, const char *path,
                      const struct public_key *key, struct shelf **out, struct why *why)
{
    struct ledger_options options = {.directory = path,
                                     .copy_of = origin,
                                     .key = key ? key->der : NULL,
                                     .key_length = key ? sizeof key->der : 0,
                                     .clock = store->clock};
    struct ledger_opening opening;
    struct shelf *shelf = calloc(1, sizeof *shelf);
    if (!shelf) {
        why_set(why, ERROR_MEMORY, "out of memory");
        return ERROR_MEMORY;
    }
    snprintf(shelf->origin, sizeof shelf->origin, "%s", origin);
    make_room(store);
    struct why own = {""};
    int error = ledger_open(&shelf->ledger, &options, &opening, &own);
    if (error) {
        free(shelf);
        why_set(why, error, "%.150s: %.350s", path, own.text);
        return error;
    }
    store->open_count++;
    *out = shelf;
    return OK;
}

// The ledger of a log, opened, and made when `make`. ERROR_ABSENT when there is none.
static int shelf_of(struct store_ledger *store, const char *origin, bool make,
                    const struct public_key *key, struct shelf **out, struct why *why)
{
    char path[PATH_MAX];
    *out = shelf_take(store, origin);
    if (!*out) {
        int error = path_of(store, origin, path, why);
        if (!error && !make && !is_there(path)) {
            why_set(why, ERROR_ABSENT, "nothing is held of %s", origin);
            return ERROR_ABSENT;
        }
        error = error || !make ? error : make_parents(path, strlen(store->folder), why);
        error = error ? error : shelf_open(store, origin, path, key, out, why);
        if (error) {
            return error;
        }
    }
    shelf_put_first(store, *out);
    return OK;
}

// As shelf_of, with a reader.
static int reader_of(struct store_ledger *store, const char *origin, struct shelf **out,
                     struct why *why)
{
    int error = shelf_of(store, origin, false, NULL, out, why);
    if (error || (*out)->reader) {
        return error;
    }
    char path[PATH_MAX];
    error = path_of(store, origin, path, why);
    return error ? error : ledger_reader_open(&(*out)->reader, path, why);
}

static int load_frontier(struct shelf *shelf, struct store_head *head, uint64_t size,
                         struct why *why)
{
    struct digest proof[MERKLE_PROOF_MAX];
    size_t count;
    int error = ledger_reader_inclusion(shelf->reader, size - 1, size, proof, &count, why);
    return error ? error : frontier_from_last(&head->frontier, size, &head->tip, proof, count);
}

// What the ledger's notes say: whose key, and up to where there is a receipt.
static int load_notes(struct shelf *shelf, struct store_head *head, struct why *why)
{
    struct text note = text_make(LEDGER_NOTE_MAX);
    struct ledger_note_row receipt;
    size_t count;
    uint64_t size;
    int error = ledger_get_note(shelf->ledger, LEDGER_KEY, "", &note, &size);
    head->keyed = error == OK && note.length == sizeof head->key.der;
    if (head->keyed) {
        memcpy(head->key.der, note.data, note.length);
    }
    text_free(&note);
    if (error && error != ERROR_ABSENT) {
        return why_set(why, error, "out of memory");
    }
    error = ledger_reader_note_names(shelf->reader, LEDGER_RECEIPT, &receipt, 1, &count);
    head->receipted = error == OK && count ? receipt.size : 0;
    return error;
}

static int load(void *context, const char *origin, struct store_head *head, struct why *why)
{
    struct store_ledger *store = context;
    struct shelf *shelf;
    *head = (struct store_head){0};
    int error = reader_of(store, origin, &shelf, why);
    if (error) {
        return error == ERROR_ABSENT ? OK : error;
    }
    struct ledger_status status;
    ledger_status(shelf->ledger, &status);
    head->first = status.first;
    head->bytes = status.bytes;
    head->tip = ledger_tip(shelf->ledger);
    error = status.size ? load_frontier(shelf, head, status.size, why) : OK;
    return error ? error : load_notes(shelf, head, why);
}

// A point goes to the ledger's table, so that it can be asked for by name.
static int put_point(void *context, const struct needs_point *point)
{
    struct ledger *ledger = context;
    struct text name = text_make(1024), definition = text_make(64u << 10);
    text_append(&name, point->instrument, point->instrument_length);
    text_append(&name, ".", 1);
    text_append(&name, point->quantity, point->quantity_length);
    text_append(&definition, point->definition, point->definition_length);
    // One that is too long is a point without a name: its blocks are kept all the same.
    int error = name.failed || definition.failed
                    ? OK
                    : ledger_put_point(ledger, point->number, name.data, definition.data, NULL);
    text_free(&name);
    text_free(&definition);
    return error;
}

static int put_points(struct shelf *shelf, const struct digest *definitions, struct why *why)
{
    struct text bytes = text_make(LEDGER_FILE_BYTES);
    int error = ledger_reader_file(shelf->reader, definitions, &bytes, why);
    error = error ? error : ledger_batch_begin(shelf->ledger, why);
    if (!error) {
        error = needs_each_point(bytes.data, bytes.length, put_point, shelf->ledger, why);
        error = ledger_batch_end(shelf->ledger, error, why);
    }
    text_free(&bytes);
    return error;
}

static int put_definitions(struct store_ledger *store, struct shelf *shelf,
                           const struct store_definitions *definitions, struct why *why)
{
    int error = reader_of(store, shelf->origin, &shelf, why);
    error = error ? error : put_points(shelf, &definitions->hash, why);
    return error ? error
                 : ledger_put_definitions(shelf->ledger, definitions->from_n, &definitions->hash,
                                          definitions->files, definitions->count, why);
}

static int append(void *context, const char *origin, const struct store_append *append,
                  struct why *why)
{
    struct shelf *shelf;
    int error = shelf_of(context, origin, true, append->key, &shelf, why);
    struct text key = text_make(LEDGER_NOTE_MAX);
    uint64_t size;
    // The folder may have been made for a file, before any key was known.
    if (!error && ledger_get_note(shelf->ledger, LEDGER_KEY, "", &key, &size) == ERROR_ABSENT) {
        error = ledger_put_note(shelf->ledger, LEDGER_KEY, "", 0, append->key->der,
                                sizeof append->key->der, why);
    }
    text_free(&key);
    for (size_t i = 0; error == OK && i < append->definitions_count; i++) {
        error = put_definitions(context, shelf, &append->definitions[i], why);
    }
    return error ? error : ledger_append(shelf->ledger, append->blocks, append->count, why);
}

static int leaf(void *context, const char *origin, uint64_t n, struct digest *out, struct why *why)
{
    struct shelf *shelf;
    int error = reader_of(context, origin, &shelf, why);
    return error ? error : ledger_reader_leaf(shelf->reader, n, out, why);
}

static int root(void *context, const char *origin, uint64_t size, struct digest *out,
                struct why *why)
{
    struct shelf *shelf;
    int error = reader_of(context, origin, &shelf, why);
    return error ? error : ledger_reader_root(shelf->reader, size, out, why);
}

static int block(void *context, const char *origin, uint64_t n, struct text *out, struct why *why)
{
    struct shelf *shelf;
    int error = reader_of(context, origin, &shelf, why);
    return error ? error : ledger_reader_block(shelf->reader, n, out, why);
}

static int has_file(void *context, const char *origin, const struct digest *hash, struct why *why)
{
    struct shelf *shelf;
    int error = shelf_of(context, origin, false, NULL, &shelf, why);
    return error ? error : ledger_has_file(shelf->ledger, hash) ? OK : ERROR_ABSENT;
}

static int read_file(void *context, const char *origin, const struct digest *hash, struct text *out,
                     struct why *why)
{
    struct shelf *shelf;
    int error = reader_of(context, origin, &shelf, why);
    return error ? error : ledger_reader_file(shelf->reader, hash, out, why);
}

static int put_file(void *context, const char *origin, const char *kind, const void *bytes,
                    size_t length, struct why *why)
{
    struct shelf *shelf;
    struct digest hash;
    int error = shelf_of(context, origin, true, NULL, &shelf, why);
    return error ? error : ledger_put_file(shelf->ledger, kind, bytes, length, &hash, why);
}

static int put_notes(void *context, const char *origin, const char *centre, uint64_t size,
                     const struct text *checkpoint, const struct text *receipt, struct why *why)
{
    struct shelf *shelf;
    int error = shelf_of(context, origin, false, NULL, &shelf, why);
    if (!error && checkpoint) {
        error = ledger_put_note(shelf->ledger, LEDGER_CHECKPOINT, "", size, checkpoint->data,
                                checkpoint->length, why);
    }
    if (!error && receipt) {
        error = ledger_put_note(shelf->ledger, LEDGER_RECEIPT, centre, size, receipt->data,
                                receipt->length, why);
    }
    return error ? error : ledger_settle(shelf->ledger, true, why);
}

static int checkpoint(void *context, const char *origin, struct text *out, struct why *why)
{
    struct shelf *shelf;
    uint64_t size;
    int error = shelf_of(context, origin, false, NULL, &shelf, why);
    return error ? error : ledger_get_note(shelf->ledger, LEDGER_CHECKPOINT, "", out, &size);
}

static int set_aside(void *context, const char *origin, struct why *why)
{
    struct store_ledger *store = context;
    char path[PATH_MAX], aside[PATH_MAX + 64];
    struct shelf *shelf = shelf_take(store, origin);
    if (shelf) {
        shelf_free(shelf);
        store->open_count--;
    }
    int error = path_of(store, origin, path, why);
    if (error || !is_there(path)) {
        return error;
    }
    snprintf(aside, sizeof aside, "%s.set-aside-%lld", path,
             (long long)(clock_wall_us(store->clock)));
    if (rename(path, aside) != 0) {
        return why_set(why, ERROR_SYSTEM, "cannot set aside %.200s: %s", path, strerror(errno));
    }
    log_warning("%s: what was held is now in %s", origin, aside);
    return OK;
}

int store_ledger_open(struct store_ledger **out, const char *folder, size_t open_max,
                      const struct clock *clock, struct why *why)
{
    *out = NULL;
    if (mkdir(folder, 0750) != 0 && errno != EEXIST) {
        return why_set(why, ERROR_SYSTEM, "cannot make %s: %s", folder, strerror(errno));
    }
    struct store_ledger *store = calloc(1, sizeof *store);
    if (!store) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    snprintf(store->folder, sizeof store->folder, "%s", folder);
    store->open_max = open_max ? open_max : 1;
    store->clock = clock;
    *out = store;
    return OK;
}

void store_ledger_close(struct store_ledger *store)
{
    while (store && store->shelves) {
        struct shelf *shelf = store->shelves;
        store->shelves = shelf->next;
        shelf_free(shelf);
    }
    free(store);
}

struct store store_ledger_calls(struct store_ledger *store)
{
    return (struct store){.context = store,
                          .load = load,
                          .append = append,
                          .leaf = leaf,
                          .root = root,
                          .block = block,
                          .has_file = has_file,
                          .read_file = read_file,
                          .put_file = put_file,
                          .put_notes = put_notes,
                          .checkpoint = checkpoint,
                          .set_aside = set_aside};
}
