// Reads a certificate in whichever form it is (certificate.h). Apart from the rest, so that a
// program that reads no XML does not load what reads it.
#include "measure/dcc.h"
#include "measure/paper.h"

int certificate_read(struct certificate **out, const char *name, const void *bytes, size_t length,
                     int64_t today, struct faults *faults)
{
    return dcc_is_xml(bytes, length) ? dcc_read(out, name, bytes, length, today, faults)
                                     : paper_read(out, name, bytes, length, today, faults);
}
