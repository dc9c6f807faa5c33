// Every driver in drivers/ against its golden image in tests/golden/: registers, and what each
// quantity must then read. Run from the top of the source tree (or with TALLY_SOURCE).
#include "base/error.h"
#include "record/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define REGISTERS      65536
#define QUANTITIES_MAX 1000

// The registers of one image, by function 3 and 4.
struct image {
    uint8_t wire[2][2 * REGISTERS];
    bool given[2][REGISTERS];
    struct decode_ratios ratios;
};

static const char *source_path(const char *relative)
{
    static char path[4][512];
    static unsigned next;
    const char *top = getenv("TALLY_SOURCE");
    char *to = path[next++ % 4];
    snprintf(to, sizeof path[0], "%s/%s", top ? top : ".", relative);
    return to;
}

static void fail_with_faults(const char *what, const struct faults *faults)
{
    for (size_t i = 0; i < faults->count; i++) {
        print_error("%s\n", faults->lines[i]);
    }
    fail_msg("%s", what);
}

static const char *scalar_of(const struct node *mapping, const char *key)
{
    const struct node *node = node_child(mapping, key);
    if (!node || node->kind != NODE_SCALAR) {
        fail_msg("golden line %d: no '%s'", mapping->line, key);
    }
    return node->scalar;
}

static const struct node *list_of(const struct node *mapping, const char *key)
{
    const struct node *node = node_child(mapping, key);
    if (!node || node->kind != NODE_SEQUENCE || !node->first) {
        fail_msg("golden line %d: no list '%s'", mapping->line, key);
    }
    return node->first;
}

static struct decimal decimal_of(const char *text)
{
    struct decimal out;
    assert_int_equal(decimal_parse(text, &out), OK);
    return out;
}

static void fill_image(struct image *image, const struct node *node)
{
    const struct node *ratios = node_child(node, "ratios");
    memset(image, 0, sizeof *image);
    image->ratios.pt = decimal_of(ratios ? scalar_of(ratios, "pt") : "1");
    image->ratios.ct = decimal_of(ratios ? scalar_of(ratios, "ct") : "1");
    for (const struct node *run = list_of(node, "registers"); run; run = run->next) {
        int function = atoi(scalar_of(run, "function")), address = atoi(scalar_of(run, "address"));
        const char *hex = scalar_of(run, "hex");
        size_t count = strlen(hex) / 4;
        assert_true((function == 3 || function == 4) && strlen(hex) % 4 == 0);
        assert_true(address >= 0 && address + count <= REGISTERS);
        assert_int_equal(text_parse_hex(hex, image->wire[function - 3] + 2 * address, 2 * count),
                         OK);
        memset(image->given[function - 3] + address, true, count);
    }
}

// The registers of a quantity, its scale factor included, as one answer would bring them; fails
// when the image does not have them: the driver then looks elsewhere than the maker's map says.
static const uint8_t *answer_for(const struct image *image, const struct driver_quantity *quantity,
                                 uint16_t *address, uint16_t *count)
{
    unsigned first = quantity->address, end = first + quantity->count;
    const bool *given = image->given[quantity->function - 3];
    for (unsigned i = first; i < end; i++) {
        if (!given[i]) {
            fail_msg("%s: register %u of function %d is not in the golden image", quantity->name, i,
                     quantity->function);
        }
    }
    if (quantity->has_scale_register) {
        unsigned at = quantity->scale_register;
        if (!given[at]) {
            fail_msg("%s: scale register %u is not in the golden image", quantity->name, at);
        }
        first = at < first ? at : first;
        end = at + 1 > end ? at + 1 : end;
    }
    *address = (uint16_t)first;
    *count = (uint16_t)(end - first);
    return image->wire[quantity->function - 3] + 2 * first;
}

static uint32_t decode_from(const struct image *image, const struct driver_quantity *quantity,
                            struct value *value)
{
    uint8_t raw[READING_RAW_MAX];
    uint16_t raw_length, address, count;
    const uint8_t *wire = answer_for(image, quantity, &address, &count);
    return decode_quantity(quantity, &image->ratios, wire, address, count, value, raw, &raw_length);
}

// What the simulator would write for the value is what the instrument had.
static void check_encoding(const struct image *image, const struct driver_quantity *quantity,
                           const struct value *value)
{
    const uint8_t *wire = image->wire[quantity->function - 3];
    uint8_t back[2 * VALUE_STRING_MAX];
    int scale_factor = 0;
    if (quantity->has_scale_register) {
        const uint8_t *at = wire + 2 * quantity->scale_register;
        scale_factor = (int16_t)(at[0] << 8 | at[1]);
    }
    decode_encode(quantity, &image->ratios, scale_factor, value_to_double(value), back);
    if (memcmp(back, wire + 2 * quantity->address, 2u * quantity->count) != 0) {
        fail_msg("%s: encoding the value does not give the registers back", quantity->name);
    }
}

