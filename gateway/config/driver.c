#include "config/driver.h"

#include "base/arena.h"
#include "base/error.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define DRIVER_ID_MAX          64
#define DRIVER_QUANTITIES_MAX  1000
#define DRIVER_STATUSES_MAX    16
#define DRIVER_REGISTERS_MAX   125 // Modbus Application Protocol V1.1b3 §6.3
#define DRIVER_STRING_MAX      (VALUE_STRING_MAX / 2)
#define DRIVER_MIN_INTERVAL_US 10000000
#define DRIVER_MAX_GAP_DEFAULT 16
#define ADDRESS_MAX            65535
#define NUMBER_TEXT_MAX        40

static const struct {
    const char *name;
    uint16_t count; // registers; 0: stated in the file
} types[] = {
    [TYPE_UINT16] = {"uint16", 1},   [TYPE_INT16] = {"int16", 1},     [TYPE_UINT32] = {"uint32", 2},
    [TYPE_INT32] = {"int32", 2},     [TYPE_UINT64] = {"uint64", 4},   [TYPE_INT64] = {"int64", 4},
    [TYPE_FLOAT32] = {"float32", 2}, [TYPE_FLOAT64] = {"float64", 4}, [TYPE_BCD16] = {"bcd16", 1},
    [TYPE_BCD32] = {"bcd32", 2},     [TYPE_BCD64] = {"bcd64", 4},     [TYPE_BITS] = {"bits", 1},
    [TYPE_STRING] = {"string", 0}};

// One row a register count of 1, 2 and 4.
static const char *const orders[3][4] = {{"AB", "AB", "BA", "BA"},
                                         {"ABCD", "CDAB", "BADC", "DCBA"},
                                         {"ABCDEFGH", "GHEFCDAB", "BADCFEHG", "HGFEDCBA"}};

static const char *const kinds[] = {"other",       "voltage",  "current",  "power", "energy",
                                    "frequency",   "ratio",    "pressure", "flow",  "volume",
                                    "temperature", "humidity", "mass",     "angle"};

const char *register_type_name(enum register_type type)
{
    return types[type].name;
}

static size_t order_row(uint16_t count)
{
    return count == 2 ? 1 : count == 4 ? 2 : 0;
}

const char *register_order_name(enum register_order order, uint16_t count)
{
    return orders[order_row(count)][order];
}

struct reader {
    struct document *document;
    struct driver *driver;
    struct { // what a register has unless it says otherwise; nodes of `defaults`, or NULL
        const struct node *function, *type, *order;
    } defaults;
    bool good; // no fault yet
};

// The nodes of one register's keys; NULL where the file has none.
struct register_nodes {
    const struct node *function, *address, *type, *order, *registers;
};

static void reader_fault(struct reader *reader, const struct node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void reader_fault(struct reader *reader, const struct node *node, const char *format, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    document_fault(reader->document, node, "%s", text);
    reader->good = false;
}

static bool note(struct reader *reader, bool good)
{
    reader->good = reader->good && good;
    return good;
}

static void *take(struct reader *reader, size_t bytes)
{
    void *memory = arena_take(&reader->driver->arena, bytes);
    if (!memory) {
        reader_fault(reader, NULL, "out of memory");
    }
    return memory;
}

// Digits in the base at p, to the end of the text.
static int parse_digits(const char *p, unsigned base, uint64_t *out)
{
    uint64_t number = 0;
    bool range = false;
    if (!*p) {
        return ERROR_INPUT;
    }
    for (; *p; p++) {
        unsigned digit = *p >= '0' && *p <= '9'   ? (unsigned)(*p - '0')
                         : *p >= 'a' && *p <= 'f' ? (unsigned)(*p - 'a' + 10)
                         : *p >= 'A' && *p <= 'F' ? (unsigned)(*p - 'A' + 10)
                                                  : 99;
        if (digit >= base) {
            return ERROR_INPUT;
        }
        range = range || __builtin_mul_overflow(number, base, &number) ||
                __builtin_add_overflow(number, digit, &number);
    }
    *out = number;
    return range ? ERROR_RANGE : OK;
}

// "12", "0x0C", "-5". A leading zero is refused: some readers of YAML take it for octal.
static int parse_number(const char *text, bool *negative, uint64_t *out)
{
    *negative = *text == '-';
    text += *negative;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        return parse_digits(text + 2, 16, out);
    }
    return text[0] == '0' && text[1] ? ERROR_INPUT : parse_digits(text, 10, out);
}

