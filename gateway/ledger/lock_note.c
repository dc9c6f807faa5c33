#include "ledger/lock_note.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPEN     "open"
#define NOTE_MAX (sizeof(struct lock_note) + sizeof OPEN + 24)

// Copies the line at *at, when it fits and is one, and moves behind it.
static bool take_line(const char **at, char *out, size_t size)
{
    const char *end = strchr(*at, '\n');
    if (!end || (size_t)(end - *at) >= size) {
        return false;
    }
    memcpy(out, *at, (size_t)(end - *at));
    out[end - *at] = '\0';
    *at = end + 1;
    return true;
}

void lock_note_read(int lock_fd, struct lock_note *note)
{
    char bytes[NOTE_MAX], folder[sizeof note->folder], use[sizeof OPEN + 24];
    const char *at = bytes;
    ssize_t length = pread(lock_fd, bytes, sizeof bytes - 1, 0);
    *note = (struct lock_note){.origin = ""};
    bytes[length > 0 ? length : 0] = '\0';
    if (!take_line(&at, note->origin, sizeof note->origin) ||
        !take_line(&at, folder, sizeof folder)) {
        return;
    }
    if (!strchr(folder, '/')) {
        memcpy(note->folder, folder, sizeof folder);
    }
    if (take_line(&at, use, sizeof use) && strncmp(use, OPEN, strlen(OPEN)) == 0) {
        note->open = true;
        note->least = strtoull(use + strlen(OPEN), NULL, 10);
    }
}

int lock_note_write(int lock_fd, const struct lock_note *note, struct why *why)
{
    char bytes[NOTE_MAX], use[sizeof OPEN + 24] = "";
    if (note->open) {
        snprintf(use, sizeof use, OPEN " %" PRIu64 "\n", note->least);
    }
    int length = snprintf(bytes, sizeof bytes, "%s\n%s\n%s", note->origin, note->folder, use);
    if (pwrite(lock_fd, bytes, (size_t)length, 0) != length || ftruncate(lock_fd, length) != 0 ||
        fsync(lock_fd) != 0) {
        return why_set(why, errno == ENOSPC ? ERROR_FULL : ERROR_SYSTEM, "cannot write `lock`: %s",
                       strerror(errno));
    }
    return OK;
}

bool lock_note_is_origin(const char *text)
{
    size_t site = strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    const char *name = text + site + (text[site] == '/');
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    const char *id = name + length + (name[length] == '/');
    return site > 0 && text[site] == '/' && length > 0 && name[length] == '/' &&
           strspn(id, "0123456789abcdef") == 32 && id[32] == '\0' &&
           strlen(text) <= BLOCK_ORIGIN_MAX;
}
