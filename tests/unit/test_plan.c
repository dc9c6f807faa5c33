// bus/plan: points grouped into requests, requests split when refused, loads with the arithmetic.
#include "base/error.h"
#include "bus/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define QUANTITIES_MAX 40

// An instrument made by hand.
struct bench {
    struct driver driver;
    struct driver_quantity quantities[QUANTITIES_MAX];
    const struct driver_quantity *list[QUANTITIES_MAX];
    struct driver_status statuses[4];
    struct config_instrument instrument;
};

static void bench_init(struct bench *bench)
{
    *bench = (struct bench){
        .driver = {.id = "d", .max_registers = 125, .max_gap = 16},
        .instrument = {.name = "meter", .unit = 1, .every_us = 1000000, .line = 6, .column = 5}};
    bench->driver.statuses = bench->statuses;
    bench->driver.quantities = bench->quantities;
    bench->instrument.driver = &bench->driver;
    bench->instrument.quantities = bench->list;
}

static struct driver_quantity *bench_add(struct bench *bench, uint8_t function, uint16_t address,
                                         uint16_t count)
{
    size_t n = bench->instrument.quantity_count++;
    bench->driver.quantity_count = n + 1;
    bench->list[n] = &bench->quantities[n];
    bench->quantities[n] = (struct driver_quantity){
        .name = "q", .function = function, .address = address, .count = count};
    return &bench->quantities[n];
}

static void bench_add_status(struct bench *bench, uint16_t address)
{
    bench->statuses[bench->driver.status_count++] =
        (struct driver_status){.function = 3, .address = address, .mask = 1};
}

static struct plan *bench_plan(struct bench *bench)
{
    struct plan *plan = NULL;
    struct why why = {0};
    if (plan_make(&plan, &bench->instrument, &why) != OK) {
        fail_msg("%s", why.text);
    }
    return plan;
}

// "4:0+4[0,1] 3:100+2[2]": function, address, count, slots; "s" for statuses, "-" before a retired
// one.
static const char *shape(const struct plan *plan)
{
    static char text[2000];
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < plan->request_count; i++) {
        const struct request *r = plan->requests[i];
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s%u:%u+%u[", i ? " " : "",
                                 r->retired ? "-" : "", r->function, r->address, r->count);
        for (size_t k = 0; k < r->slot_count; k++) {
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%u", k ? "," : "",
                                     r->slots[k]);
        }
        used += (size_t)snprintf(text + used, sizeof text - used, "%s]", r->is_status ? "s" : "");
    }
    return text;
}

static void expect_shape(struct bench *bench, const char *expected)
{
    struct plan *plan = bench_plan(bench);
    assert_string_equal(shape(plan), expected);
    plan_free(plan);
}

static void plan_joins_neighbours_and_gaps_the_driver_allows(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    bench_add(&bench, 4, 20, 2); // 16 after the end of the next
    bench_add(&bench, 4, 2, 2);
    bench_add(&bench, 4, 0, 2);
    bench_add(&bench, 4, 39, 1); // 17 after
    bench_add(&bench, 3, 0, 1);
    expect_shape(&bench, "3:0+1[4] 4:0+22[2,1,0] 4:39+1[3]");
    bench.driver.max_gap = 0;
    expect_shape(&bench, "3:0+1[4] 4:0+4[2,1] 4:20+2[0] 4:39+1[3]");
}

static void plan_keeps_to_the_drivers_limit(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    for (int i = 0; i < 10; i++) {
        bench_add(&bench, 3, (uint16_t)(4 * i), 4);
    }
    bench.driver.max_registers = 10;
    expect_shape(&bench, "3:0+8[0,1] 3:8+8[2,3] 3:16+8[4,5] 3:24+8[6,7] 3:32+8[8,9]");
    bench_init(&bench);
    bench_add(&bench, 3, 0, 100);
    bench_add(&bench, 3, 100, 25);
    bench_add(&bench, 3, 125, 1);
    expect_shape(&bench, "3:0+125[0,1] 3:125+1[2]");
}

