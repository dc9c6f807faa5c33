// From samples to durable blocks, by a clock that stands where it is put.
#include "record_bench.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

static void stop(struct record_bench *b)
{
    sample_queue_close(b->queue);
    recorder_stop(b->recorder);
    sample_queue_free(b->queue);
    b->recorder = NULL;
    b->queue = NULL;
}

static struct sample sample_of(struct record_bench *b, const struct request *request)
{
    return (struct sample){.kind = SAMPLE_REGISTERS,
                           .request = request,
                           .t_us = b->ledger->clock.wall_us,
                           .half_window_us = 420,
                           .mono_us = b->ledger->clock.mono_us,
                           .length = 2 * (uint32_t)request->count};
}

static void push(struct record_bench *b, struct sample sample, const void *payload)
{
    assert_int_equal(sample_queue_push(b->queue, &sample, payload, true), OK);
}

static void push_meter(struct record_bench *b)
{
    push(b, sample_of(b, &meter_request), meter_wire);
}

static void push_round(struct record_bench *b)
{
    push(b, (struct sample){.kind = SAMPLE_ROUND}, NULL);
}

// Waits (5 s at most) until the ledger holds `size` blocks.
static void await_size(struct record_bench *b, uint64_t size)
{
    for (int i = 0; i < 500 && ledger_size(b->ledger->ledger) < size; i++) {
        usleep(10000);
    }
    assert_int_equal(ledger_size(b->ledger->ledger), size);
}

static void await_readings(struct record_bench *b, uint64_t readings)
{
    struct recorder_status status = {0};
    for (int i = 0; i < 500 && status.readings < readings; i++) {
        usleep(10000);
        recorder_status(b->recorder, &status);
    }
    assert_int_equal(status.readings, readings);
}

static void read_block(struct record_bench *b, uint64_t n, struct block_view *view)
{
    struct ledger_bench *l = b->ledger;
    bench_read(l);
    if (ledger_reader_block(l->reader, n, &l->bytes, &l->why) != OK ||
        block_parse(view, l->bytes.data, l->bytes.length, &l->why) != OK) {
        fail_msg("block %d: %s", (int)n, l->why.text);
    }
}

static void assert_text(const char *text, uint32_t length, const char *expected)
{
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(text, expected, length);
}

static void sample_becomes_readings_of_a_durable_block(void **state)
{
    struct record_bench *b = *state;
    struct block_view view = {0};
    bench_start_recorder(b);
    push_meter(b);
    stop(b);
    read_block(b, 0, &view);
    assert_int_equal(view.reading_count, 3);
    assert_memory_equal(&view.definitions, &b->definitions->hash, DIGEST_SIZE);
    const struct block_reading *r = view.readings;
    assert_true(r[0].point == 1 && r[1].point == 2 && r[2].point == 3);
    assert_true(r[0].t_us == T0_US && r[0].half_window_us == 420);
    assert_text(r[0].raw, r[0].raw_digits, "08fd");
    assert_text(r[0].indication, r[0].indication_length, "230.1");
    assert_text(r[2].raw, r[2].raw_digits, "00004148");
    assert_text(r[2].indication, r[2].indication_length, "12.5");
    assert_text(r[2].corrected, r[2].corrected_length, "null");
    assert_int_equal(r[0].flags, FLAG_NO_CERTIFICATE);
    block_view_free(&view);
}

static void block_states_the_greatest_error_of_the_clock_while_it_was_filled(void **state)
{
    struct record_bench *b = *state;
    struct block_view view = {0};
    b->ledger->clock.error_us = 5000;
    bench_start_recorder(b);
    push_meter(b);
    await_readings(b, 3);
    b->ledger->clock.mono_us += 1500000;
    b->ledger->clock.error_us = 9000;
    push_meter(b);
    await_readings(b, 6);
    b->ledger->clock.error_us = 70; // the clock was just put right
    push_round(b);
    stop(b);
    read_block(b, 0, &view);
    assert_int_equal(view.reading_count, 6);
    assert_int_equal(view.clock.error_us, 9000);
    block_view_free(&view);
}

