// The gateway's state as one JSON object: what is read now, how fast, what is silent, how far each
// uplink has got. For people and for `tally status` and `tally watch`; never evidence.
//
// Reads the status of the parts that run; changes nothing, keeps nothing. docs/STATUS.md says what
// each member means. From any thread, as long as the parts live. The document holds no secret: it
// is published, too.
#ifndef TALLY_CONTROL_STATUS_H
#define TALLY_CONTROL_STATUS_H

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "bus/poller.h"
#include "config/config.h"
#include "ledger/ledger.h"
#include "record/recorder.h"
#include "uplink/uplink.h"

// Borrowed for the call. A part that is NULL does not run (yet): what it would say is left out.
struct status_sources {
    const struct config *config; // never NULL
    const struct clock *clock;   // never NULL
    const char *version;         // never NULL
    int64_t started_us;          // monotonic clock when the daemon started
    struct poller *poller;
    struct recorder *recorder;
    struct ledger *ledger;
    struct uplink *const
        *uplinks; // as many as config->uplink_count, in its order; each may be NULL
};

// Appends {"tally-status":1,…}, without a newline. When that would pass out->max, instruments in
// order are left out (and counted in "instruments_omitted"), then all of them: a document is whole
// or `out->failed` is set. About 300 bytes an instrument.
void status_append(struct text *out, const struct status_sources *sources);

// Appends {"tally-latest":1,…}: the latest reading of each point. About 60 bytes a point.
void status_append_latest(struct text *out, const struct status_sources *sources);

// The answer to a word on the control socket: "status", "latest", or an object with an "error".
void status_answer(struct text *out, const char *request, const struct status_sources *sources);

#endif