static void plan_keeps_a_scale_register_with_its_value(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    bench.driver.max_gap = 0;
    struct driver_quantity *current = bench_add(&bench, 3, 10, 1);
    current->has_scale_register = true;
    current->scale_register = 14;
    struct driver_quantity *power = bench_add(&bench, 3, 30, 1);
    power->has_scale_register = true;
    power->scale_register = 12;
    expect_shape(&bench, "3:10+21[0,1]");
    bench.driver.max_registers = 20;
    expect_shape(&bench, "3:10+5[0] 3:12+19[1]");
    bench.driver.max_registers = 18;
    struct plan *plan;
    struct why why;
    assert_int_equal(plan_make(&plan, &bench.instrument, &why), ERROR_RANGE);
    assert_string_equal(why.text, "quantity q: needs 19 registers in one request, its scale "
                                  "register included, and driver d allows 18");
    assert_null(plan);
}

static void plan_refuses_what_lies_beyond_the_last_register(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    bench_add(&bench, 3, 65534, 2);
    expect_shape(&bench, "3:65534+2[0]");
    bench_add(&bench, 3, 65535, 2);
    struct plan *plan;
    struct why why;
    assert_int_equal(plan_make(&plan, &bench.instrument, &why), ERROR_RANGE);
    assert_string_equal(why.text, "quantity q: its registers end beyond 65535");
}

static void plan_asks_statuses_first_and_splits_them(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    bench_add(&bench, 3, 0, 2);
    bench_add_status(&bench, 108);
    bench_add_status(&bench, 100);
    bench_add_status(&bench, 102);
    bench_add_status(&bench, 500);
    struct plan *plan = bench_plan(&bench);
    assert_string_equal(shape(plan), "3:100+9[s] 3:500+1[s] 3:0+2[0]");
    assert_int_equal(plan_split(plan, 0), 2);
    assert_string_equal(shape(plan), "-3:100+9[s] 3:100+3[s] 3:108+1[s] 3:500+1[s] 3:0+2[0]");
    assert_int_equal(plan_split(plan, 1), 2);
    assert_string_equal(
        shape(plan),
        "-3:100+9[s] -3:100+3[s] 3:100+1[s] 3:102+1[s] 3:108+1[s] 3:500+1[s] 3:0+2[0]");
    assert_int_equal(plan_split(plan, 2), 0);
    assert_true(plan->requests[2]->retired);
    assert_int_equal(plan_split(plan, 2), 0);
    plan_free(plan);
}

static void split_cuts_between_points_down_to_the_bad_one(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    for (int i = 0; i < 4; i++) {
        bench_add(&bench, 4, (uint16_t)(2 * i), 2);
    }
    bench_add(&bench, 4, 50, 2);
    struct plan *plan = bench_plan(&bench);
    const struct request *whole = plan->requests[0];
    assert_int_equal(plan_split(plan, 0), 2);
    assert_string_equal(shape(plan), "-4:0+8[0,1,2,3] 4:0+4[0,1] 4:4+4[2,3] 4:50+2[4]");
    assert_int_equal(plan_split(plan, 2), 2);
    assert_int_equal(plan_split(plan, 3), 0);
    assert_string_equal(shape(plan),
                        "-4:0+8[0,1,2,3] 4:0+4[0,1] -4:4+4[2,3] -4:4+2[2] 4:6+2[3] 4:50+2[4]");
    assert_true(plan_slot_refused(plan, 2));
    assert_false(plan_slot_refused(plan, 3));
    assert_ptr_equal(whole, plan->requests[0]); // samples still point to it
    assert_int_equal(whole->slot_count, 4);
    assert_int_equal(plan_split(plan, 0), 0); // retired already
    plan_free(plan);
}

static void split_prefers_a_cut_that_shares_no_register(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    for (uint16_t i = 0; i < 3; i++) {
        struct driver_quantity *current = bench_add(&bench, 3, i, 1);
        current->has_scale_register = true;
        current->scale_register = 3;
    }
    bench_add(&bench, 3, 4, 1);
    struct plan *plan = bench_plan(&bench);
    plan_split(plan, 0);
    assert_string_equal(shape(plan), "-3:0+5[0,1,2,3] 3:0+4[0,1,2] 3:4+1[3]");
    plan_split(plan, 1); // none is left that shares nothing: the scale register is read twice
    assert_string_equal(shape(plan), "-3:0+5[0,1,2,3] -3:0+4[0,1,2] 3:0+4[0] 3:1+3[1,2] 3:4+1[3]");
    plan_free(plan);
}

