#include "measure/shelf.h"

#include "measure/paper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_US INT64_C(86400000000)

static void entry_free(struct shelf_entry *entry)
{
    certificate_free(entry->certificate);
    text_free(&entry->bytes);
    free(entry->ended);
    free(entry->name);
}

void shelf_free(struct shelf *shelf)
{
    for (size_t i = 0; i < shelf->count; i++) {
        entry_free(&shelf->entries[i]);
    }
    free(shelf->entries);
    *shelf = (struct shelf){.count = 0};
}

// The whole file, which is no larger than a certificate may be. False: a fault was added.
static bool read_whole(const char *path, struct text *out, struct faults *faults)
{
    struct stat st = {0};
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    *out = text_make(CERTIFICATE_BYTES_MAX);
    const char *fault = fd < 0 || fstat(fd, &st) != 0        ? strerror(errno)
                        : !S_ISREG(st.st_mode)               ? "not a file"
                        : st.st_size > CERTIFICATE_BYTES_MAX ? "larger than a certificate may be"
                                                             : NULL;
    char *room = fault ? NULL : text_reserve(out, (size_t)st.st_size);
    ssize_t got = room ? read(fd, room, (size_t)st.st_size) : 0;
    if (!fault && (!room || got != st.st_size)) {
        fault = room ? "cannot be read whole" : "out of memory";
    }
    if (fd >= 0) {
        close(fd);
    }
    if (fault) {
        faults_add(faults, path, 0, 0, "%s", fault);
        text_free(out);
        return false;
    }
    text_commit(out, (size_t)got);
    return true;
}

static int by_hash(const void *a, const void *b)
{
    const struct shelf_entry *one = a, *other = b;
    return memcmp(&one->certificate->hash, &other->certificate->hash, sizeof(struct digest));
}

static bool has_ending(const char *name, const char *ending)
{
    size_t length = strlen(name), of_ending = strlen(ending);
    return length >= of_ending && strcmp(name + length - of_ending, ending) == 0;
}

// What was read of the file at `path`, NULL after a fault; *read is its hash too.
static struct certificate *take_read(const char *path, struct digest *read, struct faults *faults)
{
    struct certificate *certificate = NULL;
    struct text bytes;
    char beside[PATH_MAX + sizeof SHELF_READ];
    snprintf(beside, sizeof beside, "%s" SHELF_READ, path);
    if (access(beside, F_OK) != 0) {
        faults_add(faults, path, 0, 0, "not read yet: `tally certificate add` takes a certificate");
    } else if (read_whole(beside, &bytes, faults)) {
        *read = digest_of(NULL, 0, bytes.data, bytes.length);
        (void)paper_read(&certificate, beside, bytes.data, bytes.length, INT64_MAX, faults);
        text_free(&bytes);
    }
    return certificate;
}

// Whether the certificate at `path` has ended; false after a fault.
static bool take_ended(const char *path, struct ended **out, struct faults *faults)
{
    struct text bytes;
    char beside[PATH_MAX + sizeof SHELF_ENDED];
    snprintf(beside, sizeof beside, "%s" SHELF_ENDED, path);
    if (access(beside, F_OK) != 0) {
        return true;
    }
    if (!read_whole(beside, &bytes, faults)) {
        return false;
    }
    *out = calloc(1, sizeof **out);
    bool good =
        *out && ended_read(*out, beside, bytes.data ? bytes.data : "", bytes.length, faults) == OK;
    if (!*out) {
        faults_add(faults, beside, 0, 0, "out of memory");
    }
    text_free(&bytes);
    return good;
}

// Adds the certificate whose file is at `path`, or a fault. ERROR_MEMORY.
static int add(struct shelf *shelf, const char *path, struct faults *faults)
{
    struct shelf_entry entry = {.name = strdup(path)};
    struct shelf_entry *grown = realloc(shelf->entries, (shelf->count + 1) * sizeof *grown);
    if (grown) {
        shelf->entries = grown;
    }
    if (!grown || !entry.name) {
        free(entry.name);
        return ERROR_MEMORY;
    }
    entry.certificate = take_read(path, &entry.read, faults);
    if (!entry.certificate || !take_ended(path, &entry.ended, faults) ||
        !read_whole(path, &entry.bytes, faults)) {
        entry_free(&entry);
        return OK;
    }
    entry.certificate->hash = digest_of(NULL, 0, entry.bytes.data, entry.bytes.length);
    shelf->entries[shelf->count++] = entry;
    return OK;
}

static void drop_copies(struct shelf *shelf)
{
    size_t kept = 0;
    qsort(shelf->entries, shelf->count, sizeof *shelf->entries, by_hash);
    for (size_t i = 0; i < shelf->count; i++) {
        if (kept && by_hash(&shelf->entries[kept - 1], &shelf->entries[i]) == 0) {
            struct ended **ended = &shelf->entries[kept - 1].ended;
            if (!*ended) {
                *ended = shelf->entries[i].ended;
                shelf->entries[i].ended = NULL;
            }
            entry_free(&shelf->entries[i]);
        } else {
            shelf->entries[kept++] = shelf->entries[i];
        }
    }
    shelf->count = kept;
}

static int load(struct shelf *shelf, const char *folder, DIR *directory, struct faults *faults,
                struct why *why)
{
    const struct dirent *item;
    char path[PATH_MAX];
    while ((item = readdir(directory))) {
        if (item->d_name[0] == '.' || has_ending(item->d_name, SHELF_READ) ||
            has_ending(item->d_name, SHELF_ENDED)) {
            continue;
        }
        if (shelf->count == SHELF_CERTIFICATES_MAX) {
            return why_set(why, ERROR_RANGE, "more than %d certificates", SHELF_CERTIFICATES_MAX);
        }
        if (snprintf(path, sizeof path, "%s/%s", folder, item->d_name) >= (int)sizeof path) {
            return why_set(why, ERROR_RANGE, "%s: a path that is too long", item->d_name);
        }
        if (add(shelf, path, faults)) {
            return why_set(why, ERROR_MEMORY, "out of memory");
        }
    }
    if (shelf->count) {
        drop_copies(shelf);
    }
    return OK;
}

int shelf_load(struct shelf *shelf, const char *folder, struct faults *faults, struct why *why)
{
    *shelf = (struct shelf){.count = 0};
    DIR *directory = opendir(folder);
    if (!directory) {
        return errno == ENOENT ? OK : why_set(why, ERROR_SYSTEM, "%s", strerror(errno));
    }
    int error = load(shelf, folder, directory, faults, why);
    closedir(directory);
    if (error) {
        shelf_free(shelf);
    }
    return error;
}

bool shelf_is_same(const struct shelf *one, const struct shelf *other)
{
    if (one->count != other->count) {
        return false;
    }
    for (size_t i = 0; i < one->count; i++) {
        const struct shelf_entry *a = &one->entries[i], *b = &other->entries[i];
        if (by_hash(a, b) != 0 || memcmp(&a->read, &b->read, sizeof a->read) != 0 ||
            !a->ended != !b->ended) {
            return false;
        }
    }
    return true;
}

int64_t shelf_last_day(const struct certificate *certificate)
{
    int64_t due = certificate->due, valid_until = certificate->valid_until;
    return due == CERTIFICATE_NO_DATE           ? valid_until
           : valid_until == CERTIFICATE_NO_DATE ? due
           : due < valid_until                  ? due
                                                : valid_until;
}

int64_t shelf_overdue_us(const struct certificate *certificate)
{
    int64_t last = shelf_last_day(certificate);
    return last == CERTIFICATE_NO_DATE ? INT64_MAX : (last + 1) * DAY_US;
}
