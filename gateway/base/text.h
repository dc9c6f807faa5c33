// A growing string of bytes with a stated maximum, in which blocks, definitions and status
// documents are written.
//
// An append that would pass the maximum, or cannot get memory, changes nothing and sets `failed`,
// which stays set until text_clear: check it once, at the end. `data` is always terminated by a
// zero byte that does not count. Not thread-safe.
#ifndef TALLY_BASE_TEXT_H
#define TALLY_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    char *data;      // owned; NULL while empty and never grown
    size_t length;   // bytes, the terminator not counted
    size_t capacity; // bytes allocated
    size_t max;      // length never exceeds this
    bool failed;
};

// An empty one that never exceeds `max` bytes.
struct text text_make(size_t max);
void text_free(struct text *text);
// Empties it and keeps the memory.
void text_clear(struct text *text);
// Room for `more` bytes behind the end, or NULL (and `failed`). The caller writes at most `more`
// bytes there and adds what it wrote to `length` through text_commit.
char *text_reserve(struct text *text, size_t more);
void text_commit(struct text *text, size_t written);
void text_append(struct text *text, const void *bytes, size_t length);
void text_append_string(struct text *text, const char *string);
void text_append_format(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void text_append_int(struct text *text, int64_t number);
// Lower-case hexadecimal.
void text_append_hex(struct text *text, const void *bytes, size_t length);
// A JSON string with its quotes. Escaped: the quote, the backslash, and control characters as
// \u00XX (lower-case hex), nothing else, so that a string has one form only. Bytes that are not
// UTF-8 become U+FFFD.
void text_append_json(struct text *text, const char *string);

// Whether it is a name: 1 to `max` of a-z, 0-9 and '-'.
bool text_is_name(const char *text, size_t max);

// Bytes of the well-formed UTF-8 sequence (RFC 3629: no surrogates, no overlong forms, at most
// U+10FFFF) at the head of `left` bytes, or 0.
size_t text_utf8_length(const void *bytes, size_t left);

// Reads 2*length lower-case hexadecimal digits. ERROR_INPUT on anything else, upper case too.
int text_parse_hex(const char *hex, void *out, size_t length);
// Writes 2*length digits and a terminator.
void text_format_hex(const void *bytes, size_t length, char *out);

#endif
