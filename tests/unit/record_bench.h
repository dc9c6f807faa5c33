// What the tests of the recorder and of the definitions share: a configuration made by hand, of two
// instruments on one bus, and a ledger.
#ifndef TALLY_TESTS_RECORD_BENCH_H
#define TALLY_TESTS_RECORD_BENCH_H

#include "ledger_bench.h"

#include "record/definitions.h"
#include "record/recorder.h"

// A power meter's driver: two voltages, one energy, a status register.
static const struct driver_status meter_statuses[] = {{.function = 3, .address = 10, .mask = 1}};
static const struct driver_quantity meter_quantities[] = {
    {.name = "voltage-l1",
     .unit = "V",
     .kind = "voltage",
     .function = 3,
     .address = 0,
     .count = 1,
     .type = TYPE_UINT16,
     .scale = {1, false, -1},
     .ratio_pt = true,
     .has_resolution = true,
     .resolution = {1, false, -1}},
    {.name = "voltage-l2",
     .unit = "V",
     .kind = "voltage",
     .function = 3,
     .address = 1,
     .count = 1,
     .type = TYPE_UINT16,
     .scale = {1, false, -1},
     .ratio_pt = true},
    {.name = "energy",
     .unit = "kWh",
     .kind = "energy",
     .function = 3,
     .address = 2,
     .count = 2,
     .type = TYPE_FLOAT32,
     .order = ORDER_LOW_WORD,
     .scale = {1, false, 0}},
};
static const uint16_t meter_slots[] = {0, 1, 2};
static const struct request meter_request = {
    .function = 3, .address = 0, .count = 4, .slot_count = 3, .slots = meter_slots};
static const struct request status_request = {
    .function = 3, .address = 10, .count = 1, .is_status = true};
// 230.1 V, 229.9 V, 12.5 kWh
static const uint8_t meter_wire[] = {0x08, 0xfd, 0x08, 0xfb, 0x00, 0x00, 0x41, 0x48};

struct record_bench {
    struct ledger_bench *ledger;
    struct driver driver;
    struct driver *drivers[1];
    const struct driver_quantity *polled[3];
    struct config_bus bus;
    struct config_instrument instruments[2];
    struct config config;
    struct shelf shelf; // empty, unless a test fills it
    struct faults faults;
    struct calibrations *calibrations;
    struct definitions *definitions;
    struct sample_queue *queue;
    struct alarms *alarms;     // NULL: none
    struct bulletin *bulletin; // likewise
    struct recorder *recorder;
};

static inline struct config_instrument bench_instrument(struct record_bench *b, const char *name,
                                                        uint8_t unit)
{
    return (struct config_instrument){.name = name,
                                      .unit = unit,
                                      .driver = &b->driver,
                                      .serial = "20114532",
                                      .every_us = 1000000,
                                      .ratio_pt = {1, false, 0},
                                      .ratio_ct = {1, false, 0},
                                      .quantity_count = 3,
                                      .quantities = b->polled};
}

static inline void bench_configure(struct record_bench *b)
{
    b->driver = (struct driver){.id = "meter",
                                .maker = "Maker",
                                .model = "M1",
                                .bytes = "driver: meter\n",
                                .length = 14,
                                .status_count = 1,
                                .statuses = meter_statuses,
                                .quantity_count = 3,
                                .quantities = meter_quantities};
    b->driver.hash = digest_of(NULL, 0, b->driver.bytes, b->driver.length);
    b->drivers[0] = &b->driver;
    for (int i = 0; i < 3; i++) {
        b->polled[i] = &meter_quantities[i];
    }
    b->bus = (struct config_bus){.name = "rs485-1"};
    b->instruments[0] = bench_instrument(b, "main-meter", 1);
    b->instruments[1] = bench_instrument(b, "oven", 2);
    b->config =
        (struct config){.document = {.bytes = (char *)"site: x\n", .length = 8},
                        .site = {.name = "Site", .code = SITE, .time_zone = "Asia/Shanghai"},
                        .gateway = {.name = GATEWAY,
                                    .data = b->ledger->directory,
                                    .block_interval_us = 10000000,
                                    .block_readings = 1000},
                        .bus_count = 1,
                        .instrument_count = 2,
                        .driver_count = 1,
                        .buses = &b->bus,
                        .instruments = b->instruments,
                        .drivers = b->drivers};
    b->config.hash = digest_of(NULL, 0, b->config.document.bytes, b->config.document.length);
}

