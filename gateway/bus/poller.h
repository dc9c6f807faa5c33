// Polling: one worker thread per bus, which asks each instrument when it is due, keeps silent ones
// from costing the others, and pushes samples.
//
// Below it, port.c and exchange.c are the only users of libmodbus. Never writes to an instrument:
// exchange_send() has the list of function codes. Takes the time of each reading. Never
// ends because of anything an instrument, a cable or a clock does.
#ifndef TALLY_BUS_POLLER_H
#define TALLY_BUS_POLLER_H

#include "base/clock.h"
#include "bus/plan.h"
#include "bus/sample.h"

struct poller;

struct poller_instrument_status {
    bool healthy; // the last exchange succeeded
    bool quarantined;
    bool identity_mismatch;
    uint64_t polls, readings, missed; // since start; missed counts readings
    int64_t last_t_us;                // wall clock of the last good answer; 0: none yet
    int64_t last_round_trip_us;       // request sent to answer's end
    char last_fault[64];              // "timeout", "exception-2 at 0x0048" …; "" when healthy
};

struct poller_bus_status {
    bool connected;
    uint64_t exchanges, faults;
    double load; // share of the last 10 s that the line was busy, 0 to 1
    char last_fault[128];
};

// Borrowed until poller_free, but for `before`.
struct poller_options {
    const struct config *config;
    const struct clock *clock;
    struct sample_queue *queue;
    bool round_marks; // push SAMPLE_ROUND (the `prompt` setting)
    // Writes what the registers of driver.serial hold as text, as decoding is not known here.
    // Called from the workers. NULL: serial numbers are not read.
    void (*format_serial)(const struct driver_quantity *quantity, const uint8_t *wire,
                          struct text *out);
    // A poller that was stopped, with its configuration, for the call only; or NULL. Due times that
    // passed since it ended are counted as missed ("stopped"), but for the last, which is met late.
    const struct poller *before;
};

// Makes plans and starts one worker per bus.
int poller_start(struct poller **out, const struct poller_options *options, struct why *why);
// Asks the workers to end and waits for them. Polls that were begun may go on for POLLER_FINISH_US;
// what is then left of them is missed ("stopped"), and so is what else is due, but for due times
// that a poller on `next` takes over (NULL: the end). When the queue is full and nobody takes from
// it, closes it POLLER_STOP_US later, and the samples in hand are lost.
#define POLLER_FINISH_US 300000
#define POLLER_STOP_US   2000000
void poller_stop(struct poller *poller, const struct config *next);
// After poller_stop, and after the queue was drained: samples point into its plans.
void poller_free(struct poller *poller);
// Copies; from any thread.
void poller_instrument_status(struct poller *poller, size_t instrument,
                              struct poller_instrument_status *out);
void poller_bus_status(struct poller *poller, size_t bus, struct poller_bus_status *out);

#endif