static void nothing_is_written_when_nothing_happened(void **state)
{
    struct record_bench *b = *state;
    bench_start_recorder(b);
    push_round(b);
    b->ledger->clock.mono_us += 60000000;
    usleep(700000); // beyond the recorder's longest sleep
    stop(b);
    assert_int_equal(ledger_size(b->ledger->ledger), 0);
}

static void block_closes_at_the_interval_after_its_first_reading(void **state)
{
    struct record_bench *b = *state;
    bench_start_recorder(b);
    push_meter(b);
    await_readings(b, 3);
    b->ledger->clock.mono_us += 9999999;
    push_meter(b);
    await_readings(b, 6);
    usleep(50000);
    assert_int_equal(ledger_size(b->ledger->ledger), 0);
    b->ledger->clock.mono_us += 1;
    await_size(b, 1);
}

static void events_alone_close_a_block_too(void **state)
{
    struct record_bench *b = *state;
    struct block_view view = {0};
    bench_start_recorder(b);
    recorder_event(b->recorder, "gateway.started", "gw-01", "version %d", 7);
    b->ledger->clock.mono_us += 10000000;
    await_size(b, 1);
    read_block(b, 0, &view);
    assert_int_equal(view.event_count, 1);
    assert_text(view.events[0].kind, view.events[0].kind_length, "gateway.started");
    assert_text(view.events[0].text, view.events[0].text_length, "version 7");
    block_view_free(&view);
}

static void block_closes_at_its_number_of_readings_exactly(void **state)
{
    struct record_bench *b = *state;
    struct block_view view = {0};
    b->config.gateway.block_readings = 10;
    bench_start_recorder(b);
    for (int i = 0; i < 7; i++) {
        push_meter(b);
    }
    await_size(b, 2);
    stop(b);
    for (uint64_t n = 0; n < 3; n++) {
        read_block(b, n, &view);
        assert_int_equal(view.reading_count, n < 2 ? 10 : 1);
    }
    block_view_free(&view);
}

static void round_closes_a_block_where_prompt_is_asked_for(void **state)
{
    struct record_bench *b = *state;
    b->config.gateway.prompt = true;
    bench_start_recorder(b);
    push_meter(b);
    push_round(b);
    await_size(b, 1);
    push_round(b);
    push_meter(b);
    push_round(b);
    await_size(b, 2);
}

static void round_closes_nothing_without_prompt(void **state)
{
    struct record_bench *b = *state;
    bench_start_recorder(b);
    push_meter(b);
    push_round(b);
    push_meter(b);
    await_readings(b, 6);
    usleep(50000);
    assert_int_equal(ledger_size(b->ledger->ledger), 0);
}

static void miss_is_recorded_for_each_point_of_the_request(void **state)
{
    struct record_bench *b = *state;
    struct block_view view = {0};
    bench_start_recorder(b);
    struct sample sample = sample_of(b, &meter_request);
    sample.kind = SAMPLE_MISSED;
    sample.instrument = 1;
    sample.miss = MISS_EXCEPTION;
    sample.miss_detail = 2;
    sample.length = 0;
    push(b, sample, NULL);
    stop(b);
    read_block(b, 0, &view);
    assert_int_equal(view.missed_count, 3);
    assert_int_equal(view.missed[0].point, 4);
    assert_int_equal(view.missed[2].point, 6);
    assert_text(view.missed[1].word, view.missed[1].word_length, "exception-2");
    block_view_free(&view);
}

static void event_of_the_bus_is_recorded_with_its_subject(void **state)
{
    struct record_bench *b = *state;
    struct block_view view = {0};
    struct sample sample = {.kind = SAMPLE_EVENT,
                            .event = EVENT_INSTRUMENT_SILENT,
                            .instrument = 1,
                            .t_us = T0_US + 5,
                            .mono_us = 1000005,
                            .length = 4};
    bench_start_recorder(b);
    push(b, sample, "text");
    sample.event = EVENT_BUS_LOST;
    sample.instrument = SAMPLE_NO_INSTRUMENT;
    push(b, sample, "gone");
    stop(b);
    read_block(b, 0, &view);
    assert_int_equal(view.event_count, 2);
    assert_true(view.events[0].t_us == T0_US + 5);
    assert_text(view.events[0].kind, view.events[0].kind_length, "instrument.silent");
    assert_text(view.events[0].subject, view.events[0].subject_length, "oven");
    assert_text(view.events[0].text, view.events[0].text_length, "text");
    assert_text(view.events[1].kind, view.events[1].kind_length, "bus.lost");
    assert_text(view.events[1].subject, view.events[1].subject_length, "rs485-1");
    block_view_free(&view);
}

