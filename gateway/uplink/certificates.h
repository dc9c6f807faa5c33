// The certificate files of one uplink: read when they are first needed, and again when they have
// changed, without a restart.
//
// tls.h makes contexts of them; here is when. Faults go to the notices. The uplink's thread alone.
#ifndef TALLY_UPLINK_CERTIFICATES_H
#define TALLY_UPLINK_CERTIFICATES_H

#include "uplink/notices.h"
#include "uplink/tls.h"

#include <stdbool.h>

struct certificates {
    struct tls_files files;
    const struct clock *clock;
    struct notices *notices;
    struct tls *tls, *fresh;          // in use; read anew, for the next connection
    struct tls_stamp loaded, watched; // of the files last read; as last seen
    int64_t looked_us;                // when (monotonic)
};

// Reads nothing yet. All is borrowed until certificates_end.
void certificates_begin(struct certificates *certificates, const struct config_uplink *settings,
                        const struct clock *clock, struct notices *notices);
void certificates_end(struct certificates *certificates);

// Before each connection, while none is open: what is used from now on, read if it has not been.
// NULL, with the fault told, while the files are faulty. Ours having expired is told, and the
// broker decides.
struct tls *certificates_use(struct certificates *certificates);
// Call it often; looks once a second. Reads the files anew when they have changed and then stayed
// as they are for a second, so that a certificate and its key may be replaced one after the other.
// True when there is something new for the next certificates_use; what is faulty is told, and
// changes nothing.
bool certificates_look(struct certificates *certificates);

#endif
