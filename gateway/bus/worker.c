#include "bus/worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "bus/handover.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#define STACK_BYTES     262144
#define BACK_OFF_MIN_NS INT64_C(100000000)
#define BACK_OFF_MAX_NS INT64_C(5000000000)
#define RTU_SLACK_NS    1000 // the kernel's own default, 50 µs, is a tenth of a character
#define LONGEST_REST_US INT64_C(3600000000)

void worker_lose_bus(struct worker *worker, const char *reason)
{
    port_close(&worker->port);
    worker->back_off_ns = worker->back_off_ns > 0 ? 2 * worker->back_off_ns : BACK_OFF_MIN_NS;
    worker->back_off_ns =
        worker->back_off_ns < BACK_OFF_MAX_NS ? worker->back_off_ns : BACK_OFF_MAX_NS;
    worker->reopen_ns = clock_wait_ns() + worker->back_off_ns;
    report_connected(worker, false, reason);
    if (!worker->lost) {
        worker->lost = true;
        log_warning("bus %s lost: %s", worker_bus(worker)->name, reason);
        report_event(worker, NULL, EVENT_BUS_LOST, "%s", reason);
    }
}

void worker_prove_bus(struct worker *worker)
{
    worker->back_off_ns = 0;
    if (!worker->lost) {
        return;
    }
    worker->lost = false;
    log_info("bus %s is back", worker_bus(worker)->name);
    report_event(worker, NULL, EVENT_BUS_BACK, "open again, and in use");
    for (size_t i = 0; i < worker->count; i++) {
        worker->instruments[i].identity_due = true;
        worker->instruments[i].quarantine.probe_us = 0;
    }
}

static int64_t due_mono_us(struct instrument *instrument, struct schedule_now now)
{
    if (instrument->polling) {
        return instrument->due_mono_us;
    }
    if (instrument->schedule.every_us <= 0 && instrument->quarantine.held) {
        return instrument->quarantine.probe_us; // no due times of its own: waits for its probe
    }
    return now.mono_us + schedule_wait_us(&instrument->schedule, now);
}

// The next time that a healthy instrument is due, in this round or a later one, and the next time
// that any is.
static void next_due(struct worker *worker, struct schedule_now now, int64_t *pending_us,
                     int64_t *any_us)
{
    uint32_t number = atomic_load(&worker->common->round.number);
    *pending_us = *any_us = ROUND_NEVER;
    for (size_t i = 0; i < worker->count; i++) {
        struct instrument *instrument = &worker->instruments[i];
        int64_t due = due_mono_us(instrument, now);
        *any_us = due < *any_us ? due : *any_us;
        bool again = instrument->round_asked == number && !instrument->polling &&
                     due <= now.mono_us + ROUND_NEAR_US; // polled in this round, and never rests
        if (instrument->quarantine.failed == 0 && !again && !worker->lost) {
            *pending_us = due < *pending_us ? due : *pending_us;
        }
    }
}

static void finish_round(struct worker *worker, struct schedule_now now)
{
    int64_t pending, any;
    if (!worker->common->round_marks) {
        return;
    }
    next_due(worker, now, &pending, &any);
    if (round_finish(&worker->common->round, worker->bus, pending, any, now.mono_us)) {
        report_round(worker);
    }
}

// Who is to be asked now: the one due longest, another than the one that failed last where there is
// one. Once it is to finish, only polls that were begun. NULL, and how long to rest, when nobody
// is.
static struct instrument *pick(struct worker *worker, struct schedule_now now, int64_t *rest_us)
{
    struct instrument *best = NULL, *last_resort = NULL;
    int64_t best_due = 0, now_ns = clock_wait_ns();
    bool finishing = wake_finishing(&worker->wake);
    *rest_us = LONGEST_REST_US;
    for (size_t i = 0; i < worker->count; i++) {
        struct instrument *instrument = &worker->instruments[i];
        if (finishing && !instrument->polling) {
            continue;
        }
        int64_t due = due_mono_us(instrument, now), wait = due - now.mono_us;
        int64_t unready = (instrument->ready_ns - now_ns + 999) / 1000;
        wait = wait > unready ? wait : unready;
        if (wait > 0) {
            *rest_us = wait < *rest_us ? wait : *rest_us;
        } else if (instrument == worker->avoid) {
            last_resort = instrument;
        } else if (!best || due < best_due) {
            best = instrument;
            best_due = due;
        }
    }
    return best ? best : last_resort;
}