// Calibrations and definitions, in place of those there are.
static inline int bench_define(struct record_bench *b, uint64_t from_n)
{
    struct why *why = &b->ledger->why;
    definitions_free(b->definitions);
    calibrations_free(b->calibrations);
    b->definitions = NULL;
    int error = calibrations_make(&b->calibrations, &b->config, &b->shelf, &b->faults, why);
    return error ? error
                 : definitions_make(&b->definitions, &b->config, b->calibrations, b->ledger->ledger,
                                    from_n, why);
}

// A certificate for voltage-l1, 220 to 240 V, of 2026-03-02, due on 2027-03-01: the shelf's only
// one. U 0.2 V, k = 2; errors from 0.2 to 0.4 V.
static inline void bench_certify(struct record_bench *b)
{
    static struct certificate_point points[] = {{220, 0.2, 0.2, 2}, {240, 0.4, 0.2, 2}};
    static struct certificate_quantity quantity = {
        .name = "voltage-l1", .unit = "V", .points = points, .point_count = 2};
    static struct certificate certificate = {.id = "C1",
                                             .serial = "20114532",
                                             .performed = 20514,
                                             .due = 20878,
                                             .valid_until = CERTIFICATE_NO_DATE,
                                             .quantities = &quantity,
                                             .quantity_count = 1};
    static struct shelf_entry entry = {
        .certificate = &certificate,
        .name = (char *)"c.yaml",
        .bytes = {.data = (char *)"certificate: C1\n", .length = 16, .capacity = 17, .max = 17}};
    certificate.hash = digest_of(NULL, 0, entry.bytes.data, entry.bytes.length);
    b->shelf = (struct shelf){.entries = &entry, .count = 1};
}

// With what of `b` there is; calibrations and definitions are made where there are none.
static inline void bench_start_recorder(struct record_bench *b)
{
    struct ledger_bench *l = b->ledger;
    if (!b->definitions) {
        assert_int_equal(bench_define(b, ledger_size(l->ledger)), OK);
    }
    assert_int_equal(sample_queue_make(&b->queue, 1 << 20), OK);
    struct recorder_options options = {.config = &b->config,
                                       .definitions = b->definitions,
                                       .calibrations = b->calibrations,
                                       .ledger = l->ledger,
                                       .queue = b->queue,
                                       .clock = &l->clock.clock,
                                       .alarms = b->alarms,
                                       .bulletin = b->bulletin};
    assert_int_equal(recorder_start(&b->recorder, &options, &l->why), OK);
}

static inline int record_setup(void **state)
{
    struct record_bench *b = calloc(1, sizeof *b);
    void *ledger = NULL;
    bench_setup(&ledger);
    b->ledger = ledger;
    bench_configure(b);
    bench_open(b->ledger);
    *state = b;
    return 0;
}

static inline int record_teardown(void **state)
{
    struct record_bench *b = *state;
    void *ledger = b->ledger;
    if (b->queue) {
        sample_queue_close(b->queue);
    }
    recorder_stop(b->recorder);
    sample_queue_free(b->queue);
    alarms_free(b->alarms);
    bulletin_free(b->bulletin);
    definitions_free(b->definitions);
    calibrations_free(b->calibrations);
    faults_free(&b->faults);
    free(b);
    return bench_teardown(&ledger);
}

#endif
