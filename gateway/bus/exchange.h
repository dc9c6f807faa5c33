// One request and its answer: sends, waits, checks, takes the time. The one place where bytes go to
// an instrument, and it sends reads only.
//
// Answers on a serial line carry no register address, so that a late one of the same length would
// be taken for the next. Therefore, after any failed exchange, the line must be settled: heard out
// until `late_max` has passed since the request and it has been silent for 3.5 characters. An
// answer later than `late_max`, of the same unit, function and length as the one then awaited,
// cannot be told from it. On TCP a failed exchange closes the connection instead. Belongs to the
// worker.
#ifndef TALLY_BUS_EXCHANGE_H
#define TALLY_BUS_EXCHANGE_H

#include "base/clock.h"
#include "bus/frame.h"
#include "bus/port.h"
#include "bus/wake.h"

enum exchange_outcome {
    EXCHANGE_OK,
    EXCHANGE_EXCEPTION, // a whole answer, by which the instrument refuses
    EXCHANGE_TIMEOUT,   // nothing, or not a whole answer, in time
    EXCHANGE_DAMAGED,   // an answer that is not one to this request
    EXCHANGE_LOST,      // the port or connection is gone; it is closed now
    EXCHANGE_STOPPED,   // the worker is to stop
};

struct exchange {
    enum exchange_outcome outcome;
    struct frame_answer answer; // OK, EXCEPTION: `data` points into `bytes`; DAMAGED: `state`
    int lost_errno;             // LOST: why; 0 when the other side closed
    bool unsent;                // LOST: seen before anything was sent (closed while idle)
    int64_t sent_ns;            // CLOCK_MONOTONIC, the first byte of the request on the wire
    int64_t ended_ns;           // the answer's last byte, or when we gave up
    int64_t t_us;               // wall clock at the midpoint of the two
    int64_t mono_us;            // struct clock's monotonic clock at the midpoint
    int64_t half_window_us;
    uint8_t bytes[FRAME_MAX];
    size_t length;
};

// Sends the frame. The function codes that it lets through are those of frame_function_allowed; for
// any other it sends nothing and returns ERROR_REFUSED. 0; ERROR_CLOSED; ERROR_TIMEOUT when the
// port takes no bytes.
int exchange_send(struct port *port, const struct frame_request *request);
// One exchange on an open, settled port. `request` needs unit, function, address and count; framing
// and transaction are set here.
void exchange_run(struct exchange *exchange, struct port *port, struct wake *wake,
                  const struct clock *clock, struct frame_request *request);
// Hears the line out after a failed exchange, at most for a second beyond `late_max`. 0;
// ERROR_BUSY when it would not fall silent (nothing may be sent: call again); ERROR_CLOSED when the
// port is gone (and closed now); ERROR_STOPPED.
int exchange_settle(struct port *port, struct wake *wake);

#endif
