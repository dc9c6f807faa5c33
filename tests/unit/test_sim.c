// The parts of tally-sim that do no I/O: numbers, registers, frames, the words of a fault. The
// program's own files, since only the daemon's are in the library.
#include "../../tools/tally-sim/fault.c"
#include "../../tools/tally-sim/frame.c"
#include "../../tools/tally-sim/image.c"
#include "../../tools/tally-sim/model.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NOON 1795496400.0 // an afternoon in November 2026

static const struct driver_quantity quantities[] = {
    {.name = "voltage-l1",
     .unit = "V",
     .kind = "voltage",
     .function = 4,
     .address = 0,
     .count = 2,
     .type = TYPE_FLOAT32,
     .scale = {1, false, 0},
     .typical = 230},
    {.name = "current-l1",
     .unit = "A",
     .kind = "current",
     .function = 4,
     .address = 2,
     .count = 2,
     .type = TYPE_FLOAT32,
     .scale = {1, false, 0}},
    {.name = "active-power-l1",
     .unit = "kW",
     .kind = "power",
     .function = 4,
     .address = 4,
     .count = 2,
     .type = TYPE_FLOAT32,
     .scale = {1, false, 0}},
    {.name = "active-power",
     .unit = "W",
     .kind = "power",
     .function = 4,
     .address = 6,
     .count = 2,
     .type = TYPE_FLOAT32,
     .scale = {1, false, 0},
     .typical = 6000},
    {.name = "active-energy-import",
     .unit = "kWh",
     .kind = "energy",
     .function = 4,
     .address = 8,
     .count = 4,
     .type = TYPE_UINT64,
     .scale = {1, false, -2}},
    {.name = "temperature",
     .unit = "°C",
     .kind = "temperature",
     .function = 4,
     .address = 40,
     .count = 1,
     .type = TYPE_INT16,
     .scale = {1, false, -1},
     .typical = 21},
};
enum { VOLTAGE, CURRENT, POWER_L1, POWER, ENERGY, TEMPERATURE };

static const struct driver meter = {
    .id = "meter",
    .max_registers = 125,
    .max_gap = 4,
    .quantity_count = 6,
    .quantities = quantities,
};

static const struct decode_ratios no_ratios = {{1, false, 0}, {1, false, 0}};

static void model_energy_is_the_integral_of_power(void **state)
{
    (void)state;
    struct model *model = model_make(&meter, 1, 0);
    double sum_wh = 0, step = 0.5;
    for (double t = NOON; t < NOON + 7200; t += step) {
        sum_wh += model_value(model, POWER, t + step / 2) * step / 3600;
    }
    double counted_kwh = model_value(model, ENERGY, NOON + 7200) - model_value(model, ENERGY, NOON);
    assert_float_equal(counted_kwh, sum_wh / 1000, 0.001);
    assert_true(counted_kwh > 5);
    model_free(model);
}

static void model_power_is_never_negative_and_has_its_mean(void **state)
{
    (void)state;
    struct model *model = model_make(&meter, 2, 0);
    double sum = 0;
    for (int i = 0; i < 86400; i += 10) {
        double watts = model_value(model, POWER, NOON + i);
        assert_true(watts > 0);
        sum += watts;
    }
    assert_float_equal(sum / 8640, 6000, 60);
    model_free(model);
}

static void model_current_agrees_with_power_and_voltage(void **state)
{
    (void)state;
    struct model *model = model_make(&meter, 3, 9000);
    double watts = 1000 * model_value(model, POWER_L1, NOON);
    double apparent = model_value(model, VOLTAGE, NOON) * model_value(model, CURRENT, NOON);
    assert_float_equal(watts / apparent, POWER_FACTOR, 0.001);
    model_free(model);
}

static void model_is_a_function_of_seed_and_time(void **state)
{
    (void)state;
    struct model *often = model_make(&meter, 4, 0), *seldom = model_make(&meter, 4, 0);
    struct model *other = model_make(&meter, 5, 0);
    for (int i = 0; i < 40000; i += 7) {
        model_value(often, TEMPERATURE, NOON + i);
    }
    // Who asked before leaves e^-12 of a difference at most.
    double expected = model_value(often, TEMPERATURE, NOON + 40000);
    assert_float_equal(model_value(seldom, TEMPERATURE, NOON + 40000), expected, 1e-4);
    assert_true(fabs(model_value(other, TEMPERATURE, NOON + 40000) - expected) > 1e-4);
    assert_float_equal(model_value(often, VOLTAGE, NOON), model_value(seldom, VOLTAGE, NOON), 0);
    model_free(often);
    model_free(seldom);
    model_free(other);
}