// A whole number from 0 to max, decimal or hexadecimal.
static bool read_number(struct reader *reader, const struct node *node, const char *what,
                        uint64_t max, uint64_t *out)
{
    const char *text;
    bool negative;
    uint64_t number;
    if (!note(reader, document_string(reader->document, node, what, 1, NUMBER_TEXT_MAX, &text))) {
        return false;
    }
    int error = parse_number(text, &negative, &number);
    if (error == ERROR_INPUT) {
        reader_fault(reader, node, "%s %s: not a whole number (expected one such as 72 or 0x48)",
                     what, text);
    } else if (error || negative || number > max) {
        reader_fault(reader, node, "%s %s: out of range (expected 0 to %llu)", what, text,
                     (unsigned long long)max);
    } else {
        *out = number;
        return true;
    }
    return false;
}

static bool read_uint16(struct reader *reader, const struct node *node, const char *what,
                        uint16_t *out)
{
    uint64_t number;
    if (!read_number(reader, node, what, UINT16_MAX, &number)) {
        return false;
    }
    *out = (uint16_t)number;
    return true;
}

static bool is_word(const char *text, size_t max)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return length > 0 && length <= max && !text[length];
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

static bool read_function(struct reader *reader, const struct node *node, uint8_t *out)
{
    int64_t function;
    if (!note(reader, document_int(reader->document, node, "function", 3, 4, &function))) {
        return false;
    }
    *out = (uint8_t)function;
    return true;
}

static bool read_type(struct reader *reader, const struct node *node, enum register_type *out)
{
    const char *names[COUNT_OF(types)];
    int choice;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        names[i] = types[i].name;
    }
    if (!note(reader,
              document_choice(reader->document, node, "type", names, COUNT_OF(types), &choice))) {
        return false;
    }
    *out = (enum register_type)choice;
    return true;
}

// Reads the letters; *letters is how many there are.
static bool read_order(struct reader *reader, const struct node *node, enum register_order *out,
                       size_t *letters)
{
    static const char *const names[] = {"ABCD", "CDAB",     "BADC",     "DCBA",     "AB",
                                        "BA",   "ABCDEFGH", "GHEFCDAB", "BADCFEHG", "HGFEDCBA"};
    static const enum register_order meanings[] = {
        ORDER_BIG,       ORDER_LOW_WORD, ORDER_BYTE_SWAP, ORDER_LITTLE,    ORDER_BIG,
        ORDER_BYTE_SWAP, ORDER_BIG,      ORDER_LOW_WORD,  ORDER_BYTE_SWAP, ORDER_LITTLE};
    int choice;
    if (!note(reader,
              document_choice(reader->document, node, "order", names, COUNT_OF(names), &choice))) {
        return false;
    }
    *out = meanings[choice];
    *letters = strlen(names[choice]);
    return true;
}

// The register's own order, which must have a letter for each byte, or the default one.
static bool read_own_order(struct reader *reader, const struct node *node,
                           struct driver_quantity *quantity)
{
    size_t letters, bytes = quantity->type == TYPE_STRING ? 2 : 2u * quantity->count;
    if (!node) {
        return !reader->defaults.order ||
               read_order(reader, reader->defaults.order, &quantity->order, &letters);
    }
    if (!read_order(reader, node, &quantity->order, &letters)) {
        return false;
    }
    if (letters != bytes) {
        const char *const *row = orders[order_row((uint16_t)(bytes / 2))];
        reader_fault(reader, node,
                     "order %s: %zu letters, but %s has %zu bytes (expected %s%s%s%s)",
                     node->scalar, letters, types[quantity->type].name, bytes, row[0],
                     bytes == 2 ? " or " : ", ", bytes == 2 ? row[2] : row[1],
                     bytes == 2   ? ""
                     : bytes == 4 ? ", BADC or DCBA"
                                  : ", BADCFEHG or HGFEDCBA");
        return false;
    }
    return true;
}

