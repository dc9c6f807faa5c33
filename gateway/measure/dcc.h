// Reads a digital calibration certificate: PTB's DCC, schema versions 2.4.0 and 3.0 to 3.3, with
// values and units in the D-SI.
//
// Only what a correction needs is read, and it is read strictly; the rest of the file may be as it
// likes (docs/CERTIFICATES.md says what is read). Over libxml2, of which this folder is the sole
// user: nothing is fetched, and a DOCTYPE is refused where it begins, so that no entity is ever
// declared, let alone expanded. A signature in the file is noticed and not checked
// here.
// Thread-safe.
#ifndef TALLY_MEASURE_DCC_H
#define TALLY_MEASURE_DCC_H

#include "measure/certificate.h"

// Whether the bytes look like XML, and not like YAML: their first that is no white space is '<'.
bool dcc_is_xml(const void *bytes, size_t length);

// `name` is the file's, for faults; `today` in days since 1970-01-01 (certificate.h). 0 and *out
// (certificate_free it), or ERROR_INPUT with *out NULL and every fault in `faults`, each naming its
// element and line. Quantities have no name.
int dcc_read(struct certificate **out, const char *name, const void *bytes, size_t length,
             int64_t today, struct faults *faults);

#endif
