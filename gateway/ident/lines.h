// Reading texts that are lines of fixed meaning (checkpoints, proofs, receipts). Internal to
// gateway/ident; pure.
#ifndef TALLY_IDENT_LINES_H
#define TALLY_IDENT_LINES_H

#include "base/digest.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lines {
    const char *at, *end;
    size_t number; // of the line read last, from 1
    struct why *why;
};

struct line {
    const char *bytes; // without the newline
    size_t length;
};

// The next line; ERROR_INPUT ("line 4: expected …") when there is none, or it has no newline.
int lines_next(struct lines *lines, const char *expected, struct line *line);
// ERROR_INPUT when something is left.
int lines_end(struct lines *lines);
// Always ERROR_INPUT: "line 4: expected …".
int lines_fault(struct lines *lines, const char *expected);

// That line and no other.
int lines_next_head(struct lines *lines, const char *head);
// "<key> <rest>", the rest of which becomes the line; an empty key takes the line as it is.
int lines_next_of(struct lines *lines, const char *key, const char *expected, struct line *rest);
// Digits without leading zeros, at most INT64_MAX.
int lines_next_number(struct lines *lines, const char *key, uint64_t *number);
// A hash in base64.
int lines_next_hash(struct lines *lines, struct digest *hash);
// A name (note_name_is_valid) of at most `max` bytes; `name` has room for max + 1.
int lines_next_name(struct lines *lines, const char *key, char *name, size_t max);

#endif
