// One bus's worker: what it knows of its instruments, and the loop that opens the port, picks who
// is due, and asks. Used by the poller only; report.c and ask.c are its other two parts.
//
// Everything here belongs to the worker's thread but for what `lock` guards.
#ifndef TALLY_BUS_WORKER_H
#define TALLY_BUS_WORKER_H

#include "bus/exchange.h"
#include "bus/poller.h"
#include "bus/port.h"
#include "bus/quarantine.h"
#include "bus/round.h"
#include "bus/schedule.h"
#include "bus/wake.h"

#include <pthread.h>

#define LOAD_SECONDS 10

// What all workers have in common. Immutable but for the queue, the round, and who is running.
struct worker_common {
    const struct config *config;
    const struct clock *clock;
    struct sample_queue *queue;
    struct round round;
    bool round_marks;
    bool resumes;              // another poller polled before this one
    const struct config *next; // from when the workers finish on: what goes on after them, or NULL
    void (*format_serial)(const struct driver_quantity *quantity, const uint8_t *wire,
                          struct text *out);
    // How many threads have not ended yet: poller_stop waits for none, for so long.
    pthread_mutex_t ended_lock;
    pthread_cond_t ended;
    size_t running;
};

struct instrument {
    const struct config_instrument *config;
    uint32_t index; // in the configuration
    struct plan *plan;
    bool scheduled; // the schedule goes on from the poller before
    struct schedule schedule;
    struct quarantine quarantine;
    int64_t ready_ns;     // the driver's min_interval_us after its last answer
    uint32_t round_asked; // the round in which it was last polled

    // The poll being made.
    bool polling;
    bool answered;       // something good came in this poll
    unsigned damaged;    // answers in this poll
    size_t next_request; // index in the plan
    int64_t due_wall_us, due_mono_us;
    int64_t cost_us; // what failures in this poll cost the bus

    // Identity.
    bool identity_due, identity_mismatch;
    unsigned identity_tries;
    int64_t identity_at_us; // monotonic clock: the daily reading

    struct poller_instrument_status status; // under the worker's lock
};

struct worker {
    struct worker_common *common;
    size_t bus;
    struct port port;
    struct wake wake;
    pthread_t thread;
    bool started;
    size_t count;
    struct instrument *instruments;
    struct instrument *avoid; // failed last: another is asked first where there is one
    struct exchange exchange, identity_exchange;

    bool lost;                 // EVENT_BUS_LOST was said, EVENT_BUS_BACK not yet
    int64_t back_off_ns;       // before the next attempt to open
    int64_t reopen_ns;         // not before
    int64_t resumed_wall_us;   // due times before this found no poller; 0: there was none before
    int64_t opened_wall_us;    // due times before this found no port
    struct schedule_now ended; // when it stopped: due times up to then are accounted for
    bool unheard;              // the queue is closed
    uint32_t chance;           // state of a small random generator

    pthread_mutex_t lock;
    struct poller_bus_status status;
    int64_t busy_second[LOAD_SECONDS], busy_ns[LOAD_SECONDS];
};

int worker_make(struct worker *worker, struct worker_common *common, size_t bus, struct why *why);
int worker_start(struct worker *worker, struct why *why);
// Starts a thread of the poller's, with a small stack and no signals, counted in `running` until it
// calls worker_thread_ended.
int worker_thread_start(struct worker_common *common, pthread_t *thread, void *(*run)(void *),
                        void *context, struct why *why);
void worker_thread_ended(struct worker_common *common);
// After its thread was joined, or when it was never started.
void worker_free(struct worker *worker);

static inline const struct config_bus *worker_bus(const struct worker *worker)
{
    return &worker->common->config->buses[worker->bus];
}
static inline struct schedule_now worker_now(const struct worker *worker)
{
    return (struct schedule_now){clock_wall_us(worker->common->clock),
                                 clock_mono_us(worker->common->clock)};
}
// The port is gone: says so once, and sets when to try again.
void worker_lose_bus(struct worker *worker, const char *reason);
// An exchange went through, well or badly: the bus is there.
void worker_prove_bus(struct worker *worker);

// ask.c: begins a poll that is due; asks the next request of a poll; gives a poll up.
void ask_begin(struct worker *worker, struct instrument *instrument);
void ask_next(struct worker *worker, struct instrument *instrument);
// What is left of the poll is missed for this reason. Harmless when no poll is being made.
void ask_abandon(struct worker *worker, struct instrument *instrument, enum miss miss, int detail);
// Polling ends: a poll that was begun, and with `goes_on` brought nothing yet, is due again; what
// is left of any other is missed, and so is, without `goes_on`, what is due now.
void ask_stop(struct worker *worker, struct instrument *instrument, bool goes_on,
              struct schedule_now now);
// The polls that are due are missed: quarantined, or no port.
void ask_miss_due(struct worker *worker, struct instrument *instrument, enum miss miss);

// report.c: pushes to the queue; keeps the status. When the queue is closed, the worker stops.
void report_registers(struct worker *worker, struct instrument *instrument,
                      const struct request *request);
void report_missed(struct worker *worker, struct instrument *instrument,
                   const struct request *request, enum miss miss, int detail, int64_t t_us);
void report_event(struct worker *worker, const struct instrument *instrument,
                  enum sample_event event, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void report_round(struct worker *worker);
// Counts an exchange, the time that it took, and how it went. `request` may be NULL (identity).
void report_exchange(struct worker *worker, struct instrument *instrument,
                     const struct request *request, const struct exchange *exchange);
void report_connected(struct worker *worker, bool connected, const char *fault);
void report_health(struct worker *worker, struct instrument *instrument);
double report_load(const struct worker *worker, int64_t now_ns);

// identify.c: reads serial number and server id when there is occasion to.
void identify_when_due(struct worker *worker, struct instrument *instrument);

#endif
