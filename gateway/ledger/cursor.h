// Steps through JSON that is written in one form only (docs/FORMAT.md §1.4): what blocks and
// definitions are read with. Pure.
//
// The first step that finds something else returns false and sets `wanted`; every one after it
// returns false too, so that steps can be chained with && and looked at once.
#ifndef TALLY_LEDGER_CURSOR_H
#define TALLY_LEDGER_CURSOR_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor {
    const char *start, *at, *end;
    const char *wanted; // what was expected at `at`; NULL while all is well
};

// Always false.
static inline bool cursor_fault(struct cursor *c, const char *wanted)
{
    if (!c->wanted) {
        c->wanted = wanted;
    }
    return false;
}

static inline bool cursor_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// One character.
static inline bool cursor_take(struct cursor *c, char wanted, const char *what)
{
    if (c->at < c->end && *c->at == wanted) {
        c->at++;
        return true;
    }
    return cursor_fault(c, what);
}

static inline bool cursor_comma(struct cursor *c)
{
    return cursor_take(c, ',', ",");
}

// An integer without a sign: "0", or digits that do not begin with 0; at most `max`.
static inline bool cursor_unsigned(struct cursor *c, uint64_t max, uint64_t *out)
{
    const char *p = c->at;
    uint64_t number = 0;
    *out = 0;
    while (p < c->end && cursor_is_digit(*p) && p - c->at < 19) {
        number = number * 10 + (uint64_t)(*p++ - '0');
    }
    if (p == c->at || (*c->at == '0' && p - c->at > 1) || (p < c->end && cursor_is_digit(*p)) ||
        number > max) {
        return cursor_fault(c, "an integer");
    }
    c->at = p;
    *out = number;
    return true;
}

static inline bool cursor_int(struct cursor *c, int64_t *out)
{
    bool negative = c->at < c->end && *c->at == '-';
    uint64_t number;
    *out = 0;
    c->at += negative;
    if (!cursor_unsigned(c, (uint64_t)INT64_MAX + negative, &number)) {
        return false;
    }
    if (negative && number == 0) {
        return cursor_fault(c, "an integer");
    }
    *out = negative ? -(int64_t)(number - 1) - 1 : (int64_t)number;
    return true;
}

bool cursor_literal(struct cursor *c, const char *literal);
// 2 * bytes lower-case digits.
bool cursor_hex(struct cursor *c, void *out, size_t bytes);
// A string with its quotes; gives its body, still escaped and not terminated.
bool cursor_string(struct cursor *c, const char **body, uint32_t *length);
// Appends what such a body stands for.
void cursor_unescape(struct text *out, const char *body, size_t length);

#endif