static void flags_say_clock_identity_and_leap_second(void **state)
{
    struct record_bench *b = *state;
    struct block_view view = {0};
    b->ledger->clock.synchronised = false;
    b->ledger->clock.leap = 1;
    bench_start_recorder(b);
    struct sample sample = sample_of(b, &meter_request);
    sample.identity_mismatch = true;
    push(b, sample, meter_wire);
    sample.identity_mismatch = false;
    sample.t_us = (T0_US / DAY_US + 1) * DAY_US - 1000000; // 23:59:59
    push(b, sample, meter_wire);
    sample.t_us--;
    push(b, sample, meter_wire);
    await_readings(b, 9);
    // After midnight the kernel announces nothing any more.
    b->ledger->clock.synchronised = true;
    b->ledger->clock.leap = 0;
    sample.mono_us += 1000000;
    sample.t_us = (T0_US / DAY_US + 1) * DAY_US + 999999;
    push(b, sample, meter_wire);
    sample.t_us++;
    push(b, sample, meter_wire);
    stop(b);
    read_block(b, 0, &view);
    assert_int_equal(view.reading_count, 15);
    uint32_t unsure = FLAG_NO_CERTIFICATE | FLAG_CLOCK_UNSYNCHRONISED;
    assert_int_equal(view.readings[0].flags, unsure | FLAG_IDENTITY_MISMATCH);
    assert_int_equal(view.readings[3].flags, unsure | FLAG_LEAP_SECOND);
    assert_int_equal(view.readings[6].flags, unsure);
    assert_int_equal(view.readings[9].flags, FLAG_NO_CERTIFICATE | FLAG_LEAP_SECOND);
    assert_int_equal(view.readings[12].flags, FLAG_NO_CERTIFICATE);
    block_view_free(&view);
}

