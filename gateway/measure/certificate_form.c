// Reads a certificate in whichever form it is (certificate.h). Apart from the rest, so that a
// program that reads no XML does not load what reads it.
#include "measure/dcc.h"
#include "measure/paper.h"

int certificate_read(struct certificate **out, const char *name, const void *bytes, size_t length,
                     int64_t today, struct faults *faults)
{
    if (dcc_is_xml(bytes, length)) {
        return dcc_read(out, name, bytes, length, today, faults);
    }
    int error = paper_read(out, name, bytes, length, today, faults);
    if (!error && (*out)->signature[0]) {
        faults_add(faults, name, 0, 0, "signature: not in a certificate from paper");
        certificate_free(*out);
        *out = NULL;
        error = ERROR_INPUT;
    }
    return error;
}
