#include "bus/worker.h"

#include "base/clock.h"

#include <string.h>

// A gap longer than so many polls is recorded as so many misses and one event.
#define MISSED_POLLS_MAX 3600
// Gateways answer for a unit that does not (Modbus Application Protocol V1.1b3 §7).
#define EXCEPTION_GATEWAY_PATH   10
#define EXCEPTION_GATEWAY_TARGET 11
#define EXCEPTION_ADDRESS        2
#define NOTHING_TO_ASK_NS        INT64_C(1000000000)

// A range that the instrument refuses, and that is not asked any more.
static bool is_refused(const struct instrument *instrument, const struct request *request)
{
    return request->retired && request->slot_count == 1 &&
           plan_slot_refused(instrument->plan, request->slots[0]);
}

static void miss_request(struct worker *worker, struct instrument *instrument,
                         const struct request *request, enum miss miss, int detail, int64_t t_us)
{
    if (is_refused(instrument, request)) {
        miss = MISS_EXCEPTION;
        detail = EXCEPTION_ADDRESS;
    } else if (request->retired) {
        return;
    }
    report_missed(worker, instrument, request, miss, detail, t_us);
}

static void miss_poll(struct worker *worker, struct instrument *instrument, enum miss miss,
                      int64_t t_us)
{
    for (size_t i = 0; i < instrument->plan->request_count; i++) {
        miss_request(worker, instrument, instrument->plan->requests[i], miss, 0, t_us);
    }
}

// The due times that passed before this poll's.
static void miss_passed(struct worker *worker, struct instrument *instrument,
                        const struct schedule_poll *poll, enum miss miss)
{
    uint64_t recorded = poll->missed < MISSED_POLLS_MAX ? poll->missed : MISSED_POLLS_MAX;
    for (uint64_t i = 0; i < recorded && !worker->unheard; i++) {
        int64_t t_us = poll->first_wall_us + (int64_t)i * instrument->schedule.every_us;
        enum miss why = t_us < worker->resumed_wall_us  ? MISS_STOPPED
                        : t_us < worker->opened_wall_us ? MISS_DISCONNECTED
                                                        : miss;
        miss_poll(worker, instrument, why, t_us);
    }
    if (poll->missed > recorded) {
        report_event(worker, instrument, EVENT_OTHER,
                     "%llu more polls were missed and are not listed one by one",
                     (unsigned long long)(poll->missed - recorded));
    }
}

static void miss_due(struct worker *worker, struct instrument *instrument, enum miss miss,
                     struct schedule_now now)
{
    if (instrument->schedule.every_us <= 0 || schedule_wait_us(&instrument->schedule, now) > 0) {
        return;
    }
    struct schedule_poll poll = schedule_take(&instrument->schedule, now);
    miss_passed(worker, instrument, &poll, miss);
    miss_poll(worker, instrument, miss, poll.due_wall_us);
}

void ask_miss_due(struct worker *worker, struct instrument *instrument, enum miss miss)
{
    miss_due(worker, instrument, miss, worker_now(worker));
}

void ask_begin(struct worker *worker, struct instrument *instrument)
{
    struct schedule_now now = worker_now(worker);
    int64_t wait = schedule_wait_us(&instrument->schedule, now);
    struct schedule_poll poll = schedule_take(&instrument->schedule, now);
    if (poll.missed > 0) {
        miss_passed(worker, instrument, &poll, MISS_OVERRUN);
    }
    instrument->polling = true;
    instrument->answered = false;
    instrument->damaged = 0;
    instrument->cost_us = 0;
    instrument->next_request = 0;
    instrument->due_wall_us = poll.due_wall_us;
    instrument->due_mono_us = now.mono_us + wait;
    instrument->round_asked = atomic_load(&worker->common->round.number);
    if (instrument->quarantine.failed > 0) {
        // It may well stay silent: the round does not wait for it.
        round_expect(&worker->common->round, worker->bus, ROUND_NEVER);
    }
}

static bool nobody_else(const struct worker *worker, const struct instrument *instrument)
{
    for (size_t i = 0; i < worker->count; i++) {
        if (&worker->instruments[i] != instrument && !worker->instruments[i].quarantine.held) {
            return false;
        }
    }
    return true;
}