// The list of docs/FORMAT.md §1.1, one after the other. voltage-l1 has a certificate for 220 to
// 240 V, voltage-l2 a range of 0 to 300 V and a limit of 245 V, energy is a float; the instrument
// `oven` has a transformer ratio that nothing multiplies exactly.
static void each_flag_is_set_where_it_should_be(void **state)
{
    enum { NONE = FLAG_NO_CERTIFICATE, DAY_AFTER = 20879 }; // the last day on which it is in order
    enum how { USUAL, UNSYNCHRONISED, LEAP, OTHER, FAULT, OVEN };
    static const uint8_t usual[] = {0x08, 0xfd, 0x08, 0xfb, 0x00, 0x00, 0x41, 0x48};
    static const uint8_t above[] = {0x09, 0xc4, 0x08, 0xfb, 0x00, 0x00, 0x41, 0x48};  // 250.0 V
    static const uint8_t beyond[] = {0x08, 0xfd, 0x0b, 0xb9, 0x00, 0x00, 0x41, 0x48}; // 300.1 V
    static const uint8_t high[] = {0x08, 0xfd, 0x09, 0x93, 0x00, 0x00, 0x41, 0x48};   // 245.1 V
    static const uint8_t nan[] = {0x08, 0xfd, 0x08, 0xfb, 0x00, 0x00, 0x7f, 0xc0};
    const int64_t midnight_us = (T0_US / DAY_US + 1) * DAY_US;
    const struct {
        const char *what;
        const uint8_t *wire;
        int64_t t_us;
        uint32_t flags[3];
        enum how how;
    } rows[] = {
        {"nothing", usual, T0_US, {0, NONE, NONE}, USUAL},
        {"clock", usual, T0_US, {1, 1 | NONE, 1 | NONE}, UNSYNCHRONISED},
        {"leap second", usual, midnight_us - 1, {2, 2 | NONE, 2 | NONE}, LEAP},
        {"due", usual, DAY_AFTER * DAY_US - 1, {0, NONE, NONE}, USUAL},
        {"overdue", usual, DAY_AFTER * DAY_US, {8, NONE, NONE}, USUAL},
        {"calibrated range", above, T0_US, {16, NONE, NONE}, USUAL},
        {"instrument's range", beyond, T0_US, {0, 32 | 256 | NONE, NONE}, USUAL},
        {"not a number", nan, T0_US, {0, NONE, 64 | NONE}, USUAL},
        {"fault", usual, T0_US, {64, 64 | NONE, 64 | NONE}, FAULT},
        {"identity", usual, T0_US, {128 | NONE, 128 | NONE, 128 | NONE}, OTHER},
        {"limit", high, T0_US, {0, 256 | NONE, NONE}, USUAL},
        {"inexact", usual, T0_US, {512 | NONE, 512 | NONE, NONE}, OVEN},
    };
    const size_t count = sizeof rows / sizeof rows[0];
    struct record_bench *b = *state;
    struct driver_quantity ranged = meter_quantities[1];
    const struct config_limits limit = {.has_bound[BOUND_MAX] = true,
                                        .bound[BOUND_MAX] = {245, false, 0},
                                        .back[BOUND_MAX] = {245, false, 0}};
    const struct config_limits *limits[3] = {NULL, &limit, NULL};
    struct block_view view = {0};
    ranged.has_range = true;
    ranged.range_max = (struct decimal){300, false, 0};
    b->polled[1] = &ranged;
    b->instruments[0].limits = limits;
    b->instruments[1].serial = "";
    b->instruments[1].ratio_pt = (struct decimal){12345678901234567891u, false, -19};
    bench_certify(b);
    assert_int_equal(bench_define(b, 0), OK);
    assert_int_equal(alarms_make(&b->alarms, &b->config, b->definitions, NULL, 0, &b->ledger->why),
                     OK);
    bench_start_recorder(b);
    for (size_t i = 0; i < count; i++) {
        struct sample sample = sample_of(b, &status_request);
        b->ledger->clock.synchronised = rows[i].how != UNSYNCHRONISED;
        b->ledger->clock.leap = rows[i].how == LEAP;
        sample.mono_us += (int64_t)(i + 1) * 2000000; // the clock's state is asked for anew
        push(b, sample, rows[i].how == FAULT ? "\x00\x01" : "\x00\x00");
        sample.request = &meter_request;
        sample.length = sizeof meter_wire;
        sample.t_us = rows[i].t_us;
        sample.instrument = rows[i].how == OVEN;
        sample.identity_mismatch = rows[i].how == OTHER;
        push(b, sample, rows[i].wire);
        await_readings(b, 3 * (i + 1));
    }
    stop(b);
    read_block(b, 0, &view);
    assert_int_equal(view.reading_count, 3 * count);
    for (size_t i = 0; i < 3 * count; i++) {
        if (view.readings[i].flags != rows[i / 3].flags[i % 3]) {
            fail_msg("%s: quantity %zu has %u, not %u", rows[i / 3].what, i % 3,
                     (unsigned)view.readings[i].flags, (unsigned)rows[i / 3].flags[i % 3]);
        }
    }
    block_view_free(&view);
}

static void status_register_flags_the_readings_of_its_instrument(void **state)
{
    struct record_bench *b = *state;
    struct block_view view = {0};
    bench_start_recorder(b);
    push(b, sample_of(b, &status_request), "\x00\x01");
    push_meter(b);
    struct sample other = sample_of(b, &meter_request);
    other.instrument = 1;
    push(b, other, meter_wire);
    push(b, sample_of(b, &status_request), "\x00\x00");
    push_meter(b);
    stop(b);
    read_block(b, 0, &view);
    assert_int_equal(view.reading_count, 9);
    assert_int_equal(view.readings[0].flags, FLAG_NO_CERTIFICATE | FLAG_INSTRUMENT_FAULT);
    assert_int_equal(view.readings[3].flags, FLAG_NO_CERTIFICATE);
    assert_int_equal(view.readings[6].flags, FLAG_NO_CERTIFICATE);
    assert_int_equal(view.event_count, 2);
    assert_text(view.events[0].kind, view.events[0].kind_length, "instrument.fault");
    assert_text(view.events[1].kind, view.events[1].kind_length, "instrument.fault-cleared");
    block_view_free(&view);
}

