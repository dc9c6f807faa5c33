// What runs now, for those who ask from threads of their own: the control socket for the status, an
// uplink that has an event.
//
// Main's thread says what runs, with a part given before others learn of it and taken back before
// it ends; all others only see it under the lock. Starts and stops nothing.
#ifndef TALLY_DAEMON_PRESENT_H
#define TALLY_DAEMON_PRESENT_H

#include "base/bulletin.h"
#include "control/status.h"

#include <pthread.h>
#include <sys/types.h>

struct present {
    pthread_mutex_t lock; // guards all of it
    struct status_sources parts;
    struct uplink *uplinks[CONFIG_UPLINKS_MAX];
    uint64_t unrecorded; // events that came while nothing recorded
    struct bulletin
        *bulletin; // of the daemon's whole life; not under the lock. Owned by main's thread
};

void present_init(struct present *present, const struct clock *clock);
void present_ledger(struct present *present, struct ledger *ledger);
// NULL: the log is not signed.
void present_signer(struct present *present, struct signer *signer);
// The parts of acquisition under this configuration; NULL for those that do not run.
void present_acquisition(struct present *present, const struct config *config,
                         const struct definitions *definitions, struct recorder *recorder,
                         struct alarms *alarms, struct poller *poller);
// The next uplink, in the configuration's order; NULL when it could not be started.
void present_add_uplink(struct present *present, struct uplink *uplink);
void present_no_uplinks(struct present *present);
// NULL: none.
void present_hook(struct present *present, struct hook *hook);

// The rest may be called from any thread, with the struct present as `context`.
// Puts an event on record. While nothing records (uplinks outlive the recorder only at the end, to
// note acknowledgements) it is counted.
void present_event(void *context, const char *kind, const char *subject, const char *text);
// As status_answer; and "release …", "acknowledge …" and "enter …" (release.h, acknowledge.h,
// entry.h), and "reload", which is SIGHUP. `user`: who asks.
void present_answer(void *context, uid_t user, const char *request, struct text *out);
// The answer to "status".
void present_status(void *context, struct text *out);

#endif
