// Driver files: what a good one means, and what is said of a bad one, all of it.
#include "base/error.h"
#include "config/driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
    char folder[64];
    char path[128];
};

static int make_place(void **state)
{
    static struct place place;
    snprintf(place.folder, sizeof place.folder, "/tmp/tally-driver-XXXXXX");
    *state = &place;
    return mkdtemp(place.folder) ? 0 : -1;
}

static int remove_place(void **state)
{
    struct place *place = *state;
    unlink(place->path);
    return rmdir(place->folder);
}

static int load(struct place *place, const char *text, struct driver **driver,
                struct faults *faults)
{
    snprintf(place->path, sizeof place->path, "%s/x.yaml", place->folder);
    FILE *file = fopen(place->path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return driver_load(driver, place->folder, "x", faults);
}

// Loads and expects exactly these faults, one a line, without the folder.
static void assert_faults(void **state, const char *text, const char *expected)
{
    struct place *place = *state;
    struct faults faults = {0};
    struct driver *driver;
    char got[4096] = "";
    int result = load(place, text, &driver, &faults);
    for (size_t i = 0; i < faults.count; i++) {
        const char *line = faults.lines[i] + strlen(place->folder) + 1;
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s\n", line);
    }
    assert_string_equal(got, expected);
    assert_int_equal(result, ERROR_INPUT);
    assert_null(driver);
    faults_free(&faults);
}

#define HEAD                                                                                       \
    "maker: M\n"                                                                                   \
    "model: N\n"                                                                                   \
    "source: S\n"
#define QUANTITIES HEAD "quantities:\n"

static const char whole[] =
    "maker: Example\n"
    "model: EX-1\n"
    "source: a manual\n"
    "max_registers: 60\n"
    "max_gap: 0\n"
    "min_interval: 20ms\n"
    "defaults: {function: 4, type: float32, order: CDAB}\n"
    "identity:\n"
    "  serial: {function: 3, address: 0xFC00, type: uint32, order: ABCD}\n"
    "  report_id: yes\n"
    "status:\n"
    "  - {function: 3, address: 512, mask: 0x00FF, ok: 1}\n"
    "  - {address: 513, ok: 0}\n"
    "quantities:\n"
    "  - {name: voltage-l1, unit: V, obis: \"1-0:32.7.0\", kind: voltage, address: 0,\n"
    "     range: [0, 300.5], resolution: 0.1, typical: 230}\n"
    "  - {name: active-energy-import, unit: kWh, kind: energy, function: 3, address: 72,\n"
    "     type: uint64, order: GHEFCDAB, scale: 0.01, ratio: [pt, ct],\n"
    "     sentinels: [0xFFFFFFFFFFFFFFFF, 0]}\n"
    "  - {name: power, unit: W, address: 100, type: int16, scale_register: 90,\n"
    "     sentinels: [-32768, 0x7FFF]}\n"
    "  - {name: relay, unit: 1, address: 110, type: bits, mask: 0x00F0, shift: 4}\n"
    "  - {name: label, unit: 1, address: 120, type: string, registers: 8, order: BA}\n";

static void a_whole_file_is_read(void **state)
{
    struct faults faults = {0};
    struct driver *driver;
    assert_int_equal(load(*state, whole, &driver, &faults), OK);
    assert_int_equal(faults.count, 0);
    assert_string_equal(driver->id, "x");
    assert_string_equal(driver->maker, "Example");
    assert_string_equal(driver->model, "EX-1");
    assert_int_equal(driver->max_registers, 60);
    assert_int_equal(driver->max_gap, 0);
    assert_int_equal(driver->min_interval_us, 20000);
    assert_int_equal(driver->length, strlen(whole));
    assert_memory_equal(driver->bytes, whole, strlen(whole));
    struct digest hash = digest_of(NULL, 0, whole, strlen(whole));
    assert_memory_equal(&driver->hash, &hash, sizeof hash);
    assert_true(driver->has_serial && driver->report_id);
    assert_int_equal(driver->serial.function, 3);
    assert_int_equal(driver->serial.address, 0xfc00);
    assert_int_equal(driver->serial.order, ORDER_BIG);
    assert_int_equal(driver->status_count, 2);
    assert_int_equal(driver->statuses[0].mask, 0xff);
    assert_int_equal(driver->statuses[0].ok, 1);
    assert_int_equal(driver->statuses[1].function, 4);
    assert_int_equal(driver->statuses[1].mask, 0xffff);
    assert_int_equal(driver->quantity_count, 5);
    driver_free(driver);
    faults_free(&faults);
}

static void each_quantity_is_as_the_file_says(void **state)
{
    struct faults faults = {0};
    struct driver *driver;
    assert_int_equal(load(*state, whole, &driver, &faults), OK);
    const struct driver_quantity *q = driver_quantity(driver, "voltage-l1");
    assert_string_equal(q->obis, "1-0:32.7.0");
    assert_string_equal(q->kind, "voltage");
    assert_true(q->function == 4 && q->type == TYPE_FLOAT32 && q->order == ORDER_LOW_WORD);
    assert_true(q->count == 2 && q->has_range && q->has_resolution && q->typical == 230);
    assert_true(q->scale.magnitude == 1 && q->scale.exponent == 0 && !q->has_scale_register);
    q = driver_quantity(driver, "active-energy-import");
    assert_true(q->function == 3 && q->type == TYPE_UINT64 && q->order == ORDER_LOW_WORD);
    assert_true(q->count == 4 && q->ratio_pt && q->ratio_ct && q->scale.exponent == -2);
    assert_true(q->sentinel_count == 2 && q->sentinels[0] == UINT64_MAX && q->sentinels[1] == 0);
    q = driver_quantity(driver, "power");
    assert_true(q->has_scale_register && q->scale_register == 90 && q->order == ORDER_LOW_WORD);
    assert_true(q->sentinels[0] == 0x8000 && q->sentinels[1] == 0x7fff);
    assert_string_equal(q->kind, "other");
    q = driver_quantity(driver, "relay");
    assert_true(q->mask == 0xf0 && q->shift == 4 && q->count == 1);
    q = driver_quantity(driver, "label");
    assert_true(q->type == TYPE_STRING && q->count == 8 && q->order == ORDER_BYTE_SWAP);
    assert_null(driver_quantity(driver, "nothing"));
    driver_free(driver);
    faults_free(&faults);
}

static void limits_have_defaults(void **state)
{
    struct faults faults = {0};
    struct driver *driver;
    assert_int_equal(
        load(*state, QUANTITIES " - {name: a, unit: V, function: 3, address: 65535, type: int16}\n",
             &driver, &faults),
        OK);
    assert_int_equal(driver->max_registers, 125);
    assert_int_equal(driver->max_gap, 16);
    assert_int_equal(driver->min_interval_us, 0);
    assert_false(driver->has_serial || driver->report_id);
    driver_free(driver);
    faults_free(&faults);
}

static void all_faults_are_told_and_not_the_first(void **state)
{
    assert_faults(state,
                  "makr: M\n"
                  "model: N\n"
                  "max_registers: 126\n"
                  "min_interval: 20\n"
                  "quantities:\n"
                  " - {name: Volt, unit: V, function: 5, address: 70000, type: flaot32}\n"
                  " - {name: b, unit: V, adress: 1, type: int16}\n",
                  "x.yaml:1:1: unknown key 'makr'; did you mean 'maker'?\n"
                  "x.yaml:1:1: a driver: key 'source' is missing\n"
                  "x.yaml:3:16: max_registers 126: out of range (expected 1 to 125)\n"
                  "x.yaml:4:15: min_interval 20: has no unit (expected ms, s, min, h or d, as in "
                  "15s)\n"
                  "x.yaml:6:11: name Volt: expected 1 to 32 of a-z, 0-9 and -, as in voltage-l1\n"
                  "x.yaml:6:48: address 70000: out of range (expected 0 to 65535)\n"
                  "x.yaml:6:36: function 5: out of range (expected 3 to 4)\n"
                  "x.yaml:6:61: type flaot32: not one of uint16, int16, uint32, int32, uint64, "
                  "int64, float32, float64, bcd16, bcd32, bcd64, bits, string; did you mean "
                  "'float32'?\n"
                  "x.yaml:7:23: unknown key 'adress'; did you mean 'address'?\n"
                  "x.yaml:7:4: a quantity: key 'function' is missing (here or in 'defaults')\n");
}

static void registers_that_cannot_be_are_faults(void **state)
{
    assert_faults(
        state,
        HEAD "max_registers: 3\n"
             "defaults: {function: 3, type: float32}\n"
             "quantities:\n"
             " - {name: a, unit: V, address: 65535}\n"
             " - {name: b, unit: V, address: 0x10, type: float64}\n"
             " - {name: c, unit: V, address: 010}\n"
             " - {name: d, unit: V, address: 20, type: int16, scale_register: 23}\n"
             " - {name: e, unit: V, address: 30, scale_register: 31}\n"
             " - {name: f, unit: V, address: 40, registers: 2}\n"
             " - {name: g, unit: V, address: 50, type: string}\n",
        "x.yaml:7:32: address 65535: 2 registers from here pass 65535\n"
        "x.yaml:8:4: a quantity: needs 4 registers in one request, max_registers is 3\n"
        "x.yaml:9:32: address 010: not a whole number (expected one such as 72 or 0x48)\n"
        "x.yaml:10:65: scale_register 23: too far from address 20 for one request (4 registers; "
        "max_registers is 3)\n"
        "x.yaml:11:52: scale_register 31: is one of the value's own registers\n"
        "x.yaml:12:47: registers: only for a string (float32 has 2)\n"
        "x.yaml:13:4: a string: key 'registers' is missing (its length)\n");
}

static void an_order_has_a_letter_for_each_byte(void **state)
{
    assert_faults(state,
                  HEAD "defaults: {function: 3}\n"
                       "quantities:\n"
                       " - {name: a, unit: V, address: 0, type: int16, order: CDAB}\n"
                       " - {name: b, unit: V, address: 1, type: float32, order: AB}\n"
                       " - {name: c, unit: V, address: 3, type: float64, order: CDAB}\n"
                       " - {name: d, unit: V, address: 7, type: float32, order: ABDC}\n"
                       " - {name: e, unit: V, address: 9, type: string, registers: 2, order: "
                       "ABCD}\n",
                  "x.yaml:6:55: order CDAB: 4 letters, but int16 has 2 bytes (expected AB or BA)\n"
                  "x.yaml:7:57: order AB: 2 letters, but float32 has 4 bytes (expected ABCD, CDAB, "
                  "BADC or DCBA)\n"
                  "x.yaml:8:57: order CDAB: 4 letters, but float64 has 8 bytes (expected ABCDEFGH, "
                  "GHEFCDAB, BADCFEHG or HGFEDCBA)\n"
                  "x.yaml:9:57: order ABDC: not one of ABCD, CDAB, BADC, DCBA, AB, BA, ABCDEFGH, "
                  "GHEFCDAB, BADCFEHG, HGFEDCBA; did you mean 'ABCD'?\n"
                  "x.yaml:10:70: order ABCD: 4 letters, but string has 2 bytes (expected AB or "
                  "BA)\n");
}

static void numbers_without_meaning_are_faults(void **state)
{
    assert_faults(
        state,
        HEAD "defaults: {function: 3, type: int16}\n"
             "quantities:\n"
             " - {name: a, unit: V, address: 0, scale: 0, resolution: -1}\n"
             " - {name: b, unit: V, address: 1, range: [5, 5]}\n"
             " - {name: c, unit: V, address: 2, range: [5]}\n"
             " - {name: d, unit: V, address: 3, scale: \"0,1\"}\n"
             " - {name: e, unit: V, address: 4, ratio: [pt, vt, pt]}\n"
             " - {name: f, unit: V, address: 5, sentinels: [0x10000, -32769, x]}\n"
             " - {name: g, unit: V, address: 6, type: uint16, sentinels: [-1]}\n"
             " - {name: h, unit: V, address: 7, obis: 1.8.0, kind: volts}\n"
             " - {name: i, unit: V, address: 8, mask: 1}\n"
             " - {name: j, unit: V, address: 9, type: bits, mask: 0x000F, shift: 4}\n"
             " - {name: k, unit: V, address: 10, type: string, registers: 2, scale: 0.1}\n",
        "x.yaml:6:42: scale 0: would make every value 0\n"
        "x.yaml:6:57: resolution -1: expected a number above 0\n"
        "x.yaml:7:42: range [5, 5]: the first is not below the second\n"
        "x.yaml:8:42: range: expected two numbers, [least, greatest]\n"
        "x.yaml:9:42: scale \"0,1\": not a number (expected one such as 0.01)\n"
        "x.yaml:10:47: ratio vt: not one of pt, ct; did you mean 'pt'?\n"
        "x.yaml:10:51: ratio pt a second time\n"
        "x.yaml:11:47: sentinel 0x10000: does not fit int16\n"
        "x.yaml:11:56: sentinel -32769: does not fit int16\n"
        "x.yaml:11:64: sentinel x: not a whole number (expected the bits, such as 0x7FFF)\n"
        "x.yaml:12:61: sentinel -1: does not fit uint16\n"
        "x.yaml:13:41: obis 1.8.0: not an OBIS code (expected one such as 1-0:1.8.0)\n"
        "x.yaml:13:54: kind volts: not one of other, voltage, current, power, energy, frequency, "
        "ratio, pressure, flow, volume, temperature, humidity, mass, angle\n"
        "x.yaml:14:41: mask: only for type bits\n"
        "x.yaml:15:68: shift 4: leaves no bit of mask 0x000F\n"
        "x.yaml:16:71: scale: not for a string\n");
}

static void twice_the_same_is_a_fault(void **state)
{
    assert_faults(state,
                  HEAD "defaults: {function: 3, type: int16}\n"
                       "quantities:\n"
                       " - {name: a, unit: V, address: 0, obis: \"1-0:1.8.0\"}\n"
                       " - {name: a, unit: V, address: 1}\n"
                       " - {name: c, unit: V, address: 0}\n"
                       " - {name: d, unit: V, address: 2, obis: \"1-0:1.8.0\"}\n"
                       " - {name: e, unit: V, address: 0, function: 4}\n"
                       " - {name: f, unit: V, address: 0, type: uint16}\n",
                  "x.yaml:7:4: quantity a a second time\n"
                  "x.yaml:8:4: quantity c: the same register as a\n"
                  "x.yaml:9:4: quantity d: the same OBIS code as a\n");
}

static void a_status_and_identity_are_checked(void **state)
{
    assert_faults(state,
                  HEAD "identity:\n"
                       "  serial: {function: 3, address: 1, type: float32}\n"
                       "  report_id: maybe\n"
                       "status:\n"
                       " - {function: 3, address: 512, mask: 0x000F, ok: 0x10}\n"
                       " - {address: 513, ok: 1}\n"
                       " - {function: 3, adress: 513, ok: 1}\n"
                       "quantities: []\n",
                  "x.yaml:5:43: type float32: not for a serial number\n"
                  "x.yaml:6:14: report_id maybe: expected yes or no\n"
                  "x.yaml:8:50: ok 0x10: has bits outside mask 0x000F, so it could never be seen\n"
                  "x.yaml:9:4: a status: key 'function' is missing (here or in 'defaults')\n"
                  "x.yaml:10:18: unknown key 'adress'; did you mean 'address'?\n"
                  "x.yaml:11:13: quantities: 0 of them (expected 1 to 1000)\n");
}

static void an_anchor_is_a_fault(void **state)
{
    assert_faults(state,
                  HEAD "quantities:\n"
                       " - &a {name: a, unit: V, function: 3, type: int16, address: 0}\n",
                  "x.yaml:5:4: anchor '&a': not taken here (write the values out)\n");
}

static void a_faulty_default_is_told_once(void **state)
{
    assert_faults(state,
                  HEAD "defaults: {function: 7, type: real, order: BACD}\n"
                       "quantities:\n"
                       " - {name: a, unit: V, function: 3, type: int16, address: 0}\n"
                       " - {name: b, unit: V, function: 3, type: int16, address: 1}\n",
                  "x.yaml:4:22: function 7: out of range (expected 3 to 4)\n"
                  "x.yaml:4:31: type real: not one of uint16, int16, uint32, int32, uint64, int64, "
                  "float32, float64, bcd16, bcd32, bcd64, bits, string\n"
                  "x.yaml:4:44: order BACD: not one of ABCD, CDAB, BADC, DCBA, AB, BA, ABCDEFGH, "
                  "GHEFCDAB, BADCFEHG, HGFEDCBA; did you mean 'ABCD'?\n");
}

static void a_shape_that_is_not_a_driver_is_a_fault(void **state)
{
    assert_faults(state, "just a text\n",
                  "x.yaml:1:1: a driver: a single value (expected a group of keys)\n");
    assert_faults(state, "", "x.yaml: the file is empty\n");
    assert_faults(state, QUANTITIES " - 5\n",
                  "x.yaml:5:4: a quantity: a single value (expected a group of keys)\n");
}

static void a_missing_file_or_a_path_as_id_is_a_fault(void **state)
{
    struct place *place = *state;
    struct faults faults = {0};
    struct driver *driver;
    char expected[256];
    assert_int_equal(driver_load(&driver, place->folder, "absent", &faults), ERROR_INPUT);
    assert_null(driver);
    snprintf(expected, sizeof expected,
             "%s/absent.yaml: cannot be opened: No such file or directory", place->folder);
    assert_string_equal(faults.lines[0], expected);
    assert_int_equal(driver_load(&driver, place->folder, "../etc/passwd", &faults), ERROR_INPUT);
    snprintf(expected, sizeof expected,
             "%s: driver '../etc/passwd': expected a name of a-z, 0-9 and -, as in eastron-sdm630",
             place->folder);
    assert_string_equal(faults.lines[1], expected);
    faults_free(&faults);
}

static void names_of_types_and_orders_are_those_of_the_file(void **state)
{
    (void)state;
    assert_string_equal(register_type_name(TYPE_UINT16), "uint16");
    assert_string_equal(register_type_name(TYPE_STRING), "string");
    assert_string_equal(register_order_name(ORDER_LOW_WORD, 1), "AB");
    assert_string_equal(register_order_name(ORDER_LITTLE, 1), "BA");
    assert_string_equal(register_order_name(ORDER_LOW_WORD, 2), "CDAB");
    assert_string_equal(register_order_name(ORDER_BYTE_SWAP, 4), "BADCFEHG");
    assert_string_equal(register_order_name(ORDER_BIG, 8), "AB");
}

static void the_list_of_drivers_is_sorted(void **state)
{
    struct place *place = *state;
    static const char *const names[] = {"b.yaml", "a-1.yaml",   ".hidden.yaml",
                                        "c.yml",  "UPPER.yaml", ".yaml"};
    char path[128];
    for (size_t i = 0; i < 6; i++) {
        snprintf(path, sizeof path, "%s/%s", place->folder, names[i]);
        fclose(fopen(path, "w"));
    }
    size_t count;
    char **ids = driver_list(place->folder, &count);
    for (size_t i = 0; i < 6; i++) {
        snprintf(path, sizeof path, "%s/%s", place->folder, names[i]);
        unlink(path);
    }
    assert_int_equal(count, 2);
    assert_string_equal(ids[0], "a-1");
    assert_string_equal(ids[1], "b");
    driver_list_free(ids, count);
    assert_null(driver_list("/nonexistent", &count));
    assert_int_equal(count, 0);
    driver_list_free(NULL, 0);
    driver_free(NULL);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PLACE(a_whole_file_is_read),
        IN_PLACE(each_quantity_is_as_the_file_says),
        IN_PLACE(limits_have_defaults),
        IN_PLACE(all_faults_are_told_and_not_the_first),
        IN_PLACE(registers_that_cannot_be_are_faults),
        IN_PLACE(an_order_has_a_letter_for_each_byte),
        IN_PLACE(numbers_without_meaning_are_faults),
        IN_PLACE(twice_the_same_is_a_fault),
        IN_PLACE(a_status_and_identity_are_checked),
        IN_PLACE(an_anchor_is_a_fault),
        IN_PLACE(a_faulty_default_is_told_once),
        IN_PLACE(a_shape_that_is_not_a_driver_is_a_fault),
        IN_PLACE(a_missing_file_or_a_path_as_id_is_a_fault),
        IN_PLACE(names_of_types_and_orders_are_those_of_the_file),
        IN_PLACE(the_list_of_drivers_is_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