static void limits_flag_readings_and_become_events(void **state)
{
    struct record_bench *b = *state;
    struct ledger_bench *l = b->ledger;
    struct block_view view = {0};
    const struct config_limits voltage = {.has_bound[BOUND_MAX] = true,
                                          .bound[BOUND_MAX] = {2300, false, -1},
                                          .back[BOUND_MAX] = {2300, false, -1},
                                          .silence_us = 60000000};
    const struct config_limits *limits[3] = {&voltage, NULL, NULL};
    b->instruments[1].limits = limits;
    assert_int_equal(bench_define(b, 0), OK);
    assert_int_equal(
        alarms_make(&b->alarms, &b->config, b->definitions, NULL, l->clock.mono_us, &l->why), OK);
    b->bulletin = bulletin_make();
    bulletin_begin(b->bulletin, ledger_origin(l->ledger));
    bench_start_recorder(b);
    recorder_event(b->recorder, "other", "x", "not told");
    struct sample sample = sample_of(b, &meter_request);
    push(b, sample, meter_wire); // of the other instrument
    sample.instrument = 1;
    push(b, sample, meter_wire);
    sample.kind = SAMPLE_MISSED;
    sample.mono_us += 60000000;
    sample.t_us += 60000000;
    sample.length = 0;
    push(b, sample, NULL);
    stop(b);
    read_block(b, 0, &view);
    assert_int_equal(view.reading_count, 6);
    assert_int_equal(view.readings[0].flags, FLAG_NO_CERTIFICATE);
    assert_int_equal(view.readings[3].flags, FLAG_NO_CERTIFICATE | FLAG_LIMIT_EXCEEDED);
    assert_int_equal(view.readings[4].flags, FLAG_NO_CERTIFICATE);
    assert_int_equal(view.event_count, 3);
    const struct block_event *event = view.events + 1;
    assert_text(event->kind, event->kind_length, "limit.raised");
    assert_text(event->subject, event->subject_length, "oven.voltage-l1");
    assert_text(event->text, event->text_length, "max 230 V: 230.1 V; simple acceptance");
    assert_true(event->t_us == T0_US);
    event++;
    assert_text(event->text, event->text_length, "silence 1min: no reading for 60.0 s");
    assert_true(event->t_us == T0_US + 60000000);
    block_view_free(&view);
    // The same two are told as soon as they are durable.
    struct bulletin_event told;
    uint64_t place = 0;
    bulletin_durable(b->bulletin, ledger_size(l->ledger));
    assert_true(bulletin_next(b->bulletin, &place, &told, NULL));
    assert_string_equal(told.kind, "limit.raised");
    assert_string_equal(told.text, "max 230 V: 230.1 V; simple acceptance");
    assert_true(told.n == 0 && told.t_us == T0_US && told.closed_us == l->clock.mono_us);
    assert_true(bulletin_next(b->bulletin, &place, &told, NULL));
    assert_string_equal(told.text, "silence 1min: no reading for 60.0 s");
    assert_false(bulletin_has(b->bulletin, place));
}

static void latest_reading_is_given(void **state)
{
    struct record_bench *b = *state;
    struct recorder_latest latest;
    bench_start_recorder(b);
    assert_int_equal(recorder_latest(b->recorder, 0, 0, &latest), ERROR_ABSENT);
    push_meter(b);
    await_readings(b, 3);
    assert_int_equal(recorder_latest(b->recorder, 0, 0, &latest), OK);
    assert_true(latest.t_us == T0_US && value_to_double(&latest.indication) == 230.1);
    assert_int_equal(recorder_latest(b->recorder, 1, 0, &latest), ERROR_ABSENT);
    assert_int_equal(recorder_latest(b->recorder, 0, 3, &latest), ERROR_ABSENT);
    assert_int_equal(recorder_latest(b->recorder, 2, 0, &latest), ERROR_ABSENT);
}

