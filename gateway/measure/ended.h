// When a certificate ended, by adjustment or repair: what NAME.ended beside a certificate's file
// says. Whether it ends is for a person to say; when it does, nothing is corrected by it any more.
//
// Immutable once read; any thread.
#ifndef TALLY_MEASURE_ENDED_H
#define TALLY_MEASURE_ENDED_H

#include "base/text.h"
#include "config/document.h"

#define ENDED_ACCOUNT_MAX 32
#define ENDED_REASON_MAX  300
#define ENDED_BYTES_MAX   4096

struct ended {
    int64_t at_us;                       // UTC
    char account[ENDED_ACCOUNT_MAX + 1]; // who said so
    char reason[ENDED_REASON_MAX + 1];
};

// Reads {ended, by, reason}. `name` is the file's, for faults. ERROR_INPUT with every fault.
int ended_read(struct ended *ended, const char *name, const char *bytes, size_t length,
               struct faults *faults);
// The same, as ended_read reads it.
void ended_write(struct text *out, const struct ended *ended);

#endif
