// Where in a driver's registers a value is, and how it is laid out: function, address, type, order.
#include "config/driver_read.h"

#include <string.h>

#define DRIVER_STRING_MAX (VALUE_STRING_MAX / 2)
#define ADDRESS_MAX       65535

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

bool driver_read_function(struct driver_reader *reader, const struct node *node, uint8_t *out)
{
    int64_t function;
    if (!driver_read_note(reader,
                          document_int(reader->document, node, "function", 3, 4, &function))) {
        return false;
    }
    *out = (uint8_t)function;
    return true;
}

static bool read_type(struct driver_reader *reader, const struct node *node,
                      enum register_type *out)
{
    const char *names[COUNT_OF(types)];
    int choice;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        names[i] = types[i].name;
    }
    if (!driver_read_note(reader, document_choice(reader->document, node, "type", names,
                                                  COUNT_OF(types), &choice))) {
        return false;
    }
    *out = (enum register_type)choice;
    return true;
}

// Reads the letters; *letters is how many there are.
static bool read_order(struct driver_reader *reader, const struct node *node,
                       enum register_order *out, size_t *letters)
{
    static const char *const names[] = {"ABCD", "CDAB",     "BADC",     "DCBA",     "AB",
                                        "BA",   "ABCDEFGH", "GHEFCDAB", "BADCFEHG", "HGFEDCBA"};
    static const enum register_order meanings[] = {
        ORDER_BIG,       ORDER_LOW_WORD, ORDER_BYTE_SWAP, ORDER_LITTLE,    ORDER_BIG,
        ORDER_BYTE_SWAP, ORDER_BIG,      ORDER_LOW_WORD,  ORDER_BYTE_SWAP, ORDER_LITTLE};
    int choice;
    if (!driver_read_note(reader, document_choice(reader->document, node, "order", names,
                                                  COUNT_OF(names), &choice))) {
        return false;
    }
    *out = meanings[choice];
    *letters = strlen(names[choice]);
    return true;
}

// The register's own order, which must have a letter for each byte, or the default one.
static bool read_own_order(struct driver_reader *reader, const struct node *node,
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
        driver_read_fault(reader, node,
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

static bool read_count(struct driver_reader *reader, const struct node *place,
                       const struct node *node, struct driver_quantity *quantity)
{
    int64_t count = types[quantity->type].count;
    if (quantity->type != TYPE_STRING && node) {
        driver_read_fault(reader, node, "registers: only for a string (%s has %d)",
                          types[quantity->type].name, (int)count);
        return false;
    }
    if (quantity->type == TYPE_STRING) {
        if (!node) {
            driver_read_fault(reader, place, "a string: key 'registers' is missing (its length)");
            return false;
        }
        if (!driver_read_note(reader, document_int(reader->document, node, "registers", 1,
                                                   DRIVER_STRING_MAX, &count))) {
            return false;
        }
    }
    quantity->count = (uint16_t)count;
    return true;
}

// Where the value is and how it is laid out. `place` is for what is missing.
void driver_read_register(struct driver_reader *reader, const struct node *place, const char *what,
                          const struct driver_register_nodes *nodes,
                          struct driver_quantity *quantity)
{
    const struct node *function = nodes->function ? nodes->function : reader->defaults.function;
    const struct node *type = nodes->type ? nodes->type : reader->defaults.type;
    bool has_address =
        nodes->address && driver_read_uint16(reader, nodes->address, "address", &quantity->address);
    if (!function) {
        driver_read_fault(reader, place, "%s: key 'function' is missing (here or in 'defaults')",
                          what);
    } else {
        driver_read_function(reader, function, &quantity->function);
    }
    if (!type) {
        driver_read_fault(reader, place, "%s: key 'type' is missing (here or in 'defaults')", what);
        return;
    }
    if (!read_type(reader, type, &quantity->type) ||
        !read_count(reader, place, nodes->registers, quantity)) {
        return;
    }
    read_own_order(reader, nodes->order, quantity);
    if (has_address && quantity->address + quantity->count - 1 > ADDRESS_MAX) {
        driver_read_fault(reader, nodes->address, "address %s: %d registers from here pass 65535",
                          nodes->address->scalar, quantity->count);
    }
    if (quantity->count > reader->driver->max_registers) {
        driver_read_fault(reader, place,
                          "%s: needs %d registers in one request, max_registers is %d", what,
                          quantity->count, reader->driver->max_registers);
    }
}

void driver_read_defaults(struct driver_reader *reader, const struct node *node)
{
    const struct document_key keys[] = {
        {"function", false, NODE_SCALAR, &reader->defaults.function},
        {"type", false, NODE_SCALAR, &reader->defaults.type},
        {"order", false, NODE_SCALAR, &reader->defaults.order}};
    uint8_t function;
    enum register_type type;
    enum register_order order;
    size_t letters;
    driver_read_note(reader,
                     document_read_keys(reader->document, node, "defaults", keys, COUNT_OF(keys)));
    // Checked once here; what is at fault is then left to be as if it were not there.
    if (reader->defaults.function &&
        !driver_read_function(reader, reader->defaults.function, &function)) {
        reader->defaults.function = NULL;
    }
    if (reader->defaults.type && !read_type(reader, reader->defaults.type, &type)) {
        reader->defaults.type = NULL;
    }
    if (reader->defaults.order && !read_order(reader, reader->defaults.order, &order, &letters)) {
        reader->defaults.order = NULL;
    }
}
