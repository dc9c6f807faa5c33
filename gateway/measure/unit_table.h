// The units and prefixes that unit.h knows, by their D-SI names and by their symbols. Private to
// unit.c.
//
// SI Brochure, 9th edition: tables 2 to 8; factors of the units outside the SI as there.
#ifndef TALLY_MEASURE_UNIT_TABLE_H
#define TALLY_MEASURE_UNIT_TABLE_H

#include "measure/unit.h"

#include <stddef.h>

struct unit_name {
    const char *name;   // in the D-SI, without the backslash; NULL: has none
    const char *symbol; // as people write it; NULL: has none
    bool takes_prefix;
    struct unit unit; // its `divisor` is not used
};

struct unit_prefix {
    const char *name, *symbol;
    int decade;
};

extern const struct unit_name unit_names[];
extern const size_t unit_name_count;
extern const struct unit_prefix unit_prefixes[];
extern const size_t unit_prefix_count;
// Of the D-SI or of siunitx, and refused: with the reason.
struct unit_refusal {
    const char *name, *reason;
};
extern const struct unit_refusal unit_refusals[];
extern const size_t unit_refusal_count;

#endif