static void check_expectation(const struct driver *driver, const struct image *image,
                              const struct node *expected, bool *seen)
{
    const char *name = scalar_of(expected, "quantity");
    const struct driver_quantity *quantity = driver_quantity(driver, name);
    const struct node *indication = node_child(expected, "indication");
    if (!quantity || !indication) {
        fail_msg("golden line %d: driver %s has no quantity %s", expected->line, driver->id, name);
    }
    const char *wanted = indication->quoted ? indication->scalar : "—";
    struct value value;
    struct text text = text_make(200);
    uint32_t flags = decode_from(image, quantity, &value);
    value_append_plain(&text, &value);
    if (strcmp(text.data, wanted) != 0 || flags != strtoul(scalar_of(expected, "flags"), NULL, 0)) {
        fail_msg("%s %s: %s with flags %u; golden line %d says %s with %s", driver->id, name,
                 text.data, flags, expected->line, wanted, scalar_of(expected, "flags"));
    }
    if (value.kind != VALUE_NONE) {
        check_encoding(image, quantity, &value);
    }
    seen[quantity - driver->quantities] = true;
    text_free(&text);
}

static void check_serial(const struct driver *driver, const struct image *image, const char *wanted)
{
    struct value value;
    struct text text = text_make(200);
    assert_true(driver->has_serial);
    assert_int_equal(decode_from(image, &driver->serial, &value), 0);
    value_append_plain(&text, &value);
    assert_string_equal(text.data, wanted);
    text_free(&text);
}

static bool is_at_fault(const struct driver *driver, const struct image *image)
{
    bool fault = false;
    assert_true(driver->status_count > 0);
    for (size_t i = 0; i < driver->status_count; i++) {
        const struct driver_status *status = &driver->statuses[i];
        assert_true(image->given[status->function - 3][status->address]);
        fault = decode_status(status, image->wire[status->function - 3] + 2 * status->address,
                              status->address, 1) ||
                fault;
    }
    return fault;
}

static void check_driver(const struct driver *driver, const struct node *golden)
{
    static struct image image;
    bool seen[QUANTITIES_MAX] = {false}, serial_seen = false, fault_seen = false, well_seen = false;
    assert_true(driver->quantity_count <= QUANTITIES_MAX);
    assert_string_equal(scalar_of(golden, "driver"), driver->id);
    for (const struct node *node = list_of(golden, "images"); node; node = node->next) {
        fill_image(&image, node);
        for (const struct node *e = list_of(node, "expect"); e; e = e->next) {
            check_expectation(driver, &image, e, seen);
        }
        if (node_child(node, "serial")) {
            check_serial(driver, &image, scalar_of(node, "serial"));
            serial_seen = true;
        }
        if (node_child(node, "fault")) {
            bool wanted = strcmp(scalar_of(node, "fault"), "yes") == 0;
            assert_int_equal(is_at_fault(driver, &image), wanted);
            fault_seen = fault_seen || wanted;
            well_seen = well_seen || !wanted;
        }
    }
    for (size_t i = 0; i < driver->quantity_count; i++) {
        if (!seen[i]) {
            fail_msg("%s: no golden value for %s", driver->id, driver->quantities[i].name);
        }
    }
    if (serial_seen != driver->has_serial ||
        (driver->status_count > 0) != (fault_seen && well_seen)) {
        fail_msg("%s: no golden serial number, or not both states of its status", driver->id);
    }
}

static void check_id(const char *id)
{
    struct faults faults = {0};
    struct driver *driver;
    struct document golden;
    char name[128];
    if (driver_load(&driver, source_path("drivers"), id, &faults) != OK) {
        fail_with_faults("a driver has faults", &faults);
    }
    snprintf(name, sizeof name, "tests/golden/%s.yaml", id);
    if (document_read_file(&golden, source_path(name), &faults) != OK) {
        fail_with_faults("a driver has no golden image", &faults);
    }
    check_driver(driver, golden.root);
    print_message("%-22s %zu quantities\n", id, driver->quantity_count);
    document_free(&golden);
    driver_free(driver);
    faults_free(&faults);
}

static void every_driver_reads_its_golden_image(void **state)
{
    (void)state;
    size_t count;
    char **ids = driver_list(source_path("drivers"), &count);
    assert_non_null(ids);
    for (size_t i = 0; i < count; i++) {
        check_id(ids[i]);
    }
    assert_true(count >= 11);
    driver_list_free(ids, count);
}

static void check_meaning(const struct driver *driver)
{
    for (size_t i = 0; i < driver->quantity_count; i++) {
        const struct driver_quantity *q = &driver->quantities[i];
        if (q->typical == 0 || (strcmp(q->kind, "energy") == 0 && !q->obis)) {
            fail_msg("%s: %s has no typical value, or no OBIS code", driver->id, q->name);
        }
        if (q->has_range && (q->typical < decimal_to_double(q->range_min) ||
                             q->typical > decimal_to_double(q->range_max))) {
            fail_msg("%s: %s is typically outside its range", driver->id, q->name);
        }
    }
    if (!strstr(driver->source, "not checked on hardware") &&
        !strstr(driver->source, "checked on")) {
        fail_msg("%s: the source does not say whether it was checked on hardware", driver->id);
    }
}

static void every_driver_says_where_it_is_from_and_what_is_plausible(void **state)
{
    (void)state;
    size_t count;
    char **ids = driver_list(source_path("drivers"), &count);
    assert_non_null(ids);
    for (size_t i = 0; i < count; i++) {
        struct faults faults = {0};
        struct driver *driver;
        if (driver_load(&driver, source_path("drivers"), ids[i], &faults) != OK) {
            fail_with_faults("a driver has faults", &faults);
        }
        check_meaning(driver);
        driver_free(driver);
        faults_free(&faults);
    }
    driver_list_free(ids, count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_driver_reads_its_golden_image),
        cmocka_unit_test(every_driver_says_where_it_is_from_and_what_is_plausible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
