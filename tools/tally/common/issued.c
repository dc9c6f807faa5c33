#include "common/issued.h"

#include "base/clock.h"
#include "common/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BODY_MAX 512

void issued_write(const struct issued *issued, struct text *out)
{
    char from[32], to[32];
    clock_format_utc(issued->from_us, from);
    clock_format_utc(issued->to_us, to);
    text_append_format(out, "%s of %" PRIu64 " bytes, SHA-256 ", issued->form, issued->bytes);
    text_append_hex(out, issued->hash.bytes, DIGEST_SIZE);
    text_append_format(out, ", from %s to %s, of a log of %" PRIu64 " blocks, %s", from, to,
                       issued->size, issued->final ? "final" : "preliminary");
}

bool issued_read(struct issued *issued, const char *body)
{
    char hex[DIGEST_HEX], from[32], to[32], standing[12], bytes[20], size[20];
    *issued = (struct issued){.bytes = 0};
    int count = sscanf(body,
                       "%15s of %19[0-9] bytes, SHA-256 %64[0-9a-f], from %31s to %31[0-9TZ:.-]"
                       ", of a log of %19[0-9] blocks, %11[a-z]",
                       issued->form, bytes, hex, from, to, size, standing);
    if (count != 7 || strlen(hex) != DIGEST_HEX - 1 ||
        text_parse_hex(hex, issued->hash.bytes, DIGEST_SIZE) ||
        clock_parse_utc(from, &issued->from_us) || clock_parse_utc(to, &issued->to_us)) {
        return false;
    }
    issued->bytes = strtoull(bytes, NULL, 10);
    issued->size = strtoull(size, NULL, 10);
    issued->final = strcmp(standing, "final") == 0;
    // There is one form: what was read, written again, must be what was there.
    struct text again = text_make(BODY_MAX);
    issued_write(issued, &again);
    bool same = !again.failed && strncmp(again.data, body, again.length) == 0;
    text_free(&again);
    return same;
}

int issued_hash(const char *path, struct digest *hash, uint64_t *bytes, struct why *why)
{
    struct stat st = {.st_size = 0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && fstat(fd, &st) == 0;
    void *at =
        good && st.st_size ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    int error = !good || at == MAP_FAILED
                    ? why_set(why, ERROR_SYSTEM, "cannot read %s: %s", path, strerror(errno))
                    : OK;
    if (!error) {
        *hash = digest_of(NULL, 0, at, (size_t)st.st_size);
        *bytes = (uint64_t)st.st_size;
    }
    if (!error && at) {
        munmap(at, (size_t)st.st_size);
    }
    if (fd >= 0) {
        close(fd);
    }
    return error;
}

int issued_put(const struct place *place, const char *by, const char *subject, const char *path,
               struct issued *issued, uint64_t *n, struct why *why)
{
    struct text body = text_make(BODY_MAX);
    int error = issued_hash(path, &issued->hash, &issued->bytes, why);
    if (!error) {
        issued_write(issued, &body);
        error = body.failed ? why_set(why, ERROR_RANGE, "more than an entry holds")
                            : entry_put(place, ISSUED_KIND, by, subject, body.data, n, why);
    }
    text_free(&body);
    return error;
}