static struct span_count {
    size_t served[QUANTITIES_MAX];
} count_served(const struct plan *plan)
{
    struct span_count count = {0};
    for (size_t i = 0; i < plan->request_count; i++) {
        const struct request *r = plan->requests[i];
        for (size_t k = 0; !r->retired && k < r->slot_count; k++) {
            const struct driver_quantity *q = plan->instrument->quantities[r->slots[k]];
            uint32_t scale = q->has_scale_register ? q->scale_register : q->address;
            assert_int_equal(q->function, r->function);
            assert_in_range(q->address, r->address, r->address + r->count - q->count);
            assert_in_range(scale, r->address, r->address + r->count - 1);
            count.served[r->slots[k]]++;
        }
        assert_in_range(r->count, 1, plan->instrument->driver->max_registers);
    }
    return count;
}

// Whatever the instrument, each point is served by exactly one request, whole; and when a random
// set of registers is refused, splitting ends with just the points that need one of them refused.
static void random_plans_serve_each_point_once(void **state)
{
    (void)state;
    unsigned seed = (unsigned)time(NULL);
    srand(seed);
    print_message("seed %u\n", seed);
    for (int round = 0; round < 2000; round++) {
        struct bench bench;
        bench_init(&bench);
        bench.driver.max_registers = (uint16_t)(20 + rand() % 106);
        bench.driver.max_gap = (uint16_t)(rand() % 20);
        int count = 1 + rand() % QUANTITIES_MAX;
        for (int i = 0; i < count; i++) {
            struct driver_quantity *q =
                bench_add(&bench, (uint8_t)(3 + rand() % 2), (uint16_t)(rand() % 300),
                          (uint16_t)(1 + rand() % 4));
            q->has_scale_register = rand() % 4 == 0;
            q->scale_register = (uint16_t)(q->address + rand() % 20);
        }
        struct plan *plan = bench_plan(&bench);
        struct span_count served = count_served(plan);
        for (int i = 0; i < count; i++) {
            assert_int_equal(served.served[i], 1);
        }
        uint16_t bad = (uint16_t)(rand() % 300);
        for (size_t i = 0; i < plan->request_count; i++) {
            const struct request *r = plan->requests[i];
            if (bad >= r->address && bad < r->address + r->count) {
                plan_split(plan, i);
            }
        }
        served = count_served(plan);
        for (int i = 0; i < count; i++) {
            const struct driver_quantity *q = &bench.quantities[i];
            int first = q->address, last = q->address + q->count - 1;
            last = q->has_scale_register && q->scale_register > last ? q->scale_register : last;
            bool hit = bad >= first && bad <= last;
            assert_int_equal(served.served[i], hit ? 0 : 1);
            assert_int_equal(plan_slot_refused(plan, (uint16_t)i), hit);
        }
        plan_free(plan);
    }
}

static void wire_times_are_those_of_the_standard(void **state)
{
    (void)state;
    struct config_bus bus = {.baud = 9600, .stop_bits = 1, .parity = PARITY_EVEN};
    assert_int_equal(bus_character_ns(&bus), 1145834); // 11 bits
    assert_int_equal(bus_gap_ns(&bus), 4010419);
    bus.parity = PARITY_NONE;
    assert_int_equal(bus_character_ns(&bus), 1041667); // 10 bits
    bus.baud = 115200;
    assert_int_equal(bus_gap_ns(&bus), 1750000);
}

static void times_add_up_frames_gaps_and_turn_round(void **state)
{
    (void)state;
    struct bench bench;
    struct config_bus bus = {.baud = 9600, .stop_bits = 1, .parity = PARITY_NONE};
    bench_init(&bench);
    bench_add(&bench, 3, 0, 2);
    struct plan *plan = bench_plan(&bench);
    // 8 + 9 characters of 1041.667 µs, two gaps of 3645.8 µs, 5 ms
    assert_int_equal(plan_time_us(plan, &bus), 30001);
    bench.driver.min_interval_us = 20000; // instead of the second gap
    assert_int_equal(plan_time_us(plan, &bus), 46355);
    bus.transport = TRANSPORT_TCP;
    assert_int_equal(plan_time_us(plan, &bus), 21000);
    plan_split(plan, 0);
    assert_int_equal(plan_time_us(plan, &bus), 0);
    plan_free(plan);
}

