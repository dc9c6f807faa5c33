#include "bus/poller.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "bus/clock_watch.h"
#include "bus/handover.h"
#include "bus/worker.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define TEN_YEARS_S 315360000

// Where an instrument's status is.
struct place {
    size_t worker, instrument;
};

struct poller {
    struct worker_common common;
    size_t worker_count;
    struct worker *workers; // one per bus, in the configuration's order
    struct place *places;   // by instrument of the configuration

    // The watch over the clock: one thread for all buses, so that a step is one event.
    struct wake wake;
    pthread_t watch;
    bool watching;
    int timer; // told by the kernel when the wall clock is set; -1 where it has none
};

// A timer that does not run out, but is cancelled when somebody sets the clock.
static void arm(int timer)
{
    struct itimerspec never = {.it_value = {.tv_sec = time(NULL) + TEN_YEARS_S}};
    (void)timerfd_settime(timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

// Both clocks at one time, as nearly as the scheduler lets us.
static void read_both(const struct clock *clock, int64_t *wall_us, int64_t *mono_us)
{
    int64_t before, after;
    int attempts = 0;
    do {
        before = clock_mono_us(clock);
        *wall_us = clock_wall_us(clock);
        after = clock_mono_us(clock);
    } while (after - before > 1000 && ++attempts < 10);
    *mono_us = before + (after - before) / 2;
}

static void tell_step(struct poller *poller, int64_t wall_us, int64_t mono_us, int64_t step_us)
{
    char text[WHY_MAX];
    int length = snprintf(text, sizeof text, "the wall clock was set %s by %.3f s",
                          step_us > 0 ? "forward" : "back",
                          (double)(step_us > 0 ? step_us : -step_us) / 1e6);
    struct sample sample = {.kind = SAMPLE_EVENT,
                            .instrument = SAMPLE_NO_INSTRUMENT,
                            .bus = 0,
                            .t_us = wall_us,
                            .mono_us = mono_us,
                            .event = EVENT_CLOCK_STEPPED,
                            .length = (uint32_t)length};
    log_warning("%s", text);
    (void)sample_queue_push(poller->common.queue, &sample, text, false);
}

static void *watch_clock(void *context)
{
    struct poller *poller = context;
    struct clock_watch watch = {0};
    while (!wake_stopping(&poller->wake)) {
        int64_t wall_us, mono_us, step_us;
        read_both(poller->common.clock, &wall_us, &mono_us);
        if (clock_watch_look(&watch, wall_us, mono_us, &step_us)) {
            tell_step(poller, wall_us, mono_us, step_us);
            for (size_t i = 0; i < poller->worker_count; i++) {
                wake_nudge(&poller->workers[i].wake);
            }
        }
        int64_t until = clock_wait_ns() + CLOCK_WATCH_EVERY_US * INT64_C(1000);
        if (poller->timer < 0) {
            (void)wake_sleep(&poller->wake, until);
        } else if (wake_poll(&poller->wake, poller->timer, POLLIN, until) == 1) {
            uint64_t expired;
            (void)!read(poller->timer, &expired, sizeof expired); // ECANCELED: it was set
            arm(poller->timer);
        }
    }
    worker_thread_ended(&poller->common);
    return NULL;
}

static int start_watch(struct poller *poller, struct why *why)
{
    poller->timer = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (poller->timer >= 0) {
        arm(poller->timer);
    }
    int result = worker_thread_start(&poller->common, &poller->watch, watch_clock, poller, why);
    poller->watching = result == OK;
    return result;
}

static int make_workers(struct poller *poller, const struct poller *before, struct why *why)
{
    const struct config *config = poller->common.config;
    poller->workers = calloc(config->bus_count ? config->bus_count : 1, sizeof *poller->workers);
    poller->places =
        calloc(config->instrument_count ? config->instrument_count : 1, sizeof *poller->places);
    if (!poller->workers || !poller->places ||
        round_make(&poller->common.round, config->bus_count) != OK) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < config->bus_count; i++) {
        poller->worker_count++;
        int result = worker_make(&poller->workers[i], &poller->common, i, why);
        if (result != OK) {
            return result;
        }
        if (before) {
            handover_take(&poller->workers[i], before->workers, before->worker_count);
        }
        for (size_t k = 0; k < poller->workers[i].count; k++) {
            poller->places[poller->workers[i].instruments[k].index] = (struct place){i, k};
        }
    }
    return OK;
}

int poller_start(struct poller **out, const struct poller_options *options, struct why *why)
{
    *out = NULL;
    struct poller *poller = calloc(1, sizeof *poller);
    if (!poller) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    poller->timer = -1;
    poller->wake.fd = -1;
    poller->common.config = options->config;
    poller->common.clock = options->clock;
    poller->common.queue = options->queue;
    poller->common.round_marks = options->round_marks;
    poller->common.format_serial = options->format_serial;
    poller->common.resumes = options->before != NULL;
    thread_condition_make(&poller->common.ended);
    pthread_mutex_init(&poller->common.ended_lock, NULL);
    int result = make_workers(poller, options->before, why);
    if (result == OK && wake_make(&poller->wake) != OK) {
        result = why_set(why, ERROR_SYSTEM, "eventfd: %s", strerror(errno));
    }
    if (result == OK) {
        result = start_watch(poller, why);
    }
    for (size_t i = 0; i < poller->worker_count && result == OK; i++) {
        if (poller->workers[i].count > 0) {
            result = worker_start(&poller->workers[i], why);
        }
    }
    if (result != OK) {
        poller_stop(poller, options->config);
        poller_free(poller);
        return result;
    }
    *out = poller;
    return OK;
}

// Waits for so long until all threads have ended. Whether they have.
static bool await_end(struct poller *poller, int64_t most_us)
{
    struct worker_common *common = &poller->common;
    int64_t end_ns = clock_wait_ns() + most_us * 1000;
    pthread_mutex_lock(&common->ended_lock);
    while (common->running > 0 &&
           thread_condition_wait(&common->ended, &common->ended_lock, end_ns)) {
    }
    bool ended = common->running == 0;
    pthread_mutex_unlock(&common->ended_lock);
    return ended;
}

static void tell_workers(struct poller *poller, void (*tell)(struct wake *wake))
{
    for (size_t i = 0; i < poller->worker_count; i++) {
        if (poller->workers[i].started) {
            tell(&poller->workers[i].wake);
        }
    }
}

void poller_stop(struct poller *poller, const struct config *next)
{
    if (!poller) {
        return;
    }
    poller->common.next = next;
    if (poller->wake.fd >= 0) {
        wake_stop(&poller->wake);
    }
    tell_workers(poller, wake_finish);
    if (!await_end(poller, POLLER_FINISH_US)) {
        tell_workers(poller, wake_stop);
        if (!await_end(poller, POLLER_STOP_US)) {
            // One waits for room in a queue from which nobody takes.
            sample_queue_close(poller->common.queue);
        }
    }
    for (size_t i = 0; i < poller->worker_count; i++) {
        if (poller->workers[i].started) {
            pthread_join(poller->workers[i].thread, NULL);
            poller->workers[i].started = false;
        }
    }
    if (poller->watching) {
        pthread_join(poller->watch, NULL);
        poller->watching = false;
    }
}

void poller_free(struct poller *poller)
{
    if (!poller) {
        return;
    }
    for (size_t i = 0; i < poller->worker_count; i++) {
        worker_free(&poller->workers[i]);
    }
    if (poller->timer >= 0) {
        close(poller->timer);
    }
    wake_close(&poller->wake);
    round_free(&poller->common.round);
    pthread_cond_destroy(&poller->common.ended);
    pthread_mutex_destroy(&poller->common.ended_lock);
    free(poller->places);
    free(poller->workers);
    free(poller);
}

void poller_instrument_status(struct poller *poller, size_t instrument,
                              struct poller_instrument_status *out)
{
    struct place place = poller->places[instrument];
    struct worker *worker = &poller->workers[place.worker];
    pthread_mutex_lock(&worker->lock);
    *out = worker->instruments[place.instrument].status;
    pthread_mutex_unlock(&worker->lock);
}

void poller_bus_status(struct poller *poller, size_t bus, struct poller_bus_status *out)
{
    struct worker *worker = &poller->workers[bus];
    pthread_mutex_lock(&worker->lock);
    *out = worker->status;
    out->load = report_load(worker, clock_wait_ns());
    pthread_mutex_unlock(&worker->lock);
}
