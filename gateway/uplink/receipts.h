// What a centre has said of the log, on one uplink: which of it counts, how far the cursor may
// rise, and from where to send.
//
// Decides; sends, stores and signs nothing. Used by the uplink's thread. DESIGN.md, "Receipts".
#ifndef TALLY_UPLINK_RECEIPTS_H
#define TALLY_UPLINK_RECEIPTS_H

#include "ident/receipt.h"

#include <stdbool.h>
#include <stdint.h>

#define RECEIPTS_RESUME_US  (30 * INT64_C(1000000)) // one resume in this time is obeyed
#define RECEIPTS_RESEND_MAX 8                       // backing off: up to so many times resend_us

struct receipts {
    const struct trusted_key *centre; // borrowed
    char origin[NOTE_NAME_MAX + 1];
    int64_t resend_us; // without a receipt for so long, what is beyond the cursor goes again

    char nonce[NONCE_HEX]; // of the hello on this connection; "" before
    bool answered;         // by a receipt with that nonce
    uint64_t cursor;       // the highest receipt that counted
    int64_t heard_us;      // when that, or the last resending, was; monotonic clock
    unsigned resend_step;  // times resend_us until the next one
    int64_t resumed_us;    // when a resume was last obeyed; 0: never on this connection
    int64_t resume_time_s; // its own time
};

enum receipts_verdict {
    RECEIPTS_IGNORED,     // not of this centre, this log, or this form: why says so
    RECEIPTS_OLD,         // good, and nothing new
    RECEIPTS_RISEN,       // the cursor rose
    RECEIPTS_ANSWERED,    // the first answer to this connection's hello (the cursor may have risen)
    RECEIPTS_RESUME,      // send from there
    RECEIPTS_CONTRADICTS, // by the centre's signature this log is not the one it holds: why
};

// The root of our log's first `size` blocks. 0 or an error.
typedef int receipts_root(void *context, uint64_t size, struct digest *root);

struct receipts receipts_make(const struct trusted_key *centre, const char *origin,
                              int64_t resend_us, uint64_t cursor);
// A connection is up, and a hello with this nonce goes out.
void receipts_connected(struct receipts *receipts, const char *nonce, int64_t now_us);

// A payload of the topic `receipt`. `size`: our durable blocks; `first`: the first one kept.
// *receipt is what it said, unless ignored.
enum receipts_verdict receipts_take(struct receipts *receipts, const void *bytes, size_t length,
                                    uint64_t first, uint64_t size, receipts_root *root,
                                    void *context, int64_t now_us, struct receipt *receipt,
                                    struct why *why);
// A payload of the topic `resume`, which counts once the hello was answered; *from is where to send
// from when it is RECEIPTS_RESUME.
enum receipts_verdict receipts_resume(struct receipts *receipts, const void *bytes, size_t length,
                                      uint64_t first, uint64_t size, int64_t now_us, uint64_t *from,
                                      struct why *why);

// Whether it is time to send again from the cursor, because blocks beyond it were sent (`sent`, the
// next to be sent) and no receipt came: then notes it, and backs off.
bool receipts_resend(struct receipts *receipts, uint64_t sent, int64_t now_us);

#endif
