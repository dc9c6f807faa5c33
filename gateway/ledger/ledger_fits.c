// Whether the ledger in a folder is one that this gateway may go on with, told without changing
// anything there.
#include "ledger/inside.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse_names(const char *directory, const char *origin, const char *site_code,
                        const char *gateway_name, struct why *why)
{
    char names[BLOCK_ORIGIN_MAX + 2];
    snprintf(names, sizeof names, "%s/%s/", site_code, gateway_name);
    if (!lock_note_is_origin(origin) || strncmp(origin, names, strlen(names)) == 0) {
        return OK;
    }
    int gateway = (int)(strrchr(origin, '/') - origin);
    return why_set(why, ERROR_REFUSED,
                   "the ledger in %.200s is of %.*s, the configuration says %s/%s: correct "
                   "site.code or gateway.name; or, when a new log is meant, move that folder away",
                   directory, gateway, origin, site_code, gateway_name);
}

// Opens the database's file, if there is one. False when there is nothing to be seen.
static bool look(struct store *store, const char *directory)
{
    struct stat st;
    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/" STORE_FILE, directory);
    if (stat(path, &st) != 0 || st.st_size == 0) {
        return false;
    }
    if (store_open(store, directory, STORE_LOOK, NULL) == OK) {
        return true;
    }
    store_close(store);
    return false;
}

static int refuse_database(const char *directory, const char *site_code, const char *gateway_name,
                           struct why *why)
{
    struct store store;
    char origin[BLOCK_ORIGIN_MAX + 1] = "";
    bool has = false;
    if (!look(&store, directory)) {
        return OK;
    }
    int error = store_has_tables(&store, &has, why);
    sqlite3_stmt *get = has ? store_statement(&store, STATEMENT_LOG_GET) : NULL;
    if (get && sqlite3_step(get) == SQLITE_ROW && sqlite3_column_text(get, 0)) {
        snprintf(origin, sizeof origin, "%s", (const char *)sqlite3_column_text(get, 0));
    }
    store_done(get);
    store_close(&store);
    return error == ERROR_REFUSED ? error
                                  : refuse_names(directory, origin, site_code, gateway_name, why);
}

int ledger_fits(const char *directory, const char *site_code, const char *gateway_name,
                struct why *why)
{
    char path[PATH_MAX + 16];
    struct lock_note note = {.origin = ""};
    int error = refuse_database(directory, site_code, gateway_name, why);
    if (error) {
        return error;
    }
    // The note counts where the database is damaged or gone, or all of it still in its WAL.
    snprintf(path, sizeof path, "%s/lock", directory);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        lock_note_read(fd, &note);
        close(fd);
    }
    return refuse_names(directory, note.origin, site_code, gateway_name, why);
}

int ledger_has_room(const char *directory, const char *const *uplinks, size_t uplink_count,
                    struct why *why)
{
    struct ledger_cursor cursors[LEDGER_CURSORS_MAX];
    struct store store;
    size_t count = 0, drop = 0;
    if (!look(&store, directory)) {
        return OK;
    }
    int error = cursors_list(&store, cursors, LEDGER_CURSORS_MAX, &count, NULL);
    store_close(&store);
    return error ? OK : cursors_to_drop(cursors, count, uplinks, uplink_count, &drop, why);
}
