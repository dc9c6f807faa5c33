// Which files are needed to read a block: the definitions file that it names, what that names, and
// what the block's own events name; and which points definitions have. Pure.
//
// Definitions come from outside and may have megabytes: they are gone through once, without a tree
// of them being built, at most NEEDS_DEPTH_MAX levels deep.
#ifndef TALLY_CENTRE_NEEDS_H
#define TALLY_CENTRE_NEEDS_H

#include "base/digest.h"
#include "base/error.h"
#include "ledger/block.h"

#define NEEDS_FILES_MAX 1024 // as many as a gateway sends for one definitions file
#define NEEDS_DEPTH_MAX 16

struct needs {
    struct digest files[NEEDS_FILES_MAX];
    size_t count;
};

// Adds it, once. ERROR_RANGE when there are too many.
int needs_add(struct needs *needs, const struct digest *file);
// Adds the files that definitions name: `config`, and each point's `driver` and `certificate`.
// ERROR_INPUT with why when they are no JSON object; ERROR_RANGE.
int needs_of_definitions(struct needs *needs, const void *bytes, size_t length, struct why *why);
// A point of a definitions file: its number, its definition as it stands there, and its name's two
// parts. Not terminated.
struct needs_point {
    uint32_t number;
    const char *definition, *instrument, *quantity;
    size_t definition_length, instrument_length, quantity_length;
};
// Calls `point` for each, in the file's order, until it returns an error, which is then returned.
// What is no point is passed over. ERROR_INPUT as above.
int needs_each_point(const void *bytes, size_t length,
                     int (*point)(void *context, const struct needs_point *point), void *context,
                     struct why *why);
// Adds the files named by `log.recovered` events. ERROR_RANGE.
int needs_of_events(struct needs *needs, const struct block_view *view);

#endif
