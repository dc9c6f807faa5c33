// What a bus worker hands to the recorder, and the bounded queue between them.
//
// Many workers push, one recorder takes. Bounded to the bytes given at start; when it is full a
// push waits until there is room or the queue is closed (the worker counts the polls it missed
// meanwhile and says so): nothing that was taken from an instrument is dropped. A push normally
// wakes nobody: the recorder looks every SAMPLE_LINGER_US, is woken at once by sample_queue_push
// with `urgent`, and when half of the bound or SAMPLE_WAKE_BYTES is reached; signalling each push
// costs a bus a seventh of its rate (measured).
#ifndef TALLY_BUS_SAMPLE_H
#define TALLY_BUS_SAMPLE_H

#include "base/reading.h"
#include "bus/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SAMPLE_LINGER_US  250000
#define SAMPLE_WAKE_BYTES 32768

enum sample_kind {
    SAMPLE_REGISTERS, // an answer: payload = `request->count` registers as on the wire
    SAMPLE_MISSED,    // a request that brought nothing; no payload
    SAMPLE_EVENT,     // payload = the event's text (UTF-8, not terminated)
    SAMPLE_ROUND, // every healthy instrument that was due has been read: with `prompt`, the block
                  // closes here. No payload.
};

// Kinds of event; the names are in docs/FORMAT.md ("instrument.silent").
enum sample_event {
    EVENT_INSTRUMENT_SILENT,
    EVENT_INSTRUMENT_BACK,
    EVENT_INSTRUMENT_REFUSES,  // a range answers ILLEGAL DATA ADDRESS
    EVENT_INSTRUMENT_IDENTITY, // read and matched, or mismatched: the text says
    EVENT_BUS_LOST,
    EVENT_BUS_BACK,
    EVENT_CLOCK_STEPPED,
    EVENT_OTHER,
};

struct sample {
    enum sample_kind kind;
    uint32_t instrument; // index into the configuration; for a bus event, SAMPLE_NO_INSTRUMENT
    uint32_t bus;        // index into the configuration
    const struct request *request; // REGISTERS, MISSED; alive until the poller is freed, which is
                                   // after the queue was drained
    int64_t t_us; // wall clock: midpoint of request and answer; of a miss, when it was due
    int64_t half_window_us;
    int64_t mono_us; // monotonic clock at the midpoint
    enum miss miss;  // MISSED
    int miss_detail;
    enum sample_event event; // EVENT
    bool identity_mismatch;  // REGISTERS: the instrument's serial number is not the declared one
    uint32_t length;         // payload bytes
};
#define SAMPLE_NO_INSTRUMENT UINT32_MAX

struct sample_queue;

int sample_queue_make(struct sample_queue **out, size_t max_bytes);
void sample_queue_free(struct sample_queue *queue);
// Copies sample and payload. Waits when full. 0; ERROR_STOPPED when the queue is closed (nothing
// was pushed).
int sample_queue_push(struct sample_queue *queue, const struct sample *sample, const void *payload,
                      bool urgent);
// Waits until something urgent, enough bytes, SAMPLE_LINGER_US after the last look with something
// there, or `timeout_us` passed; then gives the next of what is there at the time, one a call,
// oldest first, through `sample` and `payload` (valid until the next call). 1 when there was one, 0
// when there is none now (the caller then sees to its deadlines and calls again), ERROR_STOPPED
// when the queue is closed and empty.
int sample_queue_take(struct sample_queue *queue, int64_t timeout_us, struct sample *sample,
                      const uint8_t **payload);
// No more pushes; what is there can still be taken.
void sample_queue_close(struct sample_queue *queue);
// Bytes waiting, for status.
size_t sample_queue_waiting(struct sample_queue *queue);

#endif