static bool read_count(struct reader *reader, const struct node *place, const struct node *node,
                       struct driver_quantity *quantity)
{
    int64_t count = types[quantity->type].count;
    if (quantity->type != TYPE_STRING && node) {
        reader_fault(reader, node, "registers: only for a string (%s has %d)",
                     types[quantity->type].name, (int)count);
        return false;
    }
    if (quantity->type == TYPE_STRING) {
        if (!node) {
            reader_fault(reader, place, "a string: key 'registers' is missing (its length)");
            return false;
        }
        if (!note(reader, document_int(reader->document, node, "registers", 1, DRIVER_STRING_MAX,
                                       &count))) {
            return false;
        }
    }
    quantity->count = (uint16_t)count;
    return true;
}

// Where the value is and how it is laid out. `place` is for what is missing.
static void read_register(struct reader *reader, const struct node *place, const char *what,
                          const struct register_nodes *nodes, struct driver_quantity *quantity)
{
    const struct node *function = nodes->function ? nodes->function : reader->defaults.function;
    const struct node *type = nodes->type ? nodes->type : reader->defaults.type;
    bool has_address =
        nodes->address && read_uint16(reader, nodes->address, "address", &quantity->address);
    if (!function) {
        reader_fault(reader, place, "%s: key 'function' is missing (here or in 'defaults')", what);
    } else {
        read_function(reader, function, &quantity->function);
    }
    if (!type) {
        reader_fault(reader, place, "%s: key 'type' is missing (here or in 'defaults')", what);
        return;
    }
    if (!read_type(reader, type, &quantity->type) ||
        !read_count(reader, place, nodes->registers, quantity)) {
        return;
    }
    read_own_order(reader, nodes->order, quantity);
    if (has_address && quantity->address + quantity->count - 1 > ADDRESS_MAX) {
        reader_fault(reader, nodes->address, "address %s: %d registers from here pass 65535",
                     nodes->address->scalar, quantity->count);
    }
    if (quantity->count > reader->driver->max_registers) {
        reader_fault(reader, place, "%s: needs %d registers in one request, max_registers is %d",
                     what, quantity->count, reader->driver->max_registers);
    }
}

static void read_ratio(struct reader *reader, const struct node *list,
                       struct driver_quantity *quantity)
{
    static const char *const names[] = {"pt", "ct"};
    for (const struct node *item = list->first; item; item = item->next) {
        int choice;
        if (!note(reader, document_choice(reader->document, item, "ratio", names, COUNT_OF(names),
                                          &choice))) {
            continue;
        }
        bool *ratio = choice == 0 ? &quantity->ratio_pt : &quantity->ratio_ct;
        if (*ratio) {
            reader_fault(reader, item, "ratio %s a second time", names[choice]);
        }
        *ratio = true;
    }
}

static void read_range(struct reader *reader, const struct node *list,
                       struct driver_quantity *quantity)
{
    const struct node *low = list->first, *high = low ? low->next : NULL;
    if (!high || high->next) {
        reader_fault(reader, list, "range: expected two numbers, [least, greatest]");
        return;
    }
    bool read =
        note(reader, document_decimal(reader->document, low, "range", &quantity->range_min));
    read = note(reader, document_decimal(reader->document, high, "range", &quantity->range_max)) &&
           read;
    if (read && decimal_to_double(quantity->range_min) >= decimal_to_double(quantity->range_max)) {
        reader_fault(reader, list, "range [%s, %s]: the first is not below the second", low->scalar,
                     high->scalar);
    }
    quantity->has_range = read;
}