static void miss_quarantined(struct worker *worker, struct schedule_now now)
{
    for (size_t i = 0; i < worker->count; i++) {
        struct instrument *instrument = &worker->instruments[i];
        if (!instrument->polling && quarantine_holds(&instrument->quarantine, now.mono_us)) {
            ask_miss_due(worker, instrument, MISS_QUARANTINED);
        }
    }
}

static void miss_disconnected(struct worker *worker)
{
    for (size_t i = 0; i < worker->count; i++) {
        ask_abandon(worker, &worker->instruments[i], MISS_DISCONNECTED, 0);
        ask_miss_due(worker, &worker->instruments[i], MISS_DISCONNECTED);
    }
}

static void rest(struct worker *worker, int64_t rest_us)
{
    (void)wake_until(&worker->wake, clock_wait_ns() + rest_us * 1000);
}

// Waits for the next attempt to open the port, or for the next poll, which is missed.
static void rest_disconnected(struct worker *worker)
{
    miss_disconnected(worker);
    struct schedule_now now = worker_now(worker);
    finish_round(worker, now);
    int64_t rest_us = (worker->reopen_ns - clock_wait_ns() + 999) / 1000;
    for (size_t i = 0; i < worker->count; i++) {
        struct instrument *instrument = &worker->instruments[i];
        int64_t wait = schedule_wait_us(&instrument->schedule, now);
        if (instrument->schedule.every_us > 0 && wait < rest_us) {
            rest_us = wait;
        }
    }
    rest(worker, rest_us > 0 ? rest_us : 0);
}

// Opens the port when its time has come. False when it is not open.
static bool reopen(struct worker *worker)
{
    struct why why = {""};
    if (port_is_open(&worker->port)) {
        return true;
    }
    if (clock_wait_ns() < worker->reopen_ns) {
        return false;
    }
    // A host that leaves us waiting holds no round back.
    if (worker->lost) {
        round_expect(&worker->common->round, worker->bus, ROUND_NEVER);
    }
    int result = port_open(&worker->port, &worker->wake, &why);
    if (result == OK) {
        if (!worker->status.connected) {
            worker->opened_wall_us = clock_wall_us(worker->common->clock);
            report_connected(worker, true, NULL);
        }
        return true;
    }
    if (result != ERROR_STOPPED) {
        worker_lose_bus(worker, why.text);
    }
    return false;
}

// A line that will not fall silent: nothing may be sent, and who is due is missed.
static void miss_babbling(struct worker *worker)
{
    log_debug("bus %s: the line does not fall silent", worker_bus(worker)->name);
    for (size_t i = 0; i < worker->count; i++) {
        ask_abandon(worker, &worker->instruments[i], MISS_DAMAGED, 0);
        ask_miss_due(worker, &worker->instruments[i], MISS_DAMAGED);
    }
}

static void work_once(struct worker *worker)
{
    if (!reopen(worker)) {
        if (!wake_stopping(&worker->wake)) {
            rest_disconnected(worker);
        }
        return;
    }
    struct schedule_now now = worker_now(worker);
    miss_quarantined(worker, now);
    int64_t rest_us;
    struct instrument *instrument = pick(worker, now, &rest_us);
    if (!instrument) {
        finish_round(worker, now);
        rest(worker, rest_us);
        return;
    }
    if (worker->port.unsettled) {
        int result = exchange_settle(&worker->port, &worker->wake);
        if (result == ERROR_CLOSED) {
            worker_lose_bus(worker, "the port is gone");
        } else if (result == ERROR_BUSY) {
            miss_babbling(worker);
        }
        return;
    }
    if (!instrument->polling) {
        ask_begin(worker, instrument);
    }
    ask_next(worker, instrument);
    if (!instrument->polling) {
        finish_round(worker, worker_now(worker));
    }
}

// Each wait for the processor makes the gap between two frames longer. The worker of a line runs
// for microseconds at a time; where it may (RLIMIT_RTPRIO), it does not queue behind what computes.
// Where it may not, it goes on as it is.
static void be_prompt(void)
{
    struct sched_param priority = {.sched_priority = sched_get_priority_min(SCHED_RR)};
    (void)pthread_setschedparam(pthread_self(), SCHED_RR, &priority);
    (void)prctl(PR_SET_TIMERSLACK, RTU_SLACK_NS);
}

