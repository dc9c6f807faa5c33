#include "base/text.h"

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char hex_digits[] = "0123456789abcdef";

struct text text_make(size_t max)
{
    return (struct text){.max = max};
}

void text_free(struct text *text)
{
    if (text) {
        free(text->data);
        *text = (struct text){.max = text->max};
    }
}

void text_clear(struct text *text)
{
    text->length = 0;
    text->failed = false;
    if (text->data) {
        text->data[0] = '\0';
    }
}

char *text_reserve(struct text *text, size_t more)
{
    if (text->failed || more > text->max - text->length) {
        text->failed = true;
        return NULL;
    }
    size_t need = text->length + more + 1;
    if (need > text->capacity) {
        size_t capacity = text->capacity ? text->capacity : 256;
        while (capacity < need) {
            capacity *= 2;
        }
        char *data = realloc(text->data, capacity);
        if (!data) {
            text->failed = true;
            return NULL;
        }
        text->data = data;
        text->capacity = capacity;
    }
    return text->data + text->length;
}

void text_commit(struct text *text, size_t written)
{
    text->length += written;
    text->data[text->length] = '\0';
}

void text_append(struct text *text, const void *bytes, size_t length)
{
    char *to = text_reserve(text, length);
    if (to) {
        if (length) {
            memcpy(to, bytes, length);
        }
        text_commit(text, length);
    }
}

void text_append_string(struct text *text, const char *string)
{
    text_append(text, string, strlen(string));
}

void text_append_format(struct text *text, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    char *to = length >= 0 ? text_reserve(text, (size_t)length) : NULL;
    if (to) {
        vsnprintf(to, (size_t)length + 1, format, again);
        text_commit(text, (size_t)length);
    } else {
        text->failed = true;
    }
    va_end(again);
    va_end(arguments);
}

void text_append_int(struct text *text, int64_t number)
{
    char digits[24];
    size_t at = sizeof digits;
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (number < 0) {
        digits[--at] = '-';
    }
    text_append(text, digits + at, sizeof digits - at);
}

void text_append_hex(struct text *text, const void *bytes, size_t length)
{
    char *to = text_reserve(text, 2 * length);
    if (to) {
        text_format_hex(bytes, length, to);
        text_commit(text, 2 * length);
    }
}

size_t text_utf8_length(const void *bytes, size_t left)
{
    static const struct {
        uint8_t lo, hi, second_lo, second_hi, length;
    } rows[] = {{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
                {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3},
                {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
                {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    const uint8_t *s = bytes;
    if (left && s[0] < 0x80) {
        return 1;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (left < rows[i].length || s[0] < rows[i].lo || s[0] > rows[i].hi ||
            s[1] < rows[i].second_lo || s[1] > rows[i].second_hi) {
            continue;
        }
        for (size_t k = 2; k < rows[i].length; k++) {
            if ((s[k] & 0xc0) != 0x80) {
                return 0;
            }
        }
        return rows[i].length;
    }
    return 0;
}

void text_append_json(struct text *text, const char *string)
{
    text_append(text, "\"", 1);
    const char *end = string + strlen(string);
    for (const unsigned char *s = (const unsigned char *)string; *s;) {
        size_t length = text_utf8_length(s, (size_t)(end - (const char *)s));
        if (*s == '"' || *s == '\\') {
            text_append(text, (char[]){'\\', (char)*s}, 2);
        } else if (*s < 0x20) {
            text_append(text,
                        (char[]){'\\', 'u', '0', '0', hex_digits[*s >> 4], hex_digits[*s & 15]}, 6);
        } else if (length == 0) {
            text_append(text, "\xef\xbf\xbd", 3);
        } else {
            text_append(text, s, length);
        }
        s += length ? length : 1;
    }
    text_append(text, "\"", 1);
}

bool text_is_name(const char *text, size_t max)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return length > 0 && length <= max && !text[length];
}

int text_parse_hex(const char *hex, void *out, size_t length)
{
    unsigned char *to = out;
    for (size_t i = 0; i < 2 * length; i++) {
        int digit = hex[i] >= '0' && hex[i] <= '9'   ? hex[i] - '0'
                    : hex[i] >= 'a' && hex[i] <= 'f' ? hex[i] - 'a' + 10
                                                     : -1;
        if (digit < 0) {
            return ERROR_INPUT;
        }
        to[i / 2] = (unsigned char)(i % 2 ? to[i / 2] | digit : digit << 4);
    }
    return OK;
}

void text_format_hex(const void *bytes, size_t length, char *out)
{
    const unsigned char *from = bytes;
    for (size_t i = 0; i < length; i++) {
        out[2 * i] = hex_digits[from[i] >> 4];
        out[2 * i + 1] = hex_digits[from[i] & 15];
    }
    out[2 * length] = '\0';
}
