// Reads a certificate that came on paper, copied by hand into a YAML file: a calibration with its
// points, or a verification with its class and maximum permissible error.
//
// docs/CERTIFICATES.md has the form. Thread-safe.
#ifndef TALLY_MEASURE_PAPER_H
#define TALLY_MEASURE_PAPER_H

#include "base/text.h"
#include "measure/certificate.h"

// `name` is the file's, for faults; `today` in days since 1970-01-01 (certificate.h). 0 and *out
// (certificate_free it), or ERROR_INPUT with *out NULL and every fault in `faults`, each with its
// line and column. `signature` is a key too, of NAME.read (shelf.h) alone.
int paper_read(struct certificate **out, const char *name, const void *bytes, size_t length,
               int64_t today, struct faults *faults);
// The same certificate, whatever form it came in, as paper_read reads it; numbers to the digit but
// for the last of a percentage. Of several serial numbers the first, and no hash.
void paper_write(struct text *out, const struct certificate *certificate);

#endif
