#include "archive/ustar.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

// Where the fields stand (POSIX.1-1988 §10.1.1).
enum {
    AT_NAME = 0,
    AT_MODE = 100,
    AT_UID = 108,
    AT_GID = 116,
    AT_SIZE = 124,
    AT_MTIME = 136,
    AT_SUM = 148,
    AT_TYPE = 156,
    AT_MAGIC = 257, // and the version
    AT_DEVMAJOR = 329,
    AT_DEVMINOR = 337,
};

// `digits` octal digits and a zero byte.
static void put_octal(uint8_t *at, unsigned digits, uint64_t number)
{
    at[digits] = 0;
    while (digits--) {
        at[digits] = (uint8_t)('0' + (number & 7));
        number >>= 3;
    }
}

void ustar_header(uint8_t record[USTAR_RECORD], const char *name, uint64_t size)
{
    static const uint8_t magic[8] = {'u', 's', 't', 'a', 'r', 0, '0', '0'};
    memset(record, 0, USTAR_RECORD);
    for (size_t i = 0; name[i]; i++) {
        record[AT_NAME + i] = (uint8_t)name[i];
    }
    put_octal(record + AT_MODE, 7, 0644);
    put_octal(record + AT_UID, 7, 0);
    put_octal(record + AT_GID, 7, 0);
    put_octal(record + AT_SIZE, 11, size);
    put_octal(record + AT_MTIME, 11, 0);
    memset(record + AT_SUM, ' ', 8);
    record[AT_TYPE] = '0';
    memcpy(record + AT_MAGIC, magic, sizeof magic);
    put_octal(record + AT_DEVMAJOR, 7, 0);
    put_octal(record + AT_DEVMINOR, 7, 0);
    uint32_t sum = 0;
    for (size_t i = 0; i < USTAR_RECORD; i++) {
        sum += record[i];
    }
    put_octal(record + AT_SUM, 6, sum);
}

static uint32_t padding_of(uint64_t size)
{
    return (uint32_t)((USTAR_RECORD - size % USTAR_RECORD) % USTAR_RECORD);
}

static int put(FILE *to, const void *bytes, size_t length, struct why *why)
{
    if (length == 0 || fwrite(bytes, 1, length, to) == length) {
        return OK;
    }
    return why_set(why, errno == ENOSPC || errno == EDQUOT ? ERROR_FULL : ERROR_SYSTEM,
                   "cannot write: %s", strerror(errno));
}

int ustar_put(FILE *to, const char *name, const void *bytes, size_t length, struct why *why)
{
    static const uint8_t zeros[USTAR_RECORD];
    uint8_t record[USTAR_RECORD];
    const uint64_t size = length; // where size_t has 32 bits it is never too large
    if (strlen(name) > USTAR_NAME_MAX || size > USTAR_SIZE_MAX) {
        return why_set(why, ERROR_RANGE, "%s: too long for an archive", name);
    }
    ustar_header(record, name, length);
    int error = put(to, record, sizeof record, why);
    error = error ? error : put(to, bytes, length, why);
    return error ? error : put(to, zeros, padding_of(length), why);
}

int ustar_finish(FILE *to, struct why *why)
{
    static const uint8_t zeros[2 * USTAR_RECORD];
    return put(to, zeros, sizeof zeros, why);
}

// --- reading

void ustar_begin(struct ustar *ustar, FILE *from)
{
    *ustar = (struct ustar){.from = from};
}

static int take(struct ustar *ustar, void *out, size_t length, struct why *why)
{
    size_t got = fread(out, 1, length, ustar->from);
    if (got < length && ferror(ustar->from)) {
        return why_set(why, ERROR_SYSTEM, "cannot read: %s", strerror(errno));
    }
    if (got < length) {
        return why_set(why, ERROR_INPUT, "byte %" PRIu64 ": it ends here, in the middle",
                       ustar->offset + got);
    }
    ustar->offset += length;
    return OK;
}