static void model_temperature_wanders_slowly_about_its_mean(void **state)
{
    (void)state;
    struct model *model = model_make(&meter, 6, 0);
    double sum = 0, before = model_value(model, TEMPERATURE, NOON);
    for (int i = 1; i <= 200000; i += 5) {
        double now = model_value(model, TEMPERATURE, NOON + i);
        assert_true(fabs(now - before) < 0.25);
        assert_true(fabs(now - 21) < 4);
        before = now;
        sum += now;
    }
    assert_float_equal(sum / 40000, 21, 0.3);
    model_free(model);
}

static struct image *make_image(struct model *model, enum image_mode mode)
{
    struct image_options options = {
        .driver = &meter,
        .model = model,
        .ratios = no_ratios,
        .serial = "",
        .mode = mode,
        .unit = 3,
        .refresh_ns = 100,
    };
    return image_make(&options);
}

static void image_gives_what_decoding_understands(void **state)
{
    (void)state;
    struct model *model = model_make(&meter, 7, 0);
    struct image *image = make_image(model, IMAGE_PLAUSIBLE);
    uint8_t wire[250], raw[READING_RAW_MAX];
    uint16_t raw_length;
    assert_int_equal(image_read(image, 4, 0, 12, 0, NOON, wire), 0);
    for (size_t i = VOLTAGE; i <= ENERGY; i++) {
        struct value value;
        uint32_t flags =
            decode_quantity(&quantities[i], &no_ratios, wire, 0, 12, &value, raw, &raw_length);
        assert_int_equal(flags, 0);
        double expected = model_value(model, i, NOON);
        assert_float_equal(value_to_double(&value), expected, fabs(expected) * 1e-6 + 0.005);
    }
    image_free(image);
    model_free(model);
}

static void image_refuses_what_the_driver_does_not_define(void **state)
{
    (void)state;
    struct model *model = model_make(&meter, 8, 0);
    struct image *image = make_image(model, IMAGE_PLAUSIBLE);
    uint8_t wire[250];
    assert_int_equal(image_read(image, 4, 11, 2, 0, NOON, wire), EXCEPTION_ADDRESS);
    assert_int_equal(image_read(image, 4, 20, 1, 0, NOON, wire), EXCEPTION_ADDRESS);
    assert_int_equal(image_read(image, 3, 0, 2, 0, NOON, wire), EXCEPTION_ADDRESS);
    assert_int_equal(image_read(image, 4, 65535, 125, 0, NOON, wire), EXCEPTION_ADDRESS);
    assert_int_equal(image_read(image, 4, 0, 0, 0, NOON, wire), EXCEPTION_COUNT);
    assert_int_equal(image_read(image, 4, 0, 126, 0, NOON, wire), EXCEPTION_COUNT);
    assert_int_equal(image_read(image, 4, 40, 1, 0, NOON, wire), 0);
    image_free(image);
    model_free(model);
}

static void image_belongs_to_one_moment_until_it_is_due(void **state)
{
    (void)state;
    struct model *model = model_make(&meter, 9, 0);
    struct image *image = make_image(model, IMAGE_PLAUSIBLE);
    uint8_t first[4], within[4], after[4];
    assert_int_equal(image_read(image, 4, 6, 2, 0, NOON, first), 0);
    assert_int_equal(image_read(image, 4, 6, 2, 99, NOON + 60, within), 0);
    assert_int_equal(image_read(image, 4, 6, 2, 100, NOON + 60, after), 0);
    assert_memory_equal(first, within, 4);
    assert_memory_not_equal(first, after, 4);
    image_free(image);
    model_free(model);
}

static void image_pattern_is_in_every_register(void **state)
{
    (void)state;
    struct model *model = model_make(&meter, 10, 0);
    struct image *image = make_image(model, IMAGE_PATTERN);
    uint8_t wire[24];
    assert_int_equal(image_read(image, 4, 0, 12, 0, NOON, wire), 0);
    for (uint16_t i = 0; i < 12; i++) {
        assert_int_equal(wire[2 * i] << 8 | wire[2 * i + 1], 3 * 4951 + i);
    }
    image_free(image);
    model_free(model);
}

