// Which reading of a point a person means, by its time as `tally history` prints it.
#ifndef TALLY_TOOLS_AMEND_FIND_H
#define TALLY_TOOLS_AMEND_FIND_H

#include "amendments/amendment.h"

#include "common/naming.h"

#define AMEND_FOUND_MAX 20 // that are listed

struct amend_sought {
    const struct naming *naming; // of the point, its numbers known
    int64_t from_us, to_us;      // the readings that the time given may mean: [from_us, to_us)
    bool has_block;
    uint64_t block; // … and in this block alone
};

struct amend_found {
    size_t count; // how many there are, of which the first …
    struct amend_reading {
        uint64_t block;
        uint32_t index, point;
        int64_t t_us;
        bool is_text;                         // of a string register
        char recorded[AMENDMENT_NUMBER_SIZE]; // as of struct amendment
        char unit[AMENDMENT_UNIT_SIZE];
    } list[AMEND_FOUND_MAX];
    char missed[32]; // when there is none: why the poll of that time brought nothing, "" when there
                     // was none
};

// Reads a time: RFC 3339, or local (show_set_zone), as "2026-11-24 13:39:36.120 +08:00" too; to the
// last digit given, so that [*from_us, *to_us) are the readings that are printed so. ERROR_INPUT.
int amend_parse_time(const char *text, int64_t *from_us, int64_t *to_us);
// 0, or what reading gives, with why.
int amend_find(const struct amend_sought *sought, struct amend_found *out, struct why *why);

#endif