static uint32_t next_chance(struct worker *worker)
{
    // Marsaglia's xorshift: only has to differ between buses and from one probe to the next.
    uint32_t x = worker->chance;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return worker->chance = x;
}

// A whole poll, and nothing good in it.
static void note_failed_poll(struct worker *worker, struct instrument *instrument)
{
    bool begins = quarantine_failed(&instrument->quarantine, clock_mono_us(worker->common->clock),
                                    instrument->cost_us, nobody_else(worker, instrument),
                                    next_chance(worker));
    if (begins) {
        report_event(worker, instrument, EVENT_INSTRUMENT_SILENT,
                     "unit %d: %d polls in a row brought nothing (%s); asked again in %.1f s, then "
                     "ever less often",
                     instrument->config->unit, QUARANTINE_AFTER, instrument->status.last_fault,
                     (double)instrument->quarantine.interval_us / 1e6);
    }
    report_health(worker, instrument);
}

static void end_poll(struct worker *worker, struct instrument *instrument)
{
    instrument->polling = false;
    pthread_mutex_lock(&worker->lock);
    instrument->status.polls++;
    pthread_mutex_unlock(&worker->lock);
    if (!instrument->answered && instrument->cost_us > 0) {
        note_failed_poll(worker, instrument);
    }
}

// Goes to the next request that is asked; those refused before it are missed again. False at the
// end of the plan.
static bool seek(struct worker *worker, struct instrument *instrument)
{
    struct plan *plan = instrument->plan;
    for (; instrument->next_request < plan->request_count; instrument->next_request++) {
        const struct request *request = plan->requests[instrument->next_request];
        if (!request->retired) {
            return true;
        }
        miss_request(worker, instrument, request, MISS_EXCEPTION, EXCEPTION_ADDRESS,
                     instrument->due_wall_us);
    }
    return false;
}

void ask_abandon(struct worker *worker, struct instrument *instrument, enum miss miss, int detail)
{
    if (!instrument->polling) {
        return;
    }
    for (; instrument->next_request < instrument->plan->request_count; instrument->next_request++) {
        miss_request(worker, instrument, instrument->plan->requests[instrument->next_request], miss,
                     detail, instrument->due_wall_us);
    }
    end_poll(worker, instrument);
}

void ask_stop(struct worker *worker, struct instrument *instrument, bool goes_on,
              struct schedule_now now)
{
    bool untouched = instrument->next_request == 0;
    if (instrument->polling && untouched && goes_on) {
        schedule_give_back(&instrument->schedule);
    } else if (!untouched || instrument->schedule.every_us > 0) {
        ask_abandon(worker, instrument, MISS_STOPPED, 0);
    }
    if (!goes_on) {
        miss_due(worker, instrument, MISS_STOPPED, now);
    }
}

// One unit that comes back on a line where all were silent: a cable was mended, and the others need
// not wait for their probes.
static void hurry_others(struct worker *worker)
{
    for (size_t i = 0; i < worker->count; i++) {
        worker->instruments[i].quarantine.probe_us = 0;
    }
}

static void note_answer(struct worker *worker, struct instrument *instrument)
{
    bool all_were_silent = nobody_else(worker, instrument);
    instrument->answered = true;
    if (instrument->quarantine.failed == 0 || !quarantine_answered(&instrument->quarantine)) {
        return;
    }
    report_event(worker, instrument, EVENT_INSTRUMENT_BACK, "unit %d answers again",
                 instrument->config->unit);
    report_health(worker, instrument);
    instrument->identity_due = true;
    if (all_were_silent) {
        hurry_others(worker);
    }
}

static void take_registers(struct worker *worker, struct instrument *instrument,
                           const struct request *request)
{
    note_answer(worker, instrument);
    // Before the reading is handed on, so that it bears the mark when the instrument is another.
    identify_when_due(worker, instrument);
    report_registers(worker, instrument, request);
    instrument->next_request++;
}

static void split_request(struct worker *worker, struct instrument *instrument,
                          const struct request *request)
{
    if (plan_split(instrument->plan, instrument->next_request) > 0) {
        return; // the halves are asked next, in this poll
    }
    const char *name = request->slot_count > 0
                           ? instrument->config->quantities[request->slots[0]]->name
                           : "status";
    report_event(worker, instrument, EVENT_INSTRUMENT_REFUSES,
                 "function %d, registers 0x%04x to 0x%04x (%s): ILLEGAL DATA ADDRESS; not asked "
                 "again until the next start or reload",
                 request->function, request->address,
                 (unsigned)(request->address + request->count - 1), name);
}