static void frame_crc_is_that_of_the_specification(void **state)
{
    (void)state;
    // Modbus over Serial Line V1.02, appendix B: 02 07 has 41 12.
    uint8_t frame[] = {0x02, 0x07, 0x41, 0x12};
    assert_int_equal(frame_crc(frame, 2), 0x1241);
    assert_true(frame_crc_good(frame, sizeof frame));
    frame[0] ^= 1;
    assert_false(frame_crc_good(frame, sizeof frame));
    assert_false(frame_crc_good(frame, 3));
}

static void frame_length_follows_from_the_function(void **state)
{
    (void)state;
    const uint8_t read[] = {1, 3}, write[] = {1, 16, 0, 0, 0, 1, 2}, unknown[] = {1, 99};
    assert_int_equal(frame_request_length(read, 1), 0);
    assert_int_equal(frame_request_length(read, 2), 8);
    assert_int_equal(frame_request_length(write, 6), 0);
    assert_int_equal(frame_request_length(write, 7), 11);
    assert_int_equal(frame_request_length(unknown, 2), -1);
}

static void fault_reads_its_words(void **state)
{
    (void)state;
    struct fault fault;
    struct why why;
    assert_int_equal(fault_parse("late 700 count 3", &fault, &why), OK);
    assert_int_equal(fault.kind, FAULT_LATE);
    assert_int_equal(fault.argument, 700);
    assert_int_equal(fault.count, 3);
    assert_int_equal(fault_parse("silent for 1.5", &fault, &why), OK);
    assert_int_equal(fault.for_ns, 1500000000);
    assert_int_equal(fault.count, -1);
    assert_int_equal(fault_parse("reset", &fault, &why), OK);
    assert_int_equal(fault.count, 1);
    const char *const bad[] = {"",         "sulk",        "late",         "late -1",
                               "noise 0",  "silent 3",    "silent count", "silent for nan",
                               "silent x", "exception 0", "exception 256"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(fault_parse(bad[i], &fault, &why), ERROR_INPUT);
    }
}

static void fault_ends_after_its_count_or_time(void **state)
{
    (void)state;
    struct fault_slot slot = {0};
    fault_slot_init(&slot);
    struct fault fault = {.kind = FAULT_SILENT, .count = 2};
    fault_slot_set(&slot, &fault, 0);
    assert_int_equal(fault_slot_look(&slot, 0).kind, FAULT_SILENT);
    assert_int_equal(fault_slot_take(&slot, 0).kind, FAULT_SILENT);
    assert_int_equal(fault_slot_take(&slot, 0).kind, FAULT_SILENT);
    assert_int_equal(fault_slot_take(&slot, 0).kind, FAULT_NONE);
    assert_int_equal(atomic_load(&slot.done), 2);
    fault = (struct fault){.kind = FAULT_SLOW, .count = -1, .for_ns = 100};
    fault_slot_set(&slot, &fault, 1000);
    assert_int_equal(fault_slot_take(&slot, 1099).kind, FAULT_SLOW);
    assert_int_equal(fault_slot_take(&slot, 1100).kind, FAULT_NONE);
    fault_slot_free(&slot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(model_energy_is_the_integral_of_power),
        cmocka_unit_test(model_power_is_never_negative_and_has_its_mean),
        cmocka_unit_test(model_current_agrees_with_power_and_voltage),
        cmocka_unit_test(model_is_a_function_of_seed_and_time),
        cmocka_unit_test(model_temperature_wanders_slowly_about_its_mean),
        cmocka_unit_test(image_gives_what_decoding_understands),
        cmocka_unit_test(image_refuses_what_the_driver_does_not_define),
        cmocka_unit_test(image_belongs_to_one_moment_until_it_is_due),
        cmocka_unit_test(image_pattern_is_in_every_register),
        cmocka_unit_test(frame_crc_is_that_of_the_specification),
        cmocka_unit_test(frame_length_follows_from_the_function),
        cmocka_unit_test(fault_reads_its_words),
        cmocka_unit_test(fault_ends_after_its_count_or_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
