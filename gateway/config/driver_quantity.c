// One quantity of a driver: its names, its register, and what the number there means.
#include "config/driver_read.h"

#include "base/error.h"

#include <string.h>

static const char *const kinds[] = {"other",       "voltage",  "current",  "power", "energy",
                                    "frequency",   "ratio",    "pressure", "flow",  "volume",
                                    "temperature", "humidity", "mass",     "angle"};

struct quantity_nodes {
    const struct node *name, *unit, *obis, *kind, *scale, *ratio, *scale_register, *resolution,
        *range, *mask, *shift, *sentinels, *typical;
    struct driver_register_nodes at;
};

struct driver_quantity driver_empty_quantity(void)
{
    return (struct driver_quantity){
        .name = "", .unit = "1", .kind = kinds[0], .scale = {1, false, 0}, .mask = UINT16_MAX};
}

// "1-0:1.8.0": medium-channel:quantity.type.tariff (IEC 62056-61).
static bool is_obis(const char *text)
{
    static const char separators[] = "-:..";
    for (size_t group = 0; group < 5; group++) {
        size_t digits = strspn(text, "0123456789");
        if (digits < 1 || digits > 3 || text[digits] != separators[group]) {
            return false;
        }
        text += digits + (group < 4);
    }
    return true;
}

static void read_names(struct driver_reader *reader, const struct quantity_nodes *nodes,
                       struct driver_quantity *quantity)
{
    struct document *document = reader->document;
    int kind = 0;
    if (nodes->name &&
        driver_read_note(reader,
                         document_string(document, nodes->name, "name", 1, 200, &quantity->name)) &&
        !text_is_name(quantity->name, 32)) {
        driver_read_fault(reader, nodes->name,
                          "name %s: expected 1 to 32 of a-z, 0-9 and -, as in voltage-l1",
                          quantity->name);
    }
    if (nodes->unit) {
        driver_read_note(reader,
                         document_string(document, nodes->unit, "unit", 1, 16, &quantity->unit));
    }
    if (nodes->obis &&
        driver_read_note(reader,
                         document_string(document, nodes->obis, "obis", 1, 40, &quantity->obis)) &&
        !is_obis(quantity->obis)) {
        driver_read_fault(reader, nodes->obis,
                          "obis %s: not an OBIS code (expected one such as "
                          "1-0:1.8.0)",
                          quantity->obis);
    }
    if (nodes->kind) {
        driver_read_note(
            reader, document_choice(document, nodes->kind, "kind", kinds, COUNT_OF(kinds), &kind));
    }
    quantity->kind = kinds[kind];
}

static void read_ratio(struct driver_reader *reader, const struct node *list,
                       struct driver_quantity *quantity)
{
    static const char *const names[] = {"pt", "ct"};
    for (const struct node *item = list->first; item; item = item->next) {
        int choice;
        if (!driver_read_note(reader, document_choice(reader->document, item, "ratio", names,
                                                      COUNT_OF(names), &choice))) {
            continue;
        }
        bool *ratio = choice == 0 ? &quantity->ratio_pt : &quantity->ratio_ct;
        if (*ratio) {
            driver_read_fault(reader, item, "ratio %s a second time", names[choice]);
        }
        *ratio = true;
    }
}

static void read_range(struct driver_reader *reader, const struct node *list,
                       struct driver_quantity *quantity)
{
    const struct node *low = list->first, *high = low ? low->next : NULL;
    if (!high || high->next) {
        driver_read_fault(reader, list, "range: expected two numbers, [least, greatest]");
        return;
    }
    bool read = driver_read_note(
        reader, document_decimal(reader->document, low, "range", &quantity->range_min));
    read = driver_read_note(
               reader, document_decimal(reader->document, high, "range", &quantity->range_max)) &&
           read;
    if (read && decimal_to_double(quantity->range_min) >= decimal_to_double(quantity->range_max)) {
        driver_read_fault(reader, list, "range [%s, %s]: the first is not below the second",
                          low->scalar, high->scalar);
    }
    quantity->has_range = read;
}