static void begin(struct worker *worker)
{
    struct schedule_now now = worker_now(worker);
    worker->resumed_wall_us = worker->common->resumes ? now.wall_us : 0;
    for (size_t i = 0; i < worker->count; i++) {
        struct instrument *instrument = &worker->instruments[i];
        int64_t every = instrument->config->every_us;
        int64_t phase = every / (int64_t)worker->count * (int64_t)i;
        if (!instrument->scheduled) {
            schedule_start(&instrument->schedule, instrument->config->align, every, phase, now);
        }
        instrument->identity_due = true;
    }
}

static bool is_done(struct worker *worker)
{
    bool polling = false;
    for (size_t i = 0; i < worker->count; i++) {
        polling = polling || worker->instruments[i].polling;
    }
    return wake_stopping(&worker->wake) || (wake_finishing(&worker->wake) && !polling);
}

// Accounts for all that was due until now, but for what the next poller takes over.
static void end(struct worker *worker)
{
    const struct config *next = wake_finishing(&worker->wake) ? worker->common->next : NULL;
    worker->ended = worker_now(worker);
    for (size_t i = 0; i < worker->count; i++) {
        struct instrument *instrument = &worker->instruments[i];
        ask_stop(worker, instrument, handover_keeps(instrument, next), worker->ended);
    }
    round_expect(&worker->common->round, worker->bus, ROUND_NEVER);
    port_close(&worker->port);
}

static void *run(void *context)
{
    struct worker *worker = context;
    // Thread names hold 15 characters.
    char name[16];
    snprintf(name, sizeof name, "bus %s", worker_bus(worker)->name);
    (void)prctl(PR_SET_NAME, name);
    if (worker_bus(worker)->transport == TRANSPORT_RTU) {
        be_prompt();
    }
    begin(worker);
    while (!is_done(worker)) {
        work_once(worker);
    }
    end(worker);
    worker_thread_ended(worker->common);
    return NULL;
}

static int take_instruments(struct worker *worker, struct why *why)
{
    const struct config *config = worker->common->config;
    size_t count = 0;
    for (size_t i = 0; i < config->instrument_count; i++) {
        count += config->instruments[i].bus == worker->bus;
    }
    worker->instruments = calloc(count ? count : 1, sizeof *worker->instruments);
    if (!worker->instruments) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < config->instrument_count; i++) {
        if (config->instruments[i].bus != worker->bus) {
            continue;
        }
        struct instrument *instrument = &worker->instruments[worker->count];
        instrument->config = &config->instruments[i];
        instrument->index = (uint32_t)i;
        int result = plan_make(&instrument->plan, instrument->config, why);
        if (result != OK) {
            return result;
        }
        worker->count++;
    }
    return OK;
}

int worker_make(struct worker *worker, struct worker_common *common, size_t bus, struct why *why)
{
    *worker = (struct worker){.common = common, .bus = bus, .wake = {.fd = -1}};
    pthread_mutex_init(&worker->lock, NULL);
    port_init(&worker->port, worker_bus(worker));
    worker->chance = 0x9E3779B9u * (uint32_t)(bus + 1) ^ (uint32_t)clock_wait_ns();
    worker->chance |= 1;
    if (wake_make(&worker->wake) != OK) {
        return why_set(why, ERROR_SYSTEM, "eventfd: %s", strerror(errno));
    }
    return take_instruments(worker, why);
}

int worker_thread_start(struct worker_common *common, pthread_t *thread, void *(*start)(void *),
                        void *context, struct why *why)
{
    pthread_mutex_lock(&common->ended_lock);
    common->running++;
    pthread_mutex_unlock(&common->ended_lock);
    int failed = thread_start(thread, STACK_BYTES, start, context);
    if (failed) {
        worker_thread_ended(common);
        return why_set(why, failed, "no thread: %s", strerror(errno));
    }
    return OK;
}

void worker_thread_ended(struct worker_common *common)
{
    pthread_mutex_lock(&common->ended_lock);
    common->running--;
    pthread_cond_signal(&common->ended);
    pthread_mutex_unlock(&common->ended_lock);
}

int worker_start(struct worker *worker, struct why *why)
{
    int result = worker_thread_start(worker->common, &worker->thread, run, worker, why);
    worker->started = result == OK;
    return result;
}

void worker_free(struct worker *worker)
{
    for (size_t i = 0; i < worker->count; i++) {
        plan_free(worker->instruments[i].plan);
    }
    free(worker->instruments);
    port_close(&worker->port);
    wake_close(&worker->wake);
    pthread_mutex_destroy(&worker->lock);
}
