// What one amendment states, in the form in which it is on record (docs/FORMAT.md, §1.3): which
// reading, what was recorded, what holds instead, and why. Written and read here and nowhere else.
//
// Pure; any thread.
#ifndef TALLY_TOOLS_AMENDMENT_H
#define TALLY_TOOLS_AMENDMENT_H

#include "base/error.h"
#include "base/text.h"
#include "base/value.h"

#define AMENDMENT_KIND        "reading.amended" // of the entry; its subject is the point's name
#define AMENDMENT_NUMBER_SIZE 48                // of the digits of a number, with the terminator
#define AMENDMENT_UNIT_SIZE   33

enum amendment_kind {
    AMENDMENT_VALUE,     // another value
    AMENDMENT_VOID,      // no value at all
    AMENDMENT_WITHDRAWN, // the value as recorded, again
};

struct amendment {
    // The reading: its block, its place in `readings` there (from 0), its point and its time.
    uint64_t block;
    uint32_t index, point;
    int64_t t_us;
    char recorded[AMENDMENT_NUMBER_SIZE]; // its indication, digits as in the block, without quotes;
                                          // "": it has no number
    char unit[AMENDMENT_UNIT_SIZE];       // of the indication
    enum amendment_kind kind;
    char value[AMENDMENT_NUMBER_SIZE]; // AMENDMENT_VALUE: the indication as amended, in digits of
                                       // the same form, which decimal_parse reads; else ""
    const char *reason;                // borrowed
};

// A decimal as `value` has it.
void amendment_set_value(struct amendment *amendment, struct decimal value);
// An indication of a block (its JSON text) as `recorded` has it: "" for null. False: it is a text,
// which has no digits.
bool amendment_set_recorded(struct amendment *amendment, const char *json, size_t length);

// Appends what an entry states. ERROR_RANGE when it would not read back as it is: a unit or a time
// that the form cannot hold.
int amendment_write(const struct amendment *amendment, struct text *out);
// Reads what an entry states; `reason` points into it. ERROR_INPUT with why: at which byte what was
// expected.
int amendment_parse(struct amendment *amendment, const char *body, struct why *why);

// Appends the digits of `recorded` or `value` as JSON: in quotes when there are more than 15, as in
// a block; null for "".
void amendment_append_json(const char *digits, struct text *out);
// Appends "228.4 V", "void" or "as recorded".
void amendment_append_outcome(const struct amendment *amendment, struct text *out);

#endif
