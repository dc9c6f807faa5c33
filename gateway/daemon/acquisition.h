// Acquisition under one configuration and its certificates: calibrations, definitions, the queue of
// samples, the recorder, the poller, started in the order in which a reading passes and ended so
// that all that was taken is recorded.
//
// Main's thread only. Configuration, certificates, ledger, clock and `present` are borrowed from
// start to stop.
#ifndef TALLY_DAEMON_ACQUISITION_H
#define TALLY_DAEMON_ACQUISITION_H

#include "daemon/present.h"
#include "daemon/traceability.h"

struct acquisition {
    const struct config *config;
    struct calibrations *calibrations;
    struct definitions *definitions;
    struct sample_queue *queue;
    struct alarms *alarms;     // NULL where no point has limits
    struct recorder *recorder; // NULL while it does not run
    struct poller *poller;
    struct poller *before;        // stopped; what the next takes over of due times
    struct alarms *alarms_before; // fed no more; what the next takes over of what is raised
    uint64_t taken, missed;       // readings of pollers that have ended
};

// `opening`: what opening the ledger found, or NULL at a reload; it is on record before anything
// that a poll finds. On an error nothing runs and all can be tried again.
int acquisition_start(struct acquisition *acquisition, const struct config *config,
                      struct traceability *traceability, struct ledger *ledger,
                      const struct ledger_opening *opening, struct present *present,
                      struct why *why);
// Stops polling, records all that was taken and waits until it is durable, or saved (as
// recorder_stop). `next`: the configuration that acquisition is to go on with, or NULL: due times
// pass over to it, and alarms. The old one is needed until that has started.
void acquisition_stop(struct acquisition *acquisition, const struct config *next,
                      struct present *present);
// After the last stop.
void acquisition_free(struct acquisition *acquisition);

#endif
