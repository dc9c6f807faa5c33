// What the readers of certificates share: a certificate being filled, and the rules that all forms
// keep. Private to dcc.c and paper.c.
#ifndef TALLY_MEASURE_CERTIFICATE_READ_H
#define TALLY_MEASURE_CERTIFICATE_READ_H

#include "measure/certificate.h"

// An empty one: no dates, no quantities. NULL: out of memory.
struct certificate *certificate_new(const void *bytes, size_t length);
// Room for one more quantity, of those as found or of the others, zeroed; or NULL: out of memory,
// or CERTIFICATE_QUANTITIES_MAX.
struct certificate_quantity *certificate_add_quantity(struct certificate *certificate,
                                                      bool as_found);
// Room for `count` points, zeroed. ERROR_MEMORY, or ERROR_RANGE beyond CERTIFICATE_POINTS_MAX.
int certificate_make_points(struct certificate_quantity *quantity, size_t count);

// What is wrong with a point by itself (not finite, U not above 0, k below 1). 0, or ERROR_INPUT
// with the reason.
int certificate_check_point(const struct certificate_point *point, struct why *why);
// Puts points that descend in ascending order. ERROR_INPUT when they do neither, or two are the
// same: *at is then the place (from 0, as given) of the first that breaks the order. A series
// measured up and down is two curves, and which of them holds is not for a program to say.
int certificate_sort_points(struct certificate_quantity *quantity, size_t *at, struct why *why);

// Which of the dates is at fault.
enum certificate_date { DATE_PERFORMED, DATE_DUE, DATE_VALID_UNTIL };
// Dates against each other and today. 0, or ERROR_INPUT with *which and the reason.
int certificate_check_dates(const struct certificate *certificate, int64_t today,
                            enum certificate_date *which, struct why *why);

// The reference value where the error is stated as a part of it: indication / (1 + relative). NaN
// for a part of −1 or less, which no instrument has.
double certificate_reference(double indication, double relative_error);

#endif
