// From the readings of one cumulative register to the energy of intervals, to what cannot be said
// of one interval alone (unallocated spans), and to what is not known at all.
//
// Exact: Σ complete intervals + Σ unallocated spans = Σ register segments, to the last digit.
// Energy stands for whatever a register counts: kWh, m³, GJ. Knows no time zone: the boundaries are
// given. Pure; thread-safe.
#ifndef TALLY_ENERGY_ENERGY_H
#define TALLY_ENERGY_ENERGY_H

#include "energy/exact.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// How a reading follows on the one before it.
enum energy_joint {
    ENERGY_SAME,     // the same register goes on
    ENERGY_OPENING,  // the opening reading of another meter (or of a register set back), the one
                     // before being the closing reading: nothing passed between them
    ENERGY_DISJOINT, // of another meter, and no closing and opening readings: nobody knows
};

struct energy_reading {
    int64_t t_us;
    struct decimal value;
    uint32_t flags; // enum reading_flag
    enum energy_joint joint;
    uint32_t source;  // which of several things that the caller knows stands behind it
    int64_t bound_us; // its time is right within this, unless the clock was not synchronised
};

struct energy_rules {
    bool has_modulus, has_rate;
    // Both above 0 and below 10^30.
    struct decimal modulus; // the register goes from just below this to 0: 1000000 for six digits
    struct decimal rate;    // the most that can pass in an hour: Pmax
    int64_t tolerance_us;   // a boundary takes the nearest reading within this
};

struct energy_request {
    const struct energy_reading *readings; // times never fall
    size_t reading_count;
    // Interval i is [boundaries[i], boundaries[i + 1]). Ascending, more than 2 × tolerance apart.
    const int64_t *boundaries;
    size_t interval_count; // at least 1
    struct energy_rules rules;
};

enum energy_state {
    ENERGY_COMPLETE,
    ENERGY_INCOMPLETE, // a boundary has no reading near it
    ENERGY_BROKEN,     // an unknown lies in it
};

struct energy_interval {
    enum energy_state state;
    // When complete: between the readings of its boundaries.
    struct exact energy;
    int64_t opened_us, closed_us; // when those were taken
    uint32_t flags;               // of the readings from one to the other, put together
    uint32_t source;              // of the first of them
    bool mixed;                   // another of them has another source
    // What the clock leaves open, where complete. The energy is what passed from opened_us to
    // closed_us, each within bound_us; unless it is ambiguous: the clock was not synchronised at
    // one of the two, or may have been so wrong that the reading is farther from its boundary than
    // the tolerance allows, and than a second.
    bool ambiguous;
    int64_t bound_us; // the greater one of the two readings'
};

// Energy that passed between two readings, but not in one interval, or not all of one.
struct energy_span {
    int64_t from_us, to_us;
    struct exact energy;
    bool crosses;    // it begins before the first boundary or ends after the last
    uint32_t source; // as of an interval
    bool mixed;
};

enum energy_unknown_kind {
    ENERGY_RESET,    // the register fell, and not as a roll-over may
    ENERGY_EXCHANGE, // ENERGY_DISJOINT
};

struct energy_unknown {
    enum energy_unknown_kind kind;
    int64_t from_us, to_us;          // the readings before and after
    struct decimal closing, opening; // what they read
};

// A stretch of one register without a break: last - first + rollovers × modulus passed.
struct energy_segment {
    int64_t from_us, to_us;
    struct decimal first, last;
    uint64_t rollovers;
};

struct energy {
    struct energy_interval *intervals; // interval_count
    size_t interval_count, complete;   // how many; of these with state ENERGY_COMPLETE …
    size_t ambiguous;                  // … of which these are ambiguous
    struct energy_span *spans;
    size_t span_count;
    struct energy_unknown *unknowns;
    size_t unknown_count;
    struct energy_segment *segments;
    size_t segment_count;
    struct exact allocated;   // Σ of complete intervals
    struct exact unallocated; // Σ of spans …
    struct exact crossing;    // … of which Σ of those that cross an edge of the time asked for
    struct exact registered;  // Σ of segments, reckoned from their ends; = allocated + unallocated
};

// What is reckoned with begins with the reading of the first boundary, or, where that has none,
// with the last reading before it, or the first of all; and ends likewise. 0 and *out (energy_free
// it), or ERROR_MEMORY.
int energy_reckon(struct energy *out, const struct energy_request *request);
void energy_free(struct energy *energy);

// A register that rolled over between two readings: true, and what passed, when both modulus and
// rate are declared and it is not more than the rate allows.
bool energy_rolled_over(const struct energy_rules *rules, const struct energy_reading *before,
                        const struct energy_reading *after, struct exact *passed);

#endif
