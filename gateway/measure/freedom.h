// Degrees of freedom and coverage factors: the t-distribution (GUM, JCGM 100:2008, G.3; EA-4/02,
// annex E), for a coverage probability of 95.45 %, at which k is 2 with infinitely many.
//
// Pure; thread-safe.
#ifndef TALLY_MEASURE_FREEDOM_H
#define TALLY_MEASURE_FREEDOM_H

// k of so many degrees of freedom, which need not be whole; at least 1, INFINITY: 2.
double freedom_coverage(double freedom);
// The degrees of freedom of which k is that; INFINITY for 2 and less, at least 1.
double freedom_of(double coverage_factor);

#endif
