// The limits of tally.yaml that look at a time and not at one reading: how complete readings are,
// and whether a register of energy agrees with the power.
#include "base/error.h"
#include "config/config_read.h"

#include <string.h>

#define SECOND_US  INT64_C(1000000)
#define LONGEST_US (31 * 86400 * SECOND_US)
#define WHOLE_PPM  1000000
#define PERCENT    4 // decimal places from ppm to percent
#define GAP_US     (10 * SECOND_US)
#define GAP_POLLS  4

// "90%", of at most four decimals; false where it is no such thing.
static bool parse_percent(const char *text, int64_t *ppm)
{
    char number[32];
    struct decimal read;
    size_t length = strlen(text);
    if (length < 2 || length >= sizeof number || text[length - 1] != '%') {
        return false;
    }
    memcpy(number, text, length - 1);
    number[length - 1] = '\0';
    if (decimal_parse(number, &read) != OK || read.negative || read.magnitude > WHOLE_PPM) {
        return false;
    }
    int64_t value = (int64_t)read.magnitude;
    int places = read.exponent + PERCENT;
    for (; places > 0 && value <= WHOLE_PPM; places--) {
        value *= 10;
    }
    for (; places < 0 && value % 10 == 0; places++) {
        value /= 10;
    }
    *ppm = value;
    return places == 0;
}

static bool read_percent(struct config_reader *reader, const struct node *node, const char *what,
                         int64_t min_ppm, int32_t *out)
{
    int64_t ppm;
    if (!parse_percent(node->scalar, &ppm)) {
        document_fault(reader->document, node,
                       "%s %s: not a share (expected one such as 90%% or 99.5%%)", what,
                       node->scalar);
    } else if (ppm < min_ppm || ppm > WHOLE_PPM) {
        document_fault(reader->document, node, "%s %s: expected %s, and at most 100%%", what,
                       node->scalar, min_ppm ? "more than 0%" : "0% or more");
    } else {
        *out = (int32_t)ppm;
        return true;
    }
    return false;
}

// Each part of it has a reading that is due.
static void read_over(struct config_reader *reader, const struct node *node,
                      const struct config_instrument *instrument, int64_t *out)
{
    int64_t us;
    if (!document_duration(reader->document, node, "over", SECOND_US, LONGEST_US, &us)) {
        return;
    }
    if (us < CONFIG_WINDOW_PARTS * instrument->every_us) {
        document_fault(reader->document, node,
                       "over %s: expected at least %d times `every`, how often it is polled",
                       node->scalar, CONFIG_WINDOW_PARTS);
        return;
    }
    *out = us;
}

void config_read_completeness(struct config_reader *reader, const struct node *mapping,
                              const struct config_instrument *instrument,
                              struct config_completeness *out)
{
    const struct node *below = NULL, *over = NULL, *hysteresis = NULL;
    const struct document_key keys[] = {{"below", true, NODE_SCALAR, &below},
                                        {"over", true, NODE_SCALAR, &over},
                                        {"hysteresis", false, NODE_SCALAR, &hysteresis}};
    document_read_keys(reader->document, mapping, "completeness", keys,
                       sizeof keys / sizeof keys[0]);
    bool good = below && read_percent(reader, below, "below", 1, &out->below_ppm);
    good =
        (!hysteresis || read_percent(reader, hysteresis, "hysteresis", 0, &out->hysteresis_ppm)) &&
        good;
    if (good && hysteresis && out->below_ppm + out->hysteresis_ppm > WHOLE_PPM) {
        document_fault(reader->document, hysteresis,
                       "hysteresis %s: nothing would clear it (expected at most what is between "
                       "below and 100%%)",
                       hysteresis->scalar);
    }
    if (over && instrument->every_us) {
        read_over(reader, over, instrument, &out->over_us);
    } else if (over) {
        document_fault(reader->document, over,
                       "over %s: nothing is ever due with `every: 0s`, so that nothing is missing",
                       over->scalar);
    }
}

// --- energy and power

static const char *const counts_names[] = {
    [COUNTS_POSITIVE] = "positive", [COUNTS_NEGATIVE] = "negative", [COUNTS_BOTH] = "both"};

const char *config_counts_name(enum energy_counts counts)
{
    return counts_names[counts];
}

// The place of a quantity among those polled; false after a fault.
static bool find_power(struct config_reader *reader, const struct node *node,
                       const struct config_instrument *instrument, size_t *out)
{
    const struct driver_quantity *quantity =
        instrument->driver ? driver_quantity(instrument->driver, node->scalar) : NULL;
    if (!quantity) {
        if (instrument->driver) {
            config_fault_quantity(reader, node, node->scalar, instrument->driver);
        }
        return false;
    }
    for (size_t i = 0; i < instrument->quantity_count; i++) {
        if (instrument->quantities[i] == quantity) {
            *out = i;
            return true;
        }
    }
    document_fault(reader->document, node, "power %s: it is not among the quantities to read",
                   node->scalar);
    return false;
}

static void read_gap(struct config_reader *reader, const struct node *node,
                     const struct config_instrument *instrument, struct config_energy_check *out)
{
    int64_t us = GAP_POLLS * instrument->every_us;
    out->gap_us = us > GAP_US ? us : GAP_US;
    if (!node || !document_duration(reader->document, node, "gap", 1000, LONGEST_US, &us)) {
        return;
    }
    if (us <= instrument->every_us) {
        document_fault(reader->document, node,
                       "gap %s: expected more than `every`, how often it is polled", node->scalar);
    } else if (out->over_us && us >= out->over_us) {
        document_fault(reader->document, node, "gap %s: expected less than over", node->scalar);
    }
    out->gap_us = us;
}

static void read_floor(struct config_reader *reader, const struct node *node,
                       struct config_energy_check *out)
{
    out->has_floor = document_decimal(reader->document, node, "floor", &out->floor);
    if (out->has_floor && out->floor.negative) {
        document_fault(reader->document, node, "floor %s: expected 0 or more", node->scalar);
    }
}

void config_read_energy_check(struct config_reader *reader, const struct node *mapping,
                              const struct config_instrument *instrument,
                              struct config_energy_check *out)
{
    const struct node *power = NULL, *within = NULL, *over = NULL, *counts = NULL, *floor = NULL,
                      *gap = NULL;
    const struct document_key keys[] = {
        {"power", true, NODE_SCALAR, &power},  {"within", true, NODE_SCALAR, &within},
        {"over", true, NODE_SCALAR, &over},    {"counts", false, NODE_SCALAR, &counts},
        {"floor", false, NODE_SCALAR, &floor}, {"gap", false, NODE_SCALAR, &gap}};
    int choice = COUNTS_POSITIVE;
    document_read_keys(reader->document, mapping, "check_energy", keys,
                       sizeof keys / sizeof keys[0]);
    if (power && find_power(reader, power, instrument, &out->power)) {
        out->line = power->line;
        out->column = power->column;
    }
    if (within) {
        read_percent(reader, within, "within", 1, &out->within_ppm);
    }
    if (over) {
        read_over(reader, over, instrument, &out->over_us);
    }
    if (counts) {
        document_choice(reader->document, counts, "counts", counts_names, 3, &choice);
    }
    if (floor) {
        read_floor(reader, floor, out);
    }
    read_gap(reader, gap, instrument, out);
    out->counts = (enum energy_counts)choice;
}
