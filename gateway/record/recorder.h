// The recorder: takes samples, decodes and assesses them, fills blocks, seals and packs them in one
// thread, and commits them in a second.
//
// The one place where a reading becomes a record. Bounded: at most RECORDER_SEALED_MAX sealed
// blocks wait for the committer; when they do (disk slow or full), the recorder waits, the sample
// queue fills, and the bus workers wait and count what they miss.
#ifndef TALLY_RECORD_RECORDER_H
#define TALLY_RECORD_RECORDER_H

#include "base/bulletin.h"
#include "bus/sample.h"
#include "record/alarms.h"
#include "record/definitions.h"

#define RECORDER_SEALED_MAX 64

struct recorder;

struct recorder_options {
    const struct config *config;
    const struct definitions *definitions;
    const struct calibrations *calibrations; // of the same configuration
    struct ledger *ledger;
    struct sample_queue *queue;
    const struct clock *clock;
    struct alarms *alarms;     // of the configuration; NULL: no point has limits
    struct bulletin *bulletin; // gets the events of limits; may be NULL
    // Called by the committer after blocks [.., size) are durable; may be NULL. Must not block.
    void (*committed)(void *context, uint64_t size);
    void *context;
};

struct recorder_status {
    uint64_t readings, missed, blocks, events; // recorded since start
    size_t sealed_waiting;
};

int recorder_start(struct recorder **out, const struct recorder_options *options, struct why *why);
// Puts an event on record, from any thread; it goes into the block being filled, in order of
// arrival.
void recorder_event(struct recorder *recorder, const char *kind, const char *subject,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
// Asks that what is on record so far be made durable soon: the block being filled closes at the
// next look, within half a second.
void recorder_hurry(struct recorder *recorder);
// After the poller has stopped and the queue was closed: takes what is there, closes the last
// block, waits until all is durable (or, when the disk is full, up to 5 s), frees.
void recorder_stop(struct recorder *recorder);
void recorder_status(struct recorder *recorder, struct recorder_status *status);
// The latest reading of a point, for status and watch: copies. ERROR_ABSENT when there was none
// yet.
struct recorder_latest {
    int64_t t_us, half_window_us;
    struct value indication;
    uint32_t flags;
};
int recorder_latest(struct recorder *recorder, size_t instrument, size_t slot,
                    struct recorder_latest *out);

#endif
