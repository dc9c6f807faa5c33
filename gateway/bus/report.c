#include "bus/worker.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SECOND_NS INT64_C(1000000000)

static void push(struct worker *worker, struct sample *sample, const void *payload, bool urgent)
{
    sample->bus = (uint32_t)worker->bus;
    if (sample_queue_push(worker->common->queue, sample, payload, urgent) == ERROR_STOPPED) {
        worker->unheard = true;
        wake_stop(&worker->wake);
    }
}

void report_registers(struct worker *worker, struct instrument *instrument,
                      const struct request *request)
{
    const struct exchange *exchange = &worker->exchange;
    struct sample sample = {.kind = SAMPLE_REGISTERS,
                            .instrument = instrument->index,
                            .request = request,
                            .t_us = exchange->t_us,
                            .half_window_us = exchange->half_window_us,
                            .mono_us = exchange->mono_us,
                            .identity_mismatch = instrument->identity_mismatch,
                            .length = (uint32_t)exchange->answer.data_length};
    push(worker, &sample, exchange->answer.data, false);
    if (worker->common->round_marks) {
        round_add(&worker->common->round, exchange->mono_us);
    }
    pthread_mutex_lock(&worker->lock);
    instrument->status.readings += request->slot_count;
    instrument->status.last_t_us = exchange->t_us;
    pthread_mutex_unlock(&worker->lock);
}

void report_missed(struct worker *worker, struct instrument *instrument,
                   const struct request *request, enum miss miss, int detail, int64_t t_us)
{
    struct sample sample = {.kind = SAMPLE_MISSED,
                            .instrument = instrument->index,
                            .request = request,
                            .t_us = t_us,
                            .mono_us = clock_mono_us(worker->common->clock),
                            .miss = miss,
                            .miss_detail = detail};
    push(worker, &sample, NULL, false);
    pthread_mutex_lock(&worker->lock);
    instrument->status.missed += request->slot_count;
    if (miss == MISS_OVERRUN || miss == MISS_DISCONNECTED) {
        miss_format(miss, detail, instrument->status.last_fault);
    }
    pthread_mutex_unlock(&worker->lock);
}

void report_event(struct worker *worker, const struct instrument *instrument,
                  enum sample_event event, const char *format, ...)
{
    char text[WHY_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    struct schedule_now now = worker_now(worker);
    struct sample sample = {.kind = SAMPLE_EVENT,
                            .instrument = instrument ? instrument->index : SAMPLE_NO_INSTRUMENT,
                            .t_us = now.wall_us,
                            .mono_us = now.mono_us,
                            .event = event,
                            .length = (uint32_t)strlen(text)};
    push(worker, &sample, text, false);
}

void report_round(struct worker *worker)
{
    struct schedule_now now = worker_now(worker);
    struct sample sample = {.kind = SAMPLE_ROUND,
                            .instrument = SAMPLE_NO_INSTRUMENT,
                            .t_us = now.wall_us,
                            .mono_us = now.mono_us};
    push(worker, &sample, NULL, true);
}

static void describe_fault(const struct exchange *exchange, const struct request *request,
                           char out[64])
{
    char word[48];
    switch (exchange->outcome) {
    case EXCHANGE_EXCEPTION:
        snprintf(word, sizeof word, "exception-%d", exchange->answer.exception);
        break;
    case EXCHANGE_DAMAGED:
        snprintf(word, sizeof word, "%s", frame_state_text(exchange->answer.state));
        break;
    case EXCHANGE_LOST: snprintf(word, sizeof word, "disconnected"); break;
    default: snprintf(word, sizeof word, "timeout"); break;
    }
    if (request) {
        snprintf(out, 64, "%s at 0x%04x", word, request->address);
    } else {
        snprintf(out, 64, "%s", word);
    }
}

// Adds the time of an exchange, cut where a second ends: each second has its own sum.
static void add_busy(struct worker *worker, int64_t from_ns, int64_t to_ns)
{
    for (int64_t at = from_ns; at < to_ns;) {
        int64_t second = at / SECOND_NS, end = (second + 1) * SECOND_NS;
        size_t slot = (size_t)(second % LOAD_SECONDS);
        end = end < to_ns ? end : to_ns;
        if (worker->busy_second[slot] != second) {
            worker->busy_second[slot] = second;
            worker->busy_ns[slot] = 0;
        }
        worker->busy_ns[slot] += end - at;
        at = end;
    }
}

void report_exchange(struct worker *worker, struct instrument *instrument,
                     const struct request *request, const struct exchange *exchange)
{
    bool good = exchange->outcome == EXCHANGE_OK;
    int64_t end = worker->port.unsettled && worker->port.late_until_ns > exchange->ended_ns
                      ? worker->port.late_until_ns
                      : exchange->ended_ns;
    pthread_mutex_lock(&worker->lock);
    worker->status.exchanges++;
    add_busy(worker, exchange->sent_ns, end);
    instrument->status.healthy = good;
    if (good) {
        instrument->status.last_round_trip_us = (exchange->ended_ns - exchange->sent_ns) / 1000;
        instrument->status.last_fault[0] = '\0';
    } else {
        worker->status.faults++;
        describe_fault(exchange, request, instrument->status.last_fault);
        snprintf(worker->status.last_fault, sizeof worker->status.last_fault, "%s: %s",
                 instrument->config->name, instrument->status.last_fault);
    }
    pthread_mutex_unlock(&worker->lock);
}

void report_connected(struct worker *worker, bool connected, const char *fault)
{
    pthread_mutex_lock(&worker->lock);
    worker->status.connected = connected;
    if (fault) {
        snprintf(worker->status.last_fault, sizeof worker->status.last_fault, "%s", fault);
    }
    for (size_t i = 0; i < worker->count && !connected; i++) {
        worker->instruments[i].status.healthy = false;
    }
    pthread_mutex_unlock(&worker->lock);
}

void report_health(struct worker *worker, struct instrument *instrument)
{
    pthread_mutex_lock(&worker->lock);
    instrument->status.quarantined = instrument->quarantine.held;
    instrument->status.identity_mismatch = instrument->identity_mismatch;
    pthread_mutex_unlock(&worker->lock);
}

double report_load(const struct worker *worker, int64_t now_ns)
{
    int64_t busy = 0;
    for (size_t i = 0; i < LOAD_SECONDS; i++) {
        int64_t age = now_ns / SECOND_NS - worker->busy_second[i];
        busy += age >= 0 && age < LOAD_SECONDS ? worker->busy_ns[i] : 0;
    }
    double load = (double)busy / (double)(LOAD_SECONDS * SECOND_NS);
    return load > 1 ? 1 : load;
}
