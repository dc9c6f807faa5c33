#include "ledger/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define RESERVE_BYTES (1u << 20)
// Less room than this is not enough to hold some back: the rest would be used up at once, and the
// reserve written again and again.
#define ROOM_BYTES (2 * RESERVE_BYTES)

static void format_path(const struct ledger *ledger, char out[PATH_MAX + 16])
{
    snprintf(out, PATH_MAX + 16, "%s/reserve", ledger->directory);
}

// Writes what a file system that compresses cannot make smaller.
static int fill(int fd)
{
    uint32_t noise[1024], seed = 0x7a11u;
    for (size_t done = 0; done < RESERVE_BYTES; done += sizeof noise) {
        for (size_t i = 0; i < sizeof noise / sizeof *noise; i++) {
            seed = seed * 1664525u + 1013904223u;
            noise[i] = seed;
        }
        if (write(fd, noise, sizeof noise) != (ssize_t)sizeof noise) {
            return ERROR_FULL;
        }
    }
    return fsync(fd) == 0 ? OK : ERROR_SYSTEM;
}

int ledger_reserve_hold(struct ledger *ledger, struct why *why)
{
    char path[PATH_MAX + 16];
    struct stat st;
    struct statvfs fs;
    format_path(ledger, path);
    if (stat(path, &st) == 0 && st.st_size == RESERVE_BYTES) {
        return OK;
    }
    if (statvfs(ledger->directory, &fs) == 0 &&
        (uint64_t)fs.f_bavail * (uint64_t)fs.f_frsize < ROOM_BYTES) {
        return why_set(why, ERROR_FULL, "no room to be held back");
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    int error = fd < 0 ? ERROR_SYSTEM : fill(fd);
    if (fd >= 0) {
        close(fd);
    }
    if (error) {
        why_set(why, error, "cannot hold back room in %s: %s", path, strerror(errno));
        unlink(path);
    }
    return error;
}

void ledger_reserve_release(struct ledger *ledger)
{
    char path[PATH_MAX + 16];
    format_path(ledger, path);
    unlink(path);
}