static bool is_signed(enum register_type type)
{
    return type == TYPE_INT16 || type == TYPE_INT32 || type == TYPE_INT64;
}

// A sentinel is the number's bits, so that 0x8000 and -32768 are the same for an int16.
static void read_sentinel(struct driver_reader *reader, const struct node *item,
                          struct driver_quantity *quantity)
{
    unsigned bits = 16u * quantity->count;
    uint64_t max = bits >= 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1, number;
    const char *text;
    bool negative;
    if (!driver_read_note(reader, document_string(reader->document, item, "sentinel", 1,
                                                  DRIVER_NUMBER_TEXT_MAX, &text))) {
        return;
    }
    int error = driver_parse_number(text, &negative, &number);
    if (error == ERROR_INPUT) {
        driver_read_fault(reader, item,
                          "sentinel %s: not a whole number (expected the bits, such as 0x7FFF)",
                          text);
    } else if (error || number > max || (negative && !is_signed(quantity->type)) ||
               (negative && number > max / 2 + 1)) {
        driver_read_fault(reader, item, "sentinel %s: does not fit %s", text,
                          register_type_name(quantity->type));
    } else {
        quantity->sentinels[quantity->sentinel_count++] = (negative ? 0 - number : number) & max;
    }
}

static void read_sentinels(struct driver_reader *reader, const struct node *list,
                           struct driver_quantity *quantity)
{
    for (const struct node *item = list->first; item; item = item->next) {
        if (quantity->sentinel_count == DRIVER_SENTINELS_MAX) {
            driver_read_fault(reader, item, "sentinels: more than %d", DRIVER_SENTINELS_MAX);
            return;
        }
        read_sentinel(reader, item, quantity);
    }
}

static void read_scale_register(struct driver_reader *reader, const struct node *node,
                                struct driver_quantity *quantity)
{
    uint16_t at;
    if (!driver_read_uint16(reader, node, "scale_register", &at) || !quantity->count) {
        return;
    }
    unsigned first = quantity->address, end = first + quantity->count;
    unsigned span = (at + 1u > end ? at + 1u : end) - (at < first ? at : first);
    if (at >= first && at < end) {
        driver_read_fault(reader, node, "scale_register %s: is one of the value's own registers",
                          node->scalar);
    } else if (span > reader->driver->max_registers) {
        driver_read_fault(
            reader, node,
            "scale_register %s: too far from address %u for one request (%u registers; "
            "max_registers is %d)",
            node->scalar, first, span, reader->driver->max_registers);
    }
    quantity->has_scale_register = true;
    quantity->scale_register = at;
}

static void read_bits(struct driver_reader *reader, const struct node *mask,
                      const struct node *shift, struct driver_quantity *quantity)
{
    uint64_t bits = 0;
    const struct node *either = mask ? mask : shift;
    if (quantity->type != TYPE_BITS) {
        if (either) {
            driver_read_fault(reader, either, "%s: only for type bits", either->key);
        }
        return;
    }
    if (mask && driver_read_uint16(reader, mask, "mask", &quantity->mask) && !quantity->mask) {
        driver_read_fault(reader, mask, "mask %s: leaves no bit", mask->scalar);
        return;
    }
    if (shift && driver_read_number(reader, shift, "shift", 15, &bits)) {
        quantity->shift = (uint8_t)bits;
        if (!(quantity->mask >> bits)) {
            driver_read_fault(reader, shift, "shift %s: leaves no bit of mask 0x%04X",
                              shift->scalar, quantity->mask);
        }
    }
}

