// The certificate in force for a point, by its definition: read from the ledger, so that anybody
// who has that reckons the same.
#ifndef TALLY_TOOLS_POINT_CERTIFICATE_H
#define TALLY_TOOLS_POINT_CERTIFICATE_H

#include "ledger/ledger.h"
#include "measure/correction.h"

#include <cjson/cJSON.h>

// `definition` is a point's (docs/FORMAT.md, 2). 0 and *out, with the one quantity that is the
// point's, in its unit (certificate_free it); otherwise *out is NULL, with why: ERROR_INPUT when it
// cannot be read or does not say which of its results is meant, or what reading gives.
int point_certificate_read(struct certificate **out, struct ledger_reader *reader,
                           const cJSON *definition, bool counts_up, struct why *why);
// The standard uncertainty of its resolution, rectangular within a digit (GUM F.2.2.1); 0: not
// stated.
double point_resolution(const cJSON *definition);
// What it declares beside the certificate (docs/FORMAT.md, 2.2); all 0 where it does not.
struct correction_declared point_declared(const cJSON *definition);

#endif
