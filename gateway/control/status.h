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
#include "hook/hook.h"
#include "ledger/ledger.h"
#include "record/recorder.h"
#include "sign/signer.h"
#include "uplink/uplink.h"

// Borrowed for the call. A part that is NULL does not run (yet): what it would say is left out.
struct status_sources {
    const struct config *config; // never NULL
    const struct clock *clock;   // never NULL
    int64_t started_us;          // monotonic clock when the daemon started; 0: not known
    struct poller *poller;
    struct recorder *recorder;
    struct alarms *alarms; // NULL: no point has limits
    struct hook *hook;     // NULL: none is configured
    struct ledger *ledger;
    struct signer *signer; // NULL: the log is not signed
    const struct definitions *definitions;
    // uplinks[i] is that of config->uplinks[i], NULL when it could not be started.
    struct uplink *const *uplinks;
    size_t uplink_count; // at most config->uplink_count
};

// Appends {"tally-status":1,…}, without a newline. When that would pass out->max, instruments in
// order are left out (and counted in "instruments_omitted"), then all of them: a document is whole
// or `out->failed` is set. About 300 bytes an instrument.
void status_append(const struct status_sources *sources, struct text *out);

// Appends {"tally-latest":1,…}: the latest reading of each point. About 60 bytes a point.
void status_append_latest(const struct status_sources *sources, struct text *out);

// Appends {"tally-alarms":1,…}: each limit that is raised; the first STATUS_ALARMS_MAX of them.
// About 200 bytes each.
#define STATUS_ALARMS_MAX 20000
void status_append_alarms(const struct status_sources *sources, struct text *out);

// Appends what the document and {"tally-alarms":1,…} say alike, of at most `max` of them:
// ,"alarms_raised":2,"alarms_unacknowledged":1,"alarms":[…],"alarms_omitted":0
void status_append_raised(struct text *out, struct alarms *alarms, size_t max);

// The answer to a word on the control socket: "status", "latest", "alarms", or an object with an
// "error".
void status_answer(const struct status_sources *sources, const char *request, struct text *out);

#endif
