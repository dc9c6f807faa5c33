// simulated_day CONFIGURATION FROM_S: a day of two shifts in seconds, for the demo: what meters
// would have answered in the 24 hours from FROM_S (POSIX seconds) on goes through the gateway's own
// recorder, by a clock of its own, into the ledger of that configuration.
//
// Each instrument is a meter of which `active-power` (W) and `active-energy-import` (kWh) are read,
// in float32 registers, high word first. The first one does not answer from 12:50 to 13:30.

#include "bus/plan.h"
#include "record/recorder.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_US       (INT64_C(86400) * 1000000)
#define LEAD_US      (INT64_C(120) * 1000000) // before and after, so that the day's ends have readings
#define ERROR_US     1500                     // of the clock
#define WINDOW_US    4200
#define SILENT_US    (INT64_C(770) * 60 * 1000000) // 12:50 …
#define SILENT_UP_US (INT64_C(810) * 60 * 1000000) // … to 13:30

// A clock that stands where it is put.
struct put_clock {
    struct clock clock; // first
    _Atomic int64_t wall_us;
};

struct day {
    struct put_clock clock;
    int64_t from_us;
    struct config *config;
    struct ledger *ledger;
    struct shelf shelf;
    struct calibrations *calibrations;
    struct definitions *definitions;
    struct sample_queue *queue;
    struct recorder *recorder;
    struct plan **plans; // of each instrument
    double *counted_kwh;
    uint64_t taken;
};

static int64_t wall_us(const struct clock *clock)
{
    return atomic_load(&((const struct put_clock *)(const void *)clock)->wall_us);
}

static int64_t mono_us(const struct clock *clock)
{
    return wall_us(clock); // it is never set
}

static void clock_quality(const struct clock *clock, struct clock_state *state)
{
    (void)clock;
    *state = (struct clock_state){.synchronised = true, .error_us = ERROR_US};
}

// --- the works ----------------------------------------------------------------------------------

// Two shifts from 6 to 22 o'clock with a break each, a base load at night, machines that come and
// go.
static double power_w(size_t meter, int64_t in_day_us)
{
    double hour = (double)in_day_us / 3.6e9;
    double shift = hour >= 6 && hour < 22 ? 1 : 0.12;
    double pause = (hour >= 11.5 && hour < 12.25) || (hour >= 17.5 && hour < 18) ? 0.45 : 1;
    double wander = 1 + 0.08 * sin(hour * 9.1 + (double)meter) + 0.05 * sin(hour * 41.3);
    return (meter ? 14000 : 52000) * shift * pause * wander;
}

static void put_float(uint8_t *wire, double value)
{
    float number = (float)value;
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    for (int i = 0; i < 4; i++) {
        wire[i] = (uint8_t)(bits >> (24 - 8 * i));
    }
}

// The registers of one answer.
static void answer(const struct day *day, size_t meter, const struct request *request,
                   int64_t in_day_us, uint8_t *wire)
{
    memset(wire, 0, 2 * (size_t)request->count);
    for (size_t i = 0; i < request->slot_count; i++) {
        const struct driver_quantity *quantity =
            day->config->instruments[meter].quantities[request->slots[i]];
        bool energy = strcmp(quantity->kind, "energy") == 0;
        put_float(wire + 2 * (size_t)(quantity->address - request->address),
                  energy ? 18230.4 + day->counted_kwh[meter] : power_w(meter, in_day_us));
    }
}

// --- recording ----------------------------------------------------------------------------------

static void poll_meter(struct day *day, size_t meter, int64_t t_us)
{
    const struct plan *plan = day->plans[meter];
    int64_t in_day_us = t_us - day->from_us;
    bool silent = meter == 0 && in_day_us >= SILENT_US && in_day_us < SILENT_UP_US;
    for (size_t i = 0; i < plan->request_count; i++) {
        const struct request *request = plan->requests[i];
        uint8_t wire[2 * REQUEST_REGISTERS_MAX];
        struct sample sample = {.kind = silent ? SAMPLE_MISSED : SAMPLE_REGISTERS,
                                .instrument = (uint32_t)meter,
                                .request = request,
                                .t_us = t_us,
                                .half_window_us = WINDOW_US,
                                .mono_us = t_us,
                                .miss = MISS_TIMEOUT,
                                .length = silent ? 0 : 2 * (uint32_t)request->count};
        answer(day, meter, request, in_day_us, wire);
        sample_queue_push(day->queue, &sample, wire, true);
        day->taken += silent ? 0 : request->slot_count;
    }
}

