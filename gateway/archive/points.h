// Definitions (docs/FORMAT.md §2), read strictly: which points there are, how they are called, and
// which files they name. Pure.
#ifndef TALLY_ARCHIVE_POINTS_H
#define TALLY_ARCHIVE_POINTS_H

#include "base/digest.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEFINITIONS_MAX (16u << 20) // bytes

struct point_definition {
    uint32_t number;
    const char *name; // <instrument>.<quantity>
    const char *unit;
    struct digest driver, certificate;
    bool has_certificate;
};

struct points {
    struct digest config;
    const char *time_zone;
    struct point_definition *items; // by number, ascending
    size_t count, room;
    void *arena; // owns the strings
};

// Takes the bytes of a definitions file apart. ERROR_INPUT with the offset on any other form, and
// `points` is then empty; ERROR_RANGE, ERROR_MEMORY. points_free at the end.
int points_read(struct points *points, const void *bytes, size_t length, struct why *why);
void points_free(struct points *points);
// NULL when it is not defined.
const struct point_definition *points_find(const struct points *points, uint32_t number);

// Calls `each` for every file that the definitions name (driver, configuration, certificate), the
// same one again and again; ends with the first that is not 0.
int points_each_file(const struct points *points,
                     int (*each)(void *context, const struct digest *hash), void *context);

#endif
