#include "ident/base64.h"

#include "base/error.h"

#include <mbedtls/base64.h>

#include <string.h>

#define LENGTH_MAX ((size_t)1 << 20)

// Digits, padding included, of `length` bytes.
static size_t digits_of(size_t length)
{
    return (length + 2) / 3 * 4;
}

void base64_append(struct text *out, const void *bytes, size_t length)
{
    size_t count = digits_of(length), written = 0;
    // One more for the terminator that Mbed TLS writes.
    char *at = length > LENGTH_MAX ? NULL : text_reserve(out, count + 1);
    if (!at) {
        out->failed = true;
        return;
    }
    if (mbedtls_base64_encode((uint8_t *)at, count + 1, &written, bytes, length)) {
        out->failed = true;
        return;
    }
    text_commit(out, written);
}

int base64_read(const char *digits, size_t count, uint8_t *out, size_t max, size_t *length)
{
    *length = 0;
    if (count % 4) {
        return ERROR_INPUT;
    }
    for (size_t i = 0; i < count; i++) {
        // Mbed TLS passes over blanks and line ends.
        if ((uint8_t)digits[i] <= ' ') {
            return ERROR_INPUT;
        }
    }
    int code = mbedtls_base64_decode(out, max, length, (const uint8_t *)digits, count);
    if (code == MBEDTLS_ERR_BASE64_BUFFER_TOO_SMALL) {
        return ERROR_RANGE;
    }
    if (code || digits_of(*length) != count) {
        return ERROR_INPUT;
    }
    if (*length % 3 == 0) {
        return OK;
    }
    // Only the last four digits have bits that are not used: they must be what encoding gives.
    size_t tail = *length % 3, written;
    uint8_t last[5];
    mbedtls_base64_encode(last, sizeof last, &written, out + *length - tail, tail);
    return memcmp(last, digits + count - 4, 4) == 0 ? OK : ERROR_INPUT;
}