static bool is_signed(enum register_type type)
{
    return type == TYPE_INT16 || type == TYPE_INT32 || type == TYPE_INT64;
}

// A sentinel is the number's bits, so that 0x8000 and -32768 are the same for an int16.
static void read_sentinel(struct reader *reader, const struct node *item,
                          struct driver_quantity *quantity)
{
    unsigned bits = 16u * quantity->count;
    uint64_t max = bits >= 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1, number;
    const char *text;
    bool negative;
    if (!note(reader,
              document_string(reader->document, item, "sentinel", 1, NUMBER_TEXT_MAX, &text))) {
        return;
    }
    int error = parse_number(text, &negative, &number);
    if (error == ERROR_INPUT) {
        reader_fault(reader, item,
                     "sentinel %s: not a whole number (expected the bits, such as 0x7FFF)", text);
    } else if (error || number > max || (negative && !is_signed(quantity->type)) ||
               (negative && number > max / 2 + 1)) {
        reader_fault(reader, item, "sentinel %s: does not fit %s", text,
                     types[quantity->type].name);
    } else {
        quantity->sentinels[quantity->sentinel_count++] = (negative ? 0 - number : number) & max;
    }
}

static void read_sentinels(struct reader *reader, const struct node *list,
                           struct driver_quantity *quantity)
{
    for (const struct node *item = list->first; item; item = item->next) {
        if (quantity->sentinel_count == DRIVER_SENTINELS_MAX) {
            reader_fault(reader, item, "sentinels: more than %d", DRIVER_SENTINELS_MAX);
            return;
        }
        read_sentinel(reader, item, quantity);
    }
}

static void read_scale_register(struct reader *reader, const struct node *node,
                                struct driver_quantity *quantity)
{
    uint16_t at;
    if (!read_uint16(reader, node, "scale_register", &at) || !quantity->count) {
        return;
    }
    unsigned first = quantity->address, end = first + quantity->count;
    unsigned span = (at + 1u > end ? at + 1u : end) - (at < first ? at : first);
    if (at >= first && at < end) {
        reader_fault(reader, node, "scale_register %s: is one of the value's own registers",
                     node->scalar);
    } else if (span > reader->driver->max_registers) {
        reader_fault(reader, node,
                     "scale_register %s: too far from address %u for one request (%u registers; "
                     "max_registers is %d)",
                     node->scalar, first, span, reader->driver->max_registers);
    }
    quantity->has_scale_register = true;
    quantity->scale_register = at;
}

static void read_bits(struct reader *reader, const struct node *mask, const struct node *shift,
                      struct driver_quantity *quantity)
{
    uint64_t bits = 0;
    const struct node *either = mask ? mask : shift;
    if (quantity->type != TYPE_BITS) {
        if (either) {
            reader_fault(reader, either, "%s: only for type bits", either->key);
        }
        return;
    }
    if (mask && read_uint16(reader, mask, "mask", &quantity->mask) && !quantity->mask) {
        reader_fault(reader, mask, "mask %s: leaves no bit", mask->scalar);
        return;
    }
    if (shift && read_number(reader, shift, "shift", 15, &bits)) {
        quantity->shift = (uint8_t)bits;
        if (!(quantity->mask >> bits)) {
            reader_fault(reader, shift, "shift %s: leaves no bit of mask 0x%04X", shift->scalar,
                         quantity->mask);
        }
    }
}

struct quantity_nodes {
    const struct node *name, *unit, *obis, *kind, *scale, *ratio, *scale_register, *resolution,
        *range, *mask, *shift, *sentinels, *typical;
    struct register_nodes at;
};

static void refuse_for_string(struct reader *reader, const struct quantity_nodes *nodes)
{
    const struct node *const refused[] = {nodes->scale,  nodes->ratio,     nodes->scale_register,
                                          nodes->range,  nodes->sentinels, nodes->resolution,
                                          nodes->typical};
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        if (refused[i]) {
            reader_fault(reader, refused[i], "%s: not for a string", refused[i]->key);
        }
    }
}