static void an_overloaded_bus_is_a_fault_with_the_arithmetic(void **state)
{
    (void)state;
    struct bench benches[7];
    struct config_instrument instruments[7];
    struct config_bus buses[2] = {
        {.name = "rs485-1", .baud = 9600, .stop_bits = 1, .line = 6, .column = 5},
        {.name = "lan", .transport = TRANSPORT_TCP, .line = 7, .column = 5}};
    struct config config = {.document = {.name = "tally.yaml"},
                            .bus_count = 2,
                            .buses = buses,
                            .instrument_count = 1,
                            .instruments = instruments};
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g"};
    for (int i = 0; i < 7; i++) {
        bench_init(&benches[i]);
        bench_add(&benches[i], 3, 0, 100);
        bench_add(&benches[i], 4, 0, 2);
        instruments[i] = benches[i].instrument;
        instruments[i].name = names[i];
    }
    instruments[6].every_us = 500000;
    struct faults faults = {0};
    struct text out = text_make(100000);
    plan_check(&config, &faults, &out);
    assert_int_equal(faults.count, 0);
    assert_string_equal(
        out.data,
        "bus               instrument            fc  address registers  points       time    every "
        "   load\n"
        "rs485-1           a                      3  0x0000        100       1     234 ms      1 s "
        " 0.2342\n"
        "rs485-1           a                      4  0x0000          2       1    30.0 ms      1 s "
        " 0.0300\n"
        "bus rs485-1: 1 instrument, 2 requests, load 0.2642 of 0.90\n\n"
        "bus lan: 0 instruments, 0 requests, load 0.0000 of 0.90\n\n");
    config.instrument_count = 7;
    plan_check(&config, &faults, NULL);
    assert_int_equal(faults.count, 1);
    assert_string_equal(
        faults.lines[0],
        "tally.yaml:6:5: bus rs485-1: load 2.11 of 0.90: g 2 requests 264 ms / 500 ms = 0.53; a 2 "
        "requests 264 ms / 1 s = 0.26; b 2 requests 264 ms / 1 s = 0.26; c 2 requests 264 ms / 1 s "
        "= 0.26; d 2 requests 264 ms / 1 s = 0.26; 2 more = 0.53: read less often, split the bus "
        "or raise the baud rate");
    text_free(&out);
    faults_free(&faults);
}

static void an_instrument_without_a_plan_is_a_fault(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    bench_add(&bench, 3, 0, 4);
    bench.driver.max_registers = 2;
    struct config_bus bus = {.name = "lan", .transport = TRANSPORT_TCP};
    struct config config = {.document = {.name = "tally.yaml"},
                            .bus_count = 1,
                            .buses = &bus,
                            .instrument_count = 1,
                            .instruments = &bench.instrument};
    struct faults faults = {0};
    plan_check(&config, &faults, NULL);
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.lines[0],
                        "tally.yaml:6:5: instrument meter: quantity q: needs 4 registers in one "
                        "request, so that its value is not torn, and driver d allows 2");
    faults_free(&faults);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plan_joins_neighbours_and_gaps_the_driver_allows),
        cmocka_unit_test(plan_keeps_to_the_drivers_limit),
        cmocka_unit_test(plan_keeps_a_scale_register_with_its_value),
        cmocka_unit_test(plan_refuses_what_lies_beyond_the_last_register),
        cmocka_unit_test(plan_asks_statuses_first_and_splits_them),
        cmocka_unit_test(split_cuts_between_points_down_to_the_bad_one),
        cmocka_unit_test(split_prefers_a_cut_that_shares_no_register),
        cmocka_unit_test(random_plans_serve_each_point_once),
        cmocka_unit_test(wire_times_are_those_of_the_standard),
        cmocka_unit_test(times_add_up_frames_gaps_and_turn_round),
        cmocka_unit_test(an_overloaded_bus_is_a_fault_with_the_arithmetic),
        cmocka_unit_test(an_instrument_without_a_plan_is_a_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
