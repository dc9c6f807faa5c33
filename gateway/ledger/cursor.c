#include "ledger/cursor.h"

#include "base/error.h"

#include <string.h>

bool cursor_literal(struct cursor *c, const char *literal)
{
    size_t length = strlen(literal);
    if ((size_t)(c->end - c->at) < length || memcmp(c->at, literal, length) != 0) {
        return cursor_fault(c, literal);
    }
    c->at += length;
    return true;
}

bool cursor_hex(struct cursor *c, void *out, size_t bytes)
{
    if ((size_t)(c->end - c->at) < 2 * bytes || text_parse_hex(c->at, out, bytes) != OK) {
        return cursor_fault(c, "lower-case hexadecimal digits");
    }
    c->at += 2 * bytes;
    return true;
}

// Length of the escape at p, or 0: only \" \\ and \u0001 to \u001f in lower case are ever written.
static size_t escape_length(const char *p, size_t left)
{
    if (left >= 2 && (p[1] == '"' || p[1] == '\\')) {
        return 2;
    }
    if (left < 6 || memcmp(p + 1, "u00", 3) != 0 || (p[4] != '0' && p[4] != '1')) {
        return 0;
    }
    bool low = cursor_is_digit(p[5]) || (p[5] >= 'a' && p[5] <= 'f');
    return low && memcmp(p + 4, "00", 2) != 0 ? 6 : 0;
}

bool cursor_string(struct cursor *c, const char **body, uint32_t *length)
{
    if (!cursor_take(c, '"', "a string")) {
        return false;
    }
    *body = c->at;
    while (c->at < c->end && *c->at != '"') {
        unsigned char byte = (unsigned char)*c->at;
        size_t left = (size_t)(c->end - c->at);
        size_t step = byte == '\\'  ? escape_length(c->at, left)
                      : byte < 0x20 ? 0
                      : byte < 0x80 ? 1
                                    : text_utf8_length(c->at, left);
        if (step == 0) {
            return cursor_fault(c, "a character as this format writes it");
        }
        c->at += step;
    }
    *length = (uint32_t)(c->at - *body);
    return cursor_take(c, '"', "the end of a string");
}

void cursor_unescape(struct text *out, const char *body, size_t length)
{
    for (size_t at = 0; at < length;) {
        const char *escape = memchr(body + at, '\\', length - at);
        size_t plain = escape ? (size_t)(escape - body) - at : length - at;
        text_append(out, body + at, plain);
        at += plain;
        if (!escape) {
            break;
        }
        // The body was read by cursor_string: an escape is whole.
        char byte = body[at + 1];
        uint8_t code;
        size_t width = 2;
        if (byte == 'u') {
            text_parse_hex(body + at + 4, &code, 1);
            byte = (char)code;
            width = 6;
        }
        text_append(out, &byte, 1);
        at += width;
    }
}