static void read_names(struct reader *reader, const struct quantity_nodes *nodes,
                       struct driver_quantity *quantity)
{
    struct document *document = reader->document;
    int kind = 0;
    if (nodes->name &&
        note(reader, document_string(document, nodes->name, "name", 1, 200, &quantity->name)) &&
        !is_word(quantity->name, 32)) {
        reader_fault(reader, nodes->name,
                     "name %s: expected 1 to 32 of a-z, 0-9 and -, as in voltage-l1",
                     quantity->name);
    }
    if (nodes->unit) {
        note(reader, document_string(document, nodes->unit, "unit", 1, 16, &quantity->unit));
    }
    if (nodes->obis &&
        note(reader, document_string(document, nodes->obis, "obis", 1, 40, &quantity->obis)) &&
        !is_obis(quantity->obis)) {
        reader_fault(reader, nodes->obis,
                     "obis %s: not an OBIS code (expected one such as "
                     "1-0:1.8.0)",
                     quantity->obis);
    }
    if (nodes->kind) {
        note(reader, document_choice(document, nodes->kind, "kind", kinds, COUNT_OF(kinds), &kind));
    }
    quantity->kind = kinds[kind];
}

static void read_meaning(struct reader *reader, const struct quantity_nodes *nodes,
                         struct driver_quantity *quantity)
{
    struct document *document = reader->document;
    struct decimal typical;
    if (nodes->scale &&
        note(reader, document_decimal(document, nodes->scale, "scale", &quantity->scale)) &&
        !quantity->scale.magnitude) {
        reader_fault(reader, nodes->scale, "scale %s: would make every value 0",
                     nodes->scale->scalar);
    }
    if (nodes->ratio) {
        read_ratio(reader, nodes->ratio, quantity);
    }
    if (nodes->resolution) {
        quantity->has_resolution =
            note(reader, document_decimal(document, nodes->resolution, "resolution",
                                          &quantity->resolution));
        if (quantity->has_resolution &&
            (quantity->resolution.negative || !quantity->resolution.magnitude)) {
            reader_fault(reader, nodes->resolution, "resolution %s: expected a number above 0",
                         nodes->resolution->scalar);
        }
    }
    if (nodes->range) {
        read_range(reader, nodes->range, quantity);
    }
    if (nodes->typical &&
        note(reader, document_decimal(document, nodes->typical, "typical", &typical))) {
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

static struct driver_quantity empty_quantity(void)
{
    return (struct driver_quantity){
        .name = "", .unit = "1", .kind = kinds[0], .scale = {1, false, 0}, .mask = UINT16_MAX};
}

static void read_quantity(struct reader *reader, const struct node *node,
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
    *quantity = empty_quantity();
    note(reader, document_read_keys(reader->document, node, "a quantity", keys, COUNT_OF(keys)));
    if (node->kind != NODE_MAPPING) {
        return;
    }
    read_names(reader, &nodes, quantity);
    read_register(reader, node, "a quantity", &nodes.at, quantity);
    if (quantity->type == TYPE_STRING && quantity->count) {
        refuse_for_string(reader, &nodes);
    } else {
        read_meaning(reader, &nodes, quantity);
    }
}

static bool same_registers(const struct driver_quantity *a, const struct driver_quantity *b)
{
    return a->function == b->function && a->address == b->address && a->type == b->type &&
           a->mask == b->mask && a->shift == b->shift;
}

// Two quantities of one name cannot be told apart; the same code or registers twice are a slip of
// the copying hand.
static void find_duplicates(struct reader *reader, const struct node *list,
                            const struct driver_quantity *quantities)
{
    size_t i = 0;
    for (const struct node *item = list->first; item; item = item->next, i++) {
        const struct driver_quantity *now = &quantities[i];
        for (size_t k = 0; k < i; k++) {
            const struct driver_quantity *before = &quantities[k];
            if (now->name[0] && strcmp(now->name, before->name) == 0) {
                reader_fault(reader, item, "quantity %s a second time", now->name);
            } else if (now->count && before->count && same_registers(now, before)) {
                reader_fault(reader, item, "quantity %s: the same register as %s", now->name,
                             before->name);
            } else if (now->obis && before->obis && strcmp(now->obis, before->obis) == 0) {
                reader_fault(reader, item, "quantity %s: the same OBIS code as %s", now->name,
                             before->name);
            } else {
                continue;
            }
            break;
        }
    }
}

static size_t length_of(const struct node *list)
{
    size_t length = 0;
    for (const struct node *item = list->first; item; item = item->next) {
        length++;
    }
    return length;
}

static void read_quantities(struct reader *reader, const struct node *list)
{
    size_t count = length_of(list), i = 0;
    if (count < 1 || count > DRIVER_QUANTITIES_MAX) {
        reader_fault(reader, list, "quantities: %zu of them (expected 1 to %d)", count,
                     DRIVER_QUANTITIES_MAX);
        return;
    }
    struct driver_quantity *quantities = take(reader, count * sizeof *quantities);
    if (!quantities) {
        return;
    }
    for (const struct node *item = list->first; item; item = item->next) {
        read_quantity(reader, item, &quantities[i++]);
    }
    find_duplicates(reader, list, quantities);
    reader->driver->quantities = quantities;
    reader->driver->quantity_count = count;
}

static void read_status(struct reader *reader, const struct node *node,
                        struct driver_status *status)
{
    const struct node *function, *address, *mask, *ok;
    const struct document_key keys[] = {{"function", false, NODE_SCALAR, &function},
                                        {"address", true, NODE_SCALAR, &address},
                                        {"mask", false, NODE_SCALAR, &mask},
                                        {"ok", true, NODE_SCALAR, &ok}};
    if (!note(reader,
              document_read_keys(reader->document, node, "a status", keys, COUNT_OF(keys)))) {
        return;
    }
    function = function ? function : reader->defaults.function;
    status->mask = UINT16_MAX;
    if (!function) {
        reader_fault(reader, node, "a status: key 'function' is missing (here or in 'defaults')");
        return;
    }
    read_function(reader, function, &status->function);
    read_uint16(reader, address, "address", &status->address);
    bool read = !mask || read_uint16(reader, mask, "mask", &status->mask);
    if (read_uint16(reader, ok, "ok", &status->ok) && read && (status->ok & ~status->mask)) {
        reader_fault(reader, ok, "ok %s: has bits outside mask 0x%04X, so it could never be seen",
                     ok->scalar, status->mask);
    }
}

static void read_statuses(struct reader *reader, const struct node *list)
{
    size_t count = length_of(list), i = 0;
    if (count > DRIVER_STATUSES_MAX) {
        reader_fault(reader, list, "status: %zu registers (expected at most %d)", count,
                     DRIVER_STATUSES_MAX);
        return;
    }
    struct driver_status *statuses = take(reader, count * sizeof *statuses);
    if (!statuses) {
        return;
    }
    for (const struct node *item = list->first; item; item = item->next) {
        read_status(reader, item, &statuses[i++]);
    }
    reader->driver->statuses = statuses;
    reader->driver->status_count = count;
}

static void read_serial(struct reader *reader, const struct node *node)
{
    struct driver_quantity *serial = &reader->driver->serial;
    struct register_nodes at = {0};
    const struct document_key keys[] = {{"function", false, NODE_SCALAR, &at.function},
                                        {"address", true, NODE_SCALAR, &at.address},
                                        {"type", true, NODE_SCALAR, &at.type},
                                        {"order", false, NODE_SCALAR, &at.order},
                                        {"registers", false, NODE_SCALAR, &at.registers}};
    *serial = empty_quantity();
    serial->name = "serial";
    note(reader, document_read_keys(reader->document, node, "serial", keys, COUNT_OF(keys)));
    read_register(reader, node, "serial", &at, serial);
    if (at.type && (serial->type == TYPE_FLOAT32 || serial->type == TYPE_FLOAT64 ||
                    serial->type == TYPE_BITS)) {
        reader_fault(reader, at.type, "type %s: not for a serial number", at.type->scalar);
    }
    reader->driver->has_serial = true;
}

static void read_identity(struct reader *reader, const struct node *node)
{
    const struct node *serial, *report_id;
    const struct document_key keys[] = {{"serial", false, NODE_MAPPING, &serial},
                                        {"report_id", false, NODE_SCALAR, &report_id}};
    note(reader, document_read_keys(reader->document, node, "identity", keys, COUNT_OF(keys)));
    if (serial) {
        read_serial(reader, serial);
    }
    if (report_id) {
        note(reader,
             document_bool(reader->document, report_id, "report_id", &reader->driver->report_id));
    }
}

static void read_defaults(struct reader *reader, const struct node *node)
{
    const struct document_key keys[] = {
        {"function", false, NODE_SCALAR, &reader->defaults.function},
        {"type", false, NODE_SCALAR, &reader->defaults.type},
        {"order", false, NODE_SCALAR, &reader->defaults.order}};
    uint8_t function;
    enum register_type type;
    enum register_order order;
    size_t letters;
    note(reader, document_read_keys(reader->document, node, "defaults", keys, COUNT_OF(keys)));
    // Checked once here; what is at fault is then left to be as if it were not there.
    if (reader->defaults.function && !read_function(reader, reader->defaults.function, &function)) {
        reader->defaults.function = NULL;
    }
    if (reader->defaults.type && !read_type(reader, reader->defaults.type, &type)) {
        reader->defaults.type = NULL;
    }
    if (reader->defaults.order && !read_order(reader, reader->defaults.order, &order, &letters)) {
        reader->defaults.order = NULL;
    }
}

struct driver_nodes {
    const struct node *maker, *model, *source, *max_registers, *max_gap, *min_interval, *identity,
        *status, *quantities, *defaults;
};

static void read_limits(struct reader *reader, const struct driver_nodes *nodes)
{
    struct document *document = reader->document;
    struct driver *driver = reader->driver;
    int64_t registers = DRIVER_REGISTERS_MAX, gap = DRIVER_MAX_GAP_DEFAULT;
    if (nodes->max_registers) {
        note(reader, document_int(document, nodes->max_registers, "max_registers", 1,
                                  DRIVER_REGISTERS_MAX, &registers));
    }
    if (nodes->max_gap) {
        note(reader,
             document_int(document, nodes->max_gap, "max_gap", 0, DRIVER_REGISTERS_MAX - 1, &gap));
    }
    if (nodes->min_interval) {
        note(reader, document_duration(document, nodes->min_interval, "min_interval", 0,
                                       DRIVER_MIN_INTERVAL_US, &driver->min_interval_us));
    }
    driver->max_registers = (uint16_t)registers;
    driver->max_gap = (uint16_t)gap;
}

static void read_text(struct reader *reader, const struct node *node, const char *what, size_t max,
                      const char **out)
{
    if (node) {
        note(reader, document_string(reader->document, node, what, 1, max, out));
    }
}

static void read_driver(struct reader *reader)
{
    struct driver_nodes nodes = {0};
    struct driver *driver = reader->driver;
    const struct document_key keys[] = {
        {"maker", true, NODE_SCALAR, &nodes.maker},
        {"model", true, NODE_SCALAR, &nodes.model},
        {"source", true, NODE_SCALAR, &nodes.source},
        {"max_registers", false, NODE_SCALAR, &nodes.max_registers},
        {"max_gap", false, NODE_SCALAR, &nodes.max_gap},
        {"min_interval", false, NODE_SCALAR, &nodes.min_interval},
        {"identity", false, NODE_MAPPING, &nodes.identity},
        {"status", false, NODE_SEQUENCE, &nodes.status},
        {"defaults", false, NODE_MAPPING, &nodes.defaults},
        {"quantities", true, NODE_SEQUENCE, &nodes.quantities},
    };
    note(reader, document_read_keys(reader->document, reader->document->root, "a driver", keys,
                                    COUNT_OF(keys)));
    read_text(reader, nodes.maker, "maker", 64, &driver->maker);
    read_text(reader, nodes.model, "model", 64, &driver->model);
    read_text(reader, nodes.source, "source", 1000, &driver->source);
    read_limits(reader, &nodes);
    if (nodes.defaults) {
        read_defaults(reader, nodes.defaults);
    }
    if (nodes.identity) {
        read_identity(reader, nodes.identity);
    }
    if (nodes.status) {
        read_statuses(reader, nodes.status);
    }
    if (nodes.quantities) {
        read_quantities(reader, nodes.quantities);
    }
}

int driver_load(struct driver **out, const char *directory, const char *id, struct faults *faults)
{
    *out = NULL;
    size_t before = faults->count + faults->dropped;
    if (!is_word(id, DRIVER_ID_MAX)) {
        faults_add(faults, directory, 0, 0,
                   "driver '%.80s': expected a name of a-z, 0-9 and -, as in eastron-sdm630", id);
        return ERROR_INPUT;
    }
    struct driver *driver = calloc(1, sizeof *driver);
    char *path = driver ? arena_format(&driver->arena, "%s/%s.yaml", directory, id) : NULL;
    if (!path) {
        faults_add(faults, directory, 0, 0, "driver '%s': out of memory", id);
        goto fail;
    }
    if (document_read_file(&driver->document, path, faults) != OK) {
        goto fail;
    }
    struct reader reader = {.document = &driver->document, .driver = driver, .good = true};
    read_driver(&reader);
    driver->id = arena_copy(&driver->arena, id, strlen(id));
    // A tree can be good and its file not: an anchor is a fault that no reader meets.
    if (!reader.good || !driver->id || faults->count + faults->dropped > before) {
        goto fail;
    }
    driver->bytes = driver->document.bytes;
    driver->length = driver->document.length;
    driver->hash = digest_of(NULL, 0, driver->bytes, driver->length);
    driver->document.faults = NULL; // the caller's; may be gone before the driver is
    *out = driver;
    return OK;
fail:
    driver_free(driver);
    return ERROR_INPUT;
}

void driver_free(struct driver *driver)
{
    if (driver) {
        document_free(&driver->document);
        arena_free(&driver->arena);
        free(driver);
    }
}

const struct driver_quantity *driver_quantity(const struct driver *driver, const char *name)
{
    for (size_t i = 0; i < driver->quantity_count; i++) {
        if (strcmp(driver->quantities[i].name, name) == 0) {
            return &driver->quantities[i];
        }
    }
    return NULL;
}

// Whether it is a driver's file; cuts ".yaml" off a copy in *id then.
static bool id_of_file(const char *file, char **id)
{
    size_t length = strlen(file);
    if (length <= 5 || strcmp(file + length - 5, ".yaml") != 0) {
        return false;
    }
    *id = strndup(file, length - 5);
    if (*id && is_word(*id, DRIVER_ID_MAX)) {
        return true;
    }
    free(*id);
    return false;
}

static int compare_ids(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

char **driver_list(const char *directory, size_t *count)
{
    *count = 0;
    DIR *folder = opendir(directory);
    if (!folder) {
        return NULL;
    }
    char **ids = NULL, *id;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (!id_of_file(entry->d_name, &id)) {
            continue;
        }
        char **more = realloc(ids, (*count + 1) * sizeof *more);
        if (!more) {
            free(id);
            break;
        }
        ids = more;
        ids[(*count)++] = id;
    }
    closedir(folder);
    if (ids) {
        qsort(ids, *count, sizeof *ids, compare_ids);
    }
    return ids;
}

void driver_list_free(char **ids, size_t count)
{
    for (size_t i = 0; ids && i < count; i++) {
        free(ids[i]);
    }
    free(ids);
}