static void refuse_for_string(struct driver_reader *reader, const struct quantity_nodes *nodes)
{
    const struct node *const refused[] = {nodes->scale,  nodes->ratio,     nodes->scale_register,
                                          nodes->range,  nodes->sentinels, nodes->resolution,
                                          nodes->typical};
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        if (refused[i]) {
            driver_read_fault(reader, refused[i], "%s: not for a string", refused[i]->key);
        }
    }
}

static void read_meaning(struct driver_reader *reader, const struct quantity_nodes *nodes,
                         struct driver_quantity *quantity)
{
    struct document *document = reader->document;
    struct decimal typical;
    if (nodes->scale &&
        driver_read_note(reader,
                         document_decimal(document, nodes->scale, "scale", &quantity->scale)) &&
        !quantity->scale.magnitude) {
        driver_read_fault(reader, nodes->scale, "scale %s: would make every value 0",
                          nodes->scale->scalar);
    }
    if (nodes->ratio) {
        read_ratio(reader, nodes->ratio, quantity);
    }
    if (nodes->resolution) {
        quantity->has_resolution =
            driver_read_note(reader, document_decimal(document, nodes->resolution, "resolution",
                                                      &quantity->resolution));
        if (quantity->has_resolution &&
            (quantity->resolution.negative || !quantity->resolution.magnitude)) {
            driver_read_fault(reader, nodes->resolution, "resolution %s: expected a number above 0",
                              nodes->resolution->scalar);
        }
    }
    if (nodes->range) {
        read_range(reader, nodes->range, quantity);
    }
    if (nodes->typical &&
        driver_read_note(reader, document_decimal(document, nodes->typical, "typical", &typical))) {
        quantity->typical = decimal_to_double(typical);
    }
    if (nodes->scale_register) {
        read_scale_register(reader, nodes->scale_register, quantity);
    }
    if (nodes->sentinels && quantity->count) {
        read_sentinels(reader, nodes->sentinels, quantity);
    }
    read_bits(reader, nodes->mask, nodes->shift, quantity);
}

void driver_read_quantity(struct driver_reader *reader, const struct node *node,
                          struct driver_quantity *quantity)
{
    struct quantity_nodes nodes = {0};
    const struct document_key keys[] = {
        {"name", true, NODE_SCALAR, &nodes.name},
        {"unit", true, NODE_SCALAR, &nodes.unit},
        {"obis", false, NODE_SCALAR, &nodes.obis},
        {"kind", false, NODE_SCALAR, &nodes.kind},
        {"function", false, NODE_SCALAR, &nodes.at.function},
        {"address", true, NODE_SCALAR, &nodes.at.address},
        {"type", false, NODE_SCALAR, &nodes.at.type},
        {"order", false, NODE_SCALAR, &nodes.at.order},
        {"registers", false, NODE_SCALAR, &nodes.at.registers},
        {"scale", false, NODE_SCALAR, &nodes.scale},
        {"ratio", false, NODE_SEQUENCE, &nodes.ratio},
        {"scale_register", false, NODE_SCALAR, &nodes.scale_register},
        {"resolution", false, NODE_SCALAR, &nodes.resolution},
        {"range", false, NODE_SEQUENCE, &nodes.range},
        {"mask", false, NODE_SCALAR, &nodes.mask},
        {"shift", false, NODE_SCALAR, &nodes.shift},
        {"sentinels", false, NODE_SEQUENCE, &nodes.sentinels},
        {"typical", false, NODE_SCALAR, &nodes.typical},
    };
    *quantity = driver_empty_quantity();
    driver_read_note(
        reader, document_read_keys(reader->document, node, "a quantity", keys, COUNT_OF(keys)));
    if (node->kind != NODE_MAPPING) {
        return;
    }
    read_names(reader, &nodes, quantity);
    driver_read_register(reader, node, "a quantity", &nodes.at, quantity);
    if (quantity->type == TYPE_STRING && quantity->count) {
        refuse_for_string(reader, &nodes);
    } else {
        read_meaning(reader, &nodes, quantity);
    }
}
