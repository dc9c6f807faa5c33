#include "base/clock.h"
#include "bus/identity.h"
#include "bus/worker.h"

#include <string.h>

#define SERIAL_MAX 128

// One exchange of its own. False when nothing was learned now: it is tried at the next poll.
static bool ask(struct worker *worker, struct instrument *instrument, struct frame_request *request)
{
    struct exchange *exchange = &worker->identity_exchange;
    int64_t ready_ns = clock_wait_ns() + instrument->config->driver->min_interval_us * 1000;
    if (!port_is_open(&worker->port) || worker->port.unsettled ||
        wake_sleep(&worker->wake, ready_ns) != OK) {
        return false;
    }
    request->unit = instrument->config->unit;
    exchange_run(exchange, &worker->port, &worker->wake, worker->common->clock, request);
    instrument->ready_ns = exchange->ended_ns + instrument->config->driver->min_interval_us * 1000;
    if (exchange->outcome == EXCHANGE_STOPPED) {
        return false;
    }
    report_exchange(worker, instrument, NULL, exchange);
    if (exchange->outcome == EXCHANGE_LOST) {
        worker_lose_bus(worker, exchange->lost_errno ? strerror(exchange->lost_errno)
                                                     : "the other side closed the connection");
    }
    return exchange->outcome == EXCHANGE_OK || exchange->outcome == EXCHANGE_EXCEPTION;
}

static void compare_serial(struct worker *worker, struct instrument *instrument)
{
    const struct driver_quantity *serial = &instrument->config->driver->serial;
    const char *declared = instrument->config->serial ? instrument->config->serial : "";
    struct text read = text_make(SERIAL_MAX);
    worker->common->format_serial(serial, worker->identity_exchange.answer.data, &read);
    const char *number = read.data && !read.failed ? read.data : "";
    instrument->identity_mismatch = *declared && !identity_same(declared, number);
    if (!*declared) {
        report_event(worker, instrument, EVENT_INSTRUMENT_IDENTITY,
                     "serial number read: \"%s\"; none is declared", number);
    } else if (instrument->identity_mismatch) {
        report_event(
            worker, instrument, EVENT_INSTRUMENT_IDENTITY,
            "mismatch: serial number read \"%s\", declared \"%s\"; its readings are marked", number,
            declared);
    } else {
        report_event(worker, instrument, EVENT_INSTRUMENT_IDENTITY,
                     "serial number read and matched: \"%s\"", number);
    }
    text_free(&read);
    report_health(worker, instrument);
}

static bool read_serial(struct worker *worker, struct instrument *instrument)
{
    const struct driver *driver = instrument->config->driver;
    struct frame_request request = {.function = driver->serial.function,
                                    .address = driver->serial.address,
                                    .count = driver->serial.count};
    if (!driver->has_serial || !worker->common->format_serial) {
        return true;
    }
    if (!ask(worker, instrument, &request)) {
        return false;
    }
    if (worker->identity_exchange.outcome == EXCHANGE_EXCEPTION) {
        report_event(worker, instrument, EVENT_INSTRUMENT_IDENTITY,
                     "serial number not readable (exception-%d): identity stays as declared",
                     worker->identity_exchange.answer.exception);
        return true;
    }
    compare_serial(worker, instrument);
    return true;
}

static bool read_server_id(struct worker *worker, struct instrument *instrument)
{
    struct frame_request request = {.function = FUNCTION_REPORT_SERVER_ID};
    char text[4 * FRAME_MAX];
    if (!instrument->config->driver->report_id) {
        return true;
    }
    if (!ask(worker, instrument, &request)) {
        return false;
    }
    const struct frame_answer *answer = &worker->identity_exchange.answer;
    if (worker->identity_exchange.outcome == EXCHANGE_OK) {
        identity_describe(answer->data, answer->data_length, text, sizeof text);
        report_event(worker, instrument, EVENT_INSTRUMENT_IDENTITY, "server id: \"%s\"", text);
    } else {
        report_event(worker, instrument, EVENT_INSTRUMENT_IDENTITY,
                     "server id not readable (exception-%d)", answer->exception);
    }
    return true;
}

void identify_when_due(struct worker *worker, struct instrument *instrument)
{
    const struct driver *driver = instrument->config->driver;
    if (!driver->has_serial && !driver->report_id) {
        return;
    }
    int64_t now_us = clock_mono_us(worker->common->clock);
    if (!instrument->identity_due && now_us < instrument->identity_at_us) {
        return;
    }
    bool done = read_serial(worker, instrument) && read_server_id(worker, instrument);
    if (!done && ++instrument->identity_tries < IDENTITY_TRIES) {
        instrument->identity_due = true;
        return;
    }
    if (!done) {
        report_event(worker, instrument, EVENT_INSTRUMENT_IDENTITY,
                     "identity not readable (no answer to %d attempts): stays as declared",
                     IDENTITY_TRIES);
    }
    instrument->identity_due = false;
    instrument->identity_tries = 0;
    instrument->identity_at_us = now_us + IDENTITY_EVERY_US;
}
