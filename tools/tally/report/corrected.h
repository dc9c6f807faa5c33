// What an account's energy comes to by the certificates of its meters, and its uncertainty, beside
// the exact figures of what the registers indicated.
//
// The load is the mean of a quarter of an hour, between the readings nearest to its boundaries;
// where one has none, of the time up to the next that has. It is not that of two readings in a row:
// between two polls a register counts a few of its least digits, or none. One thread.
#ifndef TALLY_TOOLS_CORRECTED_H
#define TALLY_TOOLS_CORRECTED_H

#include "energy/energy.h"
#include "measure/load.h"

struct account;
struct calendar;
struct meter;

// What is as indicated.
struct corrected_rest {
    struct exact outside; // at loads outside the calibrated range, and …
    int64_t outside_us;   // … for how long
    struct exact unknown; // while no certificate said how large the error is
};

struct corrected_figure {
    size_t shares; // of which it is put together; 0: none is corrected
    double energy; // corrected, of the energy that is not in the rest
    // Standard uncertainties: common to all that a laboratory calibrated (in a sum, of the one that
    // is looked at), of maximum permissible errors, of the clock's error and readings' windows; and
    // the square of what is independent.
    double calibration, permissible, time, variance;
    double k;
    const struct corrected_rest *rest; // NULL: none
};
// That of a figure, or nothing.
const struct corrected_rest *corrected_rest(const struct corrected_figure *figure);
// U = k × the combined standard uncertainty.
double corrected_uncertainty(const struct corrected_figure *figure);

// An end of a share that may be one of a sum: how far its reading's time may be wrong, how far it
// is from the boundary of the interval, and the greater load of the two sides.
struct corrected_end {
    double load, bound_hours, distance_hours;
};

struct corrected_share {
    int64_t from_us, to_us;
    size_t interval; // in which it is
    const struct load_curve *curve;
    struct load_share share;
    struct corrected_end opens, closes;
};

struct corrected {
    bool any;               // some certificate speaks of it: otherwise there is nothing else
    bool transformers;      // some of them stand before it
    const char *laboratory; // that calibrated it; NULL: none, or several
    struct corrected_share *shares; // of a meter, by time; until corrected_drop_shares
    size_t share_count;
    struct corrected_figure *intervals; // as many as the account has; of its complete ones
    struct corrected_figure total;      // of those together
    struct corrected_figure demand;     // of the quarter of an hour with most
    struct corrected_rest *rests;       // of all those, in that order
    size_t interval_count;
};

// Of a meter's account whose energy is there; `quarters` is that by quarters of an hour. 0 or
// ERROR_MEMORY; corrected_free in any case.
int corrected_make(struct account *account, const struct meter *meter,
                   const struct energy *quarters, const struct calendar *calendar);
// What corrected_sum alone needs.
void corrected_drop_shares(struct corrected *corrected);
// Of a sum's, of the accounts of its parts in their order, whose quarters were kept. What is
// uncertain of all that one laboratory calibrated adds up with its sign, unless `independent`; what
// is of maximum permissible errors adds up without one, since nobody knows theirs, and what is of
// the clock, which is one for all; the rest is independent.
int corrected_sum(struct account *sum, const struct account *const *parts, bool independent,
                  const struct calendar *calendar);
void corrected_free(struct corrected *corrected);

#endif