// The clock must not run ahead of the recorder.
static void await_recorder(struct day *day)
{
    struct recorder_status status;
    do {
        recorder_status(day->recorder, &status);
    } while (status.readings < day->taken);
}

static void live(struct day *day)
{
    int64_t every_us = day->config->instruments[0].every_us;
    for (int64_t t_us = day->from_us - LEAD_US; t_us < day->from_us + DAY_US + LEAD_US;
         t_us += every_us) {
        atomic_store(&day->clock.wall_us, t_us + WINDOW_US);
        for (size_t meter = 0; meter < day->config->instrument_count; meter++) {
            day->counted_kwh[meter] +=
                power_w(meter, t_us - day->from_us) * (double)every_us / 3.6e12;
            poll_meter(day, meter, t_us + 2000 * (int64_t)meter);
        }
        await_recorder(day);
    }
}

// --- the parts ----------------------------------------------------------------------------------

static int make_plans(struct day *day, struct why *why)
{
    size_t count = day->config->instrument_count;
    day->plans = calloc(count, sizeof(struct plan *));
    day->counted_kwh = calloc(count, sizeof *day->counted_kwh);
    int error = day->plans && day->counted_kwh ? OK : why_set(why, ERROR_MEMORY, "out of memory");
    for (size_t i = 0; !error && i < count; i++) {
        error = plan_make(&day->plans[i], &day->config->instruments[i], why);
    }
    return error;
}

static int start(struct day *day, struct faults *faults, struct why *why)
{
    const struct config *config = day->config;
    const struct ledger_options options = {.directory = config->gateway.data,
                                           .site_code = config->site.code,
                                           .gateway_name = config->gateway.name,
                                           .clock = &day->clock.clock};
    char folder[4096];
    struct ledger_opening opening;
    int error = make_plans(day, why);
    error = error ? error : ledger_open(&day->ledger, &options, &opening, why);
    snprintf(folder, sizeof folder, "%s/" SHELF_FOLDER, config->gateway.data);
    error = error ? error : shelf_load(&day->shelf, folder, faults, why);
    error = error ? error : calibrations_make(&day->calibrations, config, &day->shelf, faults, why);
    error = error ? error
                  : definitions_make(&day->definitions, config, day->calibrations, day->ledger,
                                     ledger_size(day->ledger), why);
    error = error ? error : sample_queue_make(&day->queue, 1u << 20);
    const struct recorder_options recording = {.config = config,
                                               .definitions = day->definitions,
                                               .calibrations = day->calibrations,
                                               .ledger = day->ledger,
                                               .queue = day->queue,
                                               .clock = &day->clock.clock};
    return error ? error : recorder_start(&day->recorder, &recording, why);
}

static void stop(struct day *day)
{
    if (day->queue) {
        sample_queue_close(day->queue);
    }
    recorder_stop(day->recorder);
    sample_queue_free(day->queue);
    definitions_free(day->definitions);
    calibrations_free(day->calibrations);
    shelf_free(&day->shelf);
    ledger_close(day->ledger);
    for (size_t i = 0; day->plans && i < day->config->instrument_count; i++) {
        plan_free(day->plans[i]);
    }
    free(day->plans);
    free(day->counted_kwh);
    config_free(day->config);
}

int main(int argc, char **argv)
{
    char *end = NULL;
    long long from_s = argc == 3 ? strtoll(argv[2], &end, 10) : 0;
    if (argc != 3 || *end || from_s <= 0 || from_s > INT64_C(253402300799)) { // the year 9999
        fprintf(stderr, "usage: simulated_day CONFIGURATION FROM_S\n");
        return 2;
    }
    struct day day = {.clock = {.clock = {wall_us, mono_us, clock_quality}},
                      .from_us = from_s * 1000000};
    struct faults faults = {0};
    struct why why = {""};
    atomic_store(&day.clock.wall_us, day.from_us - LEAD_US);
    int error = config_load(&day.config, argv[1], NULL, &faults);
    error = error ? error : start(&day, &faults, &why);
    error = error || !faults.count ? error : ERROR_INPUT; // a certificate that is at fault
    if (error) {
        for (size_t i = 0; i < faults.count; i++) {
            fprintf(stderr, "simulated_day: %s\n", faults.lines[i]);
        }
        fprintf(stderr, "simulated_day: %s\n", why.text);
    } else {
        live(&day);
        printf("%llu readings\n", (unsigned long long)day.taken);
    }
    faults_free(&faults);
    stop(&day);
    return error ? 1 : 0;
}
