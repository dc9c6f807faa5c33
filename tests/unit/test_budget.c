// What tally budget reads of a ledger: how fast a point changed lately.
#include "record_bench.h"

#include "../../tools/tally/certificates/budget_slope.c"

#define SECOND_US INT64_C(1000000)

// Readings each 10 s: 220.0 V, 0.1 V more at each, and a second instrument that stands still.
static void record(struct record_bench *b, int count)
{
    struct ledger_bench *l = b->ledger;
    b->config.gateway.block_readings = 30;
    bench_start_recorder(b);
    for (int i = 0; i < count; i++) {
        uint8_t wire[sizeof meter_wire];
        memcpy(wire, meter_wire, sizeof wire);
        wire[0] = (uint8_t)((2200 + i) >> 8);
        wire[1] = (uint8_t)(2200 + i);
        struct sample sample = {.kind = SAMPLE_REGISTERS,
                                .request = &meter_request,
                                .t_us = l->clock.wall_us + 10 * SECOND_US * i,
                                .half_window_us = 400 + i % 3,
                                .mono_us = l->clock.mono_us,
                                .length = 8};
        assert_int_equal(sample_queue_push(b->queue, &sample, wire, true), OK);
        sample.instrument = 1;
        assert_int_equal(sample_queue_push(b->queue, &sample, meter_wire, true), OK);
    }
    sample_queue_close(b->queue);
    recorder_stop(b->recorder);
    sample_queue_free(b->queue);
    b->recorder = NULL;
    b->queue = NULL;
}

static void slope_is_of_the_last_hour(void **state)
{
    struct record_bench *b = *state;
    const int count = 400; // 3,990 s
    record(b, count);
    struct budget_slope slope = budget_slope_read(b->ledger->directory, "main-meter.voltage-l1");
    int64_t last_us = b->ledger->clock.wall_us + (count - 1) * 10 * SECOND_US;
    assert_int_equal(slope.readings, 361);
    assert_true(slope.to_us == last_us && slope.from_us == last_us - HOUR_US);
    assert_true(fabs(slope.per_s - 0.01) < 1e-9);
    assert_int_equal(slope.half_window_us, 402);
    slope = budget_slope_read(b->ledger->directory, "oven.voltage-l1");
    assert_true(slope.readings == 361 && slope.per_s == 0);
}

static void too_few_readings_have_no_slope(void **state)
{
    struct record_bench *b = *state;
    record(b, 6); // 50 s
    struct budget_slope slope = budget_slope_read(b->ledger->directory, "main-meter.voltage-l1");
    assert_true(slope.readings == 6 && isnan(slope.per_s));
    slope = budget_slope_read(b->ledger->directory, "main-meter.none");
    assert_true(slope.readings == 0 && isnan(slope.per_s));
    slope = budget_slope_read("/nonexistent", "main-meter.voltage-l1");
    assert_true(slope.readings == 0 && isnan(slope.per_s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(slope_is_of_the_last_hour, record_setup, record_teardown),
        cmocka_unit_test_setup_teardown(too_few_readings_have_no_slope, record_setup,
                                        record_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