static int64_t cost_of(const struct worker *worker, const struct exchange *exchange)
{
    int64_t end = exchange->ended_ns;
    if (worker->port.unsettled && worker->port.late_until_ns > end) {
        end = worker->port.late_until_ns;
    }
    return (end + worker->port.gap_ns - exchange->sent_ns) / 1000 + 1;
}

static void take_exception(struct worker *worker, struct instrument *instrument,
                           const struct request *request)
{
    int code = worker->exchange.answer.exception;
    if (code == EXCEPTION_GATEWAY_PATH || code == EXCEPTION_GATEWAY_TARGET) {
        instrument->cost_us += cost_of(worker, &worker->exchange);
        ask_abandon(worker, instrument, MISS_EXCEPTION, code);
        return;
    }
    note_answer(worker, instrument);
    if (code == EXCEPTION_ADDRESS) {
        split_request(worker, instrument, request);
        // A retired request is passed over, and missed where nothing took its place, by seek().
        return;
    }
    report_missed(worker, instrument, request, MISS_EXCEPTION, code, instrument->due_wall_us);
    instrument->next_request++;
}

static void take_damaged(struct worker *worker, struct instrument *instrument,
                         const struct request *request)
{
    instrument->cost_us += cost_of(worker, &worker->exchange);
    worker->avoid = instrument;
    if (++instrument->damaged > 1) {
        ask_abandon(worker, instrument, MISS_DAMAGED, 0);
        return;
    }
    report_missed(worker, instrument, request, MISS_DAMAGED, 0, instrument->due_wall_us);
    instrument->next_request++;
}

static void take_outcome(struct worker *worker, struct instrument *instrument,
                         const struct request *request)
{
    switch (worker->exchange.outcome) {
    case EXCHANGE_OK: take_registers(worker, instrument, request); break;
    case EXCHANGE_EXCEPTION: take_exception(worker, instrument, request); break;
    case EXCHANGE_DAMAGED: take_damaged(worker, instrument, request); break;
    case EXCHANGE_TIMEOUT:
        instrument->cost_us += cost_of(worker, &worker->exchange);
        worker->avoid = instrument;
        ask_abandon(worker, instrument, MISS_TIMEOUT, 0);
        break;
    case EXCHANGE_LOST:
        ask_abandon(worker, instrument, MISS_DISCONNECTED, 0);
        worker_lose_bus(worker, worker->exchange.lost_errno
                                    ? strerror(worker->exchange.lost_errno)
                                    : "the other side closed the connection");
        break;
    case EXCHANGE_STOPPED: break;
    }
}

void ask_next(struct worker *worker, struct instrument *instrument)
{
    if (seek(worker, instrument)) {
        const struct request *request = instrument->plan->requests[instrument->next_request];
        struct frame_request asked = {.unit = instrument->config->unit,
                                      .function = request->function,
                                      .address = request->address,
                                      .count = request->count};
        struct exchange *exchange = &worker->exchange;
        exchange_run(exchange, &worker->port, &worker->wake, worker->common->clock, &asked);
        if (exchange->outcome == EXCHANGE_STOPPED ||
            (exchange->outcome == EXCHANGE_LOST && exchange->unsent)) {
            return; // stopping; or the connection was closed while idle, and is opened again
        }
        report_exchange(worker, instrument, request, exchange);
        if (exchange->outcome != EXCHANGE_LOST) {
            worker_prove_bus(worker);
        }
        instrument->ready_ns =
            exchange->ended_ns + instrument->config->driver->min_interval_us * 1000;
        worker->avoid = NULL;
        take_outcome(worker, instrument, request);
    } else if (instrument->schedule.every_us <= 0) {
        // All is refused and nothing says when to look again.
        instrument->ready_ns = clock_wait_ns() + NOTHING_TO_ASK_NS;
    }
    if (instrument->polling && !seek(worker, instrument)) {
        end_poll(worker, instrument);
    }
}
