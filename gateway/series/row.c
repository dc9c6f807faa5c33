#include "series/row.h"

#include "base/digest.h"
#include "base/error.h"

#include <string.h>

static struct digest digest_behind(const void *bytes, size_t length)
{
    return digest_of(NULL, 0, (const uint8_t *)bytes + ROW_CHECK_BYTES, length - ROW_CHECK_BYTES);
}

void row_begin(struct text *out)
{
    text_clear(out);
    text_append(out, "\0\0\0\0", ROW_CHECK_BYTES);
}

void row_end(struct text *out)
{
    if (!out->failed) {
        struct digest digest = digest_behind(out->data, out->length);
        memcpy(out->data, digest.bytes, ROW_CHECK_BYTES);
    }
}

int row_check(const void *bytes, size_t length)
{
    if (length < ROW_CHECK_BYTES) {
        return ERROR_DAMAGED;
    }
    struct digest digest = digest_behind(bytes, length);
    return memcmp(digest.bytes, bytes, ROW_CHECK_BYTES) ? ERROR_DAMAGED : OK;
}

struct unpack row_open(const void *bytes, size_t length)
{
    const uint8_t *at = bytes, *end = at + length;
    bool bad = length < ROW_CHECK_BYTES;
    return (struct unpack){.at = bad ? end : at + ROW_CHECK_BYTES, .end = end, .bad = bad};
}