static void chain_goes_on_with_the_next_recorder(void **state)
{
    struct record_bench *b = *state;
    struct block_view view = {0};
    struct digest leaf;
    for (int i = 0; i < 3; i++) {
        bench_start_recorder(b);
        push_meter(b);
        stop(b);
    }
    for (uint64_t n = 0; n < 3; n++) {
        read_block(b, n, &view);
        assert_int_equal(view.n, n);
        if (n > 0) {
            assert_memory_equal(&view.previous, &leaf, sizeof leaf);
        }
        leaf = block_leaf(b->ledger->bytes.data, b->ledger->bytes.length);
    }
    block_view_free(&view);
}

static int count_events(struct record_bench *b, const char *kind)
{
    struct block_view view = {0};
    int count = 0;
    for (uint64_t n = 0; n < ledger_size(b->ledger->ledger); n++) {
        read_block(b, n, &view);
        for (size_t i = 0; i < view.event_count; i++) {
            count += view.events[i].kind_length == strlen(kind) &&
                     memcmp(view.events[i].kind, kind, strlen(kind)) == 0;
        }
    }
    block_view_free(&view);
    return count;
}

static void full_disk_loses_nothing_and_is_on_record(void **state)
{
    struct record_bench *b = *state;
    struct rlimit before, low;
    struct ledger_status status = {0};
    struct recorder_status counts;
    void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
    b->config.gateway.block_readings = 3;
    bench_start_recorder(b);
    push_meter(b);
    await_size(b, 1);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    low = before;
    low.rlim_cur = 8192; // less than the WAL has already
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    for (int i = 0; i < 10; i++) {
        push_meter(b);
    }
    for (int i = 0; i < 500 && !status.full; i++) {
        usleep(10000);
        ledger_status(b->ledger->ledger, &status);
    }
    assert_true(status.full);
    assert_int_equal(ledger_size(b->ledger->ledger), 1);
    recorder_status(b->recorder, &counts);
    assert_true(counts.sealed_waiting > 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    await_size(b, 12); // ten blocks of readings, one with the event
    recorder_status(b->recorder, &counts);
    assert_int_equal(counts.readings, 33);
    stop(b);
    signal(SIGXFSZ, old);
    assert_int_equal(count_events(b, "ledger.full"), 1);
    assert_int_equal(count_events(b, "ledger.room"), 1);
}

static void disk_that_stays_full_keeps_its_blocks_for_the_next_start(void **state)
{
    struct record_bench *b = *state;
    struct ledger_bench *l = b->ledger;
    struct rlimit before, low;
    void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
    b->config.gateway.block_readings = 3;
    bench_start_recorder(b);
    for (int i = 0; i < 60; i++) {
        push_meter(b);
    }
    await_size(b, 60);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    low = before;
    low.rlim_cur = 30000; // less than the WAL has already, enough for `unsaved`
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    for (int i = 0; i < 10; i++) {
        push_meter(b);
    }
    stop(b); // takes 5 s
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, old);
    assert_int_equal(ledger_size(l->ledger), 60);
    bench_close(l);
    bench_open(l);
    assert_false(l->opening.new_log);
    assert_true(ledger_size(l->ledger) >= 70);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, record_setup, record_teardown)
        TEST(sample_becomes_readings_of_a_durable_block),
        TEST(block_states_the_greatest_error_of_the_clock_while_it_was_filled),
        TEST(nothing_is_written_when_nothing_happened),
        TEST(block_closes_at_the_interval_after_its_first_reading),
        TEST(events_alone_close_a_block_too),
        TEST(block_closes_at_its_number_of_readings_exactly),
        TEST(round_closes_a_block_where_prompt_is_asked_for),
        TEST(round_closes_nothing_without_prompt),
        TEST(miss_is_recorded_for_each_point_of_the_request),
        TEST(event_of_the_bus_is_recorded_with_its_subject),
        TEST(flags_say_clock_identity_and_leap_second),
        TEST(each_flag_is_set_where_it_should_be),
        TEST(status_register_flags_the_readings_of_its_instrument),
        TEST(limits_flag_readings_and_become_events),
        TEST(latest_reading_is_given),
        TEST(chain_goes_on_with_the_next_recorder),
        TEST(full_disk_loses_nothing_and_is_on_record),
        TEST(disk_that_stays_full_keeps_its_blocks_for_the_next_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