// The first byte of `bytes` that is not as in `wanted`, or `length`.
static size_t first_difference(const uint8_t *bytes, const uint8_t *wanted, size_t length)
{
    size_t at = 0;
    while (at < length && bytes[at] == wanted[at]) {
        at++;
    }
    return at;
}

static int take_padding(struct ustar *ustar, struct why *why)
{
    static const uint8_t zeros[USTAR_RECORD];
    uint8_t bytes[USTAR_RECORD];
    uint64_t from = ustar->offset;
    int error = take(ustar, bytes, ustar->padding, why);
    size_t at = error ? 0 : first_difference(bytes, zeros, ustar->padding);
    if (!error && at < ustar->padding) {
        error = why_set(why, ERROR_INPUT, "byte %" PRIu64 ": expected zeros behind %s", from + at,
                        ustar->name);
    }
    ustar->padding = 0;
    return error;
}

// The second zero record, and nothing more.
static int take_end(struct ustar *ustar, struct why *why)
{
    static const uint8_t zeros[USTAR_RECORD];
    uint8_t record[USTAR_RECORD];
    int error = take(ustar, record, sizeof record, why);
    if (!error && memcmp(record, zeros, sizeof record) != 0) {
        return why_set(why, ERROR_INPUT, "byte %" PRIu64 ": expected two zero records at the end",
                       ustar->offset - sizeof record);
    }
    if (!error && fgetc(ustar->from) != EOF) {
        error =
            why_set(why, ERROR_INPUT, "byte %" PRIu64 ": something follows the end", ustar->offset);
    }
    ustar->ended = !error;
    return error;
}

// Name and size of a header, as far as they can be told: what is written with them must be the same
// bytes.
static void guess(struct ustar *ustar, const uint8_t record[USTAR_RECORD])
{
    memcpy(ustar->name, record + AT_NAME, USTAR_NAME_MAX);
    ustar->name[USTAR_NAME_MAX] = '\0';
    ustar->size = 0;
    for (size_t i = 0; i < 11; i++) {
        ustar->size = ustar->size << 3 | (record[AT_SIZE + i] & 7);
    }
}

int ustar_next(struct ustar *ustar, struct why *why)
{
    static const uint8_t zeros[USTAR_RECORD];
    uint8_t record[USTAR_RECORD], wanted[USTAR_RECORD];
    if (ustar->left) {
        return why_set(why, ERROR_INPUT, "%s was not read whole", ustar->name);
    }
    int error = take_padding(ustar, why);
    error = error ? error : take(ustar, record, sizeof record, why);
    if (error) {
        return error;
    }
    if (memcmp(record, zeros, sizeof record) == 0) {
        return take_end(ustar, why);
    }
    guess(ustar, record);
    ustar_header(wanted, ustar->name, ustar->size);
    size_t at = first_difference(record, wanted, sizeof record);
    if (at < sizeof record) {
        return why_set(why, ERROR_INPUT,
                       "byte %" PRIu64 ": not a header as an export has it (expected %02x)",
                       ustar->offset - sizeof record + at, (unsigned)wanted[at]);
    }
    ustar->left = ustar->size;
    ustar->padding = padding_of(ustar->size);
    return OK;
}

int ustar_take(struct ustar *ustar, struct text *out, size_t max, struct why *why)
{
    if (ustar->left > max) {
        return why_set(why, ERROR_RANGE, "%s has %" PRIu64 " bytes; at most %zu are read",
                       ustar->name, ustar->left, max);
    }
    size_t length = (size_t)ustar->left;
    char *to = text_reserve(out, length);
    if (!to) {
        return why_set(why, ERROR_MEMORY, "no memory for %s", ustar->name);
    }
    int error = take(ustar, to, length, why);
    if (!error) {
        text_commit(out, length);
        ustar->left = 0;
    }
    return error;
}
